#include "cluster/topology/cluster_map.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace quoris::topology {

const Member* ClusterMap::find(NodeNumber number) const {
  const auto at = std::ranges::lower_bound(members, number, {}, &Member::number);
  return at != members.end() && at->number == number ? &*at : nullptr;
}

Member* ClusterMap::find(NodeNumber number) {
  return const_cast<Member*>(std::as_const(*this).find(number));
}

const Member* ClusterMap::find_identity(std::string_view identity) const {
  const auto at = std::ranges::find(members, identity, &Member::identity);
  return at != members.end() ? &*at : nullptr;
}

const Member* ClusterMap::find_name(std::string_view node_name) const {
  const auto at = std::ranges::find(members, node_name, &Member::name);
  return at != members.end() ? &*at : nullptr;
}

const Member* successor_of(const ClusterMap& map, const Member& member) {
  const size_t end = member.name.rfind('#');
  return end == std::string::npos ? nullptr : map.find_name(member.name.substr(0, end));
}

const Partition* ClusterMap::find(PartitionIndex partition) const {
  return raw(partition) < partitions.size() ? &partitions[raw(partition)] : nullptr;
}

Partition* ClusterMap::find(PartitionIndex partition) {
  return const_cast<Partition*>(std::as_const(*this).find(partition));
}

const std::string* ClusterMap::find_setting(std::string_view setting) const {
  const auto at = std::ranges::lower_bound(settings, setting, {}, &Setting::name);
  return at != settings.end() && at->name == setting ? &at->value : nullptr;
}

PartitionIndex ClusterMap::partition_of(Slot slot) const {
  QUORIS_ASSERT(is_founded());
  return topology::partition_of(slot, static_cast<uint32_t>(partitions.size()));
}

NodeNumber ClusterMap::primary_of(Slot slot) const {
  return partitions[raw(partition_of(slot))].primary.node;
}

bool contains(const std::vector<NodeNumber>& nodes, NodeNumber node) {
  return std::ranges::binary_search(nodes, node);
}

bool is_node_set(const std::vector<NodeNumber>& nodes) {
  return std::ranges::adjacent_find(nodes, std::greater_equal<>()) == nodes.end();
}

bool can_be_primary(const ClusterMap& map, NodeNumber node) {
  const Member* member = map.find(node);
  return member != nullptr &&
         (member->state == MemberState::up || member->state == MemberState::leaving);
}

bool can_take_data(const Member& member) { return member.state == MemberState::up; }

}  // namespace quoris::topology
