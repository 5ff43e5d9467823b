#include "cluster/raft/raft.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/assert.h"
#include "base/planted.h"

namespace quoris::raft {

// --- time, and what happens ---------------------------------------------------------------------

Raft::Raft(const Options& options, StoredState stored, Rng& rng, uint64_t now_us)
    : options_(options),
      rng_(rng),
      now_us_(now_us),
      hard_state_(stored.hard_state),
      log_(stored),
      snapshot_(std::move(stored.snapshot)),
      durable_(log_.last_index()),
      unwritten_(log_.last_index() + 1),
      restore_(snapshot_) {
  QUORIS_ASSERT(options.self != kNobody);
  QUORIS_ASSERT(options.heartbeat_us < options.election_timeout_us);
  QUORIS_ASSERT(options.drift_permille < 1000);
  QUORIS_ASSERT(hard_state_.term >= log_.last_term());
  if (snapshot_ != nullptr) commit_ = applied_ = snapshot_->index;
  QUORIS_ASSERT(hard_state_.commit <= log_.last_index());
  commit_ = std::max(commit_, hard_state_.commit);
  const bool may_have_promised =
      !stored.is_first_life && !QUORIS_PLANTED("raft: a restart forgets the silence");
  quiet_until_us_ = may_have_promised ? now_us + options.election_timeout_us : now_us;
  restart_election_timer();
  const Configuration& members = configuration();
  const bool is_alone = members.is_voter(options.self) && members.voters.size() == 1;
  if (is_alone) election_at_us_ = quiet_until_us_;
}

void Raft::advance(uint64_t now_us) { now_us_ = std::max(now_us_, now_us); }

void Raft::tick(uint64_t now_us) {
  advance(now_us);
  switch (role_) {
    case Role::leader:
      return lead();
    case Role::follower:
    case Role::pre_candidate:
    case Role::candidate:
      if (now_us_ >= election_at_us_ && !is_quiet()) begin_pre_vote();
      return;
    case Role::stopped:
      return;
  }
}

uint64_t Raft::wake_at_us() const {
  if (role_ == Role::stopped) return std::numeric_limits<uint64_t>::max();
  if (role_ != Role::leader) return std::max(election_at_us_, quiet_until_us_);
  if (!handover_) return heartbeat_at_us_;
  return std::min(heartbeat_at_us_, handover_->deadline_us);
}

void Raft::step(uint64_t now_us, NodeNumber from, const Message& message) {
  advance(now_us);
  if (role_ == Role::stopped) return;
  if (from == kNobody || from == options_.self || !is_valid(message)) return;
  if (raw(term_of(message)) > raw(term()) + kTermLeadMax) return;
  std::visit([this, from](const auto& each) { on_message(from, each); }, message);
}

void Raft::fail() {
  role_ = Role::stopped;
  leader_ = kNobody;
  followers_.clear();
  handover_.reset();
  incoming_.reset();
  writes_.clear();
  held_.clear();
  ready_.clear();
}

// --- the disk -----------------------------------------------------------------------------------

void Raft::set_hard_state(Term term, NodeNumber vote) {
  QUORIS_ASSERT(term >= hard_state_.term);
  if (term > hard_state_.term) {
    verified_ = LogIndex{0};
    acked_ = LogIndex{0};
    incoming_.reset();
  }
  hard_state_.term = term;
  hard_state_.vote = vote;
  hard_state_is_new_ = true;
  hard_state_sequence_ = sequence_ + 1;
}

void Raft::truncate_from(LogIndex index) {
  QUORIS_ASSERT(index > commit_);
  log_.truncate_from(index);
  unwritten_ = std::min(unwritten_, index);
  // What is on its way to the disk there doesn't count when it arrives, should it even be equal to
  // what the log holds by then: a later write lies between them.
  durable_ = std::min(durable_, index - 1);
  for (Write& write : writes_) write.last = std::min(write.last, index - 1);
}

bool Raft::has_commit_to_note() const {
  return role_ != Role::stopped && std::min(commit_, durable_) > hard_state_.commit;
}

bool Raft::must_write() const {
  return hard_state_is_new_ || (commit_is_to_be_noted_ && has_commit_to_note()) ||
         snapshot_is_new_ || log_restarts_ || unwritten_ <= last_index();
}

std::optional<Persist> Raft::gather_writes() {
  if (!must_write()) return std::nullopt;
  Persist persist;
  persist.sequence = ++sequence_;
  const bool notes_commit = std::exchange(commit_is_to_be_noted_, false) && has_commit_to_note();
  if (std::exchange(hard_state_is_new_, false) || notes_commit) {
    hard_state_.commit = std::max(hard_state_.commit, std::min(commit_, durable_));
    persist.hard_state = hard_state_;
  }
  Write write{.sequence = sequence_, .last = last_index(), .installed = nullptr};
  if (std::exchange(snapshot_is_new_, false)) {
    persist.snapshot = snapshot_;
    if (std::exchange(snapshot_is_installed_, false)) write.installed = snapshot_;
  }
  LogIndex from = unwritten_;
  if (std::exchange(log_restarts_, false)) {
    persist.base = log_.base();
    from = log_.base().index + 1;
  }
  persist.entries = log_.tail(from);
  unwritten_ = last_index() + 1;
  writes_.push_back(std::move(write));
  return persist;
}

void Raft::persisted(uint64_t now_us, uint64_t sequence) {
  QUORIS_ASSERT(sequence <= sequence_);
  advance(now_us);
  if (role_ == Role::stopped) return;
  persisted_ = std::max(persisted_, sequence);
  while (!writes_.empty() && writes_.front().sequence <= persisted_) {
    Write& write = writes_.front();
    durable_ = std::max(durable_, write.last);
    if (write.installed != nullptr && write.installed->index > applied_) {
      applied_ = write.installed->index;
      restore_ = std::move(write.installed);
    }
    writes_.pop_front();
  }
  release_held();
  if (role_ == Role::leader) {
    commit_by_counting();
  } else if (role_ == Role::candidate && hard_state_sequence_ <= persisted_) {
    votes_[options_.self] = true;
    count_votes();
  } else if (leader_ != kNobody && std::min(verified_, durable_) > acked_) {
    acknowledge();
  }
}

void Raft::send(NodeNumber to, Message message) {
  const bool is_durable = hard_state_sequence_ <= persisted_ ||
                          QUORIS_PLANTED("raft: a vote is sent before it is durable");
  if (is_durable) {
    ready_.push_back({.to = to, .message = std::move(message)});
  } else if (held_.size() < kHeldMessagesMax) {
    held_.push_back(
        {.sequence = hard_state_sequence_, .outgoing = {.to = to, .message = std::move(message)}});
  }
}

void Raft::release_held() {
  while (!held_.empty() && held_.front().sequence <= persisted_) {
    ready_.push_back(std::move(held_.front().outgoing));
    held_.pop_front();
  }
}

// --- output -------------------------------------------------------------------------------------

Output Raft::take_output() {
  Output output;
  if (role_ == Role::stopped) return output;
  if (role_ == Role::leader) {
    for (auto& [node, progress] : followers_) replicate(node, progress);
  }
  gather_committed(output);
  output.persist = gather_writes();
  output.messages = std::exchange(ready_, {});
  return output;
}

void Raft::gather_committed(Output& output) {
  output.restore = std::exchange(restore_, nullptr);
  LogIndex to = std::min(commit_, durable_);
  if (QUORIS_PLANTED("raft: what is not durable here is applied")) to = commit_;
  // Until an installed snapshot is durable, the log lacks what comes next.
  if (applied_ >= to || applied_ < log_.base().index) return;
  output.committed =
      log_.slice(applied_ + 1, to, {.bytes = kApplyBytesMax, .entries = kApplyEntriesMax});
  applied_ = output.committed.back().index;
}

Result<Done, Refusal> Raft::compact(LogIndex index, std::string data) {
  if (role_ == Role::stopped || index > applied_ || index <= log_.base().index)
    return Refusal::senseless;
  if (snapshot_ != nullptr && index <= snapshot_->index) return Refusal::senseless;
  if (data.size() > kSnapshotBytesMax) return Refusal::too_large;
  const std::optional<Term> term = log_.term_at(index);
  QUORIS_ASSERT(term.has_value());
  snapshot_ = std::make_shared<Snapshot>(Snapshot{.index = index,
                                                  .term = *term,
                                                  .configuration = log_.configuration_at(index),
                                                  .data = std::move(data)});
  snapshot_is_new_ = true;
  const LogIndex base =
      log_.base_that_keeps(index, {.bytes = options_.bytes_kept, .entries = options_.entries_kept});
  if (base > log_.base().index) {
    log_.compact(base);
    log_restarts_ = true;
  }
  return Done{};
}

}  // namespace quoris::raft
