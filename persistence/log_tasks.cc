#include "persistence/log_tasks.h"

#include "base/planted.h"
#include "persistence/paths.h"

namespace quoris::persistence {

namespace {

Status write_bytes(Segment& segment, LogPosition at, const LogBuffer::Pieces& bytes) {
  if (bytes.views.empty()) return ok();
  return segment.files.writing->write_at(segment_offset(segment.head.begin, at), bytes.views);
}

}  // namespace

Status open_segment(Disk& disk, const std::string& path, SegmentFiles& files) {
  for (std::unique_ptr<File>* handle : {&files.writing, &files.syncing}) {
    Result<std::unique_ptr<File>> file = disk.open(path, Disk::Open::write);
    if (!file) return file.error();
    *handle = std::move(file).value();
  }
  return ok();
}

Status create_segment(Disk& disk, const std::string& path, SegmentFiles& files) {
  if (Status removed = disk.remove(path); !removed) return removed;
  if (const auto made = disk.open(path, Disk::Open::create); !made) return made.error();
  return open_segment(disk, path, files);
}

Status WriteTask::run(Disk& disk) const {
  if (!prepared_path.empty()) {
    if (Status renamed = disk.rename(prepared_path, segment->path); !renamed) return renamed;
    if (Status begun = write_segment_head(*segment->files.writing, segment->head); !begun)
      return begun;
  }
  return write_bytes(*segment, at, bytes);
}

Status SyncTask::run(Disk& disk) const {
  for (const SegmentPtr& segment : segments) {
    if (Status synced = segment->files.syncing->sync(); !synced) return synced;
  }
  if (QUORIS_PLANTED("persistence: a segment's directory is not synced")) return ok();
  return directory.empty() ? ok() : disk.sync_directory(directory);
}

Status RewriteTask::run(Disk& disk) const {
  const std::string path = join(directory, kRewrittenSegmentName);
  if (Status made = create_segment(disk, path, segment->files); !made) return made;
  if (Status begun = write_segment_head(*segment->files.writing, segment->head); !begun)
    return begun;
  if (Status written = write_bytes(*segment, segment->head.begin, bytes); !written) return written;
  if (Status synced = segment->files.syncing->sync(); !synced) return synced;
  if (Status renamed = disk.rename(path, segment->path); !renamed) return renamed;
  for (const std::string& each : replaced) {
    if (Status removed = disk.remove(each); !removed) return removed;
  }
  if (QUORIS_PLANTED("persistence: a segment's directory is not synced")) return ok();
  return disk.sync_directory(directory);
}

Status RemoveTask::run(Disk& disk) const {
  for (const std::string& path : paths) {
    if (Status removed = disk.remove(path); !removed) return removed;
  }
  return disk.sync_directory(directory);
}

}  // namespace quoris::persistence
