// Elections: one test per claim, with the section of Ongaro's thesis.

#include <catch2/catch.hpp>
#include <set>

#include "tests/cluster/raft/lone_raft.h"
#include "tests/cluster/raft/simulated_cluster.h"

namespace quoris::raft::testing {

TEST_CASE("election, 3.4: who hears of no leader campaigns after a time drawn from E to 2E",
          "[raft]") {
  std::set<uint64_t> times;
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    sim::SimRng rng(seed);
    Options options;
    options.self = node(1);
    Raft raft(options, log_of({1}), rng, 5'000'000);
    REQUIRE(raft.wake_at_us() >= 5'000'000 + kElectionUs);
    REQUIRE(raft.wake_at_us() < 5'000'000 + 2 * kElectionUs);
    times.insert(raft.wake_at_us());
    raft.tick(raft.wake_at_us() - 1);
    REQUIRE(raft.role() == Role::follower);
    raft.tick(raft.wake_at_us());
    REQUIRE(raft.role() == Role::pre_candidate);
  }
  REQUIRE(times.size() > 45);
}

TEST_CASE("election, 3.4: a candidate raises its term, votes for itself, and wins by a majority",
          "[raft]") {
  LoneRaft lone(log_of({1, 1}));
  lone.advance(2 * kElectionUs);
  lone.vote(2, Term{2}, true);
  REQUIRE(lone.raft->role() == Role::candidate);
  REQUIRE(lone.raft->term() == Term{2});
  REQUIRE(lone.writes.back().hard_state == HardState{.term = Term{2}, .vote = node(1)});
  for (const uint16_t peer : Numbers{2, 3}) {
    const VoteRequest asked = *lone.last<VoteRequest>(peer);
    REQUIRE_FALSE(asked.is_pre_vote);
    REQUIRE(asked.term == Term{2});
    REQUIRE(asked.last_index == LogIndex{2});
    REQUIRE(asked.last_term == Term{1});
  }
  lone.vote(3, Term{2}, false);
  REQUIRE(lone.raft->is_leader());
  // At once it tells all others (heartbeats), and a no-op begins the term (6.4).
  for (const uint16_t peer : Numbers{2, 3}) REQUIRE(lone.all<Heartbeat>(peer).size() == 1);
  REQUIRE(lone.raft->log().at(LogIndex{3}).kind == EntryKind::no_op);
  REQUIRE(lone.raft->log().at(LogIndex{3}).term == Term{2});
}

TEST_CASE("election: votes of strangers, refusals, and of other terms don't count", "[raft]") {
  LoneRaft lone(log_of({1}, voters({1, 2, 3, 4, 5})));
  lone.advance(2 * kElectionUs);
  lone.vote(2, Term{2}, true);
  lone.vote(2, Term{2}, true);
  lone.vote(9, Term{2}, true);
  lone.step(
      3, VoteReply{.term = Term{1}, .election = Term{3}, .is_pre_vote = true, .is_granted = true});
  lone.step(
      3, VoteReply{.term = Term{1}, .election = Term{2}, .is_pre_vote = false, .is_granted = true});
  REQUIRE(lone.raft->role() == Role::pre_candidate);
  lone.step(
      4, VoteReply{.term = Term{1}, .election = Term{2}, .is_pre_vote = true, .is_granted = false});
  REQUIRE(lone.raft->role() == Role::pre_candidate);
  lone.vote(3, Term{2}, true);
  REQUIRE(lone.raft->role() == Role::candidate);
  lone.vote(2, Term{2}, false);
  lone.vote(9, Term{2}, false);
  REQUIRE(lone.raft->role() == Role::candidate);
  lone.vote(5, Term{2}, false);
  REQUIRE(lone.raft->is_leader());
}

TEST_CASE("election, 3.4: a candidate that hears of a leader of its term follows it", "[raft]") {
  LoneRaft lone(log_of({1}));
  lone.advance(2 * kElectionUs);
  lone.vote(2, Term{2}, true);
  REQUIRE(lone.raft->role() == Role::candidate);
  lone.step(3, heartbeat(1));
  REQUIRE(lone.raft->role() == Role::candidate);
  lone.step(3, heartbeat(2));
  REQUIRE(lone.raft->role() == Role::follower);
  REQUIRE(lone.raft->leader() == node(3));
}

