// Replication and commitment: one test per claim, with the section of Ongaro's thesis.

#include <catch2/catch.hpp>

#include "tests/cluster/raft/lone_raft.h"
#include "tests/cluster/raft/simulated_cluster.h"

namespace quoris::raft::testing {

namespace {

// A leader of term 8 with the log of figure 3.6, and followers as there and worse.
const std::vector<uint64_t> kLeaderTerms = {1, 1, 1, 4, 4, 5, 5, 6, 6, 6};
const std::vector<std::vector<uint64_t>> kFollowerTerms = {
    {1, 1, 1, 4, 4, 5, 5, 6, 6},
    {1, 1, 1, 4},
    {1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6},
    {1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7},
    {1, 1, 1, 4, 4, 4, 4},
    {1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3},
    {},
    {1},
};

// Leader of term 5 with entries of terms 1, 2, 2 and its no-op at 4.
LoneRaft leader_of_five() {
  LoneRaft lone(in_term(log_of({1, 2, 2}), 4));
  lone.become_leader();
  return lone;
}

}  // namespace

TEST_CASE("replication, 3.5: an append is taken only behind an entry that matches", "[raft]") {
  LoneRaft lone(log_of({1, 1, 2}));
  lone.step(2, append_of(3, 5, 2, {entry_of(6, 3)}));
  REQUIRE_FALSE(lone.last<AppendReply>()->is_accepted);
  lone.step(2, append_of(3, 3, 1, {entry_of(4, 3)}));
  REQUIRE_FALSE(lone.last<AppendReply>()->is_accepted);
  REQUIRE(lone.raft->last_index() == LogIndex{3});
  lone.step(2, append_of(3, 3, 2, {entry_of(4, 3)}));
  REQUIRE(lone.last<AppendReply>()->is_accepted);
  REQUIRE(lone.last<AppendReply>()->verified == LogIndex{4});
  REQUIRE(lone.raft->last_index() == LogIndex{4});
}

TEST_CASE("replication: a follower whose acknowledged entries are lost stops", "[raft]") {
  LoneRaft lone(in_term(log_of({1, 1, 2}), 3), 2);
  lone.step(1, Heartbeat{.term = Term{3}, .round = 1, .commit = LogIndex{3}});
  REQUIRE(lone.raft->role() == Role::follower);
  REQUIRE(lone.commit() == 3);
  for (const uint64_t round : {2U, 3U, 4U, 5U}) {
    lone.step(1, Heartbeat{.term = Term{3}, .round = round, .commit = LogIndex{4}});
    REQUIRE(lone.raft->role() == Role::follower);
  }
  REQUIRE(lone.commit() == 3);
  lone.step(1, Heartbeat{.term = Term{3}, .round = 6, .commit = LogIndex{4}});
  REQUIRE(lone.raft->role() == Role::stopped);
  REQUIRE(lone.raft->lost_index() == LogIndex{4});
}

TEST_CASE("replication, 3.5: any follower's log becomes the leader's, as in figure 3.6", "[raft]") {
  for (const std::vector<uint64_t>& terms : kFollowerTerms) {
    LoneRaft leader(in_term(log_of(kLeaderTerms), 7));
    LoneRaft follower(in_term(log_of(terms), 7), 2);
    leader.become_leader();
    (void)converse(leader, 1, follower, 2);
    std::vector<uint64_t> wanted = kLeaderTerms;
    wanted.push_back(8);
    REQUIRE(terms_of(follower.raft->log()) == wanted);
    REQUIRE(leader.raft->followers().at(node(2)).match() == LogIndex{11});
    REQUIRE(leader.commit() == 11);
    REQUIRE(follower.commit() == 11);
    REQUIRE(follower.applied.size() == 11);
    REQUIRE(follower.applied == leader.applied);
  }
}

TEST_CASE("replication, 3.5: hints find the place in a step per term, not per entry", "[raft]") {
  std::vector<uint64_t> leader_terms = {1};
  std::vector<uint64_t> follower_terms = {1};
  for (int i = 0; i < 200; ++i) {
    leader_terms.push_back(6);
    follower_terms.push_back(static_cast<uint64_t>(2 + i / 50));
  }
  LoneRaft leader(log_of(leader_terms));
  LoneRaft follower(in_term(log_of(follower_terms), 6), 2);
  leader.become_leader();
  const size_t before = leader.all<Append>(2).size();
  REQUIRE(before == 1);
  REQUIRE(converse(leader, 1, follower, 2) < 20);
  REQUIRE(terms_of(follower.raft->log()) == terms_of(leader.raft->log()));
}

TEST_CASE("replication, 3.5: an append that comes again or late truncates nothing", "[raft]") {
  LoneRaft lone(log_of({1}));
  lone.step(2, append_of(2, 1, 1, {entry_of(2, 2), entry_of(3, 2)}));
  lone.step(2, append_of(2, 1, 1, {entry_of(2, 2)}));
  lone.step(2, append_of(2, 1, 1));
  REQUIRE(terms_of(lone.raft->log()) == std::vector<uint64_t>{1, 2, 2});
  REQUIRE(lone.last<AppendReply>()->verified == LogIndex{3});
  REQUIRE(lone.writes.size() == 1);
}

TEST_CASE("replication, 3.5: what conflicts goes, with all that follows", "[raft]") {
  LoneRaft lone(log_of({1, 2, 2, 2}));
  lone.step(2, append_of(3, 1, 1, {entry_of(2, 3)}));
  REQUIRE(terms_of(lone.raft->log()) == std::vector<uint64_t>{1, 3});
  REQUIRE(lone.writes.back().entries == std::vector<LogEntry>{entry_of(2, 3)});
}

TEST_CASE("commitment, 3.6.2, figure 3.7: an older term's entry isn't committed by counting",
          "[raft]") {
  LoneRaft lone = leader_of_five();
  lone.acknowledge(2, 3);
  lone.acknowledge(3, 3);
  REQUIRE(lone.commit() == 0);  // on all three, of term 2
  lone.acknowledge(2, 4);
  REQUIRE(lone.commit() == 4);  // the no-op, and all before it
  REQUIRE(lone.applied.size() == 4);
}

TEST_CASE("commitment: an ack says what was verified, not what the log holds", "[raft]") {
  // A tail of a deposed leader.
  LoneRaft lone(log_of({1, 2, 2, 2}));
  lone.step(2, append_of(3, 1, 1));
  REQUIRE(lone.last<AppendReply>()->is_accepted);
  REQUIRE(lone.last<AppendReply>()->verified == LogIndex{1});
  REQUIRE(lone.last<AppendReply>()->durable == LogIndex{1});
  // Nor does a commit index that goes further commit the tail.
  lone.step(2, append_of(3, 1, 1, {}, 4));
  REQUIRE(lone.commit() == 1);
}

TEST_CASE("commitment: an ack says what is durable, and another one follows the disk", "[raft]") {
  LoneRaft lone(log_of({1}));
  lone.step(2, heartbeat(2));
  lone.is_disk_quick = false;
  lone.step(2, append_of(2, 1, 1, {entry_of(2, 2), entry_of(3, 2)}));
  REQUIRE(lone.last<AppendReply>()->verified == LogIndex{3});
  REQUIRE(lone.last<AppendReply>()->durable == LogIndex{1});
  lone.step(2, append_of(2, 3, 2, {entry_of(4, 2)}));
  const uint64_t first = lone.writes[lone.writes.size() - 2].sequence;
  lone.raft->persisted(lone.now_us, first);
  lone.take();
  REQUIRE(lone.last<AppendReply>()->verified == LogIndex{4});
  REQUIRE(lone.last<AppendReply>()->durable == LogIndex{3});
  lone.persist_all();
  REQUIRE(lone.last<AppendReply>()->durable == LogIndex{4});
}

TEST_CASE("commitment, 10.2.1: a leader sends before its disk has it, and counts itself after",
          "[raft]") {
  LoneRaft lone = leader_of_five();
  lone.acknowledge(2, 4);
  lone.acknowledge(3, 4);
  lone.is_disk_quick = false;
  REQUIRE(lone.raft->propose(lone.now_us, "a"));
  lone.take();
  REQUIRE(lone.last<Append>(2)->entries.back().payload == "a");
  lone.acknowledge(2, 5);
  REQUIRE(lone.commit() == 4);
  lone.persist_all();
  REQUIRE(lone.commit() == 5);

  // The followers alone are a majority, too; but nothing is applied here that isn't durable here.
  REQUIRE(lone.raft->propose(lone.now_us, "b"));
  lone.take();
  lone.acknowledge(2, 6);
  lone.acknowledge(3, 6);
  REQUIRE(lone.commit() == 6);
  REQUIRE(lone.applied.size() == 5);
  lone.persist_all();
  REQUIRE(lone.applied.size() == 6);
}

TEST_CASE("commitment: an ack counts only as far as it is durable there", "[raft]") {
  LoneRaft lone = leader_of_five();
  lone.acknowledge(2, 4, 3);
  REQUIRE(lone.commit() == 0);
  lone.acknowledge(2, 4, 4);
  REQUIRE(lone.commit() == 4);
}

TEST_CASE("commitment: a follower applies nothing before it is durable there", "[raft]") {
  LoneRaft lone(log_of({1}));
  lone.step(2, heartbeat(2));
  lone.is_disk_quick = false;
  lone.step(2, append_of(2, 1, 1, {entry_of(2, 2)}, 2));
  REQUIRE(lone.commit() == 2);
  REQUIRE(lone.applied.size() == 1);
  lone.persist_all();
  REQUIRE(lone.applied.size() == 2);
}

TEST_CASE("durability: a write that was overtaken by a truncation counts for nothing", "[raft]") {
  LoneRaft lone(log_of({1}));
  lone.step(2, heartbeat(2));
  lone.is_disk_quick = false;
  lone.step(2, append_of(2, 1, 1, {entry_of(2, 2), entry_of(3, 2)}));
  const uint64_t first = lone.writes.back().sequence;
  lone.step(3, append_of(3, 1, 1, {entry_of(2, 3)}));
  // A third leader brings the first one's entries back before the first write has ended.
  lone.step(2, append_of(4, 1, 1, {entry_of(2, 2), entry_of(3, 2)}));
  REQUIRE(terms_of(lone.raft->log()) == std::vector<uint64_t>{1, 2, 2});
  lone.raft->persisted(lone.now_us, first);
  lone.take();
  // The second write is still to come, and takes them from the disk for a while.
  REQUIRE(lone.raft->durable_index() == LogIndex{1});
  lone.persist_all();
  REQUIRE(lone.raft->durable_index() == LogIndex{3});
  REQUIRE(lone.last<AppendReply>()->durable == LogIndex{3});
}

TEST_CASE("durability: an error of the disk ends a node's part", "[raft]") {
  LoneRaft lone = leader_of_five();
  lone.advance(kHeartbeatUs);
  lone.step(2, HeartbeatReply{.term = Term{5}, .round = 2});
  REQUIRE(lone.raft->lease_until_us() > 0);
  lone.raft->fail();
  lone.sent.clear();
  REQUIRE(lone.raft->lease_until_us() == 0);
  REQUIRE_FALSE(lone.raft->propose(lone.now_us, "x"));
  lone.advance(10 * kElectionUs);
  lone.step(2, request(9, 9, 8));
  lone.step(2, append_of(9, 3, 2, {entry_of(4, 9)}));
  lone.raft->persisted(lone.now_us, lone.writes.back().sequence);
  lone.take();
  REQUIRE(lone.sent.empty());
  REQUIRE(lone.raft->role() == Role::stopped);
}

TEST_CASE("replication: one probe at a time until the logs match, then a stream", "[raft]") {
  LoneRaft lone = leader_of_five();
  REQUIRE(lone.all<Append>(2).size() == 1);
  for (int i = 0; i < 5; ++i) REQUIRE(lone.raft->propose(lone.now_us, "x"));
  lone.take();
  REQUIRE(lone.all<Append>(2).size() == 1);
  lone.acknowledge(2, 4);
  REQUIRE(lone.all<Append>(2).size() == 2);
  REQUIRE(lone.last<Append>(2)->entries.size() == 5);
  REQUIRE(lone.raft->propose(lone.now_us, "x"));
  lone.take();
  REQUIRE(lone.all<Append>(2).size() == 3);
  REQUIRE(lone.last<Append>(2)->previous_index == LogIndex{9});
}

TEST_CASE("replication: a message and a follower's window have their limits", "[raft]") {
  LoneRaft lone = leader_of_five();
  lone.acknowledge(2, 4);
  lone.acknowledge(3, 4);
  lone.sent.clear();
  size_t proposed = 0;
  while (lone.raft->propose(lone.now_us, std::string(100'000, 'x'))) ++proposed;
  REQUIRE(proposed >= kUncommittedBytesMax / 101'000);
  REQUIRE(proposed <= kUncommittedBytesMax / 100'000 + 1);
  REQUIRE(lone.raft->propose(lone.now_us, "x").error() == Refusal::too_much_waits);
  lone.take();
  size_t inflight = 0;
  for (const Append& append : lone.all<Append>(2)) {
    size_t bytes = 0;
    for (const LogEntry& entry : append.entries) bytes += cost_of(entry);
    REQUIRE(bytes <= kAppendBytesMax);
    inflight += bytes;
  }
  REQUIRE(inflight >= kInflightBytesMax);
  REQUIRE(inflight < kInflightBytesMax + kAppendBytesMax);
  // An answer makes room, and commitment for proposals.
  const uint64_t last = raw(lone.last<Append>(2)->entries.back().index);
  lone.sent.clear();
  lone.acknowledge(2, last);
  REQUIRE_FALSE(lone.all<Append>(2).empty());
  REQUIRE(lone.raft->propose(lone.now_us, "x"));

  REQUIRE(lone.raft->propose(lone.now_us, std::string(kPayloadBytesMax + 1, 'x')).error() ==
          Refusal::too_large);
}

TEST_CASE("replication: so many messages wait for an answer, and no more", "[raft]") {
  LoneRaft lone = leader_of_five();
  lone.acknowledge(2, 4);
  lone.sent.clear();
  for (int i = 0; i < 200; ++i) {
    REQUIRE(lone.raft->propose(lone.now_us, "x"));
    lone.take();
  }
  REQUIRE(lone.all<Append>(2).size() == kInflightMessagesMax);
  // What is verified there and not durable keeps its room.
  lone.acknowledge(2, 20, 4);
  REQUIRE(lone.all<Append>(2).size() == kInflightMessagesMax);
  lone.acknowledge(2, 20, 20);
  REQUIRE(lone.all<Append>(2).size() > kInflightMessagesMax);
}

TEST_CASE("replication: what was lost is noticed by the answers to heartbeats", "[raft]") {
  LoneRaft leader(log_of({1}));
  LoneRaft follower(log_of({1}), 2);
  leader.become_leader();
  (void)converse(leader, 1, follower, 2);
  REQUIRE(follower.commit() == 2);
  for (int i = 0; i < 3; ++i) {
    REQUIRE(leader.raft->propose(leader.now_us, "x"));
    leader.take();
    leader.sent.clear();  // lost
    leader.advance(kHeartbeatUs);
    (void)converse(leader, 1, follower, 2);
    REQUIRE(follower.raft->last_index() == leader.raft->last_index());
    REQUIRE(follower.commit() == leader.commit());
  }
  // Nothing was missing: nothing is sent but heartbeats.
  leader.advance(kHeartbeatUs);
  REQUIRE(converse(leader, 1, follower, 2) == 2);
}

TEST_CASE("replication: a heartbeat commits only what its receiver has acknowledged", "[raft]") {
  LoneRaft lone = leader_of_five();
  lone.acknowledge(2, 4);
  lone.advance(kHeartbeatUs);
  REQUIRE(lone.last<Heartbeat>(2)->commit == LogIndex{4});
  REQUIRE(lone.last<Heartbeat>(3)->commit == LogIndex{0});

  LoneRaft follower(log_of({1, 1}), 2);
  follower.step(1, heartbeat(1, 1, 2));
  REQUIRE(follower.commit() == 2);
  follower.step(1, heartbeat(1, 1, 9));
  REQUIRE(follower.commit() == 2);
}

TEST_CASE("replication: followers hear of a commit at once", "[raft]") {
  LoneRaft leader(log_of({1}));
  LoneRaft follower(log_of({1}), 2);
  leader.become_leader();
  (void)converse(leader, 1, follower, 2);
  const uint64_t now = leader.now_us;
  REQUIRE(leader.raft->propose(now, "x"));
  leader.take();
  (void)converse(leader, 1, follower, 2);
  REQUIRE(follower.commit() == 3);
  REQUIRE(follower.applied.back().payload == "x");
}

TEST_CASE("replication: answers that make no sense change nothing", "[raft]") {
  LoneRaft lone = leader_of_five();
  lone.acknowledge(2, 99);
  lone.acknowledge(9, 4);
  AppendReply reply;
  reply.term = Term{5};
  reply.refused = LogIndex{77};
  lone.step(2, reply);
  reply.is_accepted = true;
  reply.verified = LogIndex{3};
  reply.durable = LogIndex{4};
  lone.step(2, reply);
  lone.step(2, HeartbeatReply{.term = Term{5}, .round = 1000});
  REQUIRE(lone.commit() == 0);
  REQUIRE(lone.raft->followers().at(node(2)).match() == LogIndex{0});
  REQUIRE(lone.raft->lease_until_us() == 0);
}

TEST_CASE("replication: appends that make no sense are dropped", "[raft]") {
  LoneRaft lone(log_of({1, 1}));
  lone.step(2, append_of(3, 2, 1, {entry_of(3, 2)}, 3));
  lone.sent.clear();
  LogEntry bad_configuration = entry_of(4, 3, "zzz");
  bad_configuration.kind = EntryKind::configuration;
  LogEntry no_op = entry_of(4, 3, "not empty");
  no_op.kind = EntryKind::no_op;
  for (const Append& append :
       {append_of(3, 3, 2, {entry_of(5, 3)}), append_of(3, 3, 2, {entry_of(4, 1)}),
        append_of(3, 3, 2, {entry_of(4, 4)}), append_of(3, 3, 2, {bad_configuration}),
        append_of(3, 3, 2, {no_op}), append_of(3, 3, 9), append_of(3, kNumberMax + 1, 2),
        append_of(3, 3, 2, {entry_of(4, 3, std::string(kPayloadBytesMax + 1, 'x'))}),
        // A committed entry with another term: no leader says that.
        append_of(3, 1, 1, {entry_of(2, 2), entry_of(3, 2), entry_of(4, 3)})}) {
    lone.step(2, append);
  }
  REQUIRE(lone.sent.empty());
  REQUIRE(lone.raft->last_index() == LogIndex{3});
  // Neither is a second leader in a term believed, nor a message from nobody or ourselves.
  lone.step(3, append_of(3, 3, 2, {entry_of(4, 3)}));
  lone.step(0, append_of(3, 3, 2, {entry_of(4, 3)}));
  lone.step(1, append_of(3, 3, 2, {entry_of(4, 3)}));
  REQUIRE(lone.sent.empty());
  REQUIRE(lone.raft->last_index() == LogIndex{3});
}

TEST_CASE("replication: what is applied comes in portions, once", "[raft]") {
  std::vector<uint64_t> terms(kApplyEntriesMax + 10, 1);
  LoneRaft lone(log_of(terms));
  const uint64_t last = terms.size();
  lone.raft->step(lone.now_us, node(2), append_of(1, last, 1, {}, last));
  const Output first = lone.raft->take_output();
  REQUIRE(first.committed.size() == kApplyEntriesMax);
  const Output second = lone.raft->take_output();
  REQUIRE(second.committed.size() == 10);
  REQUIRE(second.committed.back().index == LogIndex{last});
  REQUIRE(lone.raft->take_output().is_empty());
}

TEST_CASE("replication: a restart applies what was noted as committed, and no more", "[raft]") {
  LoneRaft lone(log_of({1, 1, 1, 1}));
  lone.is_disk_quick = false;
  lone.step(2, append_of(1, 4, 1, {entry_of(5, 1), entry_of(6, 1)}, 6));
  // 5 and 6 are not durable yet.
  REQUIRE(lone.commit() == 6);
  REQUIRE(lone.applied.size() == 4);
  REQUIRE(lone.raft->has_commit_to_note());
  lone.raft->note_commit();
  lone.take();
  REQUIRE(lone.writes.back().hard_state == HardState{.term = Term{1}, .commit = LogIndex{4}});
  REQUIRE_FALSE(lone.raft->has_commit_to_note());

  StoredState kept = log_of({1, 1, 1, 1, 1, 1});
  kept.hard_state = *lone.writes.back().hard_state;
  LoneRaft again(kept);
  REQUIRE(again.applied.size() == 4);
  REQUIRE(again.commit() == 4);
  // Nothing new is known: nothing is written, whoever asks.
  again.raft->note_commit();
  again.take();
  REQUIRE(again.writes.empty());
}

TEST_CASE("replication: what a snapshot will replace is not noted as committed", "[raft]") {
  // Entries 2 to 4 are another leader's, which the snapshot's leader never had.
  LoneRaft lone(log_of({1, 1, 1, 1}));
  lone.is_disk_quick = false;
  SnapshotChunk chunk;
  chunk.term = Term{2};
  chunk.index = LogIndex{9};
  chunk.snapshot_term = Term{2};
  chunk.configuration = voters({1, 2, 3});
  chunk.bytes = "s";
  chunk.size = 1;
  lone.step(2, chunk);
  REQUIRE(lone.commit() == 9);
  lone.raft->note_commit();
  lone.take();
  for (const Persist& write : lone.writes) {
    if (write.hard_state) REQUIRE(write.hard_state->commit == LogIndex{0});
  }
  lone.persist_all();
  lone.raft->note_commit();
  lone.take();
  REQUIRE(lone.writes.back().hard_state->commit == LogIndex{9});
}

TEST_CASE("replication: a client of a node that doesn't lead is told so", "[raft]") {
  LoneRaft lone(log_of({1}));
  REQUIRE(lone.raft->propose(lone.now_us, "x").error() == Refusal::not_leader);
  REQUIRE(lone.raft->propose_change(lone.now_us, {ChangeKind::add_learner, node(4)}).error() ==
          Refusal::not_leader);
  REQUIRE(lone.raft->hand_over(lone.now_us, kNobody).error() == Refusal::not_leader);
}

}  // namespace quoris::raft::testing
