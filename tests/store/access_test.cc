#include "store/access.h"

#include <catch2/catch.hpp>

#include "tests/store/test_rng.h"

namespace quoris::store {

namespace {

constexpr int64_t kNowMs = 1'700'000'000'000;
constexpr int64_t kMinuteMs = 60'000;

}  // namespace

TEST_CASE("access clock: LRU tells the seconds since the last use, also when it wraps",
          "[access]") {
  testing::TestRng rng(1);
  const AccessPolicy policy;
  const uint32_t access = initial_access(AccessMode::lru, kNowMs);
  CHECK(idle_seconds(access, kNowMs) == 0);
  CHECK(idle_seconds(access, kNowMs + 999) == 0);
  CHECK(idle_seconds(access, kNowMs + 61'000) == 61);
  for (int64_t days = 0; days < 600; ++days) {  // past the wrap at 194 days
    const int64_t at_ms = kNowMs + days * 86'400'000;
    REQUIRE(idle_seconds(initial_access(AccessMode::lru, at_ms), at_ms + 100'000) == 100);
  }
  const uint32_t touched = touched_access(policy, access, kNowMs + 5000, rng);
  CHECK(idle_seconds(touched, kNowMs + 7000) == 2);
  CHECK(idle_seconds(access_idle_since(1234, kNowMs), kNowMs) == 1234);
  CHECK(idle_seconds(access_idle_since(uint64_t{1} << 60, kNowMs), kNowMs) == kAccessMask);
}

TEST_CASE("access clock: LFU starts at five, counts logarithmically and decays by minutes",
          "[access]") {
  testing::TestRng rng(2);
  AccessPolicy policy{.mode = AccessMode::lfu, .lfu_log_factor = 10, .lfu_decay_minutes = 1};
  uint32_t access = initial_access(AccessMode::lfu, kNowMs);
  CHECK(lfu_frequency(policy, access, kNowMs) == kLfuInitial);
  access = touched_access(policy, access, kNowMs, rng);
  CHECK(lfu_frequency(policy, access, kNowMs) == kLfuInitial + 1);  // the first use always counts

  for (size_t use = 0; use < 1000; ++use) access = touched_access(policy, access, kNowMs, rng);
  const uint8_t after_1000 = lfu_frequency(policy, access, kNowMs);
  CHECK(after_1000 >= 13);  // Redis's documentation says 18 for 1000 uses
  CHECK(after_1000 <= 24);
  CHECK(lfu_frequency(policy, access, kNowMs + 4 * kMinuteMs) == after_1000 - 4);
  CHECK(lfu_frequency(policy, access, kNowMs + 300 * kMinuteMs) == 0);
  policy.lfu_decay_minutes = 2;
  CHECK(lfu_frequency(policy, access, kNowMs + 4 * kMinuteMs) == after_1000 - 2);
  policy.lfu_decay_minutes = 0;
  CHECK(lfu_frequency(policy, access, kNowMs + 300 * kMinuteMs) == after_1000);
}

TEST_CASE("access clock: a factor of zero counts every use, and the counter stops at 255",
          "[access]") {
  testing::TestRng rng(3);
  const AccessPolicy policy{.mode = AccessMode::lfu, .lfu_log_factor = 0, .lfu_decay_minutes = 1};
  uint32_t access = initial_access(AccessMode::lfu, kNowMs);
  for (size_t use = 0; use < 300; ++use) access = touched_access(policy, access, kNowMs, rng);
  CHECK(lfu_frequency(policy, access, kNowMs) == 255);
  CHECK(access <= kAccessMask);
  CHECK(lfu_frequency(policy, access_with_frequency(77, kNowMs), kNowMs) == 77);
}

}  // namespace quoris::store
