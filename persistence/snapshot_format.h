// The file of a snapshot.
//
// The magic, then frames (persistence/frame.h) to the end of the file:
//   snapshot_head  varints: format version, number of databases, position of the log at which the
//                  walk began, the version clock then, wall clock then (ms since 1970), and how
//                  many entries each database had then
//   mutations      what store::StoreWalk yielded (persistence/mutation_codec.h), each a batch of
//                  its own; what doesn't fit into one frame in parts
//   snapshot_end   varints: position of the log at which the walk ended, the version clock then,
//                  numbers of frames, of mutations and of entries before it
// A frame's position, which seeds its checksum, is its offset in the file; behind the head plus
// the walk's beginning, so that blocks of an older snapshot are no good ones of this.
// A file that has a good end is complete: it got its name only once it was synced, and so was the
// log up to the walk's end, without which it is worth nothing.
//
// Used by: snapshot writer and reader. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "persistence/frame.h"
#include "store/version.h"

namespace quoris::persistence {

inline constexpr std::string_view kSnapshotMagic = "QUORISSN";

// A file with a higher one is refused, never guessed at.
inline constexpr uint64_t kSnapshotFormatVersion = 1;

struct SnapshotHead {
  LogPosition begin{0};
  store::Version version = store::kNoVersion;
  int64_t wall_ms = 0;
  std::vector<uint64_t> entries;  // of each database
};

struct SnapshotEnd {
  LogPosition end{0};
  store::Version version = store::kNoVersion;
  uint64_t frames = 0;
  uint64_t mutations = 0;
  uint64_t entries = 0;
};

// Payloads of their frames.
[[nodiscard]] std::string encode_snapshot_head(const SnapshotHead& head);
[[nodiscard]] std::string encode_snapshot_end(const SnapshotEnd& end);

// Nothing if it is none. `version`, of the format, is set even if it is one that isn't known.
[[nodiscard]] std::optional<SnapshotHead> decode_snapshot_head(std::string_view payload,
                                                               uint64_t& version);
[[nodiscard]] std::optional<SnapshotEnd> decode_snapshot_end(std::string_view payload);

// "snapshot-00000000000000001234.qsnp"; `sequence` tells apart those that began at the same place.
[[nodiscard]] std::string snapshot_name(LogPosition begin, uint64_t sequence = 0);

// Nothing if it is no snapshot's name.
[[nodiscard]] std::optional<LogPosition> parse_snapshot_name(std::string_view name);

}  // namespace quoris::persistence
