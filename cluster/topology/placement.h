// Where every copy of every partition should be: the present table, changed as little as will do.
//
// 1. Copies on members that are not to hold any more go, as do those beyond the replication factor.
// 2. What is missing is given to the node that needs it most (a rack the partition isn't on yet,
//    then who is below bounds, then below its share, then within bounds), the ring choosing among
//    equals.
// 3. Loads out of bounds are brought within (balance.h), by moves that don't lessen the number of
//    racks of a partition, and if that doesn't do, by others.
// 4. Partitions that could stand on more racks do, as far as bounds allow.
// Each step leaves alone what is in order, so a plan made from the result is empty.
//
// A partition that moves already is left alone, and counted as it will be. Members that are down
// keep what they hold and their share, but get nothing.
// Used by: planner. Pure.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "cluster/topology/balance.h"
#include "cluster/topology/cluster_map.h"
#include "cluster/topology/ring.h"

namespace quoris::topology {

class Placement {
 public:
  // REQUIRES: map.is_founded().
  explicit Placement(const ClusterMap& map);

  // A node of this placement, in the order of numbers.
  struct Node {
    NodeNumber number{0};
    uint32_t rack = 0;
    uint32_t weight = 1;
    bool takes = false;
  };

  [[nodiscard]] const std::vector<Node>& nodes() const { return nodes_; }

  [[nodiscard]] const std::vector<Load>& loads() const { return loads_; }

  // Copies that each partition should have.
  [[nodiscard]] uint8_t copies() const { return copies_; }

  // Indices into nodes(), ascending.
  [[nodiscard]] const std::vector<size_t>& holders(size_t partition) const {
    return holders_[partition];
  }

  [[nodiscard]] std::vector<NodeNumber> numbers(size_t partition) const;

  // kNone: not one of nodes().
  [[nodiscard]] size_t index_of(NodeNumber number) const;

  // Partitions that stand on fewer racks than they could.
  [[nodiscard]] uint32_t count_crowded() const;

  static constexpr size_t kNone = std::numeric_limits<size_t>::max();

 private:
  void take_nodes();
  void take_table();
  void drop_surplus(size_t partition);
  void fill(size_t partition);
  void balance_loads();
  void spread(size_t partition);

  [[nodiscard]] bool holds(size_t partition, size_t node) const;
  void add(size_t partition, size_t node);
  void remove(size_t partition, size_t node);

  // Copies of a partition on the rack of a node.
  [[nodiscard]] size_t on_rack_of(size_t partition, size_t node) const;
  [[nodiscard]] size_t count_racks(size_t partition) const;
  [[nodiscard]] bool is_crowded(size_t partition) const;

  // By how many racks more a partition stands on when `to` takes the place of `from`.
  [[nodiscard]] int racks_gained(size_t partition, size_t from, size_t to) const;

  [[nodiscard]] uint64_t distance(size_t partition, size_t node) const;

  const ClusterMap& map_;
  const Ring ring_;
  uint8_t copies_ = 0;
  uint32_t racks_ = 0;
  std::vector<Node> nodes_;
  std::vector<Load> loads_;
  std::vector<std::vector<size_t>> holders_;
};

}  // namespace quoris::topology
