#include "cluster/control/duties.h"

#include <algorithm>

#include "base/planted.h"
#include "cluster/topology/planner.h"
#include "cluster/topology/primaries.h"

namespace quoris::control {

namespace {

using membership::Health;
using topology::Member;
using topology::MemberState;

// A clock that was off counts as right again only well within the limit, so that one at the limit
// doesn't go back and forth.
constexpr int64_t kClockBackPercent = 80;

class Decider {
 public:
  Decider(const topology::ClusterMap& map, const raft::Configuration& configuration,
          const ClusterView& view, NodeNumber self, const DutyLimits& limits)
      : map_(map), configuration_(configuration), view_(view), self_(self), limits_(limits) {}

  void look_at_members() {
    for (const Member& member : map_.members) {
      if (member.number == self_) {
        look_at_self(member);
      } else {
        look_at(member, view_.look(member.number));
      }
    }
  }

  void look_at_voters() {
    if (add_or_remove() || map_.find(self_) == nullptr) return;
    const auto staying = static_cast<size_t>(
        std::ranges::count_if(map_.members, [](const Member& member) { return stays(member); }));
    const size_t wanted = std::max<size_t>(1, voters_wanted(staying));
    const std::optional<NodeNumber> learner = best_learner();
    const std::optional<NodeNumber> weak = weakest_voter();
    const size_t voters = configuration_.voters.size();
    // Of those who depart, this node itself too, there will be none.
    const auto lasting = static_cast<size_t>(std::ranges::count_if(
        configuration_.voters, [this](NodeNumber voter) { return !must_go(voter); }));
    if (learner && voters < raft::kVotersMax && (lasting < wanted || weak)) {
      return order({.kind = raft::ChangeKind::promote, .node = *learner});
    }
    // Who departs itself leaves the rest to whoever leads next: it can't take its own place away,
    // and another's would be one too many.
    if (voters == 1 || map_.find(self_)->departs) return;
    // An even number with one that is away bears no more failures than the odd one without it, and
    // needs more of the others.
    const bool is_odd_better = voters > 2 && voters % 2 == 0;
    const bool may_go = weak && (voters > wanted || must_go(*weak) || is_odd_better ||
                                 (learner && voters == raft::kVotersMax));
    const std::optional<NodeNumber> going = may_go            ? weak
                                            : voters > wanted ? spare_voter()
                                                              : std::nullopt;
    if (going && can_do_without(*going)) {
      order({.kind = raft::ChangeKind::demote, .node = *going});
    }
  }

  void look_at_partitions(LogIndex& planned) {
    if (!orders_.changes.empty() || planned == map_.version) return;
    std::vector<topology::PrimaryChoice> choices;
    for (const PartitionIndex partition : topology::without_primary(map_)) {
      choices.push_back({.partition = partition, .synced = {}});
    }
    std::vector<topology::PrimaryStep> steps =
        topology::choose_primaries(map_, topology::Among::all, choices);
    if (!steps.empty()) {
      orders_.changes.emplace_back(topology::SetPrimaries{.steps = std::move(steps)});
      return;
    }
    if (is_being_replaced()) return;
    orders_.changes = topology::changes_without_data(topology::make_plan(map_));
    if (orders_.changes.empty()) planned = map_.version;
    std::erase_if(orders_.changes,
                  [this](const topology::MapChange& change) { return !may_be_removed(change); });
  }

  [[nodiscard]] Orders take() { return std::move(orders_); }

 private:
  static bool stays(const Member& member) {
    return !member.departs && member.state != MemberState::joining;
  }

  [[nodiscard]] static bool has_disk(const MemberView& seen) {
    return (seen.flags & membership::Notes::kDiskFailing) == 0;
  }

  [[nodiscard]] bool is_right(const Member& member, int64_t clock_offset_us) const {
    const int64_t limit = member.state == MemberState::stale
                              ? limits_.clock_limit_us * kClockBackPercent / 100
                              : limits_.clock_limit_us;
    return clock_offset_us <= limit && clock_offset_us >= -limit;
  }

  // Where a member does not know, as after a start, this node's clock is the one to compare with:
  // it leads because its own is right, or because no majority says whose is.
  [[nodiscard]] static std::optional<int64_t> offset_us(const MemberView& seen) {
    return seen.clock_offset_us ? seen.clock_offset_us : seen.clock_to_leader_us;
  }

