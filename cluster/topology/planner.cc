#include "cluster/topology/planner.h"

#include <algorithm>
#include <utility>

#include "cluster/topology/balance.h"
#include "cluster/topology/placement.h"
#include "cluster/topology/primaries.h"

namespace quoris::topology {

namespace {

// Who should be primary of each partition, given where its copies are to be.
class PrimaryPlacement {
 public:
  // Changes at most `limit` of partitions that stay where they are, but for the end of a chain.
  PrimaryPlacement(const ClusterMap& map, const Placement& placement, size_t limit)
      : map_(map),
        placement_(placement),
        limit_(limit),
        primaries_(map.partitions.size(), Placement::kNone) {
    take_shares();
    take_table();
    for (size_t partition = 0; partition < primaries_.size(); ++partition) {
      if (has_lost_primary(partition)) choose(partition);
    }
    balance_loads();
  }

  // kNoNode: there is nobody.
  [[nodiscard]] NodeNumber of(size_t partition) const {
    const size_t node = primaries_[partition];
    return node != Placement::kNone ? placement_.nodes()[node].number : kNoNode;
  }

 private:
  // No more than the copies that a node holds.
  void take_shares() {
    std::vector<Claim> claims;
    for (size_t i = 0; i < placement_.nodes().size(); ++i) {
      const Placement::Node& node = placement_.nodes()[i];
      const uint64_t high = node.takes ? placement_.loads()[i].items * kShareUnit : 0;
      claims.push_back({.weight = node.weight, .low = 0, .high = high});
    }
    const auto shares = divide(map_.partitions.size() * kShareUnit, claims);
    for (size_t i = 0; i < shares.size(); ++i) {
      loads_.push_back({.items = 0,
                        .share = shares[i],
                        .bounds = bounds_of(shares[i], kPrimarySlack),
                        .takes = placement_.nodes()[i].takes});
    }
  }

  void take_table() {
    for (size_t partition = 0; partition < primaries_.size(); ++partition) {
      const size_t node = placement_.index_of(map_.partitions[partition].primary.node);
      if (node == Placement::kNone || !is_holder(partition, node)) continue;
      primaries_[partition] = node;
      ++loads_[node].items;
    }
  }

  // Its primary will not hold it any more. (One that is down is failover's business, not ours.)
  [[nodiscard]] bool has_lost_primary(size_t partition) const {
    return primaries_[partition] == Placement::kNone && placement_.is_changed(partition);
  }

  void choose(size_t partition) {
    size_t best = Placement::kNone;
    for (const size_t node : placement_.holders(partition)) {
      if (!loads_[node].takes) continue;
      if (best == Placement::kNone || is_less_loaded(loads_[node], loads_[best])) best = node;
    }
    if (best == Placement::kNone) return;
    primaries_[partition] = best;
    ++loads_[best].items;
  }

  void balance_loads() {
    Exchange exchange;
    exchange.offers = [this](size_t from, size_t to, const Exchange::Visit& visit) {
      if (!loads_[from].takes || !loads_[to].takes) return;
      for (uint32_t partition = 0; partition < primaries_.size(); ++partition) {
        if (primaries_[partition] != from || map_.partitions[partition].is_moving()) continue;
        if (is_holder(partition, to) && !visit(partition)) return;
      }
    };
    // What moves anyway changes its primary for nothing.
    exchange.cost = [this](size_t, size_t, uint32_t partition) {
      return placement_.is_changed(partition) ? uint64_t{0} : uint64_t{1};
    };
    exchange.move = [this](size_t, size_t to, uint32_t partition) {
      primaries_[partition] = to;
      ++changed_;
    };
    exchange.may_go_on = [this] { return changed_ < limit_; };
    balance(loads_, exchange);
  }

  [[nodiscard]] bool is_holder(size_t partition, size_t node) const {
    return std::ranges::binary_search(placement_.holders(partition), node);
  }

