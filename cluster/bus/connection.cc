#include "cluster/bus/connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/assert.h"
#include "base/planted.h"
#include "base/text.h"
#include "cluster/bus/channel_messages.h"

namespace quoris::bus {

namespace {

constexpr uint64_t kNsPerUs = 1000;

constexpr std::string_view kClientError =
    "-ERR this is the cluster port, where only nodes talk; clients use the node's own port\r\n";

// A client's reader may need so much memory for what kStrangerBytesMax can hold.
constexpr size_t kStrangerReaderMax = size_t{512} << 10;

bool is_hello(Words words) {
  return words.size() > 1 && words[0] == "HELLO" && words[1] == kHelloMark;
}

}  // namespace

std::string_view name_of(EndReason reason) {
  constexpr std::array<std::string_view, 8> kNames{"unreachable", "gone",   "silent",   "refused",
                                                   "malformed",   "client", "replaced", "dropped"};
  return kNames.at(static_cast<size_t>(reason));
}

Connection::Connection(const Context& context, LinkCounters& counters, uint64_t serial)
    : context_(context), counters_(&counters), serial_(serial) {}

std::string Connection::nonce() const {
  std::string bytes(kNonceBytes, '\0');
  context_.rng.secret_bytes(std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

// --- beginnings and ends --------------------------------------------------------------------

void Connection::call(Transport& transport, const Target& target) {
  QUORIS_ASSERT(state_ == State::calling && stream_ == nullptr);
  target_ = target;
  peer_address_ = fmt::format("{}:{}", target.address.host, target.address.port);
  deadline_ns_ = context_.clock.monotonic_ns() + context_.options.connect_us * kNsPerUs;
  stream_ = transport.connect(target.address, *this);
}

void Connection::take(std::unique_ptr<Stream> stream) {
  QUORIS_ASSERT(state_ == State::calling && stream_ == nullptr);
  stream_ = std::move(stream);
  peer_address_ = stream_->peer_address();
  LocalNode local = context_.local;
  local.facts.wall_us = context_.clock.wall_us();
  handshake_.emplace(Handshake::await(local, nonce()));
  state_ = State::shaking_hands;
  deadline_ns_ = context_.clock.monotonic_ns() + context_.options.greeting_us * kNsPerUs;
}

void Connection::on_connected() {
  if (state_ != State::calling) return;
  LocalNode local = context_.local;
  local.facts.wall_us = context_.clock.wall_us();
  handshake_.emplace(Handshake::begin(
      local, {.link = target_->link, .expected_identity = target_->identity}, nonce()));
  state_ = State::shaking_hands;
  deadline_ns_ = context_.clock.monotonic_ns() + context_.options.handshake_us * kNsPerUs;
  say(handshake_->frame());
}

void Connection::on_failed(const Error& error) {
  notice_.text = error.message;
  end(EndReason::unreachable);
}

void Connection::on_closed() {
  if (state_ == State::closing) {
    end(closing_reason_);
  } else {
    const bool is_client = handshake_ && handshake_->awaits_hello();
    end(is_client ? EndReason::client : EndReason::gone);
  }
}

void Connection::end(EndReason reason) {
  if (state_ == State::ended) return;
  state_ = State::ended;
  stream_.reset();
  out_.clear();
  unsent_ends_.clear();
  counters_->refusals += reason == EndReason::refused ? 1 : 0;
  counters_->malformed += reason == EndReason::malformed ? 1 : 0;
  counters_->silences += reason == EndReason::silent ? 1 : 0;
  const bool lost = reason == EndReason::unreachable || reason == EndReason::gone;
  counters_->failures += lost && !was_open_ ? 1 : 0;
  context_.owner.on_end(*this, reason);
}

void Connection::end_after_write(EndReason reason) {
  if (state_ == State::ended) return;
  state_ = State::closing;
  closing_reason_ = reason;
  deadline_ns_ = context_.clock.monotonic_ns() + context_.options.greeting_us * kNsPerUs;
  flush();
  stream_->close_after_write();
}

LinkKind Connection::link() const {
  if (target_) return target_->link;
  return handshake_ ? handshake_->link() : LinkKind::control;
}

NodeNumber Connection::claimed_number() const {
  if (target_) return target_->number;
  return handshake_ ? handshake_->peer().number : NodeNumber{0};
}

// --- reading --------------------------------------------------------------------------------

resp::RequestLimits Connection::read_limits() const {
  if (target_ || state_ == State::open) {
    return {.bulk_max = kFrameBytesMax, .buffer_max = kReaderBytesMax};
  }
  return {.bulk_max = kStrangerElementMax, .buffer_max = kStrangerReaderMax};
}

std::span<char> Connection::read_buffer() {
  paused_ = reader_.buffered() >= kReadAheadBytes && !reader_.commands().empty();
  if (paused_ || input_ != resp::ReadStatus::ok) return {};
  return reader_.prepare();
}

void Connection::on_read(size_t count) {
  counters_->in.bytes += count;
  if (!context_.owner.is_cut(*this, fault::Way::incoming)) {
    heard_ns_ = context_.clock.monotonic_ns();
  }
  input_ = reader_.commit(count, read_limits());
  if (!target_ && state_ != State::open) {
    stranger_bytes_ += count;
    if (stranger_bytes_ > kStrangerBytesMax) input_ = resp::ReadStatus::over_limit;
  }
  const bool has_work = !reader_.commands().empty() || input_ != resp::ReadStatus::ok;
  if (has_work && !std::exchange(announced_, true)) context_.owner.on_readable(*this);
}

void Connection::take_frames() {
  announced_ = false;
  while (state_ != State::ended && !reader_.commands().empty()) {
    const resp::RequestReader::Command command = reader_.commands().front();
    if (command.bytes > kFrameBytesMax) {
      end(EndReason::malformed);
      return;
    }
    handle(reader_.arguments(command));
    reader_.drop(1);
  }
  if (state_ == State::ended) return;
  if (input_ != resp::ReadStatus::ok && state_ != State::closing) {
    const bool is_client = handshake_->awaits_hello();
    if (is_client && !reader_.error().empty()) say(fmt::format("-ERR {}\r\n", reader_.error()));
    end_after_write(EndReason::malformed);
    return;
  }
  if (std::exchange(paused_, false)) {
    heard_ns_ = context_.clock.monotonic_ns();
    stream_->resume_reading();
  }
}

void Connection::handle(Words words) {
  switch (state_) {
    case State::shaking_hands:
      handle_handshake(words);
      break;
    case State::open:
      handle_open(words);
      break;
    case State::calling:
    case State::closing:
    case State::ended:
      break;  // of no interest any more
  }
}

void Connection::answer_client(Words words) {
  if (equals_ignoring_case(words[0], "PING") && words.size() == 1) {
    say("+PONG\r\n");
  } else if (equals_ignoring_case(words[0], "PING") && words.size() == 2) {
    say(fmt::format("${}\r\n{}\r\n", words[1].size(), words[1]));
  } else {
    say(kClientError);
  }
}

void Connection::handle_handshake(Words words) {
  if (handshake_->awaits_hello() && !is_hello(words)) {
    answer_client(words);
    return;
  }
  const bool is_greeting = handshake_->peer().identity.empty();
  const Handshake::Next next = handshake_->on_frame(words);
  if (is_greeting) greeted_wall_us_ = context_.clock.wall_us();
  const ConnectionOwner& owner = context_.owner;
  if (owner.is_cut(*this, fault::Way::incoming) || owner.is_cut(*this, fault::Way::outgoing)) {
    return;  // as if nothing had come; the deadline ends it
  }
  switch (next) {
    case Handshake::Next::answer:
      say(handshake_->frame());
      break;
    case Handshake::Next::admit:
      decide();
      break;
    case Handshake::Next::refuse:
      note_refusal(false);
      say(handshake_->frame());
      end_after_write(EndReason::refused);
      break;
    case Handshake::Next::refused:
      note_refusal(true);
      end(EndReason::refused);
      break;
    case Handshake::Next::malformed:
      end(EndReason::malformed);
      break;
  }
}

void Connection::decide() {
  const auto notice = context_.owner.admit(*this);
  if (state_ != State::shaking_hands) return;
  if (notice) {
    handshake_->refuse(*notice);
    note_refusal(false);
    say(handshake_->frame());
    end_after_write(EndReason::refused);
    return;
  }
  handshake_->accept();
  say(handshake_->frame());
  state_ = State::open;
  was_open_ = true;
  opened_ns_ = context_.clock.monotonic_ns();
  heard_ns_ = opened_ns_;
  next_heartbeat_ns_ = opened_ns_;
  context_.owner.on_open(*this);
}

void Connection::note_refusal(bool by_peer) {
  notice_ = handshake_->notice();
  refused_by_peer_ = by_peer;
  refusal_is_proven_ = by_peer && handshake_->is_proven();
}

void Connection::handle_open(Words words) {
  const std::string_view name = words.front();
  if (name == "HEARTBEAT" || name == "HEARTBEAT-ACK" || name == "REFUSED") {
    if (context_.owner.is_cut(*this, fault::Way::incoming)) return;
    if (name == "REFUSED") {
      if (handshake_->on_frame(words) != Handshake::Next::refused) {
        end(EndReason::malformed);
        return;
      }
      note_refusal(true);
      end(EndReason::refused);
      return;
    }
    const auto message =
        ChannelMessages::decode(words, LinkKind::control, handshake_->peer_version());
    if (!message) {
      end(EndReason::malformed);
    } else if (const auto* heartbeat = std::get_if<Heartbeat>(&*message)) {
      on_heartbeat(*heartbeat);
    } else {
      on_heartbeat_ack(std::get<HeartbeatAck>(*message));
    }
    return;
  }
  if (!context_.owner.on_frame(*this, words)) end(EndReason::malformed);
}

// --- heartbeats -----------------------------------------------------------------------------

void Connection::on_heartbeat(const Heartbeat& heartbeat) {
  if (queued_bytes() > context_.options.unanswered_bytes_max) return;
  say_message(HeartbeatAck{.sent_ns = heartbeat.sent_ns, .wall_us = context_.clock.wall_us()});
}

void Connection::on_heartbeat_ack(const HeartbeatAck& ack) {
  const uint64_t now_ns = context_.clock.monotonic_ns();
  if (ack.sent_ns > now_ns) return;  // not one of ours
  round_trip_us_ = (now_ns - ack.sent_ns) / kNsPerUs;
  // Unsigned, for a peer's clock may read anything. Its clock was read half a round trip ago.
  const uint64_t offset = static_cast<uint64_t>(ack.wall_us) + *round_trip_us_ / 2 -
                          static_cast<uint64_t>(context_.clock.wall_us());
  clock_offset_us_ = static_cast<int64_t>(offset);
}

void Connection::tick(uint64_t now_ns, uint64_t lateness_ns) {
  if (state_ == State::ended) return;
  if (state_ != State::open) {
    deadline_ns_ += lateness_ns;
    if (now_ns < deadline_ns_) return;
    if (state_ == State::closing) {
      end(closing_reason_);
    } else if (state_ == State::calling) {
      notice_.text = "no connection in time";
      end(EndReason::unreachable);
    } else {
      end(handshake_->awaits_hello() ? EndReason::client : EndReason::silent);
    }
    return;
  }
  // What we did not hear while we did not listen says nothing about the peer.
  heard_ns_ = std::min(now_ns, heard_ns_ + lateness_ns);
  if (!paused_ && now_ns - heard_ns_ >= context_.options.silence_us[index_of(link())] * kNsPerUs) {
    end(EndReason::silent);
    return;
  }
  if (target_ && now_ns >= next_heartbeat_ns_) {
    next_heartbeat_ns_ = now_ns + context_.options.heartbeat_us[index_of(link())] * kNsPerUs;
    say_message(Heartbeat{.sent_ns = context_.clock.monotonic_ns()});
  }
}

// --- writing --------------------------------------------------------------------------------

void Connection::note_output(size_t bytes) {
  appended_ += bytes;
  if (!std::exchange(dirty_, true)) context_.owner.on_writable(*this);
}

void Connection::say(std::string_view frame) {
  if (state_ == State::ended || frame.empty()) return;
  if (context_.owner.is_cut(*this, fault::Way::outgoing)) return;
  out_.append(frame);
  note_output(frame.size());
}

template <HasFields T>
void Connection::say_message(const T& message) {
  if (context_.owner.is_cut(*this, fault::Way::outgoing)) return;
  const size_t before = out_.size();
  ChannelMessages::encode(message, out_);
  note_output(out_.size() - before);
}

size_t Connection::queued_bytes() const {
  return out_.size() + (stream_ == nullptr ? 0 : stream_->unsent());
}

void Connection::forget_sent() {
  const uint64_t sent = appended_ - queued_bytes();
  while (!unsent_ends_.empty() && unsent_ends_.front() <= sent) unsent_ends_.pop_front();
}

SendResult Connection::send(ByteChain& frame) {
  if (state_ != State::open) return SendResult::not_open;
  if (frame.size() > kFrameBytesMax) return SendResult::too_large;
  const QueueLimit& limit = context_.options.queues[index_of(link())];
  if (unsent_ends_.size() >= limit.messages) forget_sent();
  const bool full =
      queued_bytes() + frame.size() > limit.bytes || unsent_ends_.size() >= limit.messages;
  if (full && !QUORIS_PLANTED("bus: a queue has no limit")) {
    was_full_ = true;
    return SendResult::full;
  }
  const size_t size = frame.size();
  out_.splice(std::move(frame));
  note_output(size);
  unsent_ends_.push_back(appended_);
  ++counters_->out.messages;
  return SendResult::sent;
}

void Connection::flush() {
  dirty_ = false;
  if (stream_ == nullptr) return;
  if (!out_.empty()) {
    counters_->out.bytes += out_.size();
    stream_->write(std::move(out_));
  }
  forget_sent();
  if (!was_full_ || state_ != State::open) return;
  const QueueLimit& limit = context_.options.queues[index_of(link())];
  if (queued_bytes() > limit.bytes / 2 || queued_messages() > limit.messages / 2) return;
  was_full_ = false;
  context_.owner.on_room(*this);
}

void Connection::on_drained() {
  if (state_ != State::ended) flush();
}

}  // namespace quoris::bus
