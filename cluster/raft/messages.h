// The messages between the Rafts of a cluster: plain structs, each with its fields listed once,
// from which the channel derives encoding and decoding.
//
// All may be lost, doubled, delayed and reordered. `term` is the sender's, but in a request for a
// vote, where it is the one the candidate wants. What comes in is validated by Raft::step().
// Used by: Raft, the channel. Sources: Ongaro's thesis, figures 3.1 and 5.3, sections 3.10, 9.6.
#pragma once

#include <cstdint>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "cluster/raft/types.h"

namespace quoris::raft {

struct VoteRequest {
  Term term{0};
  bool is_pre_vote = false;
  // The leader itself has asked for this election (TimeoutNow): voters don't wait until they have
  // not heard of it for a while. Never in a pre-vote.
  bool is_transfer = false;
  LogIndex last_index{0};
  Term last_term{0};

  static constexpr auto kFields =
      std::make_tuple(&VoteRequest::term, &VoteRequest::is_pre_vote, &VoteRequest::is_transfer,
                      &VoteRequest::last_index, &VoteRequest::last_term);
};

struct VoteReply {
  Term term{0};
  Term election{0};  // the request's term
  bool is_pre_vote = false;
  bool is_granted = false;

  static constexpr auto kFields = std::make_tuple(&VoteReply::term, &VoteReply::election,
                                                  &VoteReply::is_pre_vote, &VoteReply::is_granted);
};

struct Append {
  Term term{0};
  LogIndex previous_index{0};
  Term previous_term{0};
  LogIndex commit{0};
  std::vector<LogEntry> entries;

  static constexpr auto kFields =
      std::make_tuple(&Append::term, &Append::previous_index, &Append::previous_term,
                      &Append::commit, &Append::entries);
};

struct AppendReply {
  Term term{0};
  bool is_accepted = false;
  // Accepted: up to here the follower's log is the leader's, and up to `durable` of it a power cut
  // takes nothing. durable <= verified.
  LogIndex verified{0};
  LogIndex durable{0};
  // Refused: the previous_index that was not found, and the last place before it at which the
  // follower's log can agree with a log that has the request's previous_term there.
  LogIndex refused{0};
  LogIndex hint_index{0};
  Term hint_term{0};

  static constexpr auto kFields = std::make_tuple(
      &AppendReply::term, &AppendReply::is_accepted, &AppendReply::verified, &AppendReply::durable,
      &AppendReply::refused, &AppendReply::hint_index, &AppendReply::hint_term);
};

struct Heartbeat {
  Term term{0};
  uint64_t round = 0;
  LogIndex commit{0};  // at most what the receiver has acknowledged

  static constexpr auto kFields =
      std::make_tuple(&Heartbeat::term, &Heartbeat::round, &Heartbeat::commit);
};

// The sender neither campaigns nor votes for a minimum election timeout from the receipt of that
// round on.
struct HeartbeatReply {
  Term term{0};
  uint64_t round = 0;

  static constexpr auto kFields = std::make_tuple(&HeartbeatReply::term, &HeartbeatReply::round);
};

struct SnapshotChunk {
  Term term{0};
  LogIndex index{0};
  Term snapshot_term{0};
  Configuration configuration;
  uint64_t size = 0;  // of all
  uint64_t offset = 0;
  std::string bytes;

  static constexpr auto kFields =
      std::make_tuple(&SnapshotChunk::term, &SnapshotChunk::index, &SnapshotChunk::snapshot_term,
                      &SnapshotChunk::configuration, &SnapshotChunk::size, &SnapshotChunk::offset,
                      &SnapshotChunk::bytes);
};

// Once the snapshot is whole and durable the answer is an AppendReply.
struct SnapshotReply {
  Term term{0};
  LogIndex index{0};
  uint64_t offset = 0;  // that is wanted next

  static constexpr auto kFields =
      std::make_tuple(&SnapshotReply::term, &SnapshotReply::index, &SnapshotReply::offset);
};

// The leader hands over: the receiver is to campaign at once.
struct TimeoutNow {
  Term term{0};
  // So long leases that the sender's lease has covered may still live.
  uint64_t lease_left_us = 0;

  static constexpr auto kFields = std::make_tuple(&TimeoutNow::term, &TimeoutNow::lease_left_us);
};

using Message = std::variant<VoteRequest, VoteReply, Append, AppendReply, Heartbeat, HeartbeatReply,
                             SnapshotChunk, SnapshotReply, TimeoutNow>;

struct Outgoing {
  NodeNumber to{0};
  Message message;
};

// No honest node gets there: one more is still far from the type's end.
inline constexpr uint64_t kNumberMax = uint64_t{1} << 62;

// No honest node is so many elections ahead of another of its cluster. Who believed any term could
// be led to the last one, after which there is no election.
inline constexpr uint64_t kTermLeadMax = uint64_t{1} << 32;

[[nodiscard]] Term term_of(const Message& message);

// By itself it makes sense: numbers and sizes within their limits, entries one behind the other,
// what says it is a configuration is one.
[[nodiscard]] bool is_valid(const Message& message);

}  // namespace quoris::raft
