#include "persistence/log_files.h"

#include <algorithm>

#include "base/assert.h"
#include "persistence/paths.h"

namespace quoris::persistence {

namespace {

// In the order of their sequence: each takes the place of what stands at or past its beginning.
void chain_up(std::vector<LogFile> found, LogFiles& files) {
  std::ranges::sort(found, {}, [](const LogFile& file) { return file.head.sequence; });
  for (LogFile& file : found) {
    while (!files.chain.empty() && files.chain.back().head.begin >= file.head.begin) {
      files.replaced.push_back(std::move(files.chain.back().name));
      files.chain.pop_back();
    }
    if (!files.chain.empty()) {
      LogPosition& end = files.chain.back().end;
      end = std::min(end, file.head.begin);
    }
    files.chain.push_back(std::move(file));
  }
}

}  // namespace

size_t LogFiles::index_of(LogPosition position) const {
  const auto after = std::ranges::upper_bound(chain, position, {},
                                              [](const LogFile& file) { return file.head.begin; });
  QUORIS_ASSERT(after != chain.begin());
  return static_cast<size_t>(after - chain.begin()) - 1;
}

Result<LogFiles> find_log_files(Disk& disk, const std::string& directory) {
  const Result<std::vector<std::string>> names = disk.list(directory);
  if (!names) return names.error();
  LogFiles files;
  files.directory = directory;
  std::vector<LogFile> found;
  for (const std::string& name : *names) {
    const std::optional<LogPosition> begin = parse_segment_name(name);
    if (!begin) continue;
    const Result<std::unique_ptr<File>> file = disk.open(join(directory, name), Disk::Open::read);
    if (!file) return file.error();
    const Result<uint64_t> size = (*file)->size();
    if (!size) return size.error();
    std::array<char, kSegmentHeadSize> bytes{};
    const Result<size_t> read = (*file)->read_at(0, bytes);
    if (!read) return read.error();
    const Result<SegmentHead> head = decode_segment_head({bytes.data(), *read});
    if (!head && head.error().code != Errc::corrupt) {
      return Error{head.error().code, join(directory, name) + ": " + head.error().message};
    }
    if (!head || head->begin != *begin) {
      files.headless.push_back(
          {.name = name,
           .begin = *begin,
           .size = *size,
           .problem = head ? "another position stands in its head" : head.error().message});
    } else {
      found.push_back({.head = *head, .name = name, .end = *begin + (*size - kSegmentHeadSize)});
    }
  }
  chain_up(std::move(found), files);
  return files;
}

uint64_t bytes_past(const LogFiles& files, LogPosition position) {
  uint64_t bytes = 0;
  for (const LogFile& file : files.chain) {
    if (file.end <= position) continue;
    bytes += distance(std::max(position, file.head.begin), file.end);
  }
  for (const HeadlessFile& file : files.headless) {
    if (file.begin >= position) bytes += file.size;
  }
  return bytes;
}

Status cut_log(Disk& disk, LogFiles& files, LogPosition position) {
  std::vector<std::string> unneeded = std::move(files.replaced);
  for (HeadlessFile& file : files.headless) unneeded.push_back(std::move(file.name));
  // The last first, so that a crash in between leaves no gap.
  while (!files.chain.empty() && files.chain.back().head.begin > position) {
    unneeded.push_back(std::move(files.chain.back().name));
    files.chain.pop_back();
  }
  files.replaced.clear();
  files.headless.clear();
  for (const std::string& name : unneeded) {
    if (Status removed = disk.remove(join(files.directory, name)); !removed) return removed;
  }
  if (!files.chain.empty()) {
    LogFile& last = files.chain.back();
    const auto file = disk.open(join(files.directory, last.name), Disk::Open::write);
    if (!file) return file.error();
    const uint64_t size = segment_offset(last.head.begin, position);
    const Result<uint64_t> was = (*file)->size();
    if (!was) return was.error();
    if (*was > size) {
      if (Status cut = (*file)->truncate(size); !cut) return cut;
      if (Status synced = (*file)->sync(); !synced) return synced;
    }
    last.end = std::min(last.end, position);
  }
  return unneeded.empty() ? ok() : disk.sync_directory(files.directory);
}

}  // namespace quoris::persistence
