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
  uint64_t size = 0;   // of the file
};

// A file under a segment's name whose head is damaged. What it holds isn't used; whether anything
// is missed shows when the log is read.
struct HeadlessFile {
  std::string name;
  LogPosition begin{0};  // as the name says
  uint64_t size = 0;
  std::string problem;
  // A power cut while it was begun explains what stands there instead of a head: nothing in it was
  // ever fsynced.
  bool is_unfinished = false;
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

// The log ends at `end` from now on, and all of it is durable.
//
// What is not known to be is copied to a new file. An fsync of the old one would not do: if one has
// failed before, the system holds bytes that read well, takes them for written, and loses them with
// the power. Files that hold nothing of the log are removed. `files` then describes what is left.
// REQUIRES: synced is a position that a frame, a head or a snapshot named, and not before the
// chain's beginning; the frames up to `end` are good.
[[nodiscard]] Status settle_log(Disk& disk, LogFiles& files, LogPosition synced, LogPosition end);

}  // namespace quoris::persistence
