// Key -> slot -> partition.
//
// The slot is Redis Cluster's, so that its clients and hash tags work: CRC16 of the key, or of what
// stands between the first '{' and the first '}' behind it, unless that is nothing. A partition is
// a run of slots; how many there are is fixed when the cluster is founded.
// Pure. Used by: everyone who routes a key. Source: the Redis Cluster specification, "Key
// distribution model" and "Hash tags" (CRC16/XMODEM: polynomial 0x1021, from 0, not reflected).
#pragma once

#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "base/ids.h"

namespace quoris::topology {

inline constexpr uint32_t kSlots = 16384;
inline constexpr uint32_t kPartitionsDefault = 512;

// Every partition is a run of the same length.
[[nodiscard]] constexpr bool is_partition_count(uint32_t count) noexcept {
  return count > 0 && count <= kSlots && (count & (count - 1)) == 0;
}

[[nodiscard]] uint16_t crc16(std::string_view bytes) noexcept;

// The part of the key that decides.
[[nodiscard]] std::string_view hash_tag(std::string_view key) noexcept;

[[nodiscard]] Slot slot_of(std::string_view key) noexcept;

// Both REQUIRE: is_partition_count(partitions).
[[nodiscard]] constexpr PartitionIndex partition_of(Slot slot, uint32_t partitions) {
  QUORIS_ASSERT(is_partition_count(partitions));
  return static_cast<PartitionIndex>(raw(slot) / (kSlots / partitions));
}

[[nodiscard]] constexpr Slot first_slot(PartitionIndex partition, uint32_t partitions) {
  QUORIS_ASSERT(is_partition_count(partitions));
  return static_cast<Slot>(raw(partition) * (kSlots / partitions));
}

}  // namespace quoris::topology
