#include "store/version.h"

#include <catch2/catch.hpp>

#include "tests/store/test_rng.h"

namespace quoris::store {

namespace {

constexpr int64_t kNowMs = 1'700'000'000'000;
constexpr uint16_t kNode = 1023;

uint64_t node_of(Version version) { return (raw(version) >> 1) & 0x3FF; }

}  // namespace

TEST_CASE("version clock: versions rise and carry time and node", "[version]") {
  VersionClock clock(NodeNumber{kNode});
  CHECK(clock.last() == kNoVersion);
  Version last = kNoVersion;
  for (int64_t ms = 0; ms < 1000; ++ms) {
    const Version version = clock.next(kNowMs + ms / 7);
    REQUIRE(version > last);
    REQUIRE(version_ms(version) == kNowMs + ms / 7);
    REQUIRE(node_of(version) == kNode);
    REQUIRE_FALSE(is_expired_version(version));
    REQUIRE(clock.last() == version);
    last = version;
  }
}

TEST_CASE("version clock: a clock that goes back does not take versions with it", "[version]") {
  VersionClock clock(NodeNumber{1});
  const Version first = clock.next(kNowMs);
  const Version second = clock.next(kNowMs - 1'000'000);
  CHECK(second > first);
  CHECK(version_ms(second) == kNowMs);
  CHECK(version_ms(clock.next(kNowMs + 5)) == kNowMs + 5);
}

TEST_CASE("version clock: a full counter moves the milliseconds on", "[version]") {
  VersionClock clock(NodeNumber{0});
  Version last = clock.next(kNowMs);
  for (size_t i = 0; i < (1U << kVersionCounterBits) - 1; ++i) {
    const Version version = clock.next(kNowMs);
    REQUIRE(version > last);
    REQUIRE(version_ms(version) == kNowMs);
    last = version;
  }
  CHECK(version_ms(clock.next(kNowMs)) == kNowMs + 1);
}

TEST_CASE("version clock: it moves past what it sees, whichever node that is from", "[version]") {
  VersionClock ahead(NodeNumber{900});
  VersionClock behind(NodeNumber{3});
  const Version seen = ahead.next(kNowMs + 10'000);
  behind.observe(seen);
  CHECK(behind.last() == seen);
  const Version next = behind.next(kNowMs);
  CHECK(next > seen);
  behind.observe(Version{1});  // what is older changes nothing
  CHECK(behind.last() == next);
  behind.observe(expired_version(seen));
  CHECK(behind.next(kNowMs) > expired_version(seen));
}

TEST_CASE("version clock: two nodes that hear of each other never issue the same", "[version]") {
  testing::TestRng rng(5);
  VersionClock clocks[2] = {VersionClock(NodeNumber{1}), VersionClock(NodeNumber{2})};
  Version last = kNoVersion;
  int64_t now_ms = kNowMs;
  for (size_t i = 0; i < 10'000; ++i) {
    now_ms += static_cast<int64_t>(rng.below(3)) - 1;
    VersionClock& clock = clocks[rng.below(2)];
    clock.observe(last);
    const Version version = clock.next(now_ms);
    REQUIRE(version > last);
    last = version;
  }
}

TEST_CASE("version clock: times before the epoch count as the epoch", "[version]") {
  VersionClock clock(NodeNumber{0});
  const Version first = clock.next(-5);
  CHECK(first > kNoVersion);
  CHECK(version_ms(first) == kVersionEpochMs);
  CHECK(clock.next(0) > first);
}

}  // namespace quoris::store
