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

template <class Id>
constexpr auto raw(Id id) noexcept {
  return static_cast<std::underlying_type_t<Id>>(id);
}

}  // namespace quoris
