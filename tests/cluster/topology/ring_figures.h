// What the table of a cluster is judged by: shares of its nodes, and what moves when it changes.
//
// Used by: tests/cluster/topology/figures_test.cc (limits), tests/bench/ring_bench.cc (tables).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/env.h"
#include "cluster/topology/cluster_views.h"
#include "cluster/topology/shares.h"
#include "tests/cluster/topology/test_cluster.h"

namespace quoris::topology::testing {

// Racks and weights of the nodes that join, in turn.
struct Shape {
  std::string name;
  std::vector<std::string> racks;
  std::vector<uint8_t> weights;
};

inline std::vector<Shape> shapes() {
  return {{.name = "equal", .racks = {""}, .weights = {1}},
          {.name = "weights", .racks = {""}, .weights = {2, 1, 1, 3, 2}},
          {.name = "racks", .racks = {"a", "b", "c"}, .weights = {1}}};
}

class ShapedCluster : public TestCluster {
 public:
  explicit ShapedCluster(Shape shape)
      : TestCluster(kPartitionsDefault, kReplicationFactorDefault,
                    newcomer(1, shape.racks[0], shape.weights[0])),
        shape_(std::move(shape)) {}

  NodeNumber join_next() {
    const size_t turn = joined_++;
    return join(shape_.racks[turn % shape_.racks.size()],
                shape_.weights[turn % shape_.weights.size()]);
  }

  // One after another, each with its plan.
  void grow_to(size_t count) {
    while (map.members.size() < count) {
      join_next();
      settle();
    }
  }

 private:
  Shape shape_;
  size_t joined_ = 1;
};

// Of each member the share of all copies (in kShareUnits) that it should have.
inline std::vector<uint64_t> shares_of(const ClusterMap& map) {
  std::vector<std::string> racks;
  std::vector<ShareHolder> holders;
  for (const Member& member : map.members) {
    auto rack = std::ranges::find(racks, member.rack);
    if (rack == racks.end()) rack = racks.insert(racks.end(), member.rack);
    holders.push_back(
        {.weight = member.weight, .rack = static_cast<uint32_t>(rack - racks.begin())});
  }
  const auto copies = std::min<size_t>(map.replication_wanted, holders.size());
  return replica_shares(holders, static_cast<uint32_t>(map.partitions.size()),
                        static_cast<uint32_t>(copies));
}

// The largest holding, measured by what the node should hold. Equal nodes: largest to mean.
struct Peaks {
  double replicas = 0;
  double primaries = 0;
};

inline Peaks peaks_of(const ClusterMap& map) {
  Peaks peaks;
  const std::vector<uint64_t> shares = shares_of(map);
  const std::vector<Holding> all = holdings(map);
  std::vector<Claim> claims;
  for (size_t i = 0; i < all.size(); ++i) {
    claims.push_back({.weight = map.members[i].weight, .low = 0, .high = shares[i]});
  }
  const std::vector<uint64_t> primary = divide(map.partitions.size() * kShareUnit, claims);
  const auto ratio = [](uint32_t count, uint64_t share) {
    return static_cast<double>(count) * kShareUnit / static_cast<double>(share);
  };
  for (size_t i = 0; i < all.size(); ++i) {
    peaks.replicas = std::max(peaks.replicas, ratio(all[i].replica, shares[i]));
    peaks.primaries = std::max(peaks.primaries, ratio(all[i].primary, primary[i]));
  }
  return peaks;
}

// Partitions that could stand on more racks than they do.
inline size_t crowded(const ClusterMap& map) {
  std::set<std::string> racks;
  for (const Member& member : map.members) racks.insert(member.rack);
  if (racks.size() == 1) return 0;
  return static_cast<size_t>(std::ranges::count_if(map.partitions, [&](const Partition& partition) {
    std::set<std::string> own;
    for (const NodeNumber number : partition.replicas) own.insert(map.find(number)->rack);
    return own.size() < std::min(racks.size(), partition.replicas.size());
  }));
}

// Parts of all copies.
struct Movement {
  double of_node = 0;  // came to it, or were its
  double between_others = 0;
  double for_racks = 0;  // of the latter: by so much fewer partitions are crowded
  double fair = 0;       // what the node should have
};

inline Movement movement(const ClusterMap& before, const ClusterMap& after, NodeNumber who) {
  size_t total = 0;
  size_t of_node = 0;
  size_t fresh = 0;
  for (size_t i = 0; i < after.partitions.size(); ++i) {
    const std::vector<NodeNumber>& old = before.partitions[i].replicas;
    for (const NodeNumber replica : after.partitions[i].replicas) {
      ++total;
      if (contains(old, replica)) continue;
      (replica == who ? of_node : fresh) += 1;
    }
    if (contains(old, who) && after.find(who) == nullptr) ++of_node;
  }
  const bool left = after.find(who) == nullptr;
  const ClusterMap& with = left ? before : after;
  const auto at = std::ranges::find(with.members, who, &Member::number) - with.members.begin();
  const auto all = static_cast<double>(total);
  const size_t others = left ? fresh - std::min(fresh, of_node) : fresh;
  const size_t crowded_before = crowded(before);
  const size_t less_crowded = crowded_before - std::min(crowded_before, crowded(after));
  return {.of_node = static_cast<double>(of_node) / all,
          .between_others = static_cast<double>(others) / all,
          .for_racks = static_cast<double>(std::min(others, less_crowded)) / all,
          .fair = static_cast<double>(shares_of(with)[static_cast<size_t>(at)]) / kShareUnit / all};
}

}  // namespace quoris::topology::testing
