// Version: the stamp of a write, and the clock that issues them.
//
// 64 bits: 41 bits of milliseconds since 2020-01-01 UTC | 12 bits counter | 10 bits node number |
// 1 bit expired. Ordered as an integer. A hybrid logical clock: never goes back, moves past every
// version it sees, and a full counter advances the milliseconds. Unique in a cluster.
// The expired bit is never issued: a key that expired carries its value's version with it set, so
// that all replicas write the same.
// Used by: store (every entry), mutations, log, replication.
// Source: Kulkarni et al. 2014, "Logical Physical Clocks", section 3.
#pragma once

#include <compare>
#include <cstdint>

#include "base/ids.h"

namespace quoris::store {

inline constexpr int64_t kVersionEpochMs = 1577836800000;  // 2020-01-01T00:00:00Z
inline constexpr unsigned kVersionExpiredBits = 1;
inline constexpr unsigned kVersionCounterBits = 12;
inline constexpr unsigned kVersionMsBits = 41;
static_assert(kVersionMsBits + kVersionCounterBits + kNodeNumberBits + kVersionExpiredBits == 64);

// 0 is "no version": no such key.
enum class Version : uint64_t {};

inline constexpr Version kNoVersion{0};

[[nodiscard]] constexpr Version expired_version(Version of_value) noexcept {
  return Version{raw(of_value) | 1};
}

[[nodiscard]] constexpr bool is_expired_version(Version version) noexcept {
  return (raw(version) & 1) != 0;
}

// Milliseconds since 1970 that the version carries.
[[nodiscard]] constexpr int64_t version_ms(Version version) noexcept {
  return static_cast<int64_t>(raw(version) >> (64 - kVersionMsBits)) + kVersionEpochMs;
}

class VersionClock {
 public:
  explicit VersionClock(NodeNumber node) : node_(node) {}

  // A version above all issued and all seen. `now_ms`: wall clock, may be stale or go back.
  [[nodiscard]] Version next(int64_t now_ms);

  // Moves past `seen`, so that what is issued later is above it.
  void observe(Version seen);

  // The last one issued or seen (0 at first): what a persisted ceiling must lie above.
  [[nodiscard]] Version last() const;

 private:
  NodeNumber node_;
  uint64_t time_and_counter_ = 0;  // the 53 bits above the node number
  Version last_ = kNoVersion;
};

}  // namespace quoris::store
