// Which files make up a log, and which of their bytes count.
//
// Used by: LogCursor, recovery, check.
#pragma once

#include <string>
#include <vector>

#include "base/disk.h"
#include "persistence/segment.h"

namespace quoris::persistence {

struct LogFile {
  SegmentHead head;
  std::string name;
  LogPosition end{0};  // of the bytes that count: the next file's beginning, or its own end
};

// A file under a segment's name whose head is damaged. What it holds isn't used; whether anything
// is missed shows when the log is read.
struct HeadlessFile {
  std::string name;
  LogPosition begin{0};  // as the name says
  uint64_t size = 0;
  std::string problem;
};

struct LogFiles {
  std::string directory;
  std::vector<LogFile> chain;  // in the order of their positions
  std::vector<HeadlessFile> headless;
  std::vector<std::string> replaced;  // names of those that others took the place of

  // Index of the file that holds `position`, or would if no byte were missing. REQUIRES: a chain
  // that doesn't begin after it.
  [[nodiscard]] size_t index_of(LogPosition position) const;
};

// Reads their heads. Errors: unsupported if a later version wrote one of them.
[[nodiscard]] Result<LogFiles> find_log_files(Disk& disk, const std::string& directory);

// Bytes that stand at or past `position`, in whatever file.
[[nodiscard]] uint64_t bytes_past(const LogFiles& files, LogPosition position);

// The log ends at `position` from now on, durably; files that hold nothing of it are removed, and
// so are those that were replaced. `files` then describes what is left.
[[nodiscard]] Status cut_log(Disk& disk, LogFiles& files, LogPosition position);

}  // namespace quoris::persistence
