// RaftLog: the log in memory, from the entry behind its base on, and the configurations in it.
//
// Knows nothing of what is durable or committed. Invariants: indexes without gaps, terms never
// fall. Limits: those who append see to the size of an entry; compact() is what keeps it short.
// Used by: Raft. Pure.
#pragma once

#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "cluster/raft/types.h"

namespace quoris::raft {

class RaftLog {
 public:
  // REQUIRES: what persistence has validated: entries without gaps behind the base, the snapshot at
  // or behind the base and not behind the last entry.
  explicit RaftLog(const StoredState& stored);

  [[nodiscard]] LogBase base() const { return base_; }

  [[nodiscard]] LogIndex last_index() const { return base_.index + entries_.size(); }

  [[nodiscard]] Term last_term() const {
    return entries_.empty() ? base_.term : entries_.back().term;
  }

  // Nothing before the base and behind the end.
  [[nodiscard]] std::optional<Term> term_at(LogIndex index) const;

  // A log that ends so is at least as up to date as this one (section 3.6.1).
  [[nodiscard]] bool is_covered_by(LogIndex last_index, Term last_term) const {
    return std::pair(last_term, last_index) >= std::pair(this->last_term(), this->last_index());
  }

  // The last index at or before `index` whose term is at most `term`: below it another log, that
  // has `term` at `index`, may agree. `index` itself before the base; never behind the end.
  [[nodiscard]] LogIndex last_possible_match(LogIndex index, Term term) const;

  // REQUIRES: base < index <= last.
  [[nodiscard]] const LogEntry& at(LogIndex index) const;

  struct SliceLimits {
    size_t bytes = kAppendBytesMax;  // one entry is always taken
    size_t entries = kAppendEntriesMax;
  };

  // From `from` to `to`, both included, or as far as the limits allow. REQUIRES: base < from.
  [[nodiscard]] std::vector<LogEntry> slice(LogIndex from, LogIndex to,
                                            const SliceLimits& limits) const;

  // All from `from` on. REQUIRES: base < from.
  [[nodiscard]] std::vector<LogEntry> tail(LogIndex from) const;

  // REQUIRES: the next index, a term not below the last one, a configuration that decodes.
  void append(LogEntry entry);

  // Drops `index` and all behind it. REQUIRES: base < index.
  void truncate_from(LogIndex index);

  // The base with which no more stays up to `index` than the limits allow, one entry at least where
  // there is any. REQUIRES: base <= index <= last.
  [[nodiscard]] LogIndex base_that_keeps(LogIndex index, const SliceLimits& limits) const;

  // Drops all up to `index`. REQUIRES: base <= index <= last.
  void compact(LogIndex index);

  // The log is empty and begins behind a snapshot.
  void restart(const Snapshot& snapshot);

  // The newest in the log, and where it stands; empty where nobody has told yet.
  [[nodiscard]] const Configuration& configuration() const { return configurations_.back().second; }

  [[nodiscard]] LogIndex configuration_index() const { return configurations_.back().first; }

  // The one in force at `index`. REQUIRES: not before the snapshot the log began with, nor the
  // base.
  [[nodiscard]] const Configuration& configuration_at(LogIndex index) const;

 private:
  LogBase base_;
  std::deque<LogEntry> entries_;
  // Ascending; the first may stand before the base.
  std::vector<std::pair<LogIndex, Configuration>> configurations_;
};

}  // namespace quoris::raft
