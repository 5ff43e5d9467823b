#include "cluster/raft/progress.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace quoris::raft {

bool Progress::may_send_entries() const {
  switch (state_) {
    case State::probe:
      return !awaits_answer_;
    case State::replicate:
      return inflight_.size() < kInflightMessagesMax && inflight_bytes_ < kInflightBytesMax;
    case State::snapshot:
      break;
  }
  return false;
}

void Progress::on_append_sent(LogIndex last, size_t bytes, LogIndex commit) {
  QUORIS_ASSERT(state_ != State::snapshot);
  wants_probe_ = false;
  commit_sent_ = std::max(commit_sent_, commit);
  if (state_ == State::probe) {
    awaits_answer_ = true;
    return;
  }
  if (last < next_index_) return;  // without entries
  next_index_ = last + 1;
  inflight_.push_back({.last = last, .bytes = bytes});
  inflight_bytes_ += bytes;
}

void Progress::on_accepted(LogIndex verified, LogIndex durable) {
  QUORIS_ASSERT(durable <= verified);
  match_ = std::max(match_, durable);
  if (state_ == State::snapshot) {
    if (durable < snapshot_->index) return;
    probe_from(verified + 1);
  }
  // Durable ones only: so what a follower with a slow disk has to hold is bounded, too.
  while (!inflight_.empty() && inflight_.front().last <= durable) {
    inflight_bytes_ -= inflight_.front().bytes;
    inflight_.pop_front();
  }
  next_index_ = std::max(next_index_, verified + 1);
  if (state_ == State::probe) {
    next_index_ = verified + 1;
    state_ = State::replicate;
    awaits_answer_ = false;
  }
}

void Progress::on_refused(LogIndex refused, LogIndex next_index) {
  if (state_ == State::snapshot || refused <= match_) return;
  // A probe has one question open; everything else is an answer to an earlier one.
  if (state_ == State::probe && refused + 1 != next_index_) return;
  if (refused >= next_index_) return;
  probe_from(std::max(match_ + 1, std::min(next_index, refused)));
}

void Progress::on_heartbeat_answered(LogIndex last_index) {
  if (state_ == State::probe) awaits_answer_ = false;
  if (state_ == State::replicate && match_ < last_index) wants_probe_ = true;
}

void Progress::probe_from(LogIndex next_index) {
  state_ = State::probe;
  next_index_ = next_index;
  awaits_answer_ = false;
  wants_probe_ = false;
  inflight_.clear();
  inflight_bytes_ = 0;
  snapshot_.reset();
  offset_ = 0;
}

void Progress::begin_snapshot(SnapshotPtr snapshot) {
  QUORIS_ASSERT(snapshot != nullptr);
  probe_from(next_index_);
  state_ = State::snapshot;
  snapshot_ = std::move(snapshot);
}

void Progress::on_chunk_sent(uint64_t now_us) {
  awaits_answer_ = true;
  chunk_sent_us_ = now_us;
}

void Progress::on_chunk_answered(LogIndex index, uint64_t offset) {
  if (state_ != State::snapshot || snapshot_->index != index) return;
  if (offset > snapshot_->data.size()) return;
  // All of it has arrived, but is not durable there yet.
  if (offset == snapshot_->data.size() && offset_ == offset) return;
  offset_ = offset;
  awaits_answer_ = offset == snapshot_->data.size();
}

void Progress::give_up_chunk_before(uint64_t us) {
  if (state_ == State::snapshot && chunk_sent_us_ < us) awaits_answer_ = false;
}

}  // namespace quoris::raft
