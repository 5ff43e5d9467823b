#include "persistence/log_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "persistence/paths.h"

namespace quoris::persistence {

namespace {

constexpr uint64_t kCopyBytes = uint64_t{4} << 20;

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

// What `from` holds of the log between the beginning and the end of `to`.
Status copy_bytes(Disk& disk, const std::string& directory, const LogFile& from, const LogFile& to,
                  File& out) {
  LogPosition at = std::max(from.head.begin, to.head.begin);
  const LogPosition end = std::min(from.end, to.end);
  if (at >= end) return ok();
  const std::string path = join(directory, from.name);
  const auto in = disk.open(path, Disk::Open::read);
  if (!in) return in.error();
  std::vector<char> buffer(std::min(kCopyBytes, distance(at, end)));
  while (at < end) {
    const uint64_t wanted = std::min<uint64_t>(buffer.size(), distance(at, end));
    const Result<size_t> read =
        (*in)->read_at(segment_offset(from.head.begin, at), {buffer.data(), wanted});
    if (!read) return read.error();
    if (*read != wanted) return Error{Errc::io, path + ": shorter than it was"};
    const std::string_view piece(buffer.data(), wanted);
    Status written = out.write_at(segment_offset(to.head.begin, at), {&piece, 1});
    if (!written) return written;
    at = at + wanted;
  }
  return ok();
}

// To a file that begins at `from` and takes the place of all that stands there.
Status copy_tail(Disk& disk, LogFiles& files, LogPosition from, LogPosition end) {
  uint64_t sequence = 0;
  for (const LogFile& file : files.chain) sequence = std::max(sequence, file.head.sequence);
  LogFile copy{.head = {.begin = from, .synced = from, .sequence = sequence + 1},
               .name = segment_name(from),
               .end = end,
               .size = segment_offset(from, end)};
  const std::string path = join(files.directory, kRewrittenSegmentName);
  if (Status removed = disk.remove(path); !removed) return removed;
  const auto out = disk.open(path, Disk::Open::create);
  if (!out) return out.error();
  if (Status begun = write_segment_head(**out, copy.head); !begun) return begun;
  for (const LogFile& file : files.chain) {
    if (Status copied = copy_bytes(disk, files.directory, file, copy, **out); !copied)
      return copied;
  }
  if (Status durable = (*out)->sync(); !durable) return durable;
  if (Status named = disk.rename(path, join(files.directory, copy.name)); !named) return named;
  // It has taken the place of a file of the same name, if there was one.
  std::erase(files.replaced, copy.name);
  std::erase_if(files.headless, [&](const HeadlessFile& file) { return file.name == copy.name; });
  std::vector<LogFile> found = std::exchange(files.chain, {});
  std::erase_if(found, [from](const LogFile& file) { return file.head.begin == from; });
  found.push_back(std::move(copy));
  chain_up(std::move(found), files);
  return ok();
}

Status cut_off_rest(Disk& disk, const std::string& directory, LogFile& file) {
  const uint64_t size = segment_offset(file.head.begin, file.end);
  if (file.size <= size) return ok();
  const auto opened = disk.open(join(directory, file.name), Disk::Open::write);
  if (!opened) return opened.error();
  file.size = size;
  return (*opened)->truncate(size);
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
           .problem = head ? "another position stands in its head" : head.error().message,
           .is_unfinished = !head && is_unfinished_head({bytes.data(), *read}, *begin)});
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

Status settle_log(Disk& disk, LogFiles& files, LogPosition synced, LogPosition end) {
  const bool is_settled = files.chain.empty() || files.chain.back().end <= synced;
  if (!is_settled) {
    if (Status copied = copy_tail(disk, files, synced, end); !copied) {
      static_cast<void>(disk.remove(join(files.directory, kRewrittenSegmentName)));
      if (copied.error().code != Errc::no_space) return copied;
      return Error{Errc::no_space,
                   fmt::format("{}; a start writes the end of the log anew, for which it needs {} "
                               "bytes of room",
                               copied.error().message, segment_offset(synced, end))};
    }
  }
  std::vector<std::string> unneeded = std::exchange(files.replaced, {});
  for (HeadlessFile& file : std::exchange(files.headless, {})) {
    unneeded.push_back(std::move(file.name));
  }
  // Names that the last life could not make durable any more count, too.
  if (Status named = disk.sync_directory(files.directory); !named) return named;
  for (const std::string& name : unneeded) {
    if (Status removed = disk.remove(join(files.directory, name)); !removed) return removed;
  }
  // So that they can't be taken for the log's should a later file get lost.
  for (LogFile& file : files.chain) {
    if (Status cut = cut_off_rest(disk, files.directory, file); !cut) return cut;
  }
  return unneeded.empty() ? ok() : disk.sync_directory(files.directory);
}

}  // namespace quoris::persistence
