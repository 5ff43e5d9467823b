// Looks at a cluster of the simulation from outside, as nobody in it can: all its nodes at one
// moment.
//
// Used by: fault driver, operator, checkers, narrator.
#pragma once

#include <string_view>

#include "base/ids.h"
#include "sim/world.h"

namespace quoris::sim {

// Whose Raft leads, of several that of the highest term; null: nobody.
[[nodiscard]] Machine* leader_of(World& world);

// The newest map that any node has applied; null: none.
[[nodiscard]] const topology::ClusterMap* newest_map(World& world);

// Where the member's process runs; null: nowhere.
[[nodiscard]] Machine* machine_of(World& world, NodeNumber number);

// The member that the machine's process is in this map; null: none (yet, or any more).
[[nodiscard]] const topology::Member* member_of(Machine& machine, const topology::ClusterMap& map);

// Each node that votes, by the leader's word, is where it was, with the disk it had; and no change
// of who votes is under way. So one of them may be lost for good.
[[nodiscard]] bool all_voters_are_sound(World& world);

}  // namespace quoris::sim
