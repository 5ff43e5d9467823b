// Raft: one node's part in agreeing on one log. A pure core: calls tell it what happened, and
// take_output() says what is to be done about it.
//
//   tick(now)  step(now, from, message)  propose(now, ...)  persisted(now, sequence)  ->
//   take_output()
//
// **Time** is monotonic, counts suspension, and differs from node to node. `now_us` is read afresh
// for each call, after what the call tells has arrived: a lease is safe only because a follower
// stays quiet from a moment *after* the leader sent the heartbeat it answers.
//
// **What waits for the disk.** Writes are asynchronous: Output::persist has a sequence, the owner
// persists in that order and says persisted(sequence), late or at once. Two rules cover all that
// must not happen before:
//   - A message leaves only when (term, vote), as they stood when it was made, are durable. Until
//     then it waits in here; what is in Output::messages may leave at once.
//   - Nothing else waits, but every statement about entries counts what is durable: an ack says
//     min(verified to be the leader's, durable), a leader counts its own copy, and an entry is
//     handed out to be applied, only once it is durable here.
// So a leader replicates while its own disk is busy, and a candidate's own vote counts when it is
// durable. After an error of the disk fail() ends the node's part until its process starts anew; it
// ends as well when the leader shows that what this node has acknowledged is lost here.
//
// **Quiet.** Who heard from a leader, or has just started (it may have answered a heartbeat
// before), neither campaigns nor votes, nor even looks at a vote request, for a minimum election
// timeout; a leader who stepped down, until its lease has run out. Elections that the leader itself
// asks for are exempt (TimeoutNow); it gives up its lease for good before, and tells what is left
// of it.
//
// **Leases.** lease_until_us() is the leader's: until then nobody else is elected but by its own
// doing, so what it grants until then nobody contradicts. may_act_from_us(): before that, leases
// that a former leader has granted may live. After an ordinary election they have run out, for each
// voter was quiet as long as the lease at most lasts; after a transfer what was left of them is
// waited for.
//
// Rules of commitment: only entries of the current term by counting (section 3.6.2); a no-op begins
// a term (6.4); one change of a member at a time, after an entry of the term is committed (4.1, and
// Ongaro's correction of 2015); a vote doesn't depend on the voter's own configuration (4.2.2).
//
// **The commit index** is kept with term and vote, whenever those are written and when the owner
// asks (note_commit()): a node that starts without a majority applies what it knew then, and no
// more.
//
// Invariants: applied <= commit; what is applied is durable here; commit, applied and term never go
// back in a process's life.
// Limits: named below and in types.h. A message that breaks one, or makes no sense, is dropped.
// Used by: cluster/control (one per node). Bytes that peers sent are never asserted.
// Sources: Ongaro's thesis (2014); sections 4.2.3 (disruptive servers), 6.4.1 (leases), 9.6
// (pre-vote), 10.2.1 (writes in parallel).
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "base/env.h"
#include "base/result.h"
#include "cluster/raft/lease_rounds.h"
#include "cluster/raft/messages.h"
#include "cluster/raft/progress.h"
#include "cluster/raft/raft_log.h"

namespace quoris::raft {

struct Options {
  NodeNumber self{0};
  // E. The time until an election begins is drawn from [E, 2E). Shorter: quicker failover. Longer:
  // pauses and lost packets depose nobody. Several heartbeats should fit.
  uint64_t election_timeout_us = 500'000;
  // Shorter: leases last longer when one is lost. Longer: less traffic while nothing happens.
  uint64_t heartbeat_us = 100'000;
  // By so many thousandths the faster of two clocks may outrun the slower one. Quartz stays below
  // 1; more costs that share of each lease.
  uint64_t drift_permille = 10;
  // That stay in the log behind a snapshot, for followers that are a little behind: so many, and
  // no more bytes. Fewer bytes than the log has when it is compacted, or that would happen with
  // each further entry.
  uint64_t entries_kept = 1024;
  uint64_t bytes_kept = uint64_t{1} << 19;
};

enum class Role : uint8_t { follower, pre_candidate, candidate, leader, stopped };

// Why a proposal or a request to the leader is refused. Nothing has happened then.
enum class Refusal : uint8_t {
  not_leader,
  transferring,        // leadership is being handed over
  too_much_waits,      // kUncommittedBytesMax
  too_large,           // kPayloadBytesMax, kSnapshotBytesMax
  term_not_begun,      // nothing of the current term is committed yet
  change_in_progress,  // the last change of a member is not committed yet
  senseless,           // changed() has nothing; the leader itself; an index out of place
  not_caught_up,       // the learner, or the target of a transfer
};

// Entries that a leader has not committed. Their owner waits for them; more would only wait longer.
inline constexpr size_t kUncommittedBytesMax = size_t{16} << 20;
// A learner that lacks more entries than that would slow commits down as a voter.
inline constexpr uint64_t kPromoteLagMax = 64;
// Handed out at a time.
inline constexpr size_t kApplyBytesMax = size_t{4} << 20;
inline constexpr size_t kApplyEntriesMax = 4096;
// Messages that wait for the disk; what comes on top is dropped, as a network may.
inline constexpr size_t kHeldMessagesMax = 1024;

struct Output {
  std::optional<Persist> persist;
  std::vector<Outgoing> messages;
  // Not null: the state machine becomes this, before `committed` is applied.
  SnapshotPtr restore;
  std::vector<LogEntry> committed;

