#include "store/access.h"

#include <algorithm>

namespace quoris::store {

namespace {

constexpr int64_t kMsPerSecond = 1000;
constexpr int64_t kMsPerMinute = 60'000;
constexpr uint32_t kMinuteMask = 0xFFFF;
constexpr unsigned kCounterBits = 8;
constexpr uint8_t kCounterMax = 255;

uint32_t seconds_clock(int64_t now_ms) {
  return static_cast<uint32_t>(now_ms / kMsPerSecond) & kAccessMask;
}

uint32_t minutes_clock(int64_t now_ms) {
  return static_cast<uint32_t>(now_ms / kMsPerMinute) & kMinuteMask;
}

uint32_t lfu_access(uint32_t minutes, uint8_t counter) {
  return (minutes << kCounterBits) | counter;
}

// One use more, with a probability that falls with the counter: 255 stands for about a million
// uses at the default factor.
uint8_t incremented(const AccessPolicy& policy, uint8_t counter, Rng& rng) {
  if (counter == kCounterMax) return counter;
  const uint64_t above_initial = counter > kLfuInitial ? counter - kLfuInitial : 0U;
  const uint64_t one_in = above_initial * policy.lfu_log_factor + 1;
  return rng.below(one_in) == 0 ? static_cast<uint8_t>(counter + 1) : counter;
}

}  // namespace

uint32_t initial_access(AccessMode mode, int64_t now_ms) {
  if (mode == AccessMode::lru) return seconds_clock(now_ms);
  return lfu_access(minutes_clock(now_ms), kLfuInitial);
}

uint32_t touched_access(const AccessPolicy& policy, uint32_t access, int64_t now_ms, Rng& rng) {
  if (policy.mode == AccessMode::lru) return seconds_clock(now_ms);
  const uint8_t counter = lfu_frequency(policy, access, now_ms);
  return lfu_access(minutes_clock(now_ms), incremented(policy, counter, rng));
}

uint64_t idle_seconds(uint32_t access, int64_t now_ms) {
  return (seconds_clock(now_ms) - access) & kAccessMask;
}

uint8_t lfu_frequency(const AccessPolicy& policy, uint32_t access, int64_t now_ms) {
  const uint32_t counter = access & kCounterMax;
  if (policy.lfu_decay_minutes == 0) return static_cast<uint8_t>(counter);
  const uint32_t minutes = (minutes_clock(now_ms) - (access >> kCounterBits)) & kMinuteMask;
  const uint32_t decay = minutes / policy.lfu_decay_minutes;
  return static_cast<uint8_t>(counter - std::min(counter, decay));
}

uint32_t access_idle_since(uint64_t idle_seconds, int64_t now_ms) {
  const uint64_t idle = std::min<uint64_t>(idle_seconds, kAccessMask);
  return (seconds_clock(now_ms) - static_cast<uint32_t>(idle)) & kAccessMask;
}

uint32_t access_with_frequency(uint8_t frequency, int64_t now_ms) {
  return lfu_access(minutes_clock(now_ms), frequency);
}

}  // namespace quoris::store
