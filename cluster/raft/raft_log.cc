#include "cluster/raft/raft_log.h"

#include <algorithm>

#include "base/assert.h"

namespace quoris::raft {

RaftLog::RaftLog(const StoredState& stored) : base_(stored.base) {
  if (stored.snapshot == nullptr) {
    configurations_.emplace_back(LogIndex{0}, Configuration{});
  } else {
    configurations_.emplace_back(stored.snapshot->index, stored.snapshot->configuration);
  }
  for (const LogEntry& entry : stored.entries) append(entry);
  QUORIS_ASSERT(configurations_.front().first >= base_.index);
  QUORIS_ASSERT(configurations_.front().first <= last_index());
}

std::optional<Term> RaftLog::term_at(LogIndex index) const {
  if (index == base_.index) return base_.term;
  if (index < base_.index || index > last_index()) return std::nullopt;
  return at(index).term;
}

LogIndex RaftLog::last_possible_match(LogIndex index, Term term) const {
  LogIndex found = std::min(index, last_index());
  while (found > base_.index && at(found).term > term) found = found - 1;
  return found;
}

const LogEntry& RaftLog::at(LogIndex index) const {
  QUORIS_ASSERT(index > base_.index);
  QUORIS_ASSERT(index <= last_index());
  return entries_[raw(index) - raw(base_.index) - 1];
}

std::vector<LogEntry> RaftLog::slice(LogIndex from, LogIndex to, const SliceLimits& limits) const {
  std::vector<LogEntry> taken;
  size_t bytes = 0;
  for (LogIndex index = from; index <= to && index <= last_index(); index = index + 1) {
    const LogEntry& entry = at(index);
    bytes += cost_of(entry);
    if (!taken.empty() && (bytes > limits.bytes || taken.size() >= limits.entries)) break;
    taken.push_back(entry);
  }
  return taken;
}

std::vector<LogEntry> RaftLog::tail(LogIndex from) const {
  QUORIS_ASSERT(from > base_.index);
  const auto skipped = static_cast<ptrdiff_t>(raw(from) - raw(base_.index) - 1);
  return {entries_.begin() + skipped, entries_.end()};
}

void RaftLog::append(LogEntry entry) {
  QUORIS_ASSERT(entry.index == last_index() + 1);
  QUORIS_ASSERT(entry.term >= last_term());
  if (entry.kind == EntryKind::configuration && entry.index > configuration_index()) {
    std::optional<Configuration> configuration = decode_configuration(entry.payload);
    QUORIS_ASSERT(configuration.has_value());
    configurations_.emplace_back(entry.index, *std::move(configuration));
  }
  entries_.push_back(std::move(entry));
}

void RaftLog::truncate_from(LogIndex index) {
  QUORIS_ASSERT(index > base_.index);
  while (last_index() >= index) entries_.pop_back();
  while (configuration_index() >= index) {
    configurations_.pop_back();
    QUORIS_ASSERT(!configurations_.empty());
  }
}

LogIndex RaftLog::base_that_keeps(LogIndex index, const SliceLimits& limits) const {
  LogIndex base = index;
  size_t bytes = 0;
  while (base > base_.index && raw(index) - raw(base) < limits.entries) {
    bytes += cost_of(at(base));
    if (bytes > limits.bytes && base < index) break;
    base = LogIndex{raw(base) - 1};
  }
  return base;
}

void RaftLog::compact(LogIndex index) {
  QUORIS_ASSERT(index <= last_index());
  while (base_.index < index) {
    base_ = {.index = entries_.front().index, .term = entries_.front().term};
    entries_.pop_front();
  }
  while (configurations_.size() > 1 && configurations_[1].first <= base_.index) {
    configurations_.erase(configurations_.begin());
  }
}

void RaftLog::restart(const Snapshot& snapshot) {
  base_ = {.index = snapshot.index, .term = snapshot.term};
  entries_.clear();
  configurations_.assign(1, {snapshot.index, snapshot.configuration});
}

const Configuration& RaftLog::configuration_at(LogIndex index) const {
  const auto behind = std::ranges::find_if(
      configurations_, [index](const auto& each) { return each.first > index; });
  QUORIS_ASSERT(behind != configurations_.begin());
  return (behind - 1)->second;
}

}  // namespace quoris::raft
