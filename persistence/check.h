// `quoris check`: says what stands in a data directory and whether it is sound; prints the log for
// a person; repairs.
//
// A repair keeps the original of every file that it changes in DIR/damaged-<n>. It never guesses
// at what damaged bytes meant: damaged frames of the log are overwritten with frames that say
// "skipped" (or the log is cut, if nothing good follows), a damaged head of a segment is written
// anew, damaged small files and snapshots are set aside where the rest can do without them.
// Used by: main. Blocks.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/disk.h"

namespace quoris::persistence {

// Gets lines, without their end.
using LineSink = std::function<void(std::string_view)>;

// Says the state of files that this room knows nothing of, and only reads them. What to do about
// damage to them; empty: they are sound.
using CheckOthers = std::function<Result<std::string>(const LineSink& out)>;

// Says the state of each file. True if a node would start from it. Errors: those of the disk.
[[nodiscard]] Result<bool> check_directory(Disk& disk, const std::string& directory,
                                           const LineSink& out, const CheckOthers& others = {});

// One JSON object per mutation of the log (persistence/dump.h), and one where something is wrong or
// not used.
// True if nothing is.
[[nodiscard]] Result<bool> dump_directory(Disk& disk, const std::string& directory,
                                          const LineSink& out);

// Repairs what can be, and checks. True if it is sound now. Errors: already_exists if a node runs
// in the directory; those of the disk.
[[nodiscard]] Result<bool> repair_directory(Disk& disk, const std::string& directory,
                                            const LineSink& out, const CheckOthers& others = {});

}  // namespace quoris::persistence
