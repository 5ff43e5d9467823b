// KeptMap: the cluster map that a node's Raft files hold, of a node that is not running.
//
// Pure. Used by: recover, check.
#pragma once

#include "base/result.h"
#include "cluster/raft/types.h"
#include "cluster/topology/cluster_map.h"

namespace quoris::control {

// Where the log ends, or the snapshot, if there is no log behind it.
[[nodiscard]] LogIndex last_index(const raft::StoredState& state);

// The snapshot's map and what all entries make of it, committed or not.
// Errors: corrupt, unsupported.
[[nodiscard]] Result<topology::ClusterMap> newest_map(const raft::StoredState& state);

}  // namespace quoris::control
