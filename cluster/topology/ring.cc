#include "cluster/topology/ring.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/hash.h"

namespace quoris::topology {

namespace {

// What is hashed: a letter for the kind, the name, and the number in two bytes.
uint64_t point_of(char kind, std::string_view name, uint32_t number) {
  std::string bytes(1, kind);
  bytes += name;
  bytes.push_back('\0');
  bytes.push_back(static_cast<char>(number & 0xFF));
  bytes.push_back(static_cast<char>(number >> 8));
  return hash_bytes(bytes, HashSecret{});
}

uint64_t point_of(PartitionIndex partition) { return point_of('p', "", raw(partition)); }

}  // namespace

Ring::Ring(std::vector<RingNode> nodes) : nodes_(std::move(nodes)) {
  static_assert(kVirtualNodes * kWeightMax < 65536);
  for (const RingNode& node : nodes_) {
    std::vector<uint64_t>& points = points_.emplace_back(kVirtualNodes * node.weight);
    for (uint32_t i = 0; i < points.size(); ++i) points[i] = point_of('n', node.name, i);
    std::ranges::sort(points);
  }
}

Ring Ring::of(const ClusterMap& map) {
  std::vector<RingNode> nodes;
  for (const Member& member : map.members) {
    if (!is_placed(member)) continue;
    nodes.push_back({.number = member.number,
                     .name = member.name,
                     .rack = member.rack,
                     .weight = member.weight});
  }
  return Ring(std::move(nodes));
}

uint64_t Ring::distance(PartitionIndex partition, size_t node) const {
  const std::vector<uint64_t>& points = points_[node];
  const uint64_t from = point_of(partition);
  const auto next = std::ranges::lower_bound(points, from);
  return (next != points.end() ? *next : points.front()) - from;  // modulo 2^64, as the ring is
}

std::vector<size_t> Ring::walk(PartitionIndex partition) const {
  std::vector<uint64_t> distances(nodes_.size());
  for (size_t i = 0; i < nodes_.size(); ++i) distances[i] = distance(partition, i);
  std::vector<size_t> nodes(nodes_.size());
  std::iota(nodes.begin(), nodes.end(), size_t{0});
  std::ranges::sort(nodes, {},
                    [&](size_t node) { return std::pair(distances[node], nodes_[node].number); });
  return nodes;
}

std::vector<NodeNumber> Ring::order(PartitionIndex partition) const {
  std::vector<NodeNumber> numbers;
  for (const size_t node : walk(partition)) numbers.push_back(nodes_[node].number);
  return numbers;
}

std::vector<NodeNumber> Ring::preference(PartitionIndex partition, size_t count) const {
  std::vector<NodeNumber> chosen;
  std::vector<size_t> passed_over;
  std::vector<std::string_view> racks;
  for (const size_t node : walk(partition)) {
    if (chosen.size() == count) break;
    if (std::ranges::find(racks, nodes_[node].rack) != racks.end()) {
      passed_over.push_back(node);
    } else {
      racks.push_back(nodes_[node].rack);
      chosen.push_back(nodes_[node].number);
    }
  }
  for (const size_t node : passed_over) {
    if (chosen.size() == count) break;
    chosen.push_back(nodes_[node].number);
  }
  return chosen;
}

bool is_placed(const Member& member) {
  return !member.departs && member.state != MemberState::joining;
}

}  // namespace quoris::topology
