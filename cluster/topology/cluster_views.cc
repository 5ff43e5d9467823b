#include "cluster/topology/cluster_views.h"

#include <fmt/format.h>

#include <algorithm>

namespace quoris::topology {

std::string_view state_name(MemberState state) {
  switch (state) {
    case MemberState::joining:
      return "JOINING";
    case MemberState::up:
      return "ALIVE";
    case MemberState::down:
      return "DOWN";
    case MemberState::stale:
      return "STALE";
    case MemberState::leaving:
      return "LEAVING";
  }
  return "UNKNOWN";
}

const std::string& client_host(const Member& member) {
  const Addresses& addresses = member.addresses;
  return addresses.announce_host.empty() ? addresses.host : addresses.announce_host;
}

std::vector<OwnedRange> owned_ranges(const ClusterMap& map) {
  std::vector<OwnedRange> ranges;
  const auto count = static_cast<uint32_t>(map.partitions.size());
  for (uint32_t i = 0; i < count; ++i) {
    const Partition& partition = map.partitions[i];
    const Slot first = first_slot(static_cast<PartitionIndex>(i), count);
    const auto last = static_cast<Slot>(raw(first) + kSlots / count - 1);
    OwnedRange range{.slots = {.first = first, .last = last},
                     .primary = partition.primary.node,
                     .replicas = partition.replicas};
    std::erase(range.replicas, range.primary);
    if (!ranges.empty() && ranges.back().primary == range.primary &&
        ranges.back().replicas == range.replicas) {
      ranges.back().slots.last = last;
    } else {
      ranges.push_back(std::move(range));
    }
  }
  return ranges;
}

std::vector<SlotRange> primary_ranges(const ClusterMap& map, NodeNumber node) {
  std::vector<SlotRange> ranges;
  for (const OwnedRange& owned : owned_ranges(map)) {
    if (owned.primary != node) continue;
    if (!ranges.empty() && raw(ranges.back().last) + 1 == raw(owned.slots.first)) {
      ranges.back().last = owned.slots.last;
    } else {
      ranges.push_back(owned.slots);
    }
  }
  return ranges;
}

std::string format_ranges(std::span<const SlotRange> ranges) {
  std::string text;
  for (const SlotRange& range : ranges) {
    if (!text.empty()) text += ' ';
    text += fmt::format("{}", raw(range.first));
    if (range.last != range.first) text += fmt::format("-{}", raw(range.last));
  }
  return text;
}

std::vector<Holding> holdings(const ClusterMap& map) {
  std::vector<Holding> all;
  for (const Member& member : map.members) {
    Holding& holding = all.emplace_back(Holding{.node = member.number});
    for (const Partition& partition : map.partitions) {
      const bool is_replica = contains(partition.replicas, member.number);
      holding.primary += partition.primary.node == member.number ? 1 : 0;
      holding.replica += is_replica ? 1 : 0;
      holding.coming += !is_replica && contains(partition.future, member.number) ? 1 : 0;
    }
  }
  return all;
}

}  // namespace quoris::topology
