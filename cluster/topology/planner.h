// What should change in the partition table, given who is there.
//
// A plan is not kept anywhere: it is made anew from the present map whenever something may be
// committed, and holds everything that is left to do. A new leader goes on where the old one
// stopped, because it comes to the same plan; a member that fails or joins meanwhile is taken
// into account without anybody having to mend an old plan. What is under way stands in the map as
// moving partitions.
//
// The plan is the smallest change that brings all loads within bounds (shares.h, placement.h).
// Copies that are missing or on a member that departs come first, then balance, then racks, and
// primaries when no copy has to move. Carried out in parts, each followed by a new plan, it comes
// to an end (placement.h says why). The replication factor in force follows min(wanted, members
// that are to hold data), up or not. Pure and deterministic. Used by: control (the leader), the
// simulator.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "cluster/topology/cluster_map.h"
#include "cluster/topology/map_change.h"

namespace quoris::topology {

// How many partitions move at once. More end a plan sooner, and cost the present owners more of
// their time for clients.
inline constexpr size_t kMovesAtOnceDefault = 16;

inline constexpr size_t kAllAtOnce = std::numeric_limits<size_t>::max();

struct Plan {
  // Lower before the first move, higher as soon as the table allows.
  std::optional<SetReplicationInForce> replication;
  // Moves whose newcomers went down or depart: to be begun anew, elsewhere.
  std::vector<PrimaryStep> cancels;
  // The primary is who should be it in the end; BeginMoves doesn't look at it.
  std::vector<PlaceStep> moves;
  // Of partitions that don't move: for balance only.
  std::vector<PrimaryStep> handovers;
  // Depart, and hold nothing any more.
  std::vector<SeenMember> finished;

  size_t moving = 0;   // partitions that move already
  size_t blocked = 0;  // that should move, but too few of those that are well could hold them
  size_t crowded = 0;  // partitions on fewer racks than they could be, once this is done

  // Nothing to do, nothing under way.
  [[nodiscard]] bool is_settled() const;
};

// The part of the plan that may be begun now, so that not many more than `at_once` partitions move
// or change their primary at a time, those included that move already. (Not more by one chain of
// exchanges between nodes, as it does nothing good unless it is whole: balance.h.)
// kAllAtOnce: all of it.
[[nodiscard]] Plan make_plan(const ClusterMap& map, size_t at_once = kAllAtOnce);

// What to propose, in this order: partitions move through joint epochs.
[[nodiscard]] std::vector<MapChange> changes_of(const Plan& plan);

// The same for partitions without data: placed at once, without a joint epoch. What PlaceEmpty
// requires holds of the plan's partitions.
[[nodiscard]] std::vector<MapChange> changes_without_data(const Plan& plan);

}  // namespace quoris::topology
