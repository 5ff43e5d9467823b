#include "cluster/topology/placement.h"

#include <algorithm>
#include <string>
#include <tuple>

namespace quoris::topology {

Placement::Placement(const ClusterMap& map, size_t limit)
    : map_(map), limit_(limit), ring_(Ring::of(map)) {
  take_nodes();
  take_table();
  for (size_t partition = 0; partition < holders_.size() && !is_full(); ++partition) {
    if (!is_fixed(partition)) complete(partition);
  }
  balance_loads();
  for (size_t partition = 0; partition < holders_.size() && !is_full(); ++partition) {
    if (!is_fixed(partition)) spread(partition);
  }
}

std::vector<NodeNumber> Placement::numbers(size_t partition) const {
  std::vector<NodeNumber> numbers;
  for (const size_t node : holders_[partition]) numbers.push_back(nodes_[node].number);
  return numbers;
}

size_t Placement::index_of(NodeNumber number) const {
  const auto at = std::ranges::lower_bound(nodes_, number, {}, &Node::number);
  if (at == nodes_.end() || at->number != number) return kNone;
  return static_cast<size_t>(at - nodes_.begin());
}

uint32_t Placement::count_crowded() const {
  uint32_t crowded = 0;
  for (size_t partition = 0; partition < holders_.size(); ++partition) {
    crowded += is_crowded(partition) ? 1 : 0;
  }
  return crowded;
}

void Placement::take_nodes() {
  std::vector<std::string> racks;
  std::vector<ShareHolder> claims;
  for (const RingNode& node : ring_.nodes()) {
    auto rack = std::ranges::find(racks, node.rack);
    if (rack == racks.end()) rack = racks.insert(racks.end(), node.rack);
    nodes_.push_back({.number = node.number,
                      .rack = static_cast<uint32_t>(rack - racks.begin()),
                      .weight = node.weight,
                      .takes = can_take_data(*map_.find(node.number))});
    claims.push_back({.weight = node.weight, .rack = nodes_.back().rack});
  }
  racks_ = static_cast<uint32_t>(racks.size());
  copies_ = static_cast<uint8_t>(std::min<size_t>(map_.replication_wanted, nodes_.size()));
  const auto shares =
      replica_shares(claims, static_cast<uint32_t>(map_.partitions.size()), copies_);
  for (size_t i = 0; i < nodes_.size(); ++i) {
    loads_.push_back({.items = 0,
                      .share = shares[i],
                      .bounds = bounds_of(shares[i], kReplicaSlack),
                      .takes = nodes_[i].takes});
  }
}

void Placement::take_table() {
  holders_.resize(map_.partitions.size());
  fates_.resize(map_.partitions.size(), Fate::kept);
  for (size_t partition = 0; partition < holders_.size(); ++partition) {
    for (const NodeNumber number : map_.partitions[partition].settled()) {
      const size_t node = index_of(number);
      if (node != kNone) add(partition, node);
    }
  }
}

void Placement::complete(size_t partition) {
  drop_surplus(partition);
  fill(partition);
  if (numbers(partition) == map_.partitions[partition].replicas) return;
  const size_t fewest = std::min(copies_, map_.replication_in_force);
  const bool is_anybody_well = std::ranges::any_of(
      holders_[partition], [this](size_t holder) { return nodes_[holder].takes; });
  if (holders_[partition].size() < fewest || !is_anybody_well) {
    fates_[partition] = Fate::blocked;
  } else {
    note_change(partition);
  }
}

// Who goes: no primary if that can be, one that shares its rack, the most loaded.
void Placement::drop_surplus(size_t partition) {
  const size_t primary = index_of(map_.partitions[partition].primary.node);
  while (holders_[partition].size() > copies_) {
    size_t chosen = kNone;
    for (const size_t node : holders_[partition]) {
      if (node == primary) continue;
      const bool is_crowded_here = on_rack_of(partition, node) > 1;
      const bool is_chosen_crowded = chosen != kNone && on_rack_of(partition, chosen) > 1;
      if (chosen == kNone || (is_crowded_here && !is_chosen_crowded) ||
          (is_crowded_here == is_chosen_crowded && is_less_loaded(loads_[chosen], loads_[node]))) {
        chosen = node;
      }
    }
    remove(partition, chosen != kNone ? chosen : primary);
  }
}

void Placement::fill(size_t partition) {
  const auto need_of = [this](size_t node) {
    const Load& load = loads_[node];
    if (load.items < load.bounds.low) return 0;
    if (load.items * kShareUnit < load.share) return 1;
    return load.items < load.bounds.high ? 2 : 3;
  };
  while (holders_[partition].size() < copies_) {
    const bool is_rack_wanted = count_racks(partition) < racks_;
    size_t chosen = kNone;
    std::tuple<bool, bool, int, uint64_t> chosen_rank;
    for (size_t node = 0; node < nodes_.size(); ++node) {
      if (!nodes_[node].takes || holds(partition, node)) continue;
      const int need = need_of(node);
      const bool is_full = need == 3;
      const bool is_on_old_rack = is_rack_wanted && on_rack_of(partition, node) > 0;
      const std::tuple rank(is_full, is_on_old_rack, need, distance(partition, node));
      if (chosen != kNone && chosen_rank <= rank) continue;
      chosen = node;
      chosen_rank = rank;
    }
    if (chosen == kNone) return;
    add(partition, chosen);
  }
}

void Placement::balance_loads() {
  constexpr uint64_t kLast = uint64_t{1} << 63;
  bool keeps_racks = true;
  Exchange exchange;
  exchange.offers = [this, &keeps_racks](size_t from, size_t to, const Exchange::Visit& visit) {
    if (!nodes_[to].takes) return;
    for (uint32_t partition = 0; partition < holders_.size(); ++partition) {
      if (!holds(partition, from) || holds(partition, to) || is_fixed(partition)) continue;
      if (keeps_racks && racks_gained(partition, from, to) < 0) continue;
      if (!visit(partition)) return;
    }
  };
  exchange.cost = [this](size_t from, size_t to, uint32_t partition) {
    const bool gains_rack = racks_gained(partition, from, to) > 0;
    return (distance(partition, to) >> 1) | (gains_rack ? 0 : kLast);
  };
  std::vector<Load> loads = loads_;
  exchange.move = [this](size_t from, size_t to, uint32_t partition) {
    remove(partition, from);
    add(partition, to);
    note_change(partition);
  };
  exchange.may_go_on = [this] { return !is_full(); };
  if (balance(loads, exchange) || racks_ <= 1 || is_full()) return;
  keeps_racks = false;
  loads = loads_;
  balance(loads, exchange);
}

void Placement::spread(size_t partition) {
  while (is_crowded(partition)) {
    size_t from = kNone;
    for (const size_t node : holders_[partition]) {
      if (on_rack_of(partition, node) < 2) continue;
      if (loads_[node].items <= loads_[node].bounds.low) continue;
      if (from == kNone || is_less_loaded(loads_[from], loads_[node])) from = node;
    }
    size_t to = kNone;
    for (size_t node = 0; node < nodes_.size(); ++node) {
      if (!nodes_[node].takes || on_rack_of(partition, node) > 0) continue;
      if (loads_[node].items >= loads_[node].bounds.high) continue;
      if (to == kNone || is_less_loaded(loads_[node], loads_[to])) to = node;
    }
    if (from == kNone || to == kNone) return;
    remove(partition, from);
    add(partition, to);
    note_change(partition);
  }
}

bool Placement::is_fixed(size_t partition) const {
  return map_.partitions[partition].is_moving() || is_blocked(partition);
}

void Placement::note_change(size_t partition) {
  if (is_changed(partition)) return;
  fates_[partition] = Fate::changed;
  ++changed_;
}

bool Placement::holds(size_t partition, size_t node) const {
  return std::ranges::binary_search(holders_[partition], node);
}

void Placement::add(size_t partition, size_t node) {
  std::vector<size_t>& nodes = holders_[partition];
  nodes.insert(std::ranges::lower_bound(nodes, node), node);
  ++loads_[node].items;
}

void Placement::remove(size_t partition, size_t node) {
  std::vector<size_t>& nodes = holders_[partition];
  nodes.erase(std::ranges::lower_bound(nodes, node));
  --loads_[node].items;
}

size_t Placement::on_rack_of(size_t partition, size_t node) const {
  return static_cast<size_t>(
      std::ranges::count(holders_[partition], nodes_[node].rack,
                         [this](size_t holder) { return nodes_[holder].rack; }));
}

size_t Placement::count_racks(size_t partition) const {
  size_t count = 0;
  const std::vector<size_t>& nodes = holders_[partition];
  for (size_t i = 0; i < nodes.size(); ++i) {
    const auto is_same = [&](size_t other) { return nodes_[other].rack == nodes_[nodes[i]].rack; };
    count +=
        std::none_of(nodes.begin(), nodes.begin() + static_cast<ptrdiff_t>(i), is_same) ? 1 : 0;
  }
  return count;
}

bool Placement::is_crowded(size_t partition) const {
  return count_racks(partition) < std::min<size_t>(racks_, holders_[partition].size());
}

int Placement::racks_gained(size_t partition, size_t from, size_t to) const {
  if (nodes_[from].rack == nodes_[to].rack) return 0;
  const int lost = on_rack_of(partition, from) == 1 ? 1 : 0;
  const int won = on_rack_of(partition, to) == 0 ? 1 : 0;
  return won - lost;
}

uint64_t Placement::distance(size_t partition, size_t node) const {
  return ring_.distance(static_cast<PartitionIndex>(partition), node);
}

}  // namespace quoris::topology
