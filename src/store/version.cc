#include "store/version.h"

#include <algorithm>

#include "base/assert.h"

namespace quoris::store {

namespace {

constexpr unsigned kBelowCounterBits = kNodeNumberBits + kVersionExpiredBits;
constexpr uint64_t kTimeAndCounterMax = (uint64_t{1} << (kVersionMsBits + kVersionCounterBits)) - 1;
constexpr int64_t kMsMax = (int64_t{1} << kVersionMsBits) - 1;

}  // namespace

Version VersionClock::next(int64_t now_ms) {
  QUORIS_ASSERT(raw(node_) < (1U << kNodeNumberBits));
  const int64_t since_epoch =
      std::clamp<int64_t>(now_ms, kVersionEpochMs, kVersionEpochMs + kMsMax) - kVersionEpochMs;
  const uint64_t by_the_clock = static_cast<uint64_t>(since_epoch) << kVersionCounterBits;
  // A counter that is full carries into the milliseconds.
  QUORIS_ASSERT(time_and_counter_ < kTimeAndCounterMax);
  time_and_counter_ = std::max(by_the_clock, time_and_counter_ + 1);
  const uint64_t node = raw(node_);
  last_ = Version{(time_and_counter_ << kBelowCounterBits) | (node << kVersionExpiredBits)};
  return last_;
}

void VersionClock::observe(Version seen) {
  time_and_counter_ = std::max(time_and_counter_, raw(seen) >> kBelowCounterBits);
  last_ = std::max(last_, seen);
}

Version VersionClock::last() const { return last_; }

}  // namespace quoris::store