  // It is known that it may not own anything.
  [[nodiscard]] bool is_unfit(const Member& member, const MemberView& seen) const {
    const std::optional<int64_t> offset = offset_us(seen);
    return !has_disk(seen) || (offset && !is_right(member, *offset));
  }

  // It is known that it may.
  [[nodiscard]] bool is_fit(const Member& member, const MemberView& seen) const {
    const std::optional<int64_t> offset = offset_us(seen);
    return has_disk(seen) && offset && is_right(member, *offset);
  }

  // In the life that the map knows, and near the end of the log.
  [[nodiscard]] static bool is_here(const Member& member, const MemberView& seen) {
    return seen.health == Health::alive && seen.was_heard && seen.boot == member.boot &&
           seen.has_caught_up;
  }

  void look_at_self(const Member& member) {
    const MemberView seen = view_.look(self_);
    const bool is_stale = member.state == MemberState::stale;
    if (is_unfit(member, seen) || (is_stale && !is_fit(member, seen)) || member.departs ||
        (seen.flags & membership::Notes::kLeaving) != 0) {
      orders_.hand_over = true;
    }
    // It leads, so it is there.
    const bool is_away = is_stale || member.state == MemberState::down;
    if (is_away ? is_fit(member, seen) : member.state == MemberState::joining) {
      change(member, MemberState::up, seen);
    }
  }

  void look_at(const Member& member, const MemberView& seen) {
    // A later life that the map was never told of counts as well: the one it knows is over.
    const bool is_gone = (seen.health == Health::down && seen.boot >= member.boot) ||
                         (seen.flags & membership::Notes::kLeaving) != 0;
    switch (member.state) {
      case MemberState::joining:
        if (is_gone) {
          change(member, MemberState::down, seen);
        } else if (is_here(member, seen) && !is_unfit(member, seen)) {
          // Its clock was looked at when it was let in.
          change(member, MemberState::up, seen);
        }
        return;
      case MemberState::down:
        if (QUORIS_PLANTED("control: who is back stays down")) return;
        if (is_gone || !is_here(member, seen)) return;
        if (is_fit(member, seen)) {
          change(member, MemberState::up, seen);
        } else if (is_unfit(member, seen)) {
          change(member, MemberState::stale, seen);
        }
        return;
      case MemberState::stale:
        orders_.withhold.push_back(member.number);
        if (is_gone) {
          end_service(member, MemberState::down, seen);
        } else if (is_here(member, seen) && is_fit(member, seen)) {
          change(member, MemberState::up, seen);
        }
        return;
      case MemberState::up:
      case MemberState::leaving:
        if (is_gone) {
          end_service(member, MemberState::down, seen);
        } else if (seen.was_heard && seen.boot == member.boot && is_unfit(member, seen)) {
          end_service(member, MemberState::stale, seen);
        } else if (!is_fit(member, seen)) {
          // After a start its clock is not known for a moment.
          orders_.withhold.push_back(member.number);
        }
        return;
    }
  }

  void end_service(const Member& member, MemberState to, const MemberView& seen) {
    orders_.withhold.push_back(member.number);
    if (seen.is_lease_over) change(member, to, seen);
  }

  void change(const Member& member, MemberState to, const MemberView& seen) {
    const Incarnation incarnation = seen.boot == member.boot
                                        ? std::max(member.incarnation, seen.incarnation)
                                        : member.incarnation;
    orders_.changes.emplace_back(topology::ChangeState{
        .member = {.number = member.number, .boot = member.boot, .version = map_.version},
        .from = member.state,
        .to = to,
        .incarnation = incarnation});
  }

  // Somebody comes with an empty directory under the name of a node that is down: he is to take its
  // place, which no other has to take before.
  [[nodiscard]] bool is_being_replaced() const {
    return std::ranges::any_of(map_.members, [this](const Member& member) {
      const Member* successor = topology::successor_of(map_, member);
      return successor != nullptr && successor->state == MemberState::joining;
    });
  }

  // --- Raft's members ---------------------------------------------------------------------------
  void order(const raft::Change& change) { orders_.configuration = change; }

