// Recovery of a cluster whose majority is gone for good: one survivor's data directory becomes a
// cluster of its own (`quoris recover --new-cluster DIR`).
//
// The survivor takes all that its Raft has, committed or not, for decided: an entry that it lacks
// may have been decided without it, one that it has may never have been. It becomes the only voter
// and the only owner of every partition; all others are down and depart, for their directories
// belong to the old cluster. The new one has another id: an old majority that returns is refused,
// and refuses. Whoever is to come back comes back with an empty directory.
//
// Order of the writes: quoris.cluster first, so that a directory that a crash leaves half way
// belongs to nobody else's cluster, where its old votes count for nothing; then Raft's. Recovering
// it again ends what was begun. Used by: main. Blocks.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/disk.h"
#include "base/env.h"

namespace quoris::control {

// Says what is lost, and what was done; `print` gets lines, without their end.
// Errors: already_exists if a node runs in the directory; not_found if it holds no member of a
// cluster; corrupt, unsupported, those of the disk.
[[nodiscard]] Status recover_as_new_cluster(Disk& disk, Rng& rng, const std::string& directory,
                                            const std::function<void(std::string_view)>& print);

}  // namespace quoris::control
