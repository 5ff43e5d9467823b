// Frame: the unit in which the log and the snapshot are written and verified.
//
// Layout, little-endian:
//   8  checksum: XXH3-64 of all that follows it, seeded with the frame's position
//   3  size of the payload
//   1  type (low 6 bits), `continues` (0x40), `begins_earlier` (0x80)
//   4  how far before the frame's own position lay the one up to which the log was known to be
//      fsynced when the frame was written; kFarBehind: so far that it doesn't say
//   n  payload
// The seed makes a frame good at its own place only: what stands elsewhere in the file, or was
// left there by another life of it, is no frame. In the log a position is a LogPosition, in any
// other file the offset in it.
//
// What doesn't fit into one frame goes in parts: all but the last say `continues`, all but the
// first `begins_earlier`. Reading is all or nothing, over all parts.
//
// Used by: log writer and reader, snapshot, cluster/raft. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

#include "persistence/log_position.h"

namespace quoris::persistence {

// What the payload is. Ordinals are persisted: append only, below 64; 3 is not used.
enum class FrameType : uint8_t {
  segment_head = 1,   // of a file of the log (persistence/segment.h)
  mutations = 2,      // batches (persistence/mutation_codec.h)
  skipped = 4,        // damaged bytes of a log stood here; a repair has overwritten them
  snapshot_head = 5,  // of a snapshot's file (persistence/snapshot_format.h)
  snapshot_end = 6,
  raft_log_head = 7,  // of the files of a cluster's Raft (cluster/raft/raft_files.h)
  raft_entries = 8,
  raft_snapshot_head = 9,
  raft_snapshot_data = 10,
};

inline constexpr size_t kFrameHeaderSize = 16;
inline constexpr size_t kFrameChecksumSize = 8;  // at its beginning

// Costs that much memory where frames are read, and a check of the size before the checksum is
// known to be right. A larger one would make large batches cheaper by less than a percent.
inline constexpr size_t kFramePayloadMax = size_t{1} << 20;

inline constexpr size_t kFrameMax = kFrameHeaderSize + kFramePayloadMax;

inline constexpr uint32_t kFarBehind = std::numeric_limits<uint32_t>::max();

// Which part of something larger a frame is; both false: all of it.
struct FramePart {
  bool begins_earlier = false;
  bool continues = false;

  [[nodiscard]] bool is_whole() const { return !begins_earlier && !continues; }
};

// Writes the header of a frame whose payload stands behind it already. `synced`: known to be
// fsynced, at most `at`. REQUIRES: payload <= kFramePayloadMax.
struct FrameSeal {
  FrameType type = FrameType::mutations;
  FramePart part = {};
  LogPosition at{0};
  LogPosition synced{0};
};

void seal_frame(char* frame, size_t payload, const FrameSeal& seal);

struct Frame {
  FrameType type = FrameType::mutations;
  FramePart part = {};
  LogPosition synced{0};     // 0 too if the frame doesn't say
  std::string_view payload;  // into the bytes that were read

  [[nodiscard]] size_t size() const { return kFrameHeaderSize + payload.size(); }
};

enum class FrameState : uint8_t {
  good,
  cut_short,  // the bytes end before the frame does
  bad,        // no frame that was ever written at this position
};

// The frame at the beginning of `bytes`, which stand at `at`. Sets `frame` only if it is good.
// Types that this version doesn't know are good frames, too.
[[nodiscard]] FrameState read_frame(std::string_view bytes, LogPosition at, Frame& frame);

// Cheaply: false if the bytes can't begin a good frame of this type. For searching.
[[nodiscard]] bool may_be_frame(std::string_view bytes, FrameType type);

}  // namespace quoris::persistence
