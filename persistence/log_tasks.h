// What the log does to its files: each task is handed all it needs, and runs on whatever thread.
//
// Used by: AppendLog, which decides what is done when and sees to it that no file is used by two
// tasks at a time. (A segment is open twice, so that one task may write it while another syncs it.)
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/disk.h"
#include "persistence/log_buffer.h"
#include "persistence/segment.h"

namespace quoris::persistence {

// The two handles of one file.
struct SegmentFiles {
  std::unique_ptr<File> writing;
  std::unique_ptr<File> syncing;
};

struct Segment {
  SegmentHead head;
  std::string path;
  SegmentFiles files;  // empty once nothing more is written to it
  bool name_is_durable = false;
};

// Shared with the tasks that use it: they may outlive the log.
using SegmentPtr = std::shared_ptr<Segment>;

// Opens a file that is there.
[[nodiscard]] Status open_segment(Disk& disk, const std::string& path, SegmentFiles& files);

// Makes an empty file, instead of one that may be there.
[[nodiscard]] Status create_segment(Disk& disk, const std::string& path, SegmentFiles& files);

// Bytes from the buffer to the end of a segment.
struct WriteTask {
  SegmentPtr segment;
  std::string prepared_path;  // not empty: the segment is begun, from the file under this name
  LogPosition at{0};
  LogBuffer::Pieces bytes;

  [[nodiscard]] Status run(Disk& disk) const;
};

// What was written to these segments becomes durable.
struct SyncTask {
  std::vector<SegmentPtr> segments;
  std::string directory;  // not empty: it is synced, too

  [[nodiscard]] Status run(Disk& disk) const;
};

// After a failure: a new segment with all that is not known to be durable, which is durable
// afterwards. It takes its name last, and then the files it takes the place of are removed.
struct RewriteTask {
  SegmentPtr segment;
  std::string directory;
  LogBuffer::Pieces bytes;
  std::vector<std::string> replaced;

  [[nodiscard]] Status run(Disk& disk) const;
};

// Segments that nobody needs any more, oldest first.
struct RemoveTask {
  std::vector<std::string> paths;
  std::string directory;

  [[nodiscard]] Status run(Disk& disk) const;
};

}  // namespace quoris::persistence
