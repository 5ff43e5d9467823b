// A cluster map as bytes: for Raft's snapshots, for peers, and on disk.
//
// Layout: format (1 byte), the map's fields (base/field_codec.h), XXH3-64 of all before it
// (8 bytes, little-endian). Equal maps have equal bytes. 512 partitions on 5 nodes take 8 KiB; the
// limit is beyond what any map that check() passes can take.
// Pure. Used by: control, bus, the simulator.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cluster/topology/cluster_map.h"

namespace quoris::topology {

inline constexpr uint8_t kMapFormat = 1;
inline constexpr size_t kMapBytesMax = size_t{8} << 20;

[[nodiscard]] std::string encode_map(const ClusterMap& map);

// A map that check() passes. Errors: limit_exceeded, unsupported (another format), corrupt.
[[nodiscard]] Result<ClusterMap> decode_map(std::string_view bytes);

// Of the canonical bytes: nodes compare it at one version.
[[nodiscard]] uint64_t hash_of(const ClusterMap& map);

}  // namespace quoris::topology
