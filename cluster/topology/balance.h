// Brings loads within their bounds by moving single items, as few as it can.
//
// An item goes from a node that has too many to one that has room; if there is none that could take
// any of its items, along the shortest chain of nodes that ends at one (an augmenting path). Each
// chain lessens by one what loads are out of bounds in sum, so it ends.
// Used by: planner, for copies and for primacies. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "cluster/topology/shares.h"

namespace quoris::topology {

struct Load {
  uint32_t items = 0;
  uint64_t share = 0;
  Bounds bounds;
  bool takes = true;  // may be given more
};

// Less loaded than another, both measured by their shares.
[[nodiscard]] bool is_less_loaded(const Load& a, const Load& b);

// Who could give what to whom. Nodes are indices into the loads.
struct Exchange {
  using Visit = std::function<bool(uint32_t item)>;

  // Calls for each item that `from` could give to `to`, until one call answers false.
  std::function<void(size_t from, size_t to, const Visit&)> offers;
  // Among several items for one node the cheapest goes.
  std::function<uint64_t(size_t from, size_t to, uint32_t item)> cost;
  std::function<void(size_t from, size_t to, uint32_t item)> move;
  // Asked before each chain, which is moved whole or not at all.
  std::function<bool()> may_go_on;
};

// Moves items, and keeps count of them in `loads`. False: some are still out of bounds, and nobody
// can help, or it may not go on. Called again after that, it goes on as if it hadn't been stopped.
bool balance(std::vector<Load>& loads, const Exchange& exchange);

}  // namespace quoris::topology
