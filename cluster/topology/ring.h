// The ring: where partitions and nodes stand by hash, and which nodes come first for a partition.
//
// It proposes, the table in the map is the truth: the planner asks the ring only which of several
// nodes that would do is to take a partition. So a node that leaves and comes back under its name
// gets much of what it had, and most of what the others hold stays where it is.
//
// A node stands at 150 points for each unit of its weight (more points: shares closer to the
// weights, more memory; bounded loads make up for the rest), a partition at one. All points are
// XXH3 of names and numbers without a secret, so they are the same on every machine and in every
// cluster. Of two nodes at one distance the lower number comes first.
// Pure. Used by: planner, RING. Source: Karger et al. 1997; DESIGN section 4.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "cluster/topology/cluster_map.h"

namespace quoris::topology {

inline constexpr uint32_t kVirtualNodes = 150;

struct RingNode {
  NodeNumber number{0};
  std::string name;
  std::string rack;
  uint32_t weight = 1;
};

class Ring {
 public:
  explicit Ring(std::vector<RingNode> nodes);

  // Of the members of a map that don't depart and have been up.
  [[nodiscard]] static Ring of(const ClusterMap& map);

  [[nodiscard]] const std::vector<RingNode>& nodes() const { return nodes_; }

  // How far it is from a partition clockwise to the nearest point of nodes()[node].
  [[nodiscard]] uint64_t distance(PartitionIndex partition, size_t node) const;

  // All nodes clockwise from a partition.
  [[nodiscard]] std::vector<NodeNumber> order(PartitionIndex partition) const;

  // The preference list: the first `count` nodes clockwise of racks that none before is of, as long
  // as there are such, then the first of the others. Fewer if there are fewer nodes.
  [[nodiscard]] std::vector<NodeNumber> preference(PartitionIndex partition, size_t count) const;

 private:
  // Indices into nodes_, nearest first.
  [[nodiscard]] std::vector<size_t> walk(PartitionIndex partition) const;

  std::vector<RingNode> nodes_;
  std::vector<std::vector<uint64_t>> points_;  // of each node, sorted
};

// A member that partitions are to be placed on, up or not.
[[nodiscard]] bool is_placed(const Member& member);

}  // namespace quoris::topology
