// Where every copy of every partition should be: the present table, changed as little as will do.
//
// 1. Copies on members that are not to hold any more go, as do those beyond the replication factor.
// 2. What is missing is given to the node that needs it most (a rack the partition isn't on yet,
//    then who is below bounds, then below its share, then within bounds), the ring choosing among
//    equals.
// 3. Loads out of bounds are brought within (balance.h), by moves that don't lessen the number of
//    racks of a partition, and if that doesn't do, by others.
// 4. Partitions that could stand on more racks do, as far as bounds allow.
// Each of these changes lessens, in this order: copies missing or too many, what loads are out of
// bounds in sum, partitions on too few racks. Nothing is changed that is in order. So whoever makes
// only the first of them and then begins anew comes to an end, and so does who makes all.
//
// A partition that moves already is left alone, and counted as it will be, and so is one that has
// to change but can't (blocked). Members that are down keep what they hold and their share, but get
// nothing.
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
  // Changes at least `limit` partitions, if so many have to be; more only to end a chain of
  // exchanges, never to begin one. REQUIRES: map.is_founded().
  Placement(const ClusterMap& map, size_t limit);

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

  [[nodiscard]] bool is_changed(size_t partition) const {
    return fates_[partition] == Fate::changed;
  }

  // It has to change, but too few of those that are well could hold it.
  [[nodiscard]] bool is_blocked(size_t partition) const {
    return fates_[partition] == Fate::blocked;
  }

  // kNone: not one of nodes().
  [[nodiscard]] size_t index_of(NodeNumber number) const;

  [[nodiscard]] size_t count_changed() const { return changed_; }

  // Partitions that stand on fewer racks than they could.
  [[nodiscard]] uint32_t count_crowded() const;

  static constexpr size_t kNone = std::numeric_limits<size_t>::max();

 private:
  enum class Fate : uint8_t { kept, changed, blocked };

  void take_nodes();
  void take_table();
  void complete(size_t partition);
  void drop_surplus(size_t partition);
  void fill(size_t partition);
  void balance_loads();
  void spread(size_t partition);

  [[nodiscard]] bool is_full() const { return changed_ >= limit_; }

  // It stays as it is, whatever would be better.
  [[nodiscard]] bool is_fixed(size_t partition) const;
  void note_change(size_t partition);

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
  const size_t limit_;
  const Ring ring_;
  uint8_t copies_ = 0;
  uint32_t racks_ = 0;
  std::vector<Node> nodes_;
  std::vector<Load> loads_;
  std::vector<std::vector<size_t>> holders_;
  std::vector<Fate> fates_;
  size_t changed_ = 0;
};

}  // namespace quoris::topology
