// Raft's elections: quiet, pre-vote, votes, and campaigns that a leader asked for.

#include "base/assert.h"
#include "base/planted.h"
#include "cluster/raft/raft.h"

namespace quoris::raft {

// A leader is quiet for as long as it is one: check-quorum sees to it that this ends.
bool Raft::is_quiet() const { return role_ == Role::leader || now_us_ < quiet_until_us_; }

void Raft::restart_election_timer() {
  election_at_us_ =
      now_us_ + options_.election_timeout_us + rng_.below(options_.election_timeout_us);
}

void Raft::become_follower(Term term, NodeNumber leader) {
  const bool was_follower = role_ == Role::follower;
  if (role_ == Role::leader) {
    quiet_until_us_ = std::max(quiet_until_us_, lease_until_us_);
    followers_.clear();
    handover_.reset();
    lease_until_us_ = 0;
    uncommitted_bytes_ = 0;
  }
  if (term > this->term()) set_hard_state(term, kNobody);
  role_ = Role::follower;
  leader_ = leader;
  votes_.clear();
  if (!was_follower) restart_election_timer();
}

// --- as a candidate -----------------------------------------------------------------------------

void Raft::begin_pre_vote() {
  become_follower(term(), kNobody);
  restart_election_timer();
  if (!configuration().is_voter(options_.self)) return;
  role_ = Role::pre_candidate;
  votes_[options_.self] = true;
  // Asking again costs nothing, and others fall silent about a dead leader a little later than we.
  election_at_us_ = now_us_ + options_.heartbeat_us + rng_.below(options_.heartbeat_us);
  ask_for_votes(next(term()), true, false);
  count_votes();
}

void Raft::campaign(bool is_transfer) {
  QUORIS_ASSERT(configuration().is_voter(options_.self));
  if (!is_transfer) act_from_us_ = 0;
  set_hard_state(next(term()), options_.self);
  role_ = Role::candidate;
  leader_ = kNobody;
  votes_.clear();  // our own counts once it is durable
  // Nobody is bound to a leader now: when votes were split the next try can come sooner.
  const uint64_t half_us = options_.election_timeout_us / 2;
  election_at_us_ = now_us_ + half_us + rng_.below(half_us);
  ask_for_votes(term(), false, is_transfer);
}

void Raft::ask_for_votes(Term term, bool is_pre_vote, bool is_transfer) {
  for (const NodeNumber voter : configuration().voters) {
    if (voter == options_.self) continue;
    send(voter, VoteRequest{.term = term,
                            .is_pre_vote = is_pre_vote,
                            .is_transfer = is_transfer,
                            .last_index = last_index(),
                            .last_term = log_.last_term()});
  }
}

void Raft::count_votes() {
  size_t granted = 0;
  for (const auto& [node, is_granted] : votes_) {
    if (is_granted && configuration().is_voter(node)) ++granted;
  }
  if (granted < configuration().majority()) return;
  if (role_ == Role::pre_candidate) return campaign(false);
  if (role_ == Role::candidate) become_leader();
}

void Raft::on_message(NodeNumber from, const VoteReply& reply) {
  if (reply.term > term()) return become_follower(reply.term, kNobody);
  const bool is_ours = reply.is_pre_vote
                           ? role_ == Role::pre_candidate && reply.election == next(term())
                           : role_ == Role::candidate && reply.election == term();
  if (!is_ours || !configuration().is_voter(from)) return;
  votes_[from] = reply.is_granted;
  count_votes();
}

void Raft::on_message(NodeNumber from, const TimeoutNow& message) {
  if (message.term != term() || role_ != Role::follower || from != leader_) return;
  if (!configuration().is_voter(options_.self)) return;
  // No lease lasts longer than E; twice that allows for one that was handed on.
  const uint64_t left_us = std::min(message.lease_left_us, 2 * options_.election_timeout_us);
  act_from_us_ = now_us_ + lengthened(left_us, options_.drift_permille);
  if (QUORIS_PLANTED("raft: a new leader doesn't wait for leases")) act_from_us_ = 0;
  campaign(true);
}

// --- as a voter ---------------------------------------------------------------------------------

// Whether we or the candidate are members by our own configuration is no matter: it may be older
// than the candidate's (section 4.2.2). But whom we don't know as a voter we don't believe that our
// leader has asked it to.
void Raft::on_message(NodeNumber from, const VoteRequest& request) {
  const bool is_exempt =
      request.is_transfer && !request.is_pre_vote && configuration().is_voter(from);
  if (is_quiet() && !is_exempt && !QUORIS_PLANTED("raft: a vote is given within the lease")) return;
  if (!request.is_pre_vote && request.term > this->term()) {
    become_follower(request.term, kNobody);
  }
  bool is_granted = log_.is_covered_by(request.last_index, request.last_term);
  if (request.is_pre_vote) {
    is_granted = is_granted && request.term > term();
    if (QUORIS_PLANTED("raft: a pre-vote is never granted")) is_granted = false;
  } else {
    const NodeNumber vote = hard_state_.vote;
    is_granted = is_granted && request.term == term() && (vote == kNobody || vote == from);
    if (is_granted && vote == kNobody) set_hard_state(term(), from);
    if (is_granted) restart_election_timer();
  }
  send(from, VoteReply{.term = term(),
                       .election = request.term,
                       .is_pre_vote = request.is_pre_vote,
                       .is_granted = is_granted});
}

}  // namespace quoris::raft
