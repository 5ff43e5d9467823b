#include "cluster/raft/raft_files.h"

#include <fmt/format.h>

#include <utility>

#include "base/assert.h"
#include "cluster/raft/varints.h"
#include "persistence/frame.h"
#include "persistence/paths.h"
#include "persistence/record_file.h"

namespace quoris::raft {

namespace {

using persistence::Frame;
using persistence::FrameState;
using persistence::FrameType;
using persistence::join;
using persistence::kFrameHeaderSize;
using persistence::kFramePayloadMax;
using persistence::LogPosition;

constexpr std::string_view kLogMagic = "QUORISRL";
constexpr std::string_view kSnapshotMagic = "QUORISRS";
constexpr std::string_view kRecordKind = "raft";
constexpr std::string_view kTemporary = ".tmp";
// Of an entry: term, kind, size.
constexpr size_t kEntryHeadMax = 3 * kVarintMax;
constexpr size_t kEntriesHeadMax = 2 * kVarintMax;
static_assert(kPayloadBytesMax + kEntryHeadMax + kEntriesHeadMax <= kFramePayloadMax);

// `out` stands at `begin` of its file.
void put_frame(std::string& out, uint64_t begin, std::string_view payload,
               persistence::FrameSeal seal) {
  const size_t at = out.size();
  out.resize(at + kFrameHeaderSize);
  out += payload;
  seal.at = LogPosition{begin + at};
  seal_frame(out.data() + at, payload.size(), seal);
}

Error damaged(const std::string& path, uint64_t offset, std::string_view what) {
  return {Errc::corrupt, fmt::format("{}: damaged at offset {}: {}", path, offset, what)};
}

Error too_new(const std::string& path, uint64_t version) {
  return {Errc::unsupported, fmt::format("{}: written by a later version (format {}, this one "
                                         "knows {})",
                                         path, version, kFormatVersion)};
}

}  // namespace

// --- the log ------------------------------------------------------------------------------------

void append_frames(std::string& out, uint64_t begin, std::span<const LogEntry> entries) {
  size_t next = 0;
  while (next < entries.size()) {
    const size_t first = next;
    std::string rows;
    for (; next < entries.size(); ++next) {
      const LogEntry& entry = entries[next];
      const size_t size = rows.size() + entry.payload.size() + kEntryHeadMax + kEntriesHeadMax;
      if (next > first && size > kFramePayloadMax) break;
      put_varints(rows, {raw(entry.term), static_cast<uint64_t>(entry.kind), entry.payload.size()});
      rows += entry.payload;
    }
    std::string payload;
    put_varints(payload, {raw(entries[first].index), next - first});
    payload += rows;
    put_frame(out, begin, payload, {.type = FrameType::raft_entries, .synced = LogPosition{begin}});
  }
}

std::string encode_log(const LogBase& base, std::span<const LogEntry> entries) {
  // The head holds the size of the whole, itself included: entries first, to know theirs.
  constexpr size_t kNumberSize = 8;
  std::string numbers;
  put_varints(numbers, {kFormatVersion, raw(base.index), raw(base.term)});
  const size_t begin = kLogMagic.size() + kFrameHeaderSize + numbers.size() + kNumberSize;
  std::string bytes(begin, '\0');
  append_frames(bytes, 0, entries);
  uint64_t size = bytes.size();
  for (size_t i = 0; i < kNumberSize; ++i, size >>= 8) numbers.push_back(static_cast<char>(size));
  std::string head(kLogMagic);
  put_frame(head, 0, numbers, {.type = FrameType::raft_log_head});
  QUORIS_ASSERT(head.size() == begin);
  return bytes.replace(0, begin, head);
}

namespace {

class LogDecoder {
 public:
  LogDecoder(std::string_view bytes, const std::string& path) : bytes_(bytes), path_(path) {}

  Result<LogContent> decode() {
    if (Status head = take_head(); !head) return head.error();
    Frame frame;
    while (at_ < bytes_.size()) {
      const FrameState state = read_frame(bytes_.substr(at_), LogPosition{at_}, frame);
      if (state != FrameState::good) break;
      if (!take_entries(frame)) return damaged(path_, at_, "entries that make no sense");
      at_ += frame.size();
    }
    if (at_ < named_size_) return damaged(path_, at_, "no good frame, where one was fsynced");
    if (is_followed_by_later_frame())
      return damaged(path_, at_, "no good frame, and a later one says that it was fsynced");
    content_.torn_bytes = bytes_.size() - at_;
    return std::move(content_);
  }

