// Raft as a leader: proposals, replication, commitment, leases, handing over.

#include <algorithm>
#include <limits>
#include <utility>

#include "base/assert.h"
#include "base/planted.h"
#include "cluster/raft/raft.h"

namespace quoris::raft {

namespace {

constexpr uint64_t kNever = std::numeric_limits<uint64_t>::max();

}  // namespace

void Raft::become_leader() {
  role_ = Role::leader;
  leader_ = options_.self;
  votes_.clear();
  followers_.clear();
  rounds_ = LeaseRounds();
  lease_until_us_ = 0;
  act_from_us_ = std::max(act_from_us_, now_us_);
  uncommitted_bytes_ = 0;
  for (LogIndex index = commit_ + 1; index <= last_index(); index = index + 1) {
    uncommitted_bytes_ += cost_of(log_.at(index));
  }
  follow_configuration();
  append_own(EntryKind::no_op, {});
  begin_round();
}

uint64_t Raft::lease_until_us() const {
  if (role_ != Role::leader) return 0;
  const bool is_given_up =
      handover_ && handover_->is_asked && !QUORIS_PLANTED("raft: a deposed leader keeps its lease");
  return is_given_up ? 0 : lease_until_us_;
}

uint64_t Raft::may_act_from_us() const { return role_ == Role::leader ? act_from_us_ : kNever; }

bool Raft::is_settled_leader() const {
  return role_ == Role::leader && log_.term_at(commit_) == term();
}

void Raft::lead() {
  const auto heard = reached_by_majority<uint64_t>(configuration(), [this](NodeNumber voter) {
    return voter == options_.self ? now_us_ : followers_.at(voter).heard_us;
  });
  // Check-quorum (section 6.2): who hears of no majority any more isn't believed for long.
  if (now_us_ - heard >= options_.election_timeout_us) return step_down();
  if (now_us_ >= heartbeat_at_us_) begin_round();
  go_on_with_handover();
}

void Raft::step_down() { become_follower(term(), kNobody); }

// --- proposals ----------------------------------------------------------------------------------

std::optional<Refusal> Raft::why_no_proposals() const {
  if (role_ != Role::leader) return Refusal::not_leader;
  if (handover_) return Refusal::transferring;
  if (uncommitted_bytes_ >= kUncommittedBytesMax) return Refusal::too_much_waits;
  return std::nullopt;
}

Result<LogIndex, Refusal> Raft::propose(uint64_t now_us, std::string command) {
  advance(now_us);
  if (const std::optional<Refusal> why = why_no_proposals()) return *why;
  if (command.size() > kPayloadBytesMax) return Refusal::too_large;
  return append_own(EntryKind::command, std::move(command));
}

std::optional<Refusal> Raft::why_not(const Change& change) const {
  // Else two leaders could each be half way through another change, with disjoint majorities.
  if (!is_settled_leader() && !QUORIS_PLANTED("raft: a member changes before the term has begun"))
    return Refusal::term_not_begun;
  if (log_.configuration_index() > commit_) return Refusal::change_in_progress;
  if (change.node == options_.self || !changed(configuration(), change)) return Refusal::senseless;
  if (change.kind != ChangeKind::promote) return std::nullopt;
  const bool is_near = followers_.at(change.node).match() + kPromoteLagMax >= last_index();
  return is_near ? std::nullopt : std::optional(Refusal::not_caught_up);
}

Result<LogIndex, Refusal> Raft::propose_change(uint64_t now_us, const Change& change) {
  advance(now_us);
  if (const std::optional<Refusal> why = why_no_proposals()) return *why;
  if (const std::optional<Refusal> why = why_not(change)) return *why;
  const std::optional<Configuration> after = changed(configuration(), change);
  const LogIndex index = append_own(EntryKind::configuration, encode_configuration(*after));
  follow_configuration();
  return index;
}

LogIndex Raft::append_own(EntryKind kind, std::string payload) {
  LogEntry entry{
      .index = last_index() + 1, .term = term(), .kind = kind, .payload = std::move(payload)};
  uncommitted_bytes_ += cost_of(entry);
  log_.append(std::move(entry));
  return last_index();
}

// Followers are the members of the newest configuration, voters or not.
void Raft::follow_configuration() {
  const Configuration& members = configuration();
  std::erase_if(followers_, [&members](const auto& each) {
    return !members.is_voter(each.first) && !members.is_learner(each.first);
  });
  for (const auto* nodes : {&members.voters, &members.learners}) {
    for (const NodeNumber node : *nodes) {
      if (node != options_.self) followers_.try_emplace(node, last_index() + 1, now_us_);
    }
  }
}

// --- answers ------------------------------------------------------------------------------------

// Null if it is no follower of ours, or told us that we are not the leader any more.
Progress* Raft::hear_follower(NodeNumber from, Term term) {
  if (term > this->term()) become_follower(term, kNobody);
  if (term < this->term() || role_ != Role::leader) return nullptr;
  const auto found = followers_.find(from);
  if (found == followers_.end()) return nullptr;
  found->second.heard_us = now_us_;
  return &found->second;
}

void Raft::on_message(NodeNumber from, const AppendReply& reply) {
  Progress* progress = hear_follower(from, reply.term);
  if (progress == nullptr || reply.verified > last_index()) return;
  if (reply.is_accepted) {
    progress->on_accepted(reply.verified, reply.durable);
    commit_by_counting();
    go_on_with_handover();
  } else {
    const LogIndex match = log_.last_possible_match(reply.hint_index, reply.hint_term);
    progress->on_refused(reply.refused, match + 1);
  }
}

void Raft::on_message(NodeNumber from, const HeartbeatReply& reply) {
  Progress* progress = hear_follower(from, reply.term);
  if (progress == nullptr || reply.round > rounds_.last()) return;
  progress->acked_round = std::max(progress->acked_round, reply.round);
  progress->on_heartbeat_answered(last_index());
  progress->give_up_chunk_before(now_us_ - std::min(now_us_, 2 * options_.heartbeat_us));
  renew_lease();
}

void Raft::on_message(NodeNumber from, const SnapshotReply& reply) {
  Progress* progress = hear_follower(from, reply.term);
  if (progress != nullptr) progress->on_chunk_answered(reply.index, reply.offset);
}

void Raft::commit_by_counting() {
  const auto index = reached_by_majority<LogIndex>(configuration(), [this](NodeNumber voter) {
    if (voter != options_.self) return followers_.at(voter).match();
    return QUORIS_PLANTED("raft: a leader counts what its disk lacks") ? last_index() : durable_;
  });
  if (index <= commit_) return;
  // One of an older term may be on a majority and yet be overwritten (section 3.6.2, figure 3.7).
  if (log_.term_at(index) != term() && !QUORIS_PLANTED("raft: an older term's entry is committed"))
    return;
  while (commit_ < index) {
    commit_ = commit_ + 1;
    uncommitted_bytes_ -= cost_of(log_.at(commit_));
  }
}

// --- heartbeats and leases ----------------------------------------------------------------------

void Raft::begin_round() {
  const uint64_t round = rounds_.begin(now_us_);
  heartbeat_at_us_ = now_us_ + options_.heartbeat_us;
  for (const auto& [node, progress] : followers_) {
    send(node,
         Heartbeat{.term = term(), .round = round, .commit = std::min(commit_, progress.match())});
  }
  renew_lease();
}

void Raft::renew_lease() {
  const bool is_given_up = handover_ && handover_->is_asked;
  if (is_given_up && !QUORIS_PLANTED("raft: a deposed leader keeps its lease")) return;
  const auto round = reached_by_majority<uint64_t>(configuration(), [this](NodeNumber voter) {
    return voter == options_.self ? rounds_.last() : followers_.at(voter).acked_round;
  });
  const std::optional<uint64_t> sent_us = rounds_.sent_us(round);
  if (!sent_us) return;
  const uint64_t lease_us = shortened(options_.election_timeout_us, options_.drift_permille);
  lease_until_us_ = std::max(lease_until_us_, *sent_us + lease_us);
}

// --- replication --------------------------------------------------------------------------------

void Raft::replicate(NodeNumber to, Progress& progress) {
  const bool is_gone = progress.next_index() <= log_.base().index;
  if (is_gone && progress.snapshot() == nullptr) progress.begin_snapshot(snapshot_);
  if (progress.snapshot() == nullptr) return send_entries(to, progress);
  if (progress.may_send_chunk()) send_chunk(to, progress);
}

// A voter that is to be one no longer gets to know it when the others have agreed. With that entry
// in its log it would refuse its vote to those who lack it, who need it as long as they do, and it
// would not campaign itself: if the leader is lost then, nobody leads.
LogIndex Raft::last_for(NodeNumber to) const {
  const LogIndex change = log_.configuration_index();
  const bool is_demoted = change > commit_ && !configuration().is_voter(to) &&
                          log_.configuration_at(change - 1).is_voter(to);
  return is_demoted ? change - 1 : last_index();
}

void Raft::send_entries(NodeNumber to, Progress& progress) {
  const LogIndex last = last_for(to);
  for (;;) {
    const bool may_send = progress.may_send_entries();
    const bool is_probing = progress.state() == Progress::State::probe;
    const bool has_entries = may_send && progress.next_index() <= last;
    const bool asks = progress.wants_probe() || (is_probing && may_send);
    const bool tells = !is_probing && progress.commit_sent() < commit_;
    if (!has_entries && !asks && !tells) return;
    const LogIndex previous = progress.next_index() - 1;
    Append append{.term = term(),
                  .previous_index = previous,
                  .previous_term = log_.term_at(previous).value_or(Term{0}),
                  .commit = commit_,
                  .entries = {}};
    if (has_entries) append.entries = log_.slice(progress.next_index(), last, {});
    size_t bytes = 0;
    for (const LogEntry& entry : append.entries) bytes += cost_of(entry);
    progress.on_append_sent(previous + append.entries.size(), bytes, commit_);
    send(to, std::move(append));
  }
}

void Raft::send_chunk(NodeNumber to, Progress& progress) {
  const Snapshot& snapshot = *progress.snapshot();
  progress.on_chunk_sent(now_us_);
  send(to, SnapshotChunk{.term = term(),
                         .index = snapshot.index,
                         .snapshot_term = snapshot.term,
                         .configuration = snapshot.configuration,
                         .size = snapshot.data.size(),
                         .offset = progress.offset(),
                         .bytes = snapshot.data.substr(progress.offset(), kSnapshotChunkMax)});
}

// --- handing over -------------------------------------------------------------------------------

Result<Done, Refusal> Raft::hand_over(uint64_t now_us, NodeNumber target) {
  advance(now_us);
  if (role_ != Role::leader) return Refusal::not_leader;
  if (handover_) return Refusal::transferring;
  if (target == kNobody) {
    LogIndex furthest{0};
    for (const auto& [node, progress] : followers_) {
      if (!configuration().is_voter(node) || progress.match() <= furthest) continue;
      furthest = progress.match();
      target = node;
    }
    if (target == kNobody) return Refusal::not_caught_up;
  }
  if (target == options_.self || !configuration().is_voter(target)) return Refusal::senseless;
  handover_ = Handover{.target = target,
                       .deadline_us = now_us_ + options_.election_timeout_us,
                       .ask_at_us = now_us_,
                       .is_asked = false};
  go_on_with_handover();
  return Done{};
}

// From the moment that the target is asked to campaign, its election may come at any time, however
// late that message arrives: no lease of this term may be given again, so the only ways out are to
// be deposed and to step down (the message is worthless in any later term).
void Raft::go_on_with_handover() {
  if (!handover_) return;
  if (now_us_ >= handover_->deadline_us) {
    if (handover_->is_asked) return step_down();
    handover_.reset();
    return;
  }
  const bool is_caught_up = followers_.at(handover_->target).match() == last_index();
  if (!is_caught_up || now_us_ < handover_->ask_at_us) return;
  const uint64_t promised_us = std::max(lease_until_us_, act_from_us_);
  handover_->is_asked = true;
  handover_->ask_at_us = now_us_ + options_.heartbeat_us;
  send(handover_->target,
       TimeoutNow{.term = term(), .lease_left_us = promised_us - std::min(promised_us, now_us_)});
}

}  // namespace quoris::raft