TEST_CASE("election, 3.3: a higher term makes a follower of everybody, a lower one is told ours",
          "[raft]") {
  LoneRaft lone(log_of({1}));
  lone.become_leader();
  lone.step(2, HeartbeatReply{.term = Term{7}, .round = 0});
  REQUIRE(lone.raft->role() == Role::follower);
  REQUIRE(lone.raft->term() == Term{7});
  REQUIRE(lone.writes.back().hard_state == HardState{.term = Term{7}, .vote = kNobody});

  lone.wait_out_silence();
  lone.sent.clear();
  lone.step(2, heartbeat(6));
  lone.step(2, append_of(6, 1, 1));
  lone.step(2, request(6, 9, 5));
  REQUIRE(lone.last<HeartbeatReply>(2)->term == Term{7});
  REQUIRE(lone.last<AppendReply>(2)->term == Term{7});
  REQUIRE_FALSE(lone.last<AppendReply>(2)->is_accepted);
  REQUIRE(lone.last<VoteReply>(2)->term == Term{7});
  REQUIRE_FALSE(lone.last<VoteReply>(2)->is_granted);
  REQUIRE(lone.raft->leader() == kNobody);
}

TEST_CASE("election, 3.4: at most one vote a term, first come first served", "[raft]") {
  LoneRaft lone(log_of({1}));
  lone.wait_out_silence();
  lone.step(2, request(5, 1, 1));
  REQUIRE(lone.last<VoteReply>(2)->is_granted);
  lone.step(3, request(5, 1, 1));
  REQUIRE_FALSE(lone.last<VoteReply>(3)->is_granted);
  lone.step(2, request(5, 1, 1));  // its answer may have been lost
  REQUIRE(lone.all<VoteReply>(2).size() == 2);
  REQUIRE(lone.last<VoteReply>(2)->is_granted);
  lone.step(3, request(6, 1, 1));
  REQUIRE(lone.last<VoteReply>(3)->is_granted);
}

TEST_CASE("election, 3.6.1: only a log as up to date as the voter's gets its vote", "[raft]") {
  struct Case {
    uint64_t last_index;
    uint64_t last_term;
    bool is_granted;
  };

  for (const Case& each : {Case{2, 4, false}, Case{9, 3, false}, Case{3, 4, true}, Case{4, 4, true},
                           Case{1, 5, true}, Case{0, 0, false}}) {
    LoneRaft lone(log_of({1, 4, 4}));
    lone.wait_out_silence();
    lone.step(2, pre_vote(6, each.last_index, each.last_term));
    REQUIRE(lone.last<VoteReply>(2)->is_granted == each.is_granted);
    lone.step(2, request(6, each.last_index, each.last_term));
    REQUIRE(lone.last<VoteReply>(2)->is_granted == each.is_granted);
    REQUIRE(lone.raft->term() == Term{6});
  }
}

TEST_CASE("election, 3.8: a vote leaves when it is durable, and not before", "[raft]") {
  LoneRaft lone(log_of({1}));
  lone.wait_out_silence();
  lone.is_disk_quick = false;
  lone.step(2, request(5, 1, 1));
  REQUIRE(lone.writes.back().hard_state == HardState{.term = Term{5}, .vote = node(2)});
  REQUIRE(lone.sent.empty());
  lone.persist_all();
  REQUIRE(lone.last<VoteReply>(2)->is_granted);
}

TEST_CASE("election, 3.8: a vote is remembered across a restart", "[raft]") {
  LoneRaft before(log_of({1}));
  before.wait_out_silence();
  before.step(2, request(5, 1, 1));
  StoredState kept = log_of({1});
  kept.hard_state = *before.writes.back().hard_state;

  LoneRaft after(kept);
  after.wait_out_silence();
  after.step(3, request(5, 1, 1));
  REQUIRE_FALSE(after.last<VoteReply>(3)->is_granted);
  after.step(2, request(5, 1, 1));
  REQUIRE(after.last<VoteReply>(2)->is_granted);
}

TEST_CASE("election: nothing of a new term leaves before the term is durable", "[raft]") {
  LoneRaft lone(log_of({1}));
  lone.is_disk_quick = false;
  lone.step(2, heartbeat(4));
  lone.step(2, append_of(4, 1, 1));
  REQUIRE(lone.sent.empty());
  lone.persist_all();
  REQUIRE(lone.all<HeartbeatReply>(2).size() == 1);
  REQUIRE(lone.all<AppendReply>(2).size() == 1);
  lone.step(2, heartbeat(4, 2));
  REQUIRE(lone.all<HeartbeatReply>(2).size() == 2);
}

TEST_CASE("election, 10.2.1: a candidate's own vote counts when it is durable", "[raft]") {
  LoneRaft lone(log_of({1}));
  lone.advance(2 * kElectionUs);
  lone.is_disk_quick = false;
  lone.vote(2, Term{2}, true);
  REQUIRE(lone.raft->role() == Role::candidate);
  lone.vote(2, Term{2}, false);
  REQUIRE(lone.raft->role() == Role::candidate);
  lone.persist_all();
  REQUIRE(lone.raft->is_leader());
}