 private:
  Status take_head() {
    Frame frame;
    at_ = kLogMagic.size();
    if (!bytes_.starts_with(kLogMagic) ||
        read_frame(bytes_.substr(at_), LogPosition{at_}, frame) != FrameState::good ||
        frame.type != FrameType::raft_log_head) {
      return damaged(path_, 0, "the head of the file");
    }
    VarintReader reader(frame.payload);
    uint64_t version = 0;
    uint64_t index = 0;
    uint64_t term = 0;
    if (!reader.read({&version})) return damaged(path_, at_, "the head of the file");
    if (version > kFormatVersion) return too_new(path_, version);
    std::string_view size;
    if (!reader.read({&index, &term}) || !reader.read_bytes(sizeof named_size_, size) ||
        reader.left() > 0) {
      return damaged(path_, at_, "the head of the file");
    }
    for (size_t i = size.size(); i > 0; --i) {
      named_size_ = named_size_ << 8 | static_cast<uint8_t>(size[i - 1]);
    }
    content_.base = {.index = LogIndex{index}, .term = Term{term}};
    at_ += frame.size();
    return ok();
  }

  bool take_entries(const Frame& frame) {
    VarintReader reader(frame.payload);
    uint64_t first = 0;
    uint64_t count = 0;
    if (frame.type != FrameType::raft_entries || !reader.read({&first, &count})) return false;
    const uint64_t base = raw(content_.base.index);
    if (first <= base || first > base + content_.entries.size() + 1) return false;
    content_.entries.resize(first - base - 1);
    for (uint64_t i = 0; i < count; ++i) {
      LogEntry entry;
      entry.index = LogIndex{first + i};
      if (!take_entry(reader, entry)) return false;
      content_.entries.push_back(std::move(entry));
    }
    return reader.left() == 0;
  }

  bool take_entry(VarintReader& reader, LogEntry& entry) const {
    uint64_t term = 0;
    uint64_t kind = 0;
    uint64_t size = 0;
    std::string_view payload;
    if (!reader.read({&term, &kind, &size}) || !reader.read_bytes(size, payload)) return false;
    const Term before =
        content_.entries.empty() ? content_.base.term : content_.entries.back().term;
    entry.term = Term{term};
    if (entry.term < before) return false;
    if (kind > static_cast<uint64_t>(EntryKind::configuration)) return false;
    entry.kind = static_cast<EntryKind>(kind);
    entry.payload = payload;
    return entry.kind != EntryKind::configuration || decode_configuration(payload).has_value();
  }

  [[nodiscard]] bool is_followed_by_later_frame() const {
    for (size_t at = at_ + 1; at < bytes_.size(); ++at) {
      const std::string_view rest = bytes_.substr(at);
      Frame frame;
      if (may_be_frame(rest, FrameType::raft_entries) &&
          read_frame(rest, LogPosition{at}, frame) == FrameState::good && raw(frame.synced) > at_) {
        return true;
      }
    }
    return false;
  }

