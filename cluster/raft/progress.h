// Progress: what a leader knows of one follower's log, and what it may send it now.
//
// A follower is *probed* with one message at a time until the place is found at which the logs
// agree; then it gets entries as they come, several messages ahead of its answers (*replicate*);
// one that needs what the leader's log doesn't hold any more gets the *snapshot*, chunk by chunk.
// What is lost on the way is noticed by the answers to heartbeats.
//
// Invariants: match < next_index; match never falls, for it is durable there.
// Limits: kInflightMessagesMax and kInflightBytesMax wait for an answer.
// Used by: Raft, one per follower of a leader. Pure.
// Sources: thesis, section 10.2.1 (pipelining); the three states are those of etcd's raft.
#pragma once

#include <deque>

#include "cluster/raft/types.h"

namespace quoris::raft {

// Larger: a fast link with long round trips is kept busy. Smaller: less is sent in vain to a
// follower that is down, and less waits in its link.
inline constexpr size_t kInflightMessagesMax = 64;
inline constexpr size_t kInflightBytesMax = size_t{4} << 20;

class Progress {
 public:
  enum class State : uint8_t { probe, replicate, snapshot };

  Progress(LogIndex next_index, uint64_t now_us) : heard_us(now_us), next_index_(next_index) {}

  [[nodiscard]] State state() const { return state_; }

  [[nodiscard]] LogIndex match() const { return match_; }

  [[nodiscard]] LogIndex next_index() const { return next_index_; }

  // --- entries --------------------------------------------------------------------------------
  [[nodiscard]] bool may_send_entries() const;

  // An append without entries is worth its while: entries or their answers may have been lost.
  [[nodiscard]] bool wants_probe() const { return wants_probe_ && state_ != State::snapshot; }

  void on_append_sent(LogIndex last, size_t bytes, LogIndex commit);
  void on_accepted(LogIndex verified, LogIndex durable);
  // `next_index`: where the logs may agree before. Stale answers change nothing.
  void on_refused(LogIndex refused, LogIndex next_index);
  // It lives; `last_index` is the leader's.
  void on_heartbeat_answered(LogIndex last_index);

  [[nodiscard]] LogIndex commit_sent() const { return commit_sent_; }

  // --- the snapshot ---------------------------------------------------------------------------
  void begin_snapshot(SnapshotPtr snapshot);

  // Null while none is sent.
  [[nodiscard]] const Snapshot* snapshot() const { return snapshot_.get(); }

  [[nodiscard]] bool may_send_chunk() const { return state_ == State::snapshot && !awaits_answer_; }

  [[nodiscard]] uint64_t offset() const { return offset_; }

  void on_chunk_sent(uint64_t now_us);
  void on_chunk_answered(LogIndex index, uint64_t offset);
  // The answer to a chunk that was sent before `us` is not waited for any more.
  void give_up_chunk_before(uint64_t us);

  uint64_t heard_us;         // from this follower, in this term; at first: the term's begin
  uint64_t acked_round = 0;  // the newest heartbeat it has answered

 private:
  struct Inflight {
    LogIndex last{0};
    size_t bytes = 0;
  };

  void probe_from(LogIndex next_index);

  State state_ = State::probe;
  LogIndex match_{0};
  LogIndex next_index_;
  LogIndex commit_sent_{0};
  bool awaits_answer_ = false;  // probe, snapshot
  bool wants_probe_ = false;
  std::deque<Inflight> inflight_;
  size_t inflight_bytes_ = 0;
  SnapshotPtr snapshot_;
  uint64_t offset_ = 0;
  uint64_t chunk_sent_us_ = 0;
};

}  // namespace quoris::raft