TEST_CASE("election, 4.2.2: a vote doesn't depend on the voter's own configuration", "[raft]") {
  // It knows of no configuration, of one without itself, of one without the candidate.
  StoredState stranger;
  stranger.hard_state.term = Term{1};
  for (const StoredState& state :
       {stranger, log_of({1}, voters({2, 3})), log_of({1}, voters({1, 2}))}) {
    LoneRaft lone(state);
    lone.wait_out_silence();
    lone.step(3, pre_vote(5, 4, 4));
    REQUIRE(lone.last<VoteReply>(3)->is_granted);
    lone.step(3, request(5, 4, 4));
    REQUIRE(lone.last<VoteReply>(3)->is_granted);
    lone.step(3, append_of(5, 0, 0, {configuration_entry(1, 1, voters({1, 3}))}));
    REQUIRE(lone.last<AppendReply>(3)->is_accepted);
  }
}

TEST_CASE("election, 4.2.1: a learner, and who is no member, never campaigns", "[raft]") {
  Configuration members = voters({2, 3});
  members.learners = {node(1)};
  for (const Configuration& each : {members, voters({2, 3})}) {
    LoneRaft lone(log_of({1}, each));
    for (int i = 0; i < 100; ++i) lone.advance(100'000);
    REQUIRE(lone.raft->role() == Role::follower);
    REQUIRE(lone.sent.empty());
    lone.raft->step(lone.now_us, node(2), heartbeat(1));
    lone.step(2, TimeoutNow{.term = Term{1}, .lease_left_us = 0});
    REQUIRE(lone.raft->role() == Role::follower);
  }
}

TEST_CASE("election, 9.6: a pre-vote changes nothing, neither here nor there", "[raft]") {
  LoneRaft lone(log_of({1}));
  lone.advance(2 * kElectionUs);
  REQUIRE(lone.raft->role() == Role::pre_candidate);
  REQUIRE(lone.raft->term() == Term{1});
  REQUIRE(lone.writes.empty());
  REQUIRE(lone.last<VoteRequest>(2)->is_pre_vote);
  REQUIRE(lone.last<VoteRequest>(2)->term == Term{2});

  LoneRaft voter(log_of({1}), 2);
  voter.wait_out_silence();
  voter.step(1, *lone.last<VoteRequest>(2));
  voter.step(3, *lone.last<VoteRequest>(2));
  REQUIRE(voter.raft->term() == Term{1});
  REQUIRE(voter.writes.empty());
  REQUIRE(voter.last<VoteReply>(1)->is_granted);
  REQUIRE(voter.last<VoteReply>(3)->is_granted);
}

TEST_CASE("election, 9.6: who was cut off comes back without a new term", "[raft]") {
  SimulatedCluster cluster({.seed = 3});
  const uint16_t leader = cluster.settle();
  const uint16_t other = leader % 3 + 1;
  const Term term = cluster.raft(leader).term();
  cluster.isolate(other);
  cluster.advance(10'000'000);
  REQUIRE(cluster.raft(other).role() == Role::pre_candidate);
  REQUIRE(cluster.raft(other).term() == term);
  cluster.heal();
  cluster.advance(1'000'000);
  REQUIRE(cluster.leader() == leader);
  for (const uint16_t each : Numbers{1, 2, 3}) REQUIRE(cluster.raft(each).term() == term);
  REQUIRE(cluster.violation().empty());
}

TEST_CASE("election, 4.2.3: who hears of a leader neither votes nor takes over a term", "[raft]") {
  LoneRaft lone(log_of({1}));
  lone.wait_out_silence();
  lone.step(2, heartbeat(2));
  lone.sent.clear();
  lone.now_us += kElectionUs - 1;
  lone.step(3, request(9, 9, 8));
  lone.step(3, pre_vote(9, 9, 8));
  REQUIRE(lone.sent.empty());
  REQUIRE(lone.raft->term() == Term{2});
  REQUIRE(lone.raft->leader() == node(2));
  lone.now_us += 1;
  lone.step(3, pre_vote(9, 9, 8));
  REQUIRE(lone.last<VoteReply>(3)->is_granted);
  lone.step(3, request(9, 9, 8));
  REQUIRE(lone.last<VoteReply>(3)->is_granted);
  REQUIRE(lone.raft->term() == Term{9});
}

TEST_CASE("election: appends and snapshots are heard of as heartbeats are", "[raft]") {
  const SnapshotChunk chunk{.term = Term{1},
                            .index = LogIndex{9},
                            .snapshot_term = Term{1},
                            .configuration = voters({1, 2, 3}),
                            .size = 100,
                            .offset = 0,
                            .bytes = "x"};
  for (const Message& message : {Message(append_of(1, 1, 1)), Message(chunk)}) {
    LoneRaft lone(log_of({1}));
    lone.wait_out_silence();
    lone.step(2, message);
    lone.now_us += kElectionUs - 1;
    lone.step(3, request(9, 9, 8));
    REQUIRE(lone.raft->term() == Term{1});
  }
}

TEST_CASE("election: after a restart a node is as quiet as if it had just heard of a leader",
          "[raft]") {
  LoneRaft lone(log_of({1}));
  lone.now_us += kElectionUs - 1;
  lone.step(3, request(9, 9, 8));
  REQUIRE(lone.sent.empty());
  REQUIRE(lone.raft->term() == Term{1});
  lone.now_us += 1;
  lone.step(3, request(9, 9, 8));
  REQUIRE(lone.last<VoteReply>(3)->is_granted);

  StoredState never_ran = log_of({1});
  never_ran.is_first_life = true;
  LoneRaft fresh(never_ran);
  fresh.step(3, request(9, 9, 8));
  REQUIRE(fresh.last<VoteReply>(3)->is_granted);
}

TEST_CASE("election: a cluster of one leads itself as soon as its vote is durable", "[raft]") {
  StoredState state = log_of({1}, voters({1}));
  LoneRaft later(state);
  later.advance(kElectionUs);
  REQUIRE(later.raft->is_leader());

  state.is_first_life = true;
  LoneRaft lone(state);
  lone.is_disk_quick = false;
  lone.advance(1);
  REQUIRE(lone.raft->role() == Role::candidate);
  lone.persist_all();
  REQUIRE(lone.raft->is_leader());
  REQUIRE(lone.commit() == 0);
  lone.persist_all();
  REQUIRE(lone.commit() == 2);
  REQUIRE(lone.raft->is_settled_leader());
  REQUIRE(lone.raft->lease_until_us() > lone.now_us);
}

TEST_CASE("election, 6.2: a leader that hears of no majority steps down", "[raft]") {
  LoneRaft lone(log_of({1}, voters({1, 2, 3, 4, 5})));
  lone.become_leader();
  const auto answer = [&lone](uint16_t from) {
    lone.step(from, HeartbeatReply{.term = lone.raft->term(), .round = 0});
  };
  for (int i = 0; i < 20; ++i) {
    lone.advance(kHeartbeatUs);
    answer(2);
    answer(4);
    REQUIRE(lone.raft->is_leader());
  }
  for (int i = 0; i < 4; ++i) {
    lone.advance(kHeartbeatUs);
    answer(2);
    REQUIRE(lone.raft->is_leader());
  }
  lone.advance(kHeartbeatUs);
  REQUIRE(lone.raft->role() == Role::follower);
  REQUIRE(lone.raft->leader() == kNobody);
}

TEST_CASE("election: a term far from ours is nobody's", "[raft]") {
  LoneRaft lone(log_of({1}));
  lone.wait_out_silence();
  const uint64_t far = raw(lone.raft->term()) + kTermLeadMax + 1;
  lone.step(2, request(far, 9, 8));
  lone.step(2, Heartbeat{.term = Term{far}, .round = 1, .commit = LogIndex{0}});
  lone.step(2, append_of(far, 1, 1));
  REQUIRE(raw(lone.raft->term()) < far);
  lone.step(2, request(far - 1, 9, 8));
  REQUIRE(raw(lone.raft->term()) == far - 1);
}

TEST_CASE("election: only a voter that is known deposes a leader by saying that it was asked to",
          "[raft]") {
  LoneRaft lone(log_of({1}));
  lone.become_leader();
  VoteRequest transfer = request(9, 9, 8);
  transfer.is_transfer = true;
  lone.step(7, transfer);
  REQUIRE(lone.raft->is_leader());
  lone.step(2, transfer);
  REQUIRE_FALSE(lone.raft->is_leader());
}

TEST_CASE("election: a leader looks at no vote request", "[raft]") {
  LoneRaft lone(log_of({1}));
  lone.become_leader();
  lone.sent.clear();
  lone.step(2, request(9, 9, 8));
  lone.step(2, pre_vote(9, 9, 8));
  REQUIRE(lone.raft->is_leader());
  REQUIRE(lone.sent.empty());
}

TEST_CASE("election: three that start at once have a leader within two timeouts and a half",
          "[raft]") {
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    SimulatedCluster cluster({.seed = seed});
    REQUIRE(
        cluster.advance_until([&cluster] { return cluster.leader() != 0; }, 5 * kElectionUs / 2));
  }
}

TEST_CASE("election: after a crash of the leader there is a new one within three timeouts",
          "[raft]") {
  for (const uint16_t voters : Numbers{3, 5}) {
    for (uint64_t seed = 1; seed <= 100; ++seed) {
      SimulatedCluster cluster({.seed = seed, .voters = voters});
      const uint16_t old = cluster.settle();
      cluster.crash(old);
      REQUIRE(cluster.advance_until(
          [&cluster, old] { return cluster.leader() != 0 && cluster.leader() != old; },
          3 * kElectionUs));
    }
  }
}

}  // namespace quoris::raft::testing
