// Changes of the members: thesis chapter 4, and the bug of single-server changes that its author
// reported in 2015.

#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/cluster/raft/lone_raft.h"
#include "tests/cluster/raft/simulated_cluster.h"

namespace quoris::raft::testing {

namespace {

Change add_learner(uint16_t number) { return {ChangeKind::add_learner, node(number)}; }

Change promote(uint16_t number) { return {ChangeKind::promote, node(number)}; }

Change remove(uint16_t number) { return {ChangeKind::remove, node(number)}; }

void settle(LoneRaft& lone) {
  lone.become_leader();
  const uint64_t last = raw(lone.raft->last_index());
  lone.acknowledge(2, last);
  lone.acknowledge(3, last);
  REQUIRE(lone.raft->is_settled_leader());
}

}  // namespace

TEST_CASE("configuration: one server at a time, learner first", "[raft]") {
  const Configuration three = voters({1, 2, 3});
  REQUIRE_FALSE(changed(three, promote(4)));
  REQUIRE_FALSE(changed(three, add_learner(3)));
  REQUIRE_FALSE(changed(three, remove(4)));
  REQUIRE_FALSE(changed(three, add_learner(0)));
  REQUIRE_FALSE(changed(three, add_learner(1024)));
  REQUIRE_FALSE(changed(voters({1}), remove(1)));
  REQUIRE_FALSE(changed(voters({1}), {ChangeKind::demote, node(1)}));

  const Configuration with_learner = *changed(three, add_learner(4));
  REQUIRE(with_learner.voters == three.voters);
  REQUIRE(with_learner.learners == std::vector{node(4)});
  REQUIRE_FALSE(changed(with_learner, add_learner(4)));
  const Configuration four = *changed(with_learner, promote(4));
  REQUIRE(four == voters({1, 2, 3, 4}));
  REQUIRE(four.majority() == 3);
  REQUIRE(*changed(four, {ChangeKind::demote, node(4)}) == with_learner);
  REQUIRE(*changed(with_learner, remove(4)) == three);
  REQUIRE(*changed(four, remove(1)) == voters({2, 3, 4}));

  Configuration seven = voters({1, 2, 3, 4, 5, 6, 7});
  seven.learners = {node(8)};
  REQUIRE_FALSE(changed(seven, promote(8)));
}

TEST_CASE("configuration: what is read is what was written, and nothing else is read", "[raft]") {
  Configuration members = voters({1, 2, 300});
  members.learners = {node(4), node(1023)};
  for (const Configuration& each : {members, voters({9})}) {
    REQUIRE(decode_configuration(encode_configuration(each)) == each);
  }
  const std::string bytes = encode_configuration(members);
  for (size_t size = 0; size < 4; ++size)
    REQUIRE_FALSE(decode_configuration(bytes.substr(0, size)));
  for (const std::string& bad :
       {std::string("\x02\x02\x01", 3), std::string("\x02\x01\x01", 3), std::string("\x00\x01", 2),
        std::string("\x01\x00", 2), std::string("\x01\x01\x01", 3), std::string("\x01\x80\x08", 3),
        std::string("\x08\x01\x02\x03\x04\x05\x06\x07\x08", 9), std::string("\x03\x01\x02", 3)}) {
    REQUIRE_FALSE(decode_configuration(bad));
  }
}

TEST_CASE("membership, 4.1: a configuration is used as soon as it is in the log", "[raft]") {
  LoneRaft leader(log_of({1}));
  settle(leader);
  REQUIRE(leader.raft->propose_change(leader.now_us, add_learner(4)));
  leader.take();
  REQUIRE(leader.raft->configuration().is_learner(node(4)));
  REQUIRE(leader.raft->followers().contains(node(4)));
  REQUIRE_FALSE(leader.all<Append>(4).empty());

  LoneRaft follower(log_of({1}), 2);
  follower.step(1, append_of(2, 1, 1, {configuration_entry(2, 2, voters({1, 2}))}));
  REQUIRE(follower.raft->configuration() == voters({1, 2}));
  // Overwritten by the next leader: the one before is in force again.
  follower.step(3, append_of(3, 1, 1, {entry_of(2, 3)}));
  REQUIRE(follower.raft->configuration() == voters({1, 2, 3}));
}

TEST_CASE("membership, 4.2.1: a learner gets all and counts for nothing", "[raft]") {
  LoneRaft lone(log_of({1}));
  settle(lone);
  REQUIRE(lone.raft->propose_change(lone.now_us, add_learner(4)));
  lone.take();
  lone.acknowledge(4, 3);
  REQUIRE(lone.commit() == 2);
  lone.acknowledge(2, 3);
  REQUIRE(lone.commit() == 3);
}

TEST_CASE("membership, 4.2.1: who is far behind isn't made a voter", "[raft]") {
  LoneRaft lone(log_of({1}));
  settle(lone);
  REQUIRE(lone.raft->propose_change(lone.now_us, add_learner(4)));
  lone.take();
  lone.acknowledge(2, 3);
  for (uint64_t i = 0; i < kPromoteLagMax; ++i) REQUIRE(lone.raft->propose(lone.now_us, "x"));
  lone.take();
  REQUIRE(lone.raft->propose_change(lone.now_us, promote(4)).error() == Refusal::not_caught_up);
  lone.acknowledge(4, 3);
  REQUIRE(lone.raft->propose_change(lone.now_us, promote(4)));
  REQUIRE(lone.raft->configuration() == voters({1, 2, 3, 4}));
}

TEST_CASE("membership, 4.1: one change at a time", "[raft]") {
  LoneRaft lone(log_of({1}));
  settle(lone);
  REQUIRE(lone.raft->propose_change(lone.now_us, add_learner(4)));
  lone.take();
  REQUIRE(lone.raft->propose_change(lone.now_us, add_learner(5)).error() ==
          Refusal::change_in_progress);
  lone.acknowledge(2, 3);
  REQUIRE(lone.raft->propose_change(lone.now_us, add_learner(5)));
}

TEST_CASE("membership: who is to vote no longer hears of it when the others have agreed",
          "[raft]") {
  LoneRaft lone(log_of({1}, voters({1, 2, 3, 4})));
  settle(lone);
  lone.acknowledge(4, raw(lone.raft->last_index()));
  lone.sent.clear();
  const auto change = lone.raft->propose_change(lone.now_us, {ChangeKind::demote, node(4)});
  REQUIRE(change);
  lone.take();
  const auto has_heard = [&](uint16_t node) {
    return std::ranges::any_of(lone.all<Append>(node), [&](const Append& append) {
      return std::ranges::any_of(append.entries,
                                 [&](const LogEntry& entry) { return entry.index == *change; });
    });
  };
  CHECK(has_heard(2));
  CHECK(has_heard(3));
  CHECK_FALSE(has_heard(4));
  lone.step(4, HeartbeatReply{.term = lone.raft->term(), .round = 1});
  CHECK_FALSE(has_heard(4));
  lone.acknowledge(2, raw(*change));
  REQUIRE(lone.raft->commit_index() == *change);
  CHECK(has_heard(4));
}

TEST_CASE("membership: a leader doesn't remove or demote itself", "[raft]") {
  LoneRaft lone(log_of({1}));
  settle(lone);
  REQUIRE(lone.raft->propose_change(lone.now_us, remove(1)).error() == Refusal::senseless);
  REQUIRE(lone.raft->propose_change(lone.now_us, {ChangeKind::demote, node(1)}).error() ==
          Refusal::senseless);
}

TEST_CASE("membership, 2015: no change before an entry of the term is committed", "[raft]") {
  LoneRaft lone(log_of({1}));
  lone.become_leader();
  REQUIRE(lone.raft->propose_change(lone.now_us, add_learner(4)).error() ==
          Refusal::term_not_begun);
  lone.acknowledge(2, 2);
  REQUIRE(lone.raft->propose_change(lone.now_us, add_learner(4)));
}

TEST_CASE("membership, 4.3: commitment and elections count the new majority", "[raft]") {
  Configuration members = voters({1, 2, 3});
  members.learners = {node(4)};
  LoneRaft lone(log_of({1}, members));
  settle(lone);
  lone.acknowledge(4, 2);
  REQUIRE(lone.raft->propose_change(lone.now_us, promote(4)));
  lone.take();
  lone.acknowledge(2, 3);
  REQUIRE(lone.commit() == 2);  // two of four
  lone.acknowledge(4, 3);
  REQUIRE(lone.commit() == 3);
  REQUIRE(lone.raft->propose_change(lone.now_us, remove(3)));
  lone.take();
  REQUIRE_FALSE(lone.raft->followers().contains(node(3)));
  lone.acknowledge(2, 4);
  REQUIRE(lone.commit() == 4);  // two of three
}

TEST_CASE("membership, 4.2.3: a removed server disturbs nobody", "[raft]") {
  SimulatedCluster cluster({.seed = 11});
  const uint16_t leader = cluster.settle();
  const uint16_t gone = leader % 3 + 1;
  const Term term = cluster.raft(leader).term();
  REQUIRE(cluster.change(leader, ChangeKind::remove, gone));
  cluster.advance(20'000'000);
  REQUIRE(cluster.leader() == leader);
  REQUIRE(cluster.raft(leader).term() == term);
  REQUIRE(cluster.raft(leader).is_settled_leader());
  // It never learnt of it, and tries again and again.
  REQUIRE(cluster.raft(gone).configuration().is_voter(node(gone)));
  REQUIRE(cluster.raft(gone).role() == Role::pre_candidate);
  REQUIRE(cluster.violation().empty());
}

TEST_CASE("membership: a cluster grows from one to five and shrinks again", "[raft]") {
  SimulatedCluster cluster({.seed = 2, .voters = 1, .spares = 4});
  const uint16_t leader = cluster.settle();
  const auto change = [&](ChangeKind kind, uint16_t which) {
    REQUIRE(cluster.advance_until([&] { return cluster.change(leader, kind, which); }, 5'000'000));
    REQUIRE(cluster.propose(leader));
  };
  for (const uint16_t which : Numbers{2, 3, 4, 5}) {
    change(ChangeKind::add_learner, which);
    change(ChangeKind::promote, which);
  }
  cluster.advance(1'000'000);
  REQUIRE(cluster.raft(leader).configuration() == voters({1, 2, 3, 4, 5}));
  const uint64_t last = raw(cluster.raft(leader).last_index());
  for (const uint16_t which : Numbers{1, 2, 3, 4, 5}) REQUIRE(cluster.applied_by(which) == last);
  for (const uint16_t which : Numbers{2, 3, 4, 5}) change(ChangeKind::remove, which);
  cluster.advance(1'000'000);
  REQUIRE(cluster.raft(leader).configuration() == voters({1}));
  REQUIRE(cluster.applied_by(leader) == raw(cluster.raft(leader).last_index()));
  REQUIRE(cluster.violation().empty());
}

}  // namespace quoris::raft::testing
