// Extracts of the cluster map as commands show them: slots, owners, states. No server's types.
//
// Pure. Used by: server (CLUSTER SLOTS, SHARDS, NODES; NODES; INFO).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/topology/cluster_map.h"

namespace quoris::topology {

// As NODES shows it: JOINING, ALIVE, DOWN, STALE, LEAVING. (SUSPECT is gossip's to say.)
[[nodiscard]] std::string_view state_name(MemberState state);

// Where clients reach a member.
[[nodiscard]] const std::string& client_host(const Member& member);

struct SlotRange {
  Slot first{0};
  Slot last{0};  // included

  bool operator==(const SlotRange&) const = default;
};

// A run of slots with the same owners.
struct OwnedRange {
  SlotRange slots;
  NodeNumber primary{0};
  std::vector<NodeNumber> replicas;  // the others of R

  bool operator==(const OwnedRange&) const = default;
};

// All slots, ascending. Empty: no cluster was founded.
[[nodiscard]] std::vector<OwnedRange> owned_ranges(const ClusterMap& map);

// The slots that a node is primary of.
[[nodiscard]] std::vector<SlotRange> primary_ranges(const ClusterMap& map, NodeNumber node);

// As CLUSTER NODES writes them: "0-5460 5462".
[[nodiscard]] std::string format_ranges(std::span<const SlotRange> ranges);

// In partitions.
struct Holding {
  NodeNumber node{0};
  uint32_t primary = 0;
  uint32_t replica = 0;  // of R, primary or not
  uint32_t coming = 0;   // of N and not of R
};

// One per member, in the order of numbers.
[[nodiscard]] std::vector<Holding> holdings(const ClusterMap& map);

}  // namespace quoris::topology
