// Control: leases, the leader's duties, and proposals on their way to it.
#include <fmt/format.h>

#include <algorithm>

#include "base/planted.h"
#include "cluster/control/control.h"

namespace quoris::control {

using topology::Member;
using topology::MemberState;

// --- leases -------------------------------------------------------------------------------------

namespace {

[[nodiscard]] bool may_have_lease(const Member& member, BootNumber boot) {
  return member.boot == boot &&
         (member.state == MemberState::up || member.state == MemberState::leaving);
}

}  // namespace

void Control::renew_lease() {
  const uint64_t now = now_us();
  lease_due_us_ = now + options_.lease_renew_us;
  const Member* self = map_.find(number_);
  if (self == nullptr || !may_have_lease(*self, file_.boot) || phase_ != Phase::member) return;
  if (raft_->is_leader()) {
    const uint64_t until = raft_->lease_until_us();
    if (knows_the_past() && until > now) lease_.take(raft_->term(), until, map_.version);
    return;
  }
  const NodeNumber leader = raft_->leader();
  if (leader == raft::kNobody || leader == number_) return;
  send(leader, LeaseRequest{.sequence = lease_.ask(now), .boot = file_.boot});
}

// The past of this leader's term is known and over: the map holds all that leaders before have
// committed (that a member is down, say), and no lease of theirs lives. (The map may be behind this
// term's own entries: who proposes them has seen to leases before.)
bool Control::knows_the_past() const {
  return raft_->is_settled_leader() && raft_->log().term_at(map_.version) == raft_->term() &&
         now_us() >= raft_->may_act_from_us();
}

// A leader that was deposed and doesn't know it yet has a lease that runs out by itself, and
// nothing that it grants lasts longer.
void Control::on_message(const bus::Sender& from, const LeaseRequest& request) {
  if (raft_ == nullptr || !raft_->is_leader()) return;
  const NodeNumber node = number_of(from);
  if (map_.find(node) != nullptr) lease_requests_[node] = request;
}

// With the next heartbeat, in its packet: an answer of its own would be ten more a second for each
// member.
void Control::grant_lease(NodeNumber node) {
  const auto asked = lease_requests_.find(node);
  if (asked == lease_requests_.end() || !knows_the_past()) return;
  const LeaseRequest request = asked->second;
  lease_requests_.erase(asked);
  const Member* member = map_.find(node);
  LeaseGrant grant{
      .sequence = request.sequence, .term = raft_->term(), .map_version = map_.version};
  const uint64_t now = now_us();
  uint64_t own_until = raft_->lease_until_us();
  if (QUORIS_PLANTED("control: a deposed leader grants")) {
    own_until = now + options_.raft.election_timeout_us;
  }
  if (member != nullptr && may_have_lease(*member, request.boot)) {
    grant.duration_us = grants_.grant(node, now, own_until);
  }
  ++(grant.duration_us > 0 ? figures_.leases_granted : figures_.leases_denied);
  send(node, grant);
}

void Control::on_message(const bus::Sender& from, const LeaseGrant& grant) {
  // A late answer of an earlier leader is fine: it has covered it by its own lease.
  if (number_of(from) == topology::kNoNode) return;
  // No honest leader grants more than its own lease, which is no longer than that, or for a term
  // that this node has not heard of.
  const bool is_honest = raft_ != nullptr && grant.term <= raft_->term() &&
                         grant.duration_us <= options_.raft.election_timeout_us;
  if (is_honest) lease_.on_grant(grant, options_.raft.drift_permille);
}

// --- duties -------------------------------------------------------------------------------------

// How the leader sees its members.
class Control::View final : public ClusterView {
 public:
  explicit View(const Control& control) : control_(control), now_us_(control.now_us()) {}

  [[nodiscard]] MemberView look(NodeNumber node) const override {
    MemberView view;
    view.is_lease_over = control_.grants_.is_over(node, now_us_);
    const auto& followers = control_.raft_->followers();
    if (const auto found = followers.find(node); found != followers.end()) {
      const uint64_t match = raw(found->second.match());
      const uint64_t heard_us = found->second.heard_us;
      view.silent_us = now_us_ - std::min(now_us_, heard_us);
      view.has_caught_up = match != 0 &&
                           match + raft::kPromoteLagMax >= raw(control_.raft_->last_index()) &&
                           view.silent_us <= control_.options_.raft.election_timeout_us;
    }
    const membership::Member* seen = control_.gossip_->find(node);
    if (seen == nullptr) return view;
    view.health = seen->standing.health;
    view.was_heard = seen->was_heard();
    view.boot = seen->standing.boot;
    view.incarnation = seen->standing.incarnation;
    view.flags = seen->notes.flags;
    if ((view.flags & membership::Notes::kClockKnown) != 0) {
      view.clock_offset_us = seen->notes.clock_offset_us;
    }
    if (const auto clock = control_.gossip_->clock(node, control_.moment())) {
      view.clock_to_leader_us = clock->offset_us;
    }
    if (seen->is_down()) view.down_us = std::max<uint64_t>(1, now_us_ - seen->since_us);
    return view;
  }