  [[nodiscard]] bool add_or_remove() {
    for (const Member& member : map_.members) {
      const NodeNumber node = member.number;
      if (configuration_.is_voter(node) || configuration_.is_learner(node)) continue;
      order({.kind = raft::ChangeKind::add_learner, .node = node});
      return true;
    }
    for (const auto* nodes : {&configuration_.learners, &configuration_.voters}) {
      for (const NodeNumber node : *nodes) {
        if (map_.find(node) != nullptr) continue;
        if (node == self_) {
          orders_.hand_over = true;
          continue;
        }
        order({.kind = raft::ChangeKind::remove, .node = node});
        return true;
      }
    }
    return false;
  }

  // Of those that are well and near, one in a rack with the fewest voters.
  [[nodiscard]] std::optional<NodeNumber> best_learner() const {
    std::optional<NodeNumber> best;
    size_t best_count = 0;
    for (const NodeNumber node : configuration_.learners) {
      const Member& member = *map_.find(node);
      const MemberView seen = view_.look(node);
      if (!stays(member) || member.state != MemberState::up || !is_here(member, seen)) continue;
      const auto count =
          static_cast<size_t>(std::ranges::count_if(configuration_.voters, [&](NodeNumber voter) {
            return map_.find(voter)->rack == member.rack;
          }));
      if (best && count >= best_count) continue;
      best = node;
      best_count = count;
    }
    return best;
  }

  [[nodiscard]] bool must_go(NodeNumber voter) const { return map_.find(voter)->departs; }

  // One that departs, or is away for long, or whose disk has failed as long ago: that it lives
  // helps nobody.
  [[nodiscard]] std::optional<NodeNumber> weakest_voter() const {
    for (const NodeNumber voter : configuration_.voters) {
      if (voter != self_ && must_go(voter)) return voter;
    }
    for (const NodeNumber voter : configuration_.voters) {
      const Member& member = *map_.find(voter);
      if (voter == self_) continue;
      const MemberView seen = view_.look(voter);
      const uint64_t away_us = member.state == MemberState::down ? seen.down_us
                               : has_disk(seen)                  ? 0
                                                                 : seen.silent_us;
      if (away_us >= limits_.voter_away_us) return voter;
    }
    return std::nullopt;
  }

  // Not this node: one that is down, else the last one.
  [[nodiscard]] std::optional<NodeNumber> spare_voter() const {
    std::optional<NodeNumber> spare;
    for (const NodeNumber voter : configuration_.voters) {
      if (voter == self_) continue;
      if (map_.find(voter)->state == MemberState::down) return voter;
      spare = voter;
    }
    return spare;
  }

  // A majority of the others is here.
  [[nodiscard]] bool can_do_without(NodeNumber voter) const {
    const size_t others = configuration_.voters.size() - 1;
    const auto here =
        static_cast<size_t>(std::ranges::count_if(configuration_.voters, [&](NodeNumber other) {
          if (other == voter) return false;
          const MemberView seen = view_.look(other);
          return other == self_ || (is_here(*map_.find(other), seen) && has_disk(seen));
        }));
    return here > others / 2;
  }

  // Its place among the voters has to be given up first, and this node's own by somebody else.
  [[nodiscard]] bool may_be_removed(const topology::MapChange& change) const {
    const auto* removal = std::get_if<topology::RemoveMember>(&change);
    if (removal == nullptr) return true;
    const NodeNumber node = removal->member.number;
    return node != self_ && !configuration_.is_voter(node);
  }

  const topology::ClusterMap& map_;
  const raft::Configuration& configuration_;
  const ClusterView& view_;
  NodeNumber self_;
  const DutyLimits& limits_;
  Orders orders_;
};

}  // namespace

size_t voters_wanted(size_t members) {
  if (members <= 2) return members;
  const size_t most = std::min(members, raft::kVotersMax);
  return most - (most % 2 == 0 ? 1 : 0);
}

Orders Duties::decide(const topology::ClusterMap& map, const raft::Configuration& configuration,
                      const ClusterView& view, NodeNumber self, const DutyLimits& limits) {
  Decider decider(map, configuration, view, self, limits);
  decider.look_at_members();
  decider.look_at_voters();
  decider.look_at_partitions(planned_);
  return decider.take();
}

}  // namespace quoris::control
