// The cluster's part of `quoris check`: says the state of each of a member's files and whether the
// node would go on from them.
//
// It only reads. What is damaged here is nothing that could be left out: a voter must not guess
// what it has promised, so such a node begins anew with an empty directory.
// Used by: main, beside persistence/check.h. Blocks.
#pragma once

#include <string>

#include "base/disk.h"
#include "persistence/check.h"

namespace quoris::control {

// What to do about damage; empty: all is sound, or there is nothing of a cluster. Errors: those of
// the disk; unsupported if a later version wrote a file.
[[nodiscard]] Result<std::string> check_cluster_files(Disk& disk, const std::string& directory,
                                                      const persistence::LineSink& out);

}  // namespace quoris::control
