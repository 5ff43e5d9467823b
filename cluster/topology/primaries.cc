#include "cluster/topology/primaries.h"

#include <algorithm>
#include <iterator>
#include <tuple>

namespace quoris::topology {

namespace {

std::vector<NodeNumber> candidates(const Partition& partition, Among among) {
  switch (among) {
    case Among::replicas:
      return partition.replicas;
    case Among::future:
      return partition.future;
    case Among::all:
      break;
  }
  std::vector<NodeNumber> all;
  std::ranges::set_union(partition.replicas, partition.future, std::back_inserter(all));
  return all;
}

class Chooser {
 public:
  explicit Chooser(const ClusterMap& map) : map_(map), counts_(kNodeNumberMax + 1) {
    for (const Partition& partition : map.partitions) ++counts_[raw(partition.primary.node)];
  }

  // kNoNode: there is nobody.
  NodeNumber choose(const PrimaryChoice& choice, Among among) {
    const Partition& partition = *map_.find(choice.partition);
    const NodeNumber present = partition.primary.node;
    const std::vector<NodeNumber> nodes = candidates(partition, among);
    if (contains(nodes, present) && can_be_primary(map_, present)) return present;
    NodeNumber best = kNoNode;
    for (const NodeNumber node : nodes) {
      if (!can_be_primary(map_, node)) continue;
      if (best == kNoNode || is_better(choice, node, best)) best = node;
    }
    if (best != kNoNode) {
      --counts_[raw(present)];
      ++counts_[raw(best)];
    }
    return best;
  }

 private:
  // REQUIRES: both are members.
  [[nodiscard]] bool is_better(const PrimaryChoice& choice, NodeNumber a, NodeNumber b) const {
    const auto defects = [&](NodeNumber node) {
      const bool is_synced = std::ranges::find(choice.synced, node) != choice.synced.end();
      const bool is_replica = contains(map_.find(choice.partition)->replicas, node);
      const bool is_up = map_.find(node)->state == MemberState::up;
      return std::tuple(!is_synced, !is_replica, !is_up);
    };
    if (defects(a) != defects(b)) return defects(a) < defects(b);
    const uint64_t of_a = uint64_t{counts_[raw(a)]} * map_.find(b)->weight;
    const uint64_t of_b = uint64_t{counts_[raw(b)]} * map_.find(a)->weight;
    return of_a != of_b ? of_a < of_b : a < b;
  }

  const ClusterMap& map_;
  std::vector<uint32_t> counts_;  // primacies, by number
};

}  // namespace

std::vector<PartitionIndex> without_primary(const ClusterMap& map) {
  std::vector<PartitionIndex> found;
  for (size_t i = 0; i < map.partitions.size(); ++i) {
    if (!can_be_primary(map, map.partitions[i].primary.node)) {
      found.push_back(static_cast<PartitionIndex>(i));
    }
  }
  return found;
}

std::vector<PrimaryStep> choose_primaries(const ClusterMap& map, Among among,
                                          std::span<const PrimaryChoice> choices) {
  Chooser chooser(map);
  std::vector<PrimaryStep> steps;
  for (const PrimaryChoice& choice : choices) {
    const Partition* partition = map.find(choice.partition);
    if (partition == nullptr) continue;
    const NodeNumber primary = chooser.choose(choice, among);
    if (primary == kNoNode) continue;
    steps.push_back({.partition = choice.partition, .epoch = partition->epoch, .primary = primary});
  }
  return steps;
}

}  // namespace quoris::topology
