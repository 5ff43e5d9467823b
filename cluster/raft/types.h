// What Raft keeps and hands around: entries, the hard state, snapshots, and what is to be
// persisted.
//
// Used by: everything in this room, and by its owner. Plain data.
// Sources: Ongaro's thesis "Consensus: Bridging Theory and Practice" (2014), figure 3.1; section
// numbers in this room are the thesis's.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "base/ids.h"
#include "cluster/raft/configuration.h"

namespace quoris::raft {

// The place of no node: nobody voted for, no leader known.
inline constexpr NodeNumber kNobody{0};

[[nodiscard]] constexpr LogIndex operator+(LogIndex index, uint64_t count) noexcept {
  return LogIndex{raw(index) + count};
}

// REQUIRES: count <= index.
[[nodiscard]] constexpr LogIndex operator-(LogIndex index, uint64_t count) noexcept {
  return LogIndex{raw(index) - count};
}

[[nodiscard]] constexpr Term next(Term term) noexcept { return Term{raw(term) + 1}; }

// Ordinals are persisted and sent: append only.
enum class EntryKind : uint8_t {
  no_op = 0,          // the first of each term (section 6.4)
  command = 1,        // the owner's bytes
  configuration = 2,  // encode_configuration()
};

struct LogEntry {
  LogIndex index{0};
  Term term{0};
  EntryKind kind = EntryKind::no_op;
  std::string payload;

  static constexpr auto kFields =
      std::make_tuple(&LogEntry::index, &LogEntry::term, &LogEntry::kind, &LogEntry::payload);

  bool operator==(const LogEntry&) const = default;
};

// What an entry counts for in every limit below: its payload and what surrounds it on the wire.
inline constexpr size_t kEntryOverhead = 128;

[[nodiscard]] inline size_t cost_of(const LogEntry& entry) {
  return entry.payload.size() + kEntryOverhead;
}

// A message of the channel has at most 1 MiB; the rest is head room for its other fields.
inline constexpr size_t kAppendBytesMax = size_t{960} << 10;
inline constexpr size_t kAppendEntriesMax = 1024;
inline constexpr size_t kPayloadBytesMax = kAppendBytesMax - kEntryOverhead;

// Of the owner's state. It is held in memory, and on its way to a follower twice.
inline constexpr size_t kSnapshotBytesMax = size_t{64} << 20;
inline constexpr size_t kSnapshotChunkMax = size_t{512} << 10;

// The state after `index`, in the owner's bytes.
struct Snapshot {
  LogIndex index{0};
  Term term{0};
  Configuration configuration;
  std::string data;

  bool operator==(const Snapshot&) const = default;
};

// Shared: the log, transfers to followers and writes to the disk use one at a time, none changes
// it.
using SnapshotPtr = std::shared_ptr<const Snapshot>;

struct HardState {
  Term term{0};
  NodeNumber vote = kNobody;  // in that term
  // Up to here entries were known to be committed, and durable here, before this was written: so
  // much may be applied at the next start at once. Late: nobody waits for it.
  LogIndex commit{0};

  bool operator==(const HardState&) const = default;
};

// The entry before the first one that is kept.
struct LogBase {
  LogIndex index{0};
  Term term{0};

  bool operator==(const LogBase&) const = default;
};

// What a node has kept, as it starts.
struct StoredState {
  HardState hard_state;
  SnapshotPtr snapshot;  // null: none
  LogBase base;
  std::vector<LogEntry> entries;  // behind `base`, without gaps
  // This node has never run: it has promised nothing to nobody.
  bool is_first_life = false;
};

// To be made durable, in the order of the sequences, each wholly before the next one counts as
// persisted. Within one the order is: hard state, snapshot, log.
struct Persist {
  uint64_t sequence = 0;
  std::optional<HardState> hard_state;
  SnapshotPtr snapshot;  // null: as it was
  // The log is begun anew behind this base; it holds `entries` and nothing else then.
  std::optional<LogBase> base;
  // They take the place of all that stands at their indexes and behind.
  std::vector<LogEntry> entries;
};

}  // namespace quoris::raft
