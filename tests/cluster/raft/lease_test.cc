// Leases, quiet, and handing over: thesis sections 3.10, 6.4.1, and what a deposed leader may not
// do.

#include <catch2/catch.hpp>

#include "tests/cluster/raft/lone_raft.h"
#include "tests/cluster/raft/simulated_cluster.h"

namespace quoris::raft::testing {

namespace {

constexpr uint64_t kLeaseUs = kElectionUs - kElectionUs / 100;  // drift: 10 thousandths

void answer(LoneRaft& lone, uint16_t from, uint64_t round) {
  lone.step(from, HeartbeatReply{.term = lone.raft->term(), .round = round});
}

// Leader of {1, 2, 3} whose no-op is committed, with a lease.
void settle(LoneRaft& lone) {
  lone.become_leader();
  const uint64_t last = raw(lone.raft->last_index());
  lone.acknowledge(2, last);
  lone.acknowledge(3, last);
  answer(lone, 2, 1);
  REQUIRE(lone.raft->is_settled_leader());
}

}  // namespace

TEST_CASE("lease, 6.4.1: it counts from the sending of the round that a majority answered",
          "[raft]") {
  LoneRaft lone(log_of({1}, voters({1, 2, 3, 4, 5})));
  lone.become_leader();
  const uint64_t first_us = lone.now_us;
  REQUIRE(lone.raft->lease_until_us() == 0);
  lone.advance(kHeartbeatUs);
  const uint64_t second_us = lone.now_us;
  lone.now_us += 30'000;
  answer(lone, 2, 2);
  REQUIRE(lone.raft->lease_until_us() == 0);
  answer(lone, 3, 1);
  REQUIRE(lone.raft->lease_until_us() == first_us + kLeaseUs);
  answer(lone, 4, 2);
  REQUIRE(lone.raft->lease_until_us() == second_us + kLeaseUs);
  // Late answers to old rounds take nothing away and give nothing.
  answer(lone, 5, 1);
  answer(lone, 2, 1);
  REQUIRE(lone.raft->lease_until_us() == second_us + kLeaseUs);
}

TEST_CASE("lease: learners' answers don't count", "[raft]") {
  Configuration members = voters({1, 2, 3});
  members.learners = {node(4), node(5)};
  LoneRaft lone(log_of({1}, members));
  lone.become_leader();
  answer(lone, 4, 1);
  answer(lone, 5, 1);
  REQUIRE(lone.raft->lease_until_us() == 0);
}

TEST_CASE("lease: the answer to a round that is too old to be remembered says nothing", "[raft]") {
  LoneRaft lone(log_of({1}));
  lone.become_leader();
  for (uint64_t i = 0; i < LeaseRounds::kRoundsMax; ++i) {
    lone.advance(kHeartbeatUs);
    answer(lone, 2, 0);
  }
  answer(lone, 3, 1);
  REQUIRE(lone.raft->lease_until_us() == 0);
  answer(lone, 3, 2);
  REQUIRE(lone.raft->lease_until_us() > 0);
}

TEST_CASE("lease: a leader elected in the ordinary way may act at once", "[raft]") {
  LoneRaft lone(log_of({1}));
  REQUIRE(lone.raft->may_act_from_us() == std::numeric_limits<uint64_t>::max());
  lone.become_leader();
  REQUIRE(lone.raft->may_act_from_us() == lone.now_us);
}

TEST_CASE("lease: a leader that was deposed stays quiet until its lease is over", "[raft]") {
  LoneRaft lone(log_of({1}));
  settle(lone);
  const uint64_t until_us = lone.raft->lease_until_us();
  REQUIRE(until_us > lone.now_us);
  lone.step(3, HeartbeatReply{.term = Term{5}, .round = 0});
  REQUIRE(lone.raft->lease_until_us() == 0);
  lone.now_us = until_us - 1;
  lone.step(3, request(6, 9, 5));
  REQUIRE(lone.all<VoteReply>(3).empty());
  lone.now_us = until_us;
  lone.step(3, request(6, 9, 5));
  REQUIRE(lone.last<VoteReply>(3)->is_granted);
}

TEST_CASE("handing over, 3.10: the target is brought up to date, then asked", "[raft]") {
  LoneRaft lone(log_of({1}));
  settle(lone);
  REQUIRE(lone.raft->propose(lone.now_us, "x"));
  lone.take();
  REQUIRE(lone.raft->hand_over(lone.now_us, node(3)));
  lone.take();
  REQUIRE(lone.all<TimeoutNow>().empty());
  REQUIRE(lone.raft->propose(lone.now_us, "y").error() == Refusal::transferring);
  REQUIRE(lone.raft->lease_until_us() > 0);
  lone.acknowledge(3, 3);
  REQUIRE(lone.all<TimeoutNow>(3).size() == 1);
}

TEST_CASE("handing over, 3.10: who is asked campaigns at once, past everybody's quiet", "[raft]") {
  LoneRaft lone(log_of({1}), 2);
  lone.step(1, heartbeat(1));
  lone.step(1, TimeoutNow{.term = Term{1}, .lease_left_us = 0});
  REQUIRE(lone.raft->role() == Role::candidate);
  const VoteRequest asked = *lone.last<VoteRequest>(3);
  REQUIRE(asked.is_transfer);
  REQUIRE_FALSE(asked.is_pre_vote);

  LoneRaft voter(log_of({1}), 3);
  voter.step(1, heartbeat(1));
  voter.step(2, asked);
  REQUIRE(voter.last<VoteReply>(2)->is_granted);

  LoneRaft leader(log_of({1}));
  settle(leader);
  VoteRequest wanted = asked;
  wanted.term = Term{raw(leader.raft->term()) + 1};
  wanted.last_index = leader.raft->last_index();
  wanted.last_term = leader.raft->term();
  leader.step(2, wanted);
  REQUIRE(leader.last<VoteReply>(2)->is_granted);
  REQUIRE(leader.raft->role() == Role::follower);
}

TEST_CASE("handing over: only the leader of the term is obeyed", "[raft]") {
  LoneRaft lone(log_of({1}), 2);
  lone.step(1, heartbeat(3));
  lone.step(3, TimeoutNow{.term = Term{3}, .lease_left_us = 0});
  lone.step(1, TimeoutNow{.term = Term{2}, .lease_left_us = 0});
  lone.step(1, TimeoutNow{.term = Term{4}, .lease_left_us = 0});
  REQUIRE(lone.raft->role() == Role::follower);
  REQUIRE(lone.raft->term() == Term{3});
}

TEST_CASE("handing over: the lease is given up before, for good, and what is left of it is told",
          "[raft]") {
  LoneRaft lone(log_of({1}));
  settle(lone);
  lone.now_us += 40'000;
  const uint64_t until_us = lone.raft->lease_until_us();
  REQUIRE(lone.raft->hand_over(lone.now_us, node(3)));
  lone.take();
  REQUIRE(lone.last<TimeoutNow>(3)->lease_left_us == until_us - lone.now_us);
  REQUIRE(lone.raft->lease_until_us() == 0);
  // Answers to rounds before and after give it nothing back.
  answer(lone, 3, 1);
  lone.advance(kHeartbeatUs);
  answer(lone, 2, 2);
  answer(lone, 3, 2);
  REQUIRE(lone.raft->is_leader());
  REQUIRE(lone.raft->lease_until_us() == 0);
  // Asked again, for the message may be lost; less is left.
  REQUIRE(lone.all<TimeoutNow>(3).size() == 2);
  REQUIRE(lone.last<TimeoutNow>(3)->lease_left_us == until_us - lone.now_us);
  // However late the message arrives, this leader gives no lease in its term any more.
  for (int i = 0; i < 3; ++i) {
    lone.advance(kHeartbeatUs);
    answer(lone, 2, 2);
    REQUIRE(lone.raft->is_leader());
  }
  lone.advance(kHeartbeatUs);
  REQUIRE(lone.raft->role() == Role::follower);
}

TEST_CASE("handing over: the new leader waits for what was left, by its own clock", "[raft]") {
  LoneRaft lone(log_of({1}), 2);
  lone.step(1, heartbeat(1));
  lone.step(1, TimeoutNow{.term = Term{1}, .lease_left_us = 300'000});
  const uint64_t asked_us = lone.now_us;
  lone.now_us += 2000;
  lone.vote(3, Term{2}, false);
  REQUIRE(lone.raft->is_leader());
  REQUIRE(lone.raft->may_act_from_us() >= asked_us + 300'000 + 300'000 / 100);
  REQUIRE(lone.raft->may_act_from_us() < asked_us + 305'000);

  SECTION("and if it hands over itself, tells what is left of that, too") {
    lone.acknowledge(3, raw(lone.raft->last_index()));
    lone.now_us += 8000;
    REQUIRE(lone.raft->hand_over(lone.now_us, node(3)));
    lone.take();
    REQUIRE(lone.last<TimeoutNow>(3)->lease_left_us == lone.raft->may_act_from_us() - lone.now_us);
  }
  SECTION("and in a later term has nothing to wait for") {
    lone.step(3, HeartbeatReply{.term = Term{5}, .round = 0});
    lone.become_leader();
    REQUIRE(lone.raft->may_act_from_us() == lone.now_us);
  }
}

TEST_CASE("handing over: if the target can't be brought up to date the leader goes on", "[raft]") {
  LoneRaft lone(log_of({1}));
  settle(lone);
  REQUIRE(lone.raft->propose(lone.now_us, "x"));
  REQUIRE(lone.raft->hand_over(lone.now_us, node(3)));
  for (int i = 0; i < 5; ++i) {
    lone.advance(kHeartbeatUs);
    answer(lone, 2, static_cast<uint64_t>(i) + 2);
  }
  REQUIRE(lone.all<TimeoutNow>().empty());
  REQUIRE(lone.raft->is_leader());
  REQUIRE(lone.raft->lease_until_us() > lone.now_us);
  REQUIRE(lone.raft->propose(lone.now_us, "y"));
}

TEST_CASE("handing over: to nobody in particular is to the voter that is furthest", "[raft]") {
  Configuration members = voters({1, 2, 3});
  members.learners = {node(4)};
  LoneRaft lone(log_of({1}, members));
  settle(lone);
  REQUIRE(lone.raft->propose(lone.now_us, "x"));
  lone.take();
  lone.acknowledge(4, 3);
  lone.acknowledge(3, 3);
  REQUIRE(lone.raft->hand_over(lone.now_us, kNobody));
  lone.take();
  REQUIRE(lone.all<TimeoutNow>(3).size() == 1);

  LoneRaft other(log_of({1}, members));
  settle(other);
  for (const uint16_t target : Numbers{1, 4, 9}) {
    REQUIRE(other.raft->hand_over(other.now_us, node(target)).error() == Refusal::senseless);
  }
}

TEST_CASE("handing over: a clean stop leaves a leader behind within milliseconds", "[raft]") {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    SimulatedCluster cluster({.seed = seed});
    const uint16_t old = cluster.settle();
    cluster.advance(1'000'000);
    cluster.hand_over(old, 0);
    const uint64_t begin_us = cluster.now_us();
    REQUIRE(cluster.advance_until([&] { return cluster.leader() != old && cluster.leader() != 0; },
                                  100'000));
    REQUIRE(cluster.now_us() - begin_us < 30'000);
    REQUIRE(cluster.raft(old).role() == Role::follower);
    // Meanwhile leases that the old one granted may live, and the new one knows.
    const uint16_t now = cluster.leader();
    REQUIRE(cluster.raft(now).may_act_from_us() > cluster.local_us(now));
    REQUIRE(cluster.raft(now).may_act_from_us() < cluster.local_us(now) + 2 * kElectionUs);
    cluster.crash(old);
    cluster.advance(1'000'000);
    REQUIRE(cluster.leader() == now);
    REQUIRE(cluster.violation().empty());
  }
}

TEST_CASE("handing over: a request to campaign that comes much too late does no harm", "[raft]") {
  SimulatedCluster cluster({.seed = 5});
  const uint16_t old = cluster.settle();
  const uint16_t target = old % 3 + 1;
  std::optional<TimeoutNow> late;
  cluster.filter = [&](uint16_t, uint16_t, const Message& message) {
    const auto* asked = std::get_if<TimeoutNow>(&message);
    if (asked != nullptr) late = *asked;
    return asked == nullptr;
  };
  cluster.hand_over(old, target);
  cluster.advance(50'000);
  REQUIRE(late);
  REQUIRE(cluster.raft(old).is_leader());
  REQUIRE(cluster.raft(old).lease_until_us() == 0);
  cluster.advance(kElectionUs);
  REQUIRE_FALSE(cluster.raft(old).is_leader());
  const uint16_t next = cluster.settle();
  cluster.advance(kElectionUs);
  const Term term = cluster.raft(next).term();
  cluster.raft(target).step(cluster.local_us(target), node(old), *late);
  cluster.advance(kElectionUs);
  REQUIRE(cluster.leader() == next);
  REQUIRE(cluster.raft(next).term() == term);
  REQUIRE(cluster.violation().empty());
}

TEST_CASE("lease: what a leader may grant ends before another is elected, whatever the clocks do",
          "[raft]") {
  // The slowest clock leads, the fastest ones vote, as far apart as the drift allows.
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SimulatedCluster cluster({.seed = seed, .drift_ppm_max = 4900});
    for (int round = 0; round < 3; ++round) {
      const uint16_t old = cluster.settle();
      cluster.advance(1'000'000);
      cluster.isolate(old);
      cluster.advance(2'000'000);
      REQUIRE(cluster.leader() != old);
      cluster.heal();
    }
    REQUIRE(cluster.violation().empty());
  }
}

}  // namespace quoris::raft::testing