  std::string_view bytes_;
  const std::string& path_;
  LogContent content_;
  size_t at_ = 0;
  uint64_t named_size_ = 0;
};

}  // namespace

Result<LogContent> decode_log(std::string_view bytes, const std::string& path) {
  return LogDecoder(bytes, path).decode();
}

// --- the snapshot -------------------------------------------------------------------------------

std::string encode_snapshot(const Snapshot& snapshot) {
  std::string bytes(kSnapshotMagic);
  const std::string configuration = encode_configuration(snapshot.configuration);
  std::string head;
  put_varints(head,
              {kFormatVersion, raw(snapshot.index), raw(snapshot.term), configuration.size()});
  head += configuration;
  put_varints(head, {snapshot.data.size()});
  put_frame(bytes, 0, head, {.type = FrameType::raft_snapshot_head});
  for (std::string_view left = snapshot.data; !left.empty();) {
    const std::string_view part = left.substr(0, kFramePayloadMax);
    const bool is_first = left.size() == snapshot.data.size();
    left.remove_prefix(part.size());
    put_frame(bytes, 0, part,
              {.type = FrameType::raft_snapshot_data,
               .part = {.begins_earlier = !is_first, .continues = !left.empty()}});
  }
  return bytes;
}

namespace {

// Nothing if it is no head.
std::optional<uint64_t> decode_snapshot_head(std::string_view payload, Snapshot& snapshot,
                                             uint64_t& data_size) {
  VarintReader reader(payload);
  uint64_t version = 0;
  uint64_t index = 0;
  uint64_t term = 0;
  uint64_t size = 0;
  std::string_view bytes;
  if (!reader.read({&version})) return std::nullopt;
  if (version > kFormatVersion) return version;
  if (!reader.read({&index, &term, &size}) || !reader.read_bytes(size, bytes)) return std::nullopt;
  std::optional<Configuration> configuration = decode_configuration(bytes);
  if (!configuration || !reader.read({&data_size}) || reader.left() > 0) return std::nullopt;
  snapshot.index = LogIndex{index};
  snapshot.term = Term{term};
  snapshot.configuration = *std::move(configuration);
  return version;
}

}  // namespace

Result<SnapshotPtr> decode_snapshot(std::string_view bytes, const std::string& path) {
  size_t at = kSnapshotMagic.size();
  Frame frame;
  auto snapshot = std::make_shared<Snapshot>();
  uint64_t data_size = 0;
  if (!bytes.starts_with(kSnapshotMagic) ||
      read_frame(bytes.substr(at), LogPosition{at}, frame) != FrameState::good ||
      frame.type != FrameType::raft_snapshot_head) {
    return damaged(path, 0, "the head of the file");
  }
  const std::optional<uint64_t> version = decode_snapshot_head(frame.payload, *snapshot, data_size);
  if (!version) return damaged(path, at, "the head of the file");
  if (*version > kFormatVersion) return too_new(path, *version);
  for (at += frame.size(); at < bytes.size(); at += frame.size()) {
    if (read_frame(bytes.substr(at), LogPosition{at}, frame) != FrameState::good ||
        frame.type != FrameType::raft_snapshot_data) {
      return damaged(path, at, "no good frame");
    }
    snapshot->data += frame.payload;
  }
  if (snapshot->data.size() != data_size) return damaged(path, at, "the file ends before its data");
  return SnapshotPtr(std::move(snapshot));
}

// --- files --------------------------------------------------------------------------------------

Result<std::string> read_file(Disk& disk, const std::string& path) {
  const auto file = disk.open(path, Disk::Open::read);
  if (!file) return file.error();
  const Result<uint64_t> size = (*file)->size();
  if (!size) return size.error();
  if (*size > kFileBytesMax) {
    return Error{Errc::limit_exceeded, fmt::format("{}: {} bytes are too many", path, *size)};
  }
  std::string bytes(*size, '\0');
  const Result<size_t> read = (*file)->read_at(0, bytes);
  if (!read) return read.error();
  if (*read != bytes.size()) return Error{Errc::io, path + ": shorter than it was"};
  return bytes;
}

Result<std::unique_ptr<File>> replace_file(Disk& disk, const std::string& directory,
                                           std::string_view name, std::string_view bytes) {
  const std::string path = join(directory, name);
  const std::string temporary = path + std::string(kTemporary);
  if (const Status removed = disk.remove(temporary); !removed) return removed.error();
  auto file = disk.open(temporary, Disk::Open::create);
  if (!file) return file.error();
  if (const Status written = (*file)->write_at(0, {&bytes, 1}); !written) return written.error();
  if (const Status synced = (*file)->sync(); !synced) return synced.error();
  if (const Status renamed = disk.rename(temporary, path); !renamed) return renamed.error();
  if (const Status durable = disk.sync_directory(directory); !durable) return durable.error();
  return file;
}

Status write_hard_state(Disk& disk, const std::string& directory, const HardState& hard_state) {
  persistence::Record record;
  record.add("term", raw(hard_state.term));
  record.add("vote", uint64_t{raw(hard_state.vote)});
  record.add("commit", raw(hard_state.commit));
  return replace_record(disk, directory, kStateName, kRecordKind, record);
}

Result<HardState> read_hard_state(Disk& disk, const std::string& directory) {
  const std::string path = join(directory, kStateName);
  const Result<persistence::Record> record = persistence::read_record(disk, path, kRecordKind);
  if (!record) return record.error();
  uint64_t term = 0;
  uint64_t vote = 0;
  if (!record->get("term", term) || !record->get("vote", vote) || vote > kMembersMax) {
    return damaged(path, 0, "term or vote");
  }
  uint64_t commit = 0;  // earlier versions didn't say it
  if (record->find("commit") != nullptr && !record->get("commit", commit)) {
    return damaged(path, 0, "commit");
  }
  return HardState{.term = Term{term},
                   .vote = NodeNumber{static_cast<uint16_t>(vote)},
                   .commit = LogIndex{commit}};
}

namespace {

// Null if there is no file.
Result<SnapshotPtr> read_snapshot(Disk& disk, const std::string& path) {
  const Result<std::string> bytes = read_file(disk, path);
  if (bytes) return decode_snapshot(*bytes, path);
  if (bytes.error().code == Errc::not_found) return SnapshotPtr();
  return bytes.error();
}

Error inconsistent(const std::string& path, std::string_view what) {
  return {Errc::corrupt, fmt::format("{}: {}", path, what)};
}

Term last_term(const StoredState& state) {
  return state.entries.empty() ? state.base.term : state.entries.back().term;
}

LogIndex last_index(const StoredState& state) { return state.base.index + state.entries.size(); }

}  // namespace

bool fit_log_to_snapshot(StoredState& state) {
  if (state.snapshot == nullptr) return state.base.index == LogIndex{0};
  const Snapshot& snapshot = *state.snapshot;
  if (state.base.index > snapshot.index) return false;
  const uint64_t at = raw(snapshot.index) - raw(state.base.index);
  if (at == 0) return state.base.term == snapshot.term;
  if (at > state.entries.size() || state.entries[at - 1].term != snapshot.term) {
    state.base = {.index = snapshot.index, .term = snapshot.term};
    state.entries.clear();
  }
  return true;
}

Result<std::optional<StoredState>> read_state(Disk& disk, const std::string& directory,
                                              uint64_t& torn_bytes, ShortLog short_log) {
  StoredState state;
  Result<SnapshotPtr> snapshot = read_snapshot(disk, join(directory, kSnapshotName));
  if (!snapshot) return snapshot.error();
  state.snapshot = std::move(snapshot).value();
  const std::string state_path = join(directory, kStateName);
  const std::string log_path = join(directory, kLogName);
  const Result<std::string> bytes = read_file(disk, log_path);
  if (!bytes && bytes.error().code != Errc::not_found) return bytes.error();
  const Result<HardState> hard_state = read_hard_state(disk, directory);
  if (!hard_state && hard_state.error().code == Errc::not_found) {
    // The first start writes an empty log before it.
    if (state.snapshot != nullptr || (bytes && *bytes != encode_log({}, {})))
      return inconsistent(state_path, "it is missing, but not the log or the snapshot");
    return std::optional<StoredState>();
  }
  if (!hard_state) return hard_state.error();
  state.hard_state = *hard_state;
  if (!bytes) return inconsistent(log_path, "it is missing");
  Result<LogContent> content = decode_log(*bytes, log_path);
  if (!content) return content.error();
  torn_bytes = content->torn_bytes;
  state.base = content->base;
  state.entries = std::move(content->entries);
  if (!fit_log_to_snapshot(state))
    return inconsistent(log_path, "entries between the snapshot and the log are missing");
  if (state.hard_state.term < last_term(state))
    return inconsistent(state_path, "its term is older than that of the last entry");
  if (state.hard_state.commit > last_index(state) && short_log == ShortLog::refused) {
    return inconsistent(log_path,
                        fmt::format("it ends at entry {}, but entries up to {} were "
                                    "committed: some were lost",
                                    raw(last_index(state)), raw(state.hard_state.commit)));
  }
  return std::optional(std::move(state));
}

}  // namespace quoris::raft