  [[nodiscard]] bool is_empty() const {
    return !persist && messages.empty() && restore == nullptr && committed.empty();
  }
};

class Raft {
 public:
  // `rng` outlives this.
  Raft(const Options& options, StoredState stored, Rng& rng, uint64_t now_us);
  Raft(const Raft&) = delete;
  Raft& operator=(const Raft&) = delete;

  // --- what happens -----------------------------------------------------------------------------
  // At wake_at_us() or earlier and later as it suits.
  void tick(uint64_t now_us);
  void step(uint64_t now_us, NodeNumber from, const Message& message);
  // All up to this sequence is durable.
  void persisted(uint64_t now_us, uint64_t sequence);
  // The disk has failed: from now on this does and says nothing.
  void fail();

  // --- what the owner wants ---------------------------------------------------------------------
  // The index the command is going to have; whether it keeps it, `committed` tells.
  [[nodiscard]] Result<LogIndex, Refusal> propose(uint64_t now_us, std::string command);
  // Never of the leader itself: hand over first.
  [[nodiscard]] Result<LogIndex, Refusal> propose_change(uint64_t now_us, const Change& change);
  // Hands over to `target`; kNobody: to the voter that is furthest. Proposals are refused
  // meanwhile. If that fails the leader goes on, or, once the target was asked to campaign, steps
  // down.
  [[nodiscard]] Result<Done, Refusal> hand_over(uint64_t now_us, NodeNumber target);
  // `data` is the state after `index`: the log up to there may go. Refused: senseless, too_large.
  [[nodiscard]] Result<Done, Refusal> compact(LogIndex index, std::string data);

  // Entries are known to be committed that a restart now would not know to be.
  [[nodiscard]] bool has_commit_to_note() const;

  // The next batch says so, should there be nothing else to write. A write of the disk: to be
  // called now and then.
  void note_commit() { commit_is_to_be_noted_ = true; }

  // What there is to do, once. To be called until it is empty: what is applied comes in portions.
  [[nodiscard]] Output take_output();

  // --- what is asked ----------------------------------------------------------------------------
  [[nodiscard]] Role role() const { return role_; }

  [[nodiscard]] Term term() const { return hard_state_.term; }

  [[nodiscard]] NodeNumber leader() const { return leader_; }

  [[nodiscard]] bool is_leader() const { return role_ == Role::leader; }

  // The leader has committed an entry of its term: up to commit_index() it knows all that was ever
  // committed. It may still have to apply some of it.
  [[nodiscard]] bool is_settled_leader() const;

  [[nodiscard]] LogIndex commit_index() const { return commit_; }

  [[nodiscard]] LogIndex applied_index() const { return applied_; }

  [[nodiscard]] LogIndex last_index() const { return log_.last_index(); }

  [[nodiscard]] LogIndex durable_index() const { return durable_; }

  [[nodiscard]] const RaftLog& log() const { return log_; }

  // The newest in the log, committed or not.
  [[nodiscard]] const Configuration& configuration() const { return log_.configuration(); }

  // Up to here this node had acknowledged entries that its log doesn't hold any more: its files are
  // an older copy, or some were lost. Its word can't be trusted, so it has stopped. 0: all is well.
  [[nodiscard]] LogIndex lost_index() const { return lost_; }

  // 0: none.
  [[nodiscard]] uint64_t lease_until_us() const;
  // Of a leader; the maximum of the type in any other role.
  [[nodiscard]] uint64_t may_act_from_us() const;
  // When tick() is due.
  [[nodiscard]] uint64_t wake_at_us() const;

  // A leader's followers, by number; empty in any other role.
  [[nodiscard]] const std::map<NodeNumber, Progress>& followers() const { return followers_; }

 private:
  // A batch that take_output() has handed out and that is not durable yet.
  struct Write {
    uint64_t sequence = 0;
    LogIndex last{0};       // up to here the log is durable with it
    SnapshotPtr installed;  // from the leader; null: none
  };

  struct Held {
    uint64_t sequence = 0;
    Outgoing outgoing;
  };

