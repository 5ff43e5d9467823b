#include "sim/env/sim_socket.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace quoris::sim {

namespace {

// Ports that connections are begun from, as Linux has them.
constexpr uint64_t kFirstEphemeralPort = 32'768;
constexpr uint64_t kEphemeralPorts = 28'232;

std::string address_of(const SimNetwork& network, HostId host, uint64_t connection) {
  return fmt::format("{}:{}", network.address(host),
                     kFirstEphemeralPort + connection % kEphemeralPorts);
}

}  // namespace

std::string SimStream::peer_address() const {
  return address_of(network_, socket_->place().peer, socket_->place().connection);
}

std::string SimStream::local_address() const {
  return address_of(network_, socket_->place().host, socket_->place().connection);
}

SimSocket::SimSocket(SimNetwork& network, const Place& place, State state)
    : network_(network),
      place_(place),
      boot_(network.host(place.host).boot),
      state_(state),
      retry_us_(network.limits_.first_retry_us) {}

SimLoop& SimSocket::loop() const { return *network_.host(place_.host).loop; }

bool SimSocket::is_of_this_boot() const {
  const SimNetwork::Host& host = network_.host(place_.host);
  return host.is_on && host.boot == boot_;
}

// --- what the process does
// ------------------------------------------------------------------------

void SimSocket::attach(StreamHandler& handler) {
  handler_ = &handler;
  if (unread() > 0 || input_ended_ || has_failed_) loop().poll(shared_from_this());
}

void SimSocket::write(ByteChain&& bytes) {
  if (state_ == State::closed || network_.host(place_.host).is_stilled) {
    bytes.clear();
    return;
  }
  queue_.splice(std::move(bytes));
  bytes.clear();
  pump();
}

void SimSocket::resume_reading() {
  reading_ = true;
  if (unread() > 0 || input_ended_) loop().poll(shared_from_this());
}

void SimSocket::close_after_write() {
  if (state_ != State::open && state_ != State::connecting) return;
  reading_ = false;
  closes_when_sent_ = true;
  if (state_ == State::connecting) return;
  state_ = State::finishing;
  finish_if_sent();
}

void SimSocket::finish_if_sent() {
  if (state_ != State::finishing || !queue_.empty()) return;
  loop().defer([self = shared_from_this()] { self->notify_closed(); });
}

void SimSocket::notify_closed() {
  if (handler_ != nullptr) std::exchange(handler_, nullptr)->on_closed();
}

void SimSocket::close() {
  handler_ = nullptr;
  connecting_ = nullptr;
  queue_.clear();
  const State before = std::exchange(state_, State::closed);
  if (before == State::open || before == State::finishing) {
    const bool discards = unread() <= network_.limits_.discarded_unread_bytes;
    launch(discards ? Kind::end : Kind::reset, {});
  }
  inbox_.clear();
  inbox_taken_ = 0;
  network_.forget_if_over(place_.connection);
}

// --- sending
// --------------------------------------------------------------------------------------

void SimSocket::pump() {
  if (state_ != State::open && state_ != State::finishing) return;
  const NetworkLimits& limits = network_.limits_;
  SimNetwork::Connection* connection = network_.find(place_.connection);
  const SimSocket& peer = *connection->ends[1 - place_.side];
  while (!queue_.empty() && flight_bytes_ + peer.unread() < limits.window_bytes) {
    queue_.pieces(pieces_, 64);
    std::string bytes;
    for (const std::string_view piece : pieces_) {
      bytes += piece.substr(0, limits.segment_bytes - bytes.size());
      if (bytes.size() == limits.segment_bytes) break;
    }
    queue_.consume(bytes.size());
    launch(Kind::bytes, std::move(bytes));
  }
  waits_for_window_ = !queue_.empty();
  if (queue_.empty()) queue_.clear();
}

void SimSocket::launch(Kind kind, std::string bytes) {
  if (!is_of_this_boot()) return;
  const uint64_t leaves_us = loop().clock().now_us();
  const uint64_t arrives_us =
      leaves_us + network_.travel_us(place_.host, place_.peer, bytes.size());
  last_arrival_us_ = std::max(last_arrival_us_, arrives_us);
  flight_bytes_ += bytes.size();
  flight_.push_back({.kind = kind, .bytes = std::move(bytes), .arrives_us = last_arrival_us_});
  network_.schedule_arrival(*this);
}

// --- in the loop
// ----------------------------------------------------------------------------------

bool SimSocket::on_poll() {
  // It may be destroyed by its handler meanwhile.
  const std::shared_ptr<SimSocket> self = shared_from_this();
  if (refusal_ && connecting_ != nullptr) {
    handler_ = nullptr;
    std::exchange(connecting_, nullptr)->on_failed(*std::exchange(refusal_, nullptr));
    return false;
  }
  if (std::exchange(is_established_, false) && connecting_ != nullptr) {
    pump();
    std::exchange(connecting_, nullptr)->on_connected();
    if (closes_when_sent_ && state_ == State::open) {
      state_ = State::finishing;
      finish_if_sent();
    }
  }
  if (waits_for_window_) {
    pump();
    if (!waits_for_window_) {
      finish_if_sent();
      if (handler_ != nullptr) handler_->on_drained();
    }
  }
  read_some();
  if (handler_ == nullptr) return false;
  if (has_failed_) {
    loop().defer([self] { self->notify_closed(); });
    return false;
  }
  if (!reading_) return false;
  if (unread() > 0) return true;
  if (input_ended_ && state_ == State::open) {
    state_ = State::finishing;
    finish_if_sent();
  }
  return false;
}

void SimSocket::read_some() {
  size_t budget = network_.limits_.read_per_turn_bytes;
  size_t taken = 0;
  while (handler_ != nullptr && connecting_ == nullptr && reading_ && unread() > 0 && budget > 0) {
    const std::span<char> room = handler_->read_buffer();
    if (room.empty()) {
      reading_ = false;
      break;
    }
    const size_t count = std::min({room.size(), unread(), budget});
    std::copy_n(inbox_.data() + inbox_taken_, count, room.data());
    inbox_taken_ += count;
    if (unread() == 0) {
      inbox_.clear();
      inbox_taken_ = 0;
    }
    budget -= count;
    taken += count;
    handler_->on_read(count);
  }
  if (taken == 0) return;
  SimNetwork::Connection* connection = network_.find(place_.connection);
  if (connection == nullptr || connection->ends[1 - place_.side] == nullptr) return;
  SimSocket& sender = *connection->ends[1 - place_.side];
  if (sender.waits_for_window_) {
    network_.open_window_later(sender, network_.travel_us(place_.host, place_.peer, 0));
  }
}

void SimSocket::fail() {
  if (state_ == State::closed) return;
  state_ = State::closed;
  has_failed_ = true;
  queue_.clear();
  waits_for_window_ = false;
  flight_.clear();
  flight_bytes_ = 0;
  loop().poll(shared_from_this());
}

void SimSocket::die() {
  state_ = State::closed;
  handler_ = nullptr;
  connecting_ = nullptr;
  queue_.clear();
  inbox_.clear();
  inbox_taken_ = 0;
}

}  // namespace quoris::sim
