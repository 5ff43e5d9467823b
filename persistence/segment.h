// Segments: the files of the log.
//
// A file holds frames from one position of the log on; it is named by it. Before them stand 64
// bytes: the magic, a frame of type segment_head (at position 0) with
//   4  format version   4  zero
//   8  position of the first frame
//   8  position known to be fsynced when the file was begun
//   8  sequence: grows with every file that is begun
//   16 zero
// The log is what the files say in the order of their sequence: one that begins before the end of
// those begun earlier takes the place of all they hold from there on. That is how bytes are
// written again after a failed fsync, whatever became of the first copy.
//
// Used by: AppendLog, LogFiles, check.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "base/disk.h"
#include "persistence/frame.h"

namespace quoris::persistence {

// Of everything this room writes. A file with a higher one is refused, never guessed at.
inline constexpr uint32_t kFormatVersion = 1;

inline constexpr std::string_view kSegmentMagic = "QUORISLG";
inline constexpr size_t kSegmentHeadSize = 64;

struct SegmentHead {
  LogPosition begin{0};
  LogPosition synced{0};
  uint64_t sequence = 0;
};

[[nodiscard]] std::array<char, kSegmentHeadSize> encode_segment_head(const SegmentHead& head);

[[nodiscard]] Status write_segment_head(File& file, const SegmentHead& head);

// Errors: corrupt; unsupported if a later version wrote it.
[[nodiscard]] Result<SegmentHead> decode_segment_head(std::string_view bytes);

// Whether a power cut while the file was begun explains these bytes, its first ones, which are no
// good head: the beginning of one for `begin`, with nothing or zeros behind.
[[nodiscard]] bool is_unfinished_head(std::string_view bytes, LogPosition begin);

// "log-00000000000000001234.qlog"
[[nodiscard]] std::string segment_name(LogPosition begin);

// Nothing if it is no segment's name.
[[nodiscard]] std::optional<LogPosition> parse_segment_name(std::string_view name);

// Where a position stands in the file. REQUIRES: begin <= position.
[[nodiscard]] constexpr uint64_t segment_offset(LogPosition begin, LogPosition position) {
  return kSegmentHeadSize + distance(begin, position);
}

// Under these names files are prepared; they are leftovers when nobody runs.
inline constexpr std::string_view kTemporarySuffix = ".tmp";
inline constexpr std::string_view kNextSegmentName = "log-next.tmp";
inline constexpr std::string_view kRewrittenSegmentName = "log-rewritten.tmp";

}  // namespace quoris::persistence