  // A snapshot on its way here.
  struct Incoming {
    LogIndex index{0};
    Term term{0};
    std::string data;
  };

  struct Handover {
    NodeNumber target{0};
    uint64_t deadline_us = 0;
    uint64_t ask_at_us = 0;
    bool is_asked = false;  // TimeoutNow was sent: there is no way back
  };

  // raft.cc: time, the disk, output
  void advance(uint64_t now_us);
  void send(NodeNumber to, Message message);
  void set_hard_state(Term term, NodeNumber vote);
  void truncate_from(LogIndex index);
  void release_held();
  [[nodiscard]] std::optional<Persist> gather_writes();
  void gather_committed(Output& output);
  [[nodiscard]] bool must_write() const;

  // election.cc
  [[nodiscard]] bool is_quiet() const;
  void restart_election_timer();
  void become_follower(Term term, NodeNumber leader);
  void begin_pre_vote();
  void campaign(bool is_transfer);
  void ask_for_votes(Term term, bool is_pre_vote, bool is_transfer);
  void count_votes();
  void on_message(NodeNumber from, const VoteRequest& request);
  void on_message(NodeNumber from, const VoteReply& reply);
  void on_message(NodeNumber from, const TimeoutNow& message);

  // follower.cc
  [[nodiscard]] bool hear_leader(NodeNumber from, Term term);
  void on_message(NodeNumber from, const Append& append);
  void on_message(NodeNumber from, const Heartbeat& heartbeat);
  void on_message(NodeNumber from, const SnapshotChunk& chunk);
  [[nodiscard]] bool contradicts_committed(const Append& append) const;
  void take_entries(const Append& append);
  void refuse(const Append& append);
  void commit_to(LogIndex index);
  void acknowledge();
  void install(const SnapshotChunk& last_chunk);

  // leader.cc
  void become_leader();
  void on_message(NodeNumber from, const AppendReply& reply);
  void on_message(NodeNumber from, const HeartbeatReply& reply);
  void on_message(NodeNumber from, const SnapshotReply& reply);
  [[nodiscard]] Progress* hear_follower(NodeNumber from, Term term);
  [[nodiscard]] std::optional<Refusal> why_no_proposals() const;
  [[nodiscard]] std::optional<Refusal> why_not(const Change& change) const;
  LogIndex append_own(EntryKind kind, std::string payload);
  void follow_configuration();
  void lead();
  void begin_round();
  void renew_lease();
  void commit_by_counting();
  void replicate(NodeNumber to, Progress& progress);
  void send_entries(NodeNumber to, Progress& progress);
  [[nodiscard]] LogIndex last_for(NodeNumber to) const;
  void send_chunk(NodeNumber to, Progress& progress);
  void go_on_with_handover();
  void step_down();

  Options options_;
  Rng& rng_;
  uint64_t now_us_ = 0;

  Role role_ = Role::follower;
  HardState hard_state_;
  NodeNumber leader_ = kNobody;
  RaftLog log_;
  SnapshotPtr snapshot_;  // the newest, durable or not
  LogIndex commit_{0};
  LogIndex applied_{0};   // handed out
  LogIndex durable_{0};   // as it stands in log_, up to here
  LogIndex verified_{0};  // up to here the log is known to be that of the term's leader
  LogIndex acked_{0};     // durable, as last said to the term's leader
  LogIndex lost_{0};
  uint32_t lost_rounds_ = 0;  // heartbeats in a row that said so

  uint64_t quiet_until_us_ = 0;
  uint64_t election_at_us_ = 0;
  std::map<NodeNumber, bool> votes_;  // in the running election, pre-vote or not

  // As a leader.
  std::map<NodeNumber, Progress> followers_;
  LeaseRounds rounds_;
  uint64_t heartbeat_at_us_ = 0;
  uint64_t lease_until_us_ = 0;
  uint64_t act_from_us_ = 0;
  size_t uncommitted_bytes_ = 0;
  std::optional<Handover> handover_;

  std::optional<Incoming> incoming_;

  // What is to be written, and what waits for it.
  uint64_t sequence_ = 0;   // handed out last
  uint64_t persisted_ = 0;  // durable
  uint64_t hard_state_sequence_ = 0;
  bool hard_state_is_new_ = false;
  bool commit_is_to_be_noted_ = false;
  bool log_restarts_ = false;
  bool snapshot_is_new_ = false;
  bool snapshot_is_installed_ = false;  // the new one is the leader's
  LogIndex unwritten_{0};               // from here on entries are to be written
  std::deque<Write> writes_;
  std::deque<Held> held_;
  std::vector<Outgoing> ready_;
  SnapshotPtr restore_;
};

}  // namespace quoris::raft
