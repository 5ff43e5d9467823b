// Who is to be primary where that has to be decided now: its primary is down, or a move ends.
//
// Pure. Used by: planner, control (failover, the end of a move).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "cluster/topology/cluster_map.h"
#include "cluster/topology/map_change.h"

namespace quoris::topology {

// Partitions whose primary can't be one (can_be_primary): down, stale, joining.
[[nodiscard]] std::vector<PartitionIndex> without_primary(const ClusterMap& map);

struct PrimaryChoice {
  PartitionIndex partition{0};
  std::vector<NodeNumber> synced;  // known to be so in the present epoch; may be empty
};

enum class Among : uint8_t {
  all,       // R and N: SetPrimaries
  replicas,  // R: CancelMoves
  future,    // N: SwitchMoves
};

// A step for each partition that has somebody to choose from. The present primary stays if it can.
// Else it is one that is synced rather than not, of R rather than of N, up rather than leaving, and
// of those left the one with the fewest primacies for its weight (the lower number if equal), the
// ones given here counted. Partitions that don't exist are left out.
[[nodiscard]] std::vector<PrimaryStep> choose_primaries(const ClusterMap& map, Among among,
                                                        std::span<const PrimaryChoice> choices);

}  // namespace quoris::topology
