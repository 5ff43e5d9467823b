// Small integer types with a meaning of their own, so that two of them can't be swapped.
//
// Used by: everyone. Sources: DESIGN section 3 and 4 (docs/architecture.md).
#pragma once

#include <compare>
#include <cstdint>
#include <type_traits>

namespace quoris {

// A database of a node that runs alone (SELECT); a cluster has number 0 only.
enum class DbIndex : uint16_t {};

// A node's number in the cluster map: 10 bits, as it stands in versions. Alone: 0.
enum class NodeNumber : uint16_t {};

// A client connection, never reused in a process's life. Shown by CLIENT ID, starts at 1.
enum class SessionId : uint64_t {};

// A pending timer of Env. 0 is no timer.
enum class TimerId : uint64_t {};

inline constexpr uint16_t kNodeNumberBits = 10;

// --- of a cluster ---------------------------------------------------------------------------

// CRC16 of a key's hash tag, below 16384.
enum class Slot : uint16_t {};

// The unit of placement, primacy and repair: a run of slots.
enum class PartitionIndex : uint16_t {};

// Of a partition: grows with every change of its entry in the map. 0: never placed.
enum class Epoch : uint64_t {};

// Raft's. 0: before the first.
enum class Term : uint64_t {};
enum class LogIndex : uint64_t {};

// How often a node has refuted what was said of it (SWIM section 4.2).
enum class Incarnation : uint64_t {};

// One life of a node's process, counted in its data directory.
enum class BootNumber : uint64_t {};

template <class Id>
constexpr auto raw(Id id) noexcept {
  return static_cast<std::underlying_type_t<Id>>(id);
}

}  // namespace quoris
