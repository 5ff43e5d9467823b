#include "cluster/membership/clock_estimate.h"

#include <catch2/catch.hpp>
#include <cstdlib>

#include "tests/cluster/membership/lone_core.h"
#include "tests/cluster/membership/swarm.h"

namespace quoris::membership {

namespace {

constexpr uint64_t kSecond = 1'000'000;
constexpr uint64_t kDoubtUs = 10 * kSecond;
constexpr int64_t kWall = 1'767'225'600'000'000;

// A peer whose clock is `offset_us` ahead, asked over a way of so long there and back.
class Peer {
 public:
  void ask(uint64_t there_us, uint64_t back_us) {
    const uint64_t sent_us = now_us_;
    now_us_ += there_us;
    const int64_t theirs_us = kWall + static_cast<int64_t>(now_us_) + offset_us;
    now_us_ += back_us;
    estimate.add(sent_us, theirs_us, now(), options);
  }

  [[nodiscard]] Moment now() const {
    return {.monotonic_us = now_us_,
            .wall_us = kWall + static_cast<int64_t>(now_us_) + our_jump_us};
  }

  void pass(uint64_t us) { now_us_ += us; }

  [[nodiscard]] int64_t offset() const { return estimate.read(now(), options)->offset_us; }

  Options options;
  ClockEstimate estimate;
  int64_t offset_us = 0;
  int64_t our_jump_us = 0;

 private:
  uint64_t now_us_ = 50 * kSecond;
};

}  // namespace

TEST_CASE("clock estimate: without a sample there is none") {
  CHECK_FALSE(ClockEstimate().read({}, {}));
}

TEST_CASE("clock estimate: a way that is as long there as back gives the offset") {
  Peer peer;
  peer.offset_us = 123'456;
  peer.ask(500, 500);
  CHECK(peer.offset() == 123'456);
  CHECK(peer.estimate.read(peer.now(), peer.options)->rtt_us == 1000);
}

TEST_CASE("clock estimate: the error is half of the round trip at most") {
  Peer peer;
  peer.offset_us = -70'000;
  peer.ask(0, 40'000);
  CHECK(std::abs(peer.offset() + 70'000) <= 20'000);
}

TEST_CASE("clock estimate: the shortest round trip of the recent ones counts") {
  Peer peer;
  peer.offset_us = 1000;
  peer.ask(30'000, 200);
  peer.ask(200, 200);
  for (int i = 0; i < 5; ++i) peer.ask(200, 50'000);
  CHECK(peer.offset() == 1000);
  CHECK(peer.estimate.read(peer.now(), peer.options)->rtt_us == 400);
  // It goes when enough others have come.
  for (int i = 0; i < 8; ++i) peer.ask(1000, 1000);
  CHECK(peer.estimate.read(peer.now(), peer.options)->rtt_us == 2000);
}

TEST_CASE("clock estimate: a jump of our own clock shows at once") {
  Peer peer;
  peer.ask(300, 300);
  peer.our_jump_us = 2'000'000;
  CHECK(peer.offset() == -2'000'000);
}

TEST_CASE("clock estimate: a jump of their clock voids what was sampled before") {
  Peer peer;
  peer.ask(100, 100);
  peer.offset_us = 800'000;
  peer.ask(20'000, 20'000);  // longer, but what contradicts it is gone
  CHECK(peer.offset() == 800'000);
}

TEST_CASE("clock estimate: old samples don't count") {
  Peer peer;
  peer.ask(100, 100);
  peer.pass(peer.options.clock_sample_age_us + 1000);
  CHECK_FALSE(peer.estimate.read(peer.now(), peer.options));
}

TEST_CASE("clock estimate: the median needs a majority, this node among it") {
  CHECK(median_offset_us({}, 1, kDoubtUs) == 0);
  CHECK_FALSE(median_offset_us({}, 2, kDoubtUs));
  CHECK_FALSE(median_offset_us({5}, 5, kDoubtUs));
  CHECK(median_offset_us({900, 900}, 5, kDoubtUs) == 900);
  CHECK(median_offset_us({900, 900}, 3, kDoubtUs) == 900);
  CHECK(median_offset_us({900, 10}, 3, kDoubtUs) == 10);
}

TEST_CASE("clock estimate: where half of the clocks differ from the other half nobody knows") {
  CHECK(median_offset_us({600}, 2, 600) == 0);
  CHECK_FALSE(median_offset_us({600}, 2, 599));
  CHECK_FALSE(median_offset_us({3'000'000}, 3, 500'000));
  CHECK(median_offset_us({3'000'000, 3'000'000}, 3, 500'000) == 3'000'000);
  CHECK(median_offset_us({3'000'000, 0}, 3, 500'000) == 0);
  CHECK_FALSE(median_offset_us({INT64_MAX}, 2, 500'000));
  CHECK_FALSE(median_offset_us({INT64_MIN}, 2, 500'000));
}

TEST_CASE("clock estimate: of two middle values the nearer counts") {
  CHECK(median_offset_us({600}, 2, kDoubtUs) == 0);
  CHECK(median_offset_us({-600}, 2, kDoubtUs) == 0);
  CHECK(median_offset_us({600, 700, 800}, 4, kDoubtUs) == 600);
  CHECK(median_offset_us({0, 700, 800}, 4, kDoubtUs) == 0);
}

TEST_CASE("gossip: each node knows the others' clocks, and who of them is wrong knows it") {
  Swarm swarm(5, 1);
  swarm.set_wall_offset(node(2), 700'000);
  swarm.set_wall_offset(node(3), -20'000);
  swarm.run_for(10 * kSecond);
  const auto seen = swarm.gossip(node(1)).clock(node(2), swarm.moment(node(1)));
  REQUIRE(seen);
  CHECK(std::abs(seen->offset_us - 700'000) <= 500);
  CHECK(seen->rtt_us <= 2000);
  const auto median = [&swarm](NodeNumber number) {
    return *swarm.gossip(number).clock_offset_us(swarm.moment(number), kDoubtUs);
  };
  CHECK(std::abs(median(node(1))) < 1000);
  CHECK(std::abs(median(node(2)) + 700'000) < 1000);
  CHECK(std::abs(median(node(3)) - 20'000) < 1000);
}

TEST_CASE("gossip: members that are down don't vote on the time") {
  LoneCore core(3);
  core.silent() = {node(2), node(3)};
  core.advance(60 * kSecond);
  CHECK_FALSE(core.core().clock_offset_us(core.moment(), kDoubtUs));
}

}  // namespace quoris::membership
