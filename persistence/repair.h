// The changes that `quoris check --repair` makes (persistence/check.h says which).
//
// Used by: check. Blocks. A repair that was interrupted is begun again.
#pragma once

#include "persistence/check.h"

namespace quoris::persistence {

// REQUIRES: the directory is locked. `out` hears of each change.
[[nodiscard]] Status repair_files(Disk& disk, const std::string& directory, const LineSink& out);

}  // namespace quoris::persistence
