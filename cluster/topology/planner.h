// What should change in the partition table, given who is there.
//
// A plan is not kept anywhere: it is made anew from the present map whenever something may be
// committed, and holds everything that is left to do. A new leader goes on where the old one
// stopped, because it comes to the same plan; a member that fails or joins meanwhile is taken
// into account without anybody having to mend an old plan. What is under way stands in the map as
// moving partitions.
//
// The plan is the smallest change that brings all loads within bounds (shares.h, placement.h).
// The replication factor in force follows min(wanted, members that are to hold data), up or not.
// Pure and deterministic. Used by: control (the leader), the simulator.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "cluster/topology/cluster_map.h"
#include "cluster/topology/map_change.h"

namespace quoris::topology {

// How many partitions move at once. More end a plan sooner, and cost the present owners more of
// their time for clients.
inline constexpr size_t kMovesAtOnceDefault = 16;

struct Plan {
  // Lower before the first move, higher as soon as the table allows.
  std::optional<SetReplicationInForce> replication;
  // Moves whose newcomers went down or depart: to be begun anew, elsewhere.
  std::vector<PrimaryStep> cancels;
  // To be begun: first partitions that have too few copies or one on a member that departs. The
  // primary is who should be it in the end; BeginMoves doesn't look at it.
  std::vector<PlaceStep> moves;
  // Of partitions that don't move: for balance only.
  std::vector<PrimaryStep> handovers;
  // Depart, and hold nothing any more.
  std::vector<SeenMember> finished;

  size_t moving = 0;         // partitions that move already
  size_t moves_blocked = 0;  // that should move, but nobody well would be primary or hold them
  uint32_t crowded = 0;      // partitions on fewer racks than there are, once it is done

  // Nothing to do, nothing under way.
  [[nodiscard]] bool is_settled() const;
};

[[nodiscard]] Plan make_plan(const ClusterMap& map);

// What may be proposed now, in this order: at most so many partitions move or change their primary
// at once, those included that move already.
[[nodiscard]] std::vector<MapChange> next_changes(const Plan& plan, size_t at_once);

// The same for a cluster without data: every move at once, and without a joint epoch. What
// PlaceEmpty requires holds of the plan's partitions.
[[nodiscard]] std::vector<MapChange> changes_without_data(const Plan& plan);

}  // namespace quoris::topology