 private:
  const Control& control_;
  uint64_t now_us_;
};

// Before that, leases of the leader before may live.
bool Control::may_lead() const {
  if (raft_ == nullptr || gossip_ == nullptr || !raft_->is_settled_leader()) return false;
  if (map_.version != raft_->commit_index()) return false;
  return now_us() >= raft_->may_act_from_us() ||
         QUORIS_PLANTED("control: a new leader acts at once");
}

// True: something was proposed.
bool Control::do_duties() {
  const uint64_t now = now_us();
  const bool is_due = duty_due_us_ <= now;
  if (is_due) duty_due_us_ = now - now % options_.duty_us + options_.duty_us;
  if (!is_due && map_.version == decided_) return false;
  if (!may_lead() || map_.version < proposed_) return false;
  decided_ = map_.version;
  const Orders orders = duties_.decide(
      map_, raft_->configuration(), View(*this), number_,
      {.clock_limit_us = options_.clock_limit_us, .voter_away_us = options_.voter_away_us});
  for (const Member& member : map_.members) {
    const bool is_withheld =
        std::ranges::find(orders.withhold, member.number) != orders.withhold.end();
    if (is_withheld) {
      grants_.withhold(member.number);
    } else {
      grants_.allow(member.number);
    }
  }
  bool has_proposed = false;
  for (const topology::MapChange& change : orders.changes) {
    const Result<LogIndex, raft::Refusal> index =
        raft_->propose(now, topology::encode_change(change));
    if (!index) break;
    proposed_ = *index;
    has_proposed = true;
  }
  if (orders.configuration) {
    if (const auto index = raft_->propose_change(now, *orders.configuration)) {
      proposed_ = *index;
      has_proposed = true;
    }
  }
  if (orders.hand_over) {
    // One that is no better would hand it back; but who stops leaves it to anybody.
    const NodeNumber successor = best_successor();
    if (successor != raft::kNobody || phase_ == Phase::stopping) {
      static_cast<void>(raft_->hand_over(now, successor));
    }
  }
  return has_proposed;
}

// A voter that is here and near the end of the log; kNobody: Raft is to find one.
NodeNumber Control::best_successor() const {
  const View view(*this);
  for (const NodeNumber voter : raft_->configuration().voters) {
    const Member* member = map_.find(voter);
    const MemberView seen = view.look(voter);
    const bool is_here = member != nullptr && member->state == MemberState::up &&
                         !member->departs && seen.health == membership::Health::alive &&
                         (seen.flags & ~membership::Notes::kClockKnown) == 0 && seen.has_caught_up;
    if (voter != number_ && is_here) return voter;
  }
  return raft::kNobody;
}

// --- proposals ----------------------------------------------------------------------------------

void Control::propose(const topology::MapChange& change, ProposalDone done) {
  ++figures_.proposals;
  if (proposals_.size() >= options_.proposals_max) {
    post([call = std::move(done)] { call({.message = "too many changes of the map wait"}); });
  } else {
    // A newcomer asks again and again by itself. What is still proposed for it when it was let in
    // by way of another member, and has left since, would let it in once more.
    constexpr uint64_t kJoinRetries = 5;
    const uint64_t timeout_us = std::holds_alternative<topology::AddMember>(change)
                                    ? kJoinRetries * options_.join_retry_us
                                    : options_.proposal_timeout_us;
    proposals_.add(topology::encode_change(change), std::move(done), now_us(), timeout_us);
  }
  // Behind what runs now: `done` is never called from inside this.
  pump_soon();
}

void Control::push_proposals() {
  if (raft_ == nullptr) return;
  const uint64_t now = now_us();
  for (const Propose& proposal : proposals_.take_due(now, options_.proposal_retry_us)) {
    if (raft_->is_leader()) {
      const ProposeAnswer reply = take_proposal(number_, proposal);
      if (reply.index != LogIndex{0}) continue;
    } else if (raft_->leader() != raft::kNobody) {
      send(raft_->leader(), proposal);
    }
  }
}

// index 0: it can't be proposed here and now.
ProposeAnswer Control::take_proposal(NodeNumber from, const Propose& proposal) {
  ProposeAnswer reply{.request = proposal.request};
  if (requests_.has(from, proposal.request)) {
    reply.index = LogIndex{1};
    return reply;
  }
  if (!may_lead() || !topology::decode_change(proposal.change)) return reply;
  const auto index = raft_->propose(now_us(), proposal.change);
  if (!index) return reply;
  requests_.add(*index, {.from = from, .request = proposal.request, .term = raft_->term()});
  reply.index = *index;
  return reply;
}

void Control::on_message(const bus::Sender& from, const Propose& proposal) {
  const NodeNumber node = number_of(from);
  if (raft_ == nullptr || node == topology::kNoNode) return;
  if (requests_.size() >= options_.proposals_max) return;
  const ProposeAnswer reply = take_proposal(node, proposal);
  if (reply.index == LogIndex{0}) answer(node, reply);
}

void Control::answer(NodeNumber to, const ProposeAnswer& answer) {
  if (QUORIS_PLANTED("control: a proposal is not answered")) return;
  if (to != number_) {
    return send(to, answer);
  }
  proposals_.on_answer(answer, map_.version, now_us(), options_.proposal_retry_us);
}

void Control::on_message(const bus::Sender& from, const ProposeAnswer& answer) {
  if (number_of(from) == topology::kNoNode) return;
  proposals_.on_answer(answer, map_.version, now_us(), options_.proposal_retry_us);
}

Status Control::hand_over(NodeNumber to) {
  if (!is_settled_leader()) {
    return Error{Errc::unsupported, "this node does not lead the cluster"};
  }
  if (to == number_) return Error{Errc::invalid_argument, "this node leads already"};
  if (!raft_->hand_over(now_us(), to == raft::kNobody ? best_successor() : to)) {
    return Error{Errc::unsupported, "no other voter could take over now"};
  }
  pump_soon();
  return ok();
}

}  // namespace quoris::control
