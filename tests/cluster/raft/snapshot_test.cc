// Snapshots: thesis chapter 5.

#include <catch2/catch.hpp>

#include "tests/cluster/raft/lone_raft.h"
#include "tests/cluster/raft/simulated_cluster.h"

namespace quoris::raft::testing {

namespace {

// Leader whose log begins behind a snapshot of that size.
LoneRaft compacted_leader(size_t snapshot_size) {
  Options options;
  options.entries_kept = 2;
  LoneRaft lone(log_of({1, 1, 1, 1, 1, 1}), 1, options);
  lone.become_leader();
  lone.acknowledge(3, 7);
  REQUIRE(lone.applied.size() == 7);
  REQUIRE(lone.raft->compact(LogIndex{7}, std::string(snapshot_size, 's')));
  lone.take();
  lone.sent.clear();
  return lone;
}

SnapshotChunk chunk_of(uint64_t term, uint64_t index, uint64_t snapshot_term, std::string bytes) {
  const uint64_t size = bytes.size();
  return {.term = Term{term},
          .index = LogIndex{index},
          .snapshot_term = Term{snapshot_term},
          .configuration = voters({1, 2, 3}),
          .size = size,
          .offset = 0,
          .bytes = std::move(bytes)};
}

}  // namespace

TEST_CASE("snapshot, 5.1: it takes the place of the log before it, but for a few entries",
          "[raft]") {
  LoneRaft lone = compacted_leader(10);
  REQUIRE(lone.raft->log().base() == LogBase{.index = LogIndex{5}, .term = Term{1}});
  const Persist& write = lone.writes.back();
  REQUIRE(write.snapshot->index == LogIndex{7});
  REQUIRE(write.snapshot->term == Term{2});
  REQUIRE(write.snapshot->configuration == voters({1, 2, 3}));
  REQUIRE(write.base == LogBase{.index = LogIndex{5}, .term = Term{1}});
  REQUIRE(write.entries.size() == 2);
  REQUIRE(lone.raft->configuration() == voters({1, 2, 3}));

  REQUIRE(lone.raft->compact(LogIndex{7}, "again").error() == Refusal::senseless);
  REQUIRE(lone.raft->compact(LogIndex{8}, "not applied").error() == Refusal::senseless);
  REQUIRE(lone.raft->compact(LogIndex{3}, "gone").error() == Refusal::senseless);
}

TEST_CASE("snapshot: large entries don't stay behind it", "[raft]") {
  Options options;
  options.entries_kept = 100;
  options.bytes_kept = 2'500;
  LoneRaft lone(log_of({1}), 1, options);
  lone.become_leader();
  for (int i = 0; i < 5; ++i) {
    REQUIRE(lone.raft->propose(lone.now_us, std::string(1'000, 'x')));
    lone.take();
  }
  lone.acknowledge(2, 7);
  REQUIRE(lone.raft->compact(LogIndex{7}, "s"));
  REQUIRE(lone.raft->log().base().index == LogIndex{5});
  // One larger than all that may stay does, for a follower that lacks the newest alone.
  REQUIRE(lone.raft->propose(lone.now_us, std::string(5'000, 'x')));
  lone.take();
  lone.acknowledge(2, 8);
  REQUIRE(lone.raft->compact(LogIndex{8}, "s"));
  REQUIRE(lone.raft->log().base().index == LogIndex{7});
}

TEST_CASE("snapshot: it holds the configuration at its index, not the newest", "[raft]") {
  LoneRaft lone(log_of({1, 1, 1}));
  lone.become_leader();
  lone.acknowledge(2, 4);
  REQUIRE(lone.raft->propose_change(lone.now_us, {ChangeKind::add_learner, node(4)}));
  lone.take();
  REQUIRE(lone.raft->compact(LogIndex{4}, "s"));
  lone.take();
  REQUIRE(lone.writes.back().snapshot->configuration == voters({1, 2, 3}));
  REQUIRE(lone.raft->configuration().is_learner(node(4)));
}

TEST_CASE("snapshot, 5.2: a follower that lacks what is gone gets it, chunk by chunk", "[raft]") {
  const size_t size = 2 * kSnapshotChunkMax + 1000;
  LoneRaft leader = compacted_leader(size);
  LoneRaft follower(log_of({1}), 2);
  AppendReply refusal;
  refusal.term = Term{2};
  refusal.refused = LogIndex{6};
  refusal.hint_index = LogIndex{1};
  refusal.hint_term = Term{1};
  leader.step(2, refusal);
  REQUIRE(leader.all<SnapshotChunk>(2).size() == 1);
  REQUIRE(leader.last<SnapshotChunk>(2)->bytes.size() == kSnapshotChunkMax);
  (void)converse(leader, 1, follower, 2);
  REQUIRE(follower.restored->data == std::string(size, 's'));
  REQUIRE(follower.raft->applied_index() == LogIndex{7});
  REQUIRE(leader.raft->followers().at(node(2)).match() == LogIndex{7});
  REQUIRE(leader.raft->propose(leader.now_us, "x"));
  leader.take();
  (void)converse(leader, 1, follower, 2);
  REQUIRE(follower.applied.back().payload == "x");
}

TEST_CASE("snapshot: chunks and answers that are lost or doubled do no harm", "[raft]") {
  LoneRaft leader = compacted_leader(5 * kSnapshotChunkMax);
  LoneRaft follower(log_of({1}), 2);
  AppendReply refusal;
  refusal.term = Term{2};
  refusal.refused = LogIndex{6};
  refusal.hint_index = LogIndex{1};
  refusal.hint_term = Term{1};
  leader.step(2, refusal);
  sim::SimRng rng(5);
  for (int i = 0; i < 300 && follower.restored == nullptr; ++i) {
    for (LoneRaft* each : {&leader, &follower}) {
      std::erase_if(each->sent, [&](const Outgoing&) { return rng.below(4) == 0; });
      if (!each->sent.empty() && rng.below(2) == 0) each->sent.push_back(each->sent.front());
    }
    (void)converse(leader, 1, follower, 2, 2);
    leader.advance(kHeartbeatUs);
    leader.step(3, HeartbeatReply{.term = Term{2}, .round = 0});
  }
  REQUIRE(follower.restored != nullptr);
  REQUIRE(follower.restored->data.size() == 5 * kSnapshotChunkMax);
}

TEST_CASE("snapshot: it is acknowledged and applied when it is durable", "[raft]") {
  LoneRaft lone(log_of({1, 1, 1}), 2);
  lone.step(1, append_of(2, 3, 1, {}, 2));
  lone.sent.clear();
  lone.is_disk_quick = false;
  lone.step(1, chunk_of(2, 9, 2, "state"));
  REQUIRE(lone.last<SnapshotReply>(1)->offset == 5);
  REQUIRE(lone.all<AppendReply>(1).empty());
  REQUIRE(lone.restored == nullptr);
  REQUIRE(lone.writes.back().snapshot->data == "state");
  REQUIRE(lone.writes.back().base == LogBase{.index = LogIndex{9}, .term = Term{2}});
  // What comes behind it is taken, and waits as well.
  lone.step(1, append_of(2, 9, 2, {entry_of(10, 2)}, 10));
  REQUIRE(lone.last<AppendReply>(1)->verified == LogIndex{10});
  REQUIRE(lone.last<AppendReply>(1)->durable <= LogIndex{3});
  const size_t applied = lone.applied.size();
  lone.persist_all();
  REQUIRE(lone.restored->data == "state");
  REQUIRE(lone.last<AppendReply>(1)->durable == LogIndex{10});
  REQUIRE(lone.applied.size() == applied + 1);
  REQUIRE(lone.applied.back().index == LogIndex{10});
}

TEST_CASE("snapshot, 5.1: a log that holds what it says is kept", "[raft]") {
  LoneRaft lone(log_of({1, 1, 1, 1, 1}), 2);
  const size_t writes = lone.writes.size();
  lone.step(1, chunk_of(1, 4, 1, "state"));
  REQUIRE(lone.restored == nullptr);
  REQUIRE(lone.writes.size() == writes);
  REQUIRE(lone.commit() == 4);
  REQUIRE(lone.applied.size() == 4);
  REQUIRE(lone.raft->last_index() == LogIndex{5});

  // One that conflicts goes, with its tail.
  LoneRaft other(log_of({1, 1, 1, 1, 1}), 2);
  other.step(1, chunk_of(3, 4, 2, "state"));
  REQUIRE(other.restored->data == "state");
  REQUIRE(other.raft->last_index() == LogIndex{4});
}

TEST_CASE("snapshot: one that is older than what is committed is answered by an ack", "[raft]") {
  LoneRaft lone(log_of({1, 1, 1}), 2);
  lone.step(1, append_of(1, 3, 1, {}, 3));
  lone.step(1, chunk_of(1, 2, 1, "old"));
  REQUIRE(lone.restored == nullptr);
  REQUIRE(lone.last<AppendReply>(1)->is_accepted);
  REQUIRE(lone.last<AppendReply>(1)->verified == LogIndex{3});
}

TEST_CASE("snapshot: chunks that make no sense are dropped", "[raft]") {
  LoneRaft lone(log_of({1}), 2);
  lone.step(1, heartbeat(1));
  lone.sent.clear();
  SnapshotChunk beyond = chunk_of(1, 9, 1, "xx");
  beyond.size = 1;
  SnapshotChunk huge = chunk_of(1, 9, 1, "x");
  huge.size = kSnapshotBytesMax + 1;
  SnapshotChunk nobody = chunk_of(1, 9, 1, "x");
  nobody.configuration = {};
  for (const SnapshotChunk& each :
       {beyond, huge, nobody, chunk_of(1, 0, 1, "x"), chunk_of(1, 9, 2, "x"),
        chunk_of(1, 9, 1, std::string(kSnapshotChunkMax + 1, 'x'))}) {
    lone.step(1, each);
  }
  REQUIRE(lone.sent.empty());
  REQUIRE(lone.raft->last_index() == LogIndex{1});
}

TEST_CASE("snapshot: what a node restarts from", "[raft]") {
  StoredState state;
  state.hard_state.term = Term{4};
  state.snapshot = std::make_shared<Snapshot>(Snapshot{
      .index = LogIndex{5}, .term = Term{2}, .configuration = voters({1, 2}), .data = "s"});
  state.base = {.index = LogIndex{3}, .term = Term{1}};
  // The configuration of index 4 is older than the snapshot's, the one of 7 is newer.
  state.entries = {configuration_entry(4, 2, voters({1, 2, 3})), entry_of(5, 2), entry_of(6, 2),
                   configuration_entry(7, 4, voters({1, 2, 4}))};
  LoneRaft lone(state);
  REQUIRE(lone.restored->data == "s");
  REQUIRE(lone.raft->applied_index() == LogIndex{5});
  REQUIRE(lone.raft->last_index() == LogIndex{7});
  REQUIRE(lone.raft->configuration() == voters({1, 2, 4}));
  REQUIRE(lone.writes.empty());
}

TEST_CASE("snapshot: a node that was away for long catches up by it", "[raft]") {
  Setup setup{.seed = 8, .compact_after = 20};
  setup.options.entries_kept = 5;
  SimulatedCluster cluster(setup);
  const uint16_t leader = cluster.settle();
  const uint16_t away = leader % 3 + 1;
  cluster.crash(away);
  for (int i = 0; i < 200; ++i) {
    REQUIRE(cluster.propose(leader));
    cluster.advance(5000);
  }
  cluster.start(away);
  cluster.advance(2'000'000);
  REQUIRE(cluster.applied_by(away) == raw(cluster.raft(leader).last_index()));
  REQUIRE(cluster.violation().empty());
}

}  // namespace quoris::raft::testing
