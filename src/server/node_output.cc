// Node: how replies leave: at once, or when the log has acknowledged what they tell of; and the
// limits on what waits for slow readers.
#include <algorithm>
#include <utility>

#include "base/planted.h"
#include "server/node.h"

namespace quoris::server {
namespace {

// What a client that has not logged in may leave unread: its replies are short errors. As much as
// Redis has in a client's first buffer; past it, it drops such a client.
constexpr size_t kStrangersOutputMax = 16UL * 1024;

}  // namespace

void Node::flush_replies() {
  // Closing a session puts nothing into this list while it is walked: marks are taken first.
  std::vector<Session*> dirty;
  dirty.swap(dirty_);
  for (Session* session : dirty) {
    session->in_dirty_ = false;
    flush(*session);
    session->read_this_turn_ = 0;
    if (session->reading_stopped_ && !session->closing_) {
      session->reading_stopped_ = false;
      session->stream_->resume_reading();
    }
    if (session->closing_ && !session->close_dropping_ && !session->peer_gone_ && !session->held_) {
      session->stream_->close_after_write();
    }
  }
  if (dirty_.empty()) {
    dirty.clear();
    dirty_.swap(dirty);  // keeps its memory for the next turn
  }
}

void Node::flush(Session& session) {
  if (session.held_) [[unlikely]]
    send_held(session);
  if (session.out_.empty()) return;
  if (session.peer_gone_ || session.close_dropping_) {
    session.out_.clear();
    return;
  }
  stats_.lasting.recent_output.note(session.output_memory(), now_us_ / 1'000'000);
  persistence::LogPosition awaits = std::exchange(session.awaits_log_, persistence::LogPosition{0});
  if (awaits == Durability::kThisTurn) awaits = durability_.end_of_turn();
  if (QUORIS_PLANTED("server: a reply leaves before the log has it")) awaits = {};
  if (session.held_ || awaits > durability_.acknowledged()) [[unlikely]] {
    hold_replies(session, awaits);
  } else {
    send(session, std::move(session.out_));
    session.out_.clear();
  }
  check_output_limit(session);
}

void Node::send(Session& session, ByteChain&& bytes) {
  stats_.output_bytes += bytes.size();
  ++stats_.writes;
  session.stream_->write(std::move(bytes));
}

void Node::hold_replies(Session& session, persistence::LogPosition awaits) {
  if (!session.held_) session.held_ = std::make_unique<HeldReplies>();
  if (!std::exchange(session.in_holding_, true)) holding_.push_back(session.id());
  // In their order: none leaves before those in front of it.
  HeldReplies& held = *session.held_;
  if (!held.parts.empty()) awaits = std::max(awaits, held.parts.back().awaits);
  held.memory += session.out_.memory();
  held.parts.push_back({.awaits = awaits, .bytes = std::move(session.out_)});
  session.out_.clear();
}

void Node::send_held(Session& session) {
  if (session.peer_gone_ || session.close_dropping_) {
    session.held_.reset();
    return;
  }
  HeldReplies& held = *session.held_;
  const persistence::LogPosition acknowledged = durability_.acknowledged();
  while (!held.parts.empty() && held.parts.front().awaits <= acknowledged) {
    ByteChain bytes = std::move(held.parts.front().bytes);
    held.parts.pop_front();
    held.memory -= bytes.memory();
    send(session, std::move(bytes));
  }
  if (held.parts.empty()) session.held_.reset();
}

void Node::release_replies() {
  std::vector<SessionId> still;
  for (const SessionId id : holding_) {
    Session* session = find_session(id);
    if (session == nullptr) continue;
    if (!session->held_) {
      session->in_holding_ = false;
      continue;
    }
    if (session->held_->parts.front().awaits <= durability_.acknowledged()) mark_dirty(*session);
    still.push_back(id);
  }
  holding_ = std::move(still);
}

void Node::check_output_limit(Session& session) {
  if (session.closes_now()) return;
  const size_t pending = session.output_memory();
  if (pending == 0) return;
  const OutputLimit& limit = values().client_output_buffer_limit[session.is_subscribed() ? 2 : 0];
  const int64_t now_s = now_us_ / 1'000'000;
  const bool stranger = !session.authenticated && !values().requirepass.empty();
  const size_t unsent = session.out_.size() + session.stream_->unsent();
  bool close = limit.hard != 0 && pending > limit.hard;
  close = close || (stranger && unsent > kStrangersOutputMax);
  if (limit.soft != 0 && pending > limit.soft) {
    if (session.over_soft_limit_since_s == 0) session.over_soft_limit_since_s = now_s;
    close = close || now_s - session.over_soft_limit_since_s > limit.soft_seconds;
  } else {
    session.over_soft_limit_since_s = 0;
  }
  if (!close) return;
  ++stats_.output_buffer_limit_disconnections;
  log_.write(LogLevel::warning,
             "closing client id={} addr={}: {} bytes of replies wait for it, past the limit of {}",
             raw(session.id()), session.stream_->peer_address(), pending,
             stranger ? "a client that is not logged in" : "client-output-buffer-limit");
  session.close_now();
}

}  // namespace quoris::server
