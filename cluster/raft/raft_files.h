// The files of a Raft in the data directory, as bytes.
//
//   quoris.raft          term, vote, and an index up to which entries were known to be committed: a
//                        small file (persistence/record_file.h)
//   raft-log.qlog        the entries behind a base
//   raft-snapshot.qsnp   the newest snapshot
// Log and snapshot begin with 8 bytes of magic; frames follow (persistence/frame.h), each seeded
// with its offset. Payloads are varints but where bytes are named.
//   raft_log_head       format version, base index, base term, size of the file when it got its
//   name raft_entries        index of the first one, count; each: term, kind, size, bytes. They
//   take the
//                       place of all that stands at their indexes and behind.
//   raft_snapshot_head  format version, index, term, size of the configuration, its bytes, size of
//                       the data
//   raft_snapshot_data  the data, in parts
// Frames of the log say up to where the file was fsynced when they were written. So bytes that are
// no good frame are a torn tail, which nobody was promised, if no good frame behind them says that
// they were fsynced, nor the head; else they are damage.
//
// A snapshot is durable before the log is begun behind it, so a start may find an older log; if it
// ends before the snapshot, or has another entry at its index, it is dropped.
// Used by: RaftStorage, tests. Errors name file and offset.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/disk.h"
#include "cluster/raft/types.h"

namespace quoris::raft {

inline constexpr std::string_view kStateName = "quoris.raft";
inline constexpr std::string_view kLogName = "raft-log.qlog";
inline constexpr std::string_view kSnapshotName = "raft-snapshot.qsnp";

// Of log and snapshot. A file with a higher one is refused.
inline constexpr uint64_t kFormatVersion = 1;

// The log is held in memory, too: its owner takes a snapshot long before. Writing more is an error,
// and so is a larger file at the start.
inline constexpr uint64_t kFileBytesMax = uint64_t{1} << 30;

[[nodiscard]] std::string encode_log(const LogBase& base, std::span<const LogEntry> entries);

// `out` is going to stand at `begin` in the file; all before that is fsynced.
void append_frames(std::string& out, uint64_t begin, std::span<const LogEntry> entries);

struct LogContent {
  LogBase base;
  std::vector<LogEntry> entries;
  uint64_t torn_bytes = 0;  // that were cut off the end
};

// `path` is for the errors.
[[nodiscard]] Result<LogContent> decode_log(std::string_view bytes, const std::string& path);

[[nodiscard]] std::string encode_snapshot(const Snapshot& snapshot);
[[nodiscard]] Result<SnapshotPtr> decode_snapshot(std::string_view bytes, const std::string& path);

// Errors: not_found, too.
[[nodiscard]] Result<std::string> read_file(Disk& disk, const std::string& path);

// Durable when it returns; whoever reads finds the old or the new file. Returns the file, open.
[[nodiscard]] Result<std::unique_ptr<File>> replace_file(Disk& disk, const std::string& directory,
                                                         std::string_view name,
                                                         std::string_view bytes);

[[nodiscard]] Status write_hard_state(Disk& disk, const std::string& directory,
                                      const HardState& hard_state);

// Errors: not_found, too.
[[nodiscard]] Result<HardState> read_hard_state(Disk& disk, const std::string& directory);

// The log behind the snapshot, as far as the two go together; drops the log if the snapshot came
// from a leader and took its place. False if neither is the case: entries between them are missing.
[[nodiscard]] bool fit_log_to_snapshot(StoredState& state);

// A log that ends before what was known to be committed.
enum class ShortLog : uint8_t {
  refused,   // by a voter, which must not forget
  accepted,  // by the last resort: its commit index is what there is
};

// What a node has kept. Nothing if no node has ever run here. Errors: corrupt, unsupported, those
// of the disk.
[[nodiscard]] Result<std::optional<StoredState>> read_state(Disk& disk,
                                                            const std::string& directory,
                                                            uint64_t& torn_bytes,
                                                            ShortLog short_log = ShortLog::refused);

}  // namespace quoris::raft