  const ClusterMap& map_;
  const Placement& placement_;
  const size_t limit_;
  size_t changed_ = 0;
  std::vector<Load> loads_;
  std::vector<size_t> primaries_;
};

// The move waits for somebody who can't come, or shouldn't.
bool is_hopeless(const ClusterMap& map, const Partition& partition) {
  return std::ranges::any_of(partition.future, [&](NodeNumber node) {
    const Member& member = *map.find(node);
    return !contains(partition.replicas, node) &&
           (member.state == MemberState::down || member.departs);
  });
}

std::vector<PrimaryStep> plan_cancels(const ClusterMap& map) {
  std::vector<PrimaryChoice> hopeless;
  for (size_t i = 0; i < map.partitions.size(); ++i) {
    if (is_hopeless(map, map.partitions[i])) {
      hopeless.push_back({.partition = static_cast<PartitionIndex>(i), .synced = {}});
    }
  }
  return choose_primaries(map, Among::replicas, hopeless);
}

std::optional<SetReplicationInForce> plan_replication(const ClusterMap& map, uint8_t copies) {
  const uint8_t from = map.replication_in_force;
  size_t to = copies;
  if (copies > from) {
    for (const Partition& partition : map.partitions) {
      to = std::min({to, partition.replicas.size(), partition.settled().size()});
    }
  }
  if (to == from || to == 0) return std::nullopt;
  return SetReplicationInForce{.from = from, .to = static_cast<uint8_t>(to)};
}

std::vector<SeenMember> plan_removals(const ClusterMap& map) {
  std::vector<SeenMember> finished;
  for (const Member& member : map.members) {
    const auto holds = [&member](const Partition& partition) {
      return contains(partition.replicas, member.number) ||
             contains(partition.future, member.number);
    };
    if (!member.departs || std::ranges::any_of(map.partitions, holds)) continue;
    finished.push_back({.number = member.number, .boot = member.boot, .version = map.version});
  }
  return finished;
}

size_t count_moving(const ClusterMap& map) {
  return static_cast<size_t>(std::ranges::count_if(map.partitions, &Partition::is_moving));
}

void plan_steps(const ClusterMap& map, size_t at_once, Plan& plan) {
  plan.moving = count_moving(map);
  const size_t room = at_once > plan.moving ? at_once - plan.moving : 0;
  const Placement placement(map, room);
  const bool do_copies_stay = plan.moving + placement.count_changed() == 0;
  const PrimaryPlacement primaries(map, placement,
                                   do_copies_stay || at_once == kAllAtOnce ? room : 0);
  plan.crowded = placement.count_crowded();
  plan.replication = plan_replication(map, placement.copies());
  for (size_t i = 0; i < map.partitions.size(); ++i) {
    const Partition& partition = map.partitions[i];
    if (placement.is_blocked(i)) ++plan.blocked;
    if (placement.is_blocked(i) || partition.is_moving()) continue;
    const auto index = static_cast<PartitionIndex>(i);
    const NodeNumber primary = primaries.of(i);
    if (std::vector<NodeNumber> replicas = placement.numbers(i);
        placement.is_changed(i) && replicas != partition.replicas) {
      plan.moves.push_back({.partition = index,
                            .epoch = partition.epoch,
                            .replicas = std::move(replicas),
                            .primary = primary});
    } else if (primary != partition.primary.node && contains(partition.replicas, primary)) {
      plan.handovers.push_back({.partition = index, .epoch = partition.epoch, .primary = primary});
    }
  }
}

// Both ways to carry out a plan begin and end alike; `Moves` is what carries out its moves.
template <class Moves>
std::vector<MapChange> list_changes(const Plan& plan) {
  std::vector<MapChange> changes;
  if (!plan.cancels.empty()) changes.push_back(CancelMoves{.steps = plan.cancels});
  if (plan.replication) changes.push_back(*plan.replication);
  if (!plan.moves.empty()) changes.push_back(Moves{.steps = plan.moves});
  if (!plan.handovers.empty()) changes.push_back(SetPrimaries{.steps = plan.handovers});
  for (const SeenMember& member : plan.finished) changes.push_back(RemoveMember{.member = member});
  return changes;
}

}  // namespace

bool Plan::is_settled() const {
  return !replication && cancels.empty() && moves.empty() && handovers.empty() &&
         finished.empty() && moving == 0;
}

Plan make_plan(const ClusterMap& map, size_t at_once) {
  Plan plan;
  if (!map.is_founded()) return plan;
  plan.cancels = plan_cancels(map);
  plan.finished = plan_removals(map);
  plan_steps(map, at_once, plan);
  return plan;
}

std::vector<MapChange> changes_of(const Plan& plan) { return list_changes<BeginMoves>(plan); }

std::vector<MapChange> changes_without_data(const Plan& plan) {
  return list_changes<PlaceEmpty>(plan);
}

}  // namespace quoris::topology
