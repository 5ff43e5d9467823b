#include "sim/env/sim_network.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "sim/env/sim_socket.h"

namespace quoris::sim {

namespace {

constexpr uint64_t kLoopbackUs = 15;
constexpr uint64_t kUsPerSecond = 1'000'000;
// When segments follow a lost one, it is missed after a round trip and not only by a timeout.
constexpr uint64_t kFastRetransmits = 2;  // one of so many

}  // namespace

// Connections that wait until the process accepts them.
class SimNetwork::Listener final : public LoopSource {
 public:
  Listener(SimNetwork& network, StreamAcceptor& acceptor)
      : network_(network), acceptor_(&acceptor) {}

  [[nodiscard]] bool is_full() const { return waiting_.size() >= network_.limits_.backlog; }

  void add(std::shared_ptr<SimSocket> socket) { waiting_.push_back(std::move(socket)); }

  // Nobody accepts any more.
  void end() {
    acceptor_ = nullptr;
    for (const auto& socket : std::exchange(waiting_, {})) socket->close();
  }

  void drop() {
    acceptor_ = nullptr;
    waiting_.clear();
  }

  bool on_poll() override {
    for (size_t i = 0; i < network_.limits_.accepts_per_turn; ++i) {
      if (acceptor_ == nullptr || waiting_.empty()) return false;
      const std::shared_ptr<SimSocket> socket = std::move(waiting_.front());
      waiting_.pop_front();
      StreamHandler* handler = acceptor_->accept(std::make_unique<SimStream>(network_, socket));
      if (handler != nullptr) socket->attach(*handler);
    }
    return !waiting_.empty();
  }

 private:
  SimNetwork& network_;
  StreamAcceptor* acceptor_;
  std::deque<std::shared_ptr<SimSocket>> waiting_;
};

class SimNetwork::HostTransport final : public Transport {
 public:
  HostTransport(SimNetwork& network, HostId host) : network_(network), host_(host) {}

  [[nodiscard]] std::unique_ptr<Stream> connect(const HostPort& to,
                                                ConnectHandler& handler) override {
    return network_.connect(host_, to, handler);
  }

 private:
  SimNetwork& network_;
  HostId host_;
};

SimNetwork::SimNetwork(EventQueue& queue, const SimRng& rng, const NetworkLimits& limits)
    : queue_(queue), rng_(rng), limits_(limits) {}

SimNetwork::~SimNetwork() = default;

// --- hosts
// ----------------------------------------------------------------------------------------

HostId SimNetwork::add_host(std::string address, SimLoop& loop) {
  const HostId id{static_cast<uint16_t>(hosts_.size())};
  auto added = std::make_unique<Host>();
  added->loop = &loop;
  added->transport = std::make_unique<HostTransport>(*this, id);
  names_[address] = id;
  added->address = std::move(address);
  hosts_.push_back(std::move(added));
  return id;
}

Transport& SimNetwork::transport(HostId id) { return *host(id).transport; }

void SimNetwork::listen(HostId id, uint16_t port, StreamAcceptor& acceptor) {
  const bool is_new =
      host(id).listeners.emplace(port, std::make_shared<Listener>(*this, acceptor)).second;
  QUORIS_ASSERT(is_new);
}

void SimNetwork::stop_listening(HostId id) {
  for (const auto& [port, listener] : std::exchange(host(id).listeners, {})) listener->end();
}

void SimNetwork::power_off(HostId id) {
  Host& off = host(id);
  off.is_on = false;
  ++off.boot;
  for (const auto& [port, listener] : std::exchange(off.listeners, {})) listener->drop();
  std::vector<uint64_t> touched;
  for (const auto& [connection, each] : connections_) {
    for (const auto& end : each.ends) {
      if (end == nullptr || end->place().host != id) continue;
      end->die();
      touched.push_back(connection);
    }
  }
  for (const uint64_t connection : touched) forget_if_over(connection);
}

// --- links
// ----------------------------------------------------------------------------------------

SimNetwork::Link& SimNetwork::link(HostId from, HostId to) {
  const auto [found, is_new] = links_.try_emplace({from, to});
  if (is_new) found->second.quality = default_quality_;
  return found->second;
}

void SimNetwork::set_quality(const LinkQuality& quality) {
  default_quality_ = quality;
  for (auto& [ends, each] : links_) each.quality = quality;
}

void SimNetwork::set_quality(HostId from, HostId to, const LinkQuality& quality) {
  link(from, to).quality = quality;
}

const LinkQuality& SimNetwork::quality(HostId from, HostId to) { return link(from, to).quality; }

void SimNetwork::mend(HostId from, HostId to) {
  Link& mended = link(from, to);
  QUORIS_ASSERT(mended.cuts > 0);
  --mended.cuts;
}

bool SimNetwork::passes(HostId from, HostId to) {
  return host(to).is_on && (from == to || link(from, to).cuts == 0);
}

uint64_t SimNetwork::travel_us(HostId from, HostId to, size_t bytes) {
  if (from == to) return kLoopbackUs;
  const LinkQuality& quality = link(from, to).quality;
  uint64_t us = quality.latency_us;
  if (quality.jitter_us > 0) us += rng_.below(quality.jitter_us + 1);
  if (quality.bytes_per_second > 0) us += bytes * kUsPerSecond / quality.bytes_per_second;
  if (quality.spike_permille > 0 && rng_.chance(quality.spike_permille)) {
    us += rng_.below(quality.spike_us + 1);
    ++figures_.delayed;
  }
  if (quality.loss_permille > 0 && rng_.chance(quality.loss_permille)) {
    us += rng_.below(kFastRetransmits) == 0 ? 2 * quality.latency_us : limits_.first_retry_us;
    ++figures_.dropped;
    ++figures_.delayed;
  }
  return us;
}

size_t SimNetwork::reset_connections(HostId a, HostId b) {
  size_t count = 0;
  for (auto& [id, connection] : connections_) {
    const auto& [begun, taken] = connection.ends;
    if (taken == nullptr) continue;
    const SimSocket::Place& place = begun->place();
    const bool is_between =
        (place.host == a && place.peer == b) || (place.host == b && place.peer == a);
    if (!is_between) continue;
    ++count;
    ++figures_.reset;
    note(*begun, "reset");
    for (const auto& end : connection.ends) end->fail();
  }
  return count;
}

bool SimNetwork::are_connected(HostId a, HostId b) const {
  return std::ranges::any_of(connections_, [&](const auto& each) {
    const SimSocket::Place& place = each.second.ends[0]->place();
    return (place.host == a && place.peer == b) || (place.host == b && place.peer == a);
  });
}

// --- connections
// ----------------------------------------------------------------------------------

SimNetwork::Connection* SimNetwork::find(uint64_t id) {
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : &found->second;
}

void SimNetwork::forget_if_over(uint64_t id) {
  Connection* connection = find(id);
  if (connection == nullptr) return;
  for (const auto& end : connection->ends) {
    if (end == nullptr) continue;
    const bool is_held = end->state_ != SimSocket::State::closed || end->handler_ != nullptr;
    if (is_held || !end->flight_.empty()) return;
  }
  connections_.erase(id);
}

void SimNetwork::note(const SimSocket& end, std::string_view what) {
  if (watcher_ == nullptr) return;
  watcher_->on_connection(end.place().host, end.place().peer, end.place().connection, what);
}

std::unique_ptr<Stream> SimNetwork::connect(HostId from, const HostPort& to,
                                            ConnectHandler& handler) {
  const uint64_t id = next_connection_++;
  const auto named = names_.find(to.host);
  const bool is_known = named != names_.end();
  const HostId peer = is_known ? named->second : from;
  auto socket = std::make_shared<SimSocket>(
      *this, SimSocket::Place{.host = from, .peer = peer, .connection = id, .side = 0},
      SimSocket::State::connecting);
  socket->handler_ = &handler;
  socket->connecting_ = &handler;
  connections_.emplace(id, Connection{.ends = {socket, nullptr},
                                      .to = peer,
                                      .port = to.port,
                                      .began_us = queue_.now_us(),
                                      .retry_us = limits_.connect_retry_us});
  if (is_known) {
    const uint64_t leaves_us = host(from).loop->clock().now_us();
    queue_.schedule_at(leaves_us + travel_us(from, peer, 0), [this, id] { knock(id); });
  } else {
    refuse(id, Errc::not_found, "no such host", kLoopbackUs);
  }
  return std::make_unique<SimStream>(*this, std::move(socket));
}

// The attempt has come to the other host, or would have.
void SimNetwork::knock(uint64_t id) {
  Connection* connection = find(id);
  if (connection == nullptr) return;
  SimSocket& begun = *connection->ends[0];
  if (begun.state_ != SimSocket::State::connecting) return;
  const HostId from = begun.place().host;
  const HostId to = connection->to;
  if (!passes(from, to) || !passes(to, from)) return knock_again(id);
  const auto found = host(to).listeners.find(connection->port);
  const uint64_t back_us = travel_us(to, from, 0);
  if (found == host(to).listeners.end()) {
    ++figures_.refused;
    note(begun, "refused");
    return refuse(id, Errc::io, "connection refused", back_us);
  }
  if (found->second->is_full()) return knock_again(id);
  auto taken = std::make_shared<SimSocket>(
      *this, SimSocket::Place{.host = to, .peer = from, .connection = id, .side = 1},
      SimSocket::State::open);
  taken->last_arrival_us_ = queue_.now_us() + back_us;
  connection->ends[1] = taken;
  found->second->add(std::move(taken));
  host(to).loop->poll(found->second);
  queue_.schedule(back_us, [this, id] { establish(id); });
}

void SimNetwork::knock_again(uint64_t id) {
  Connection& connection = *find(id);
  ++figures_.dropped;
  const uint64_t gives_up_us = connection.began_us + limits_.connect_timeout_us;
  if (queue_.now_us() + connection.retry_us > gives_up_us) {
    ++figures_.timed_out;
    note(*connection.ends[0], "timed out");
    const uint64_t now_us = queue_.now_us();
    const uint64_t left_us = gives_up_us > now_us ? gives_up_us - now_us : 0;
    return refuse(id, Errc::io, "connection timed out", left_us);
  }
  queue_.schedule(connection.retry_us, [this, id] { knock(id); });
  connection.retry_us *= 2;
}

void SimNetwork::refuse(uint64_t id, Errc code, const char* why, uint64_t delay_us) {
  queue_.schedule(delay_us, [this, id, code, why] {
    Connection* connection = find(id);
    if (connection == nullptr) return;
    SimSocket& begun = *connection->ends[0];
    if (begun.state_ != SimSocket::State::connecting) return;
    begun.state_ = SimSocket::State::closed;
    begun.queue_.clear();
    begun.refusal_ = std::make_unique<Error>(Error{code, why});
    begun.loop().poll(begun.shared_from_this());
  });
}

// The other host's consent has come back.
void SimNetwork::establish(uint64_t id) {
  Connection* connection = find(id);
  if (connection == nullptr) return;
  SimSocket& begun = *connection->ends[0];
  SimSocket& taken = *connection->ends[1];
  if (begun.state_ != SimSocket::State::connecting) {
    // Given up meanwhile: the other end hears so.
    return answer_with_reset(id, 1);
  }
  if (!passes(taken.place().host, begun.place().host)) {
    ++figures_.dropped;
    queue_.schedule(limits_.connect_retry_us, [this, id] { establish(id); });
    return;
  }
  ++figures_.connected;
  note(begun, "connected");
  begun.state_ = SimSocket::State::open;
  begun.is_established_ = true;
  begun.loop().poll(begun.shared_from_this());
}

// --- what travels
// -----------------------------------------------------------------------------------

void SimNetwork::schedule_arrival(SimSocket& from) {
  if (from.arrival_is_scheduled_ || from.retry_is_scheduled_ || from.flight_.empty()) return;
  from.arrival_is_scheduled_ = true;
  const uint64_t id = from.place().connection;
  const size_t side = from.place().side;
  queue_.schedule_at(from.flight_.front().arrives_us, [this, id, side] { arrive(id, side); });
}

void SimNetwork::arrive(uint64_t id, size_t side) {
  Connection* connection = find(id);
  if (connection == nullptr) return;
  const std::shared_ptr<SimSocket> from = connection->ends[side];
  from->arrival_is_scheduled_ = false;
  while (!from->flight_.empty() && from->flight_.front().arrives_us <= queue_.now_us()) {
    if (!deliver(id, *from)) break;
  }
  schedule_arrival(*from);
  forget_if_over(id);
}

bool SimNetwork::deliver(uint64_t id, SimSocket& from) {
  Connection& connection = *find(id);
  const size_t side = from.place().side;
  SimSocket& to = *connection.ends[1 - side];
  if (!passes(from.place().host, to.place().host)) {
    send_again_later(from, false);
    return false;
  }
  SimSocket::Segment segment = std::move(from.flight_.front());
  from.flight_.pop_front();
  from.flight_bytes_ -= segment.bytes.size();
  const bool is_gone = !to.is_of_this_boot() || to.state_ == SimSocket::State::closed;
  if (is_gone) {
    if (segment.kind != SimSocket::Kind::bytes) return true;
    from.flight_.clear();
    from.flight_bytes_ = 0;
    answer_with_reset(id, side);
    return false;
  }
  if (segment.kind == SimSocket::Kind::reset) {
    to.fail();
    return true;
  }
  from.stuck_since_us_ = EventQueue::kNever;
  from.retry_us_ = limits_.first_retry_us;
  if (segment.kind == SimSocket::Kind::end) {
    to.input_ended_ = true;
  } else {
    ++figures_.delivered;
    figures_.bytes += segment.bytes.size();
    if (watcher_ != nullptr) {
      watcher_->on_delivered(from.place().host, to.place().host, id, segment.bytes);
    }
    if (to.inbox_.empty()) {
      to.inbox_ = std::move(segment.bytes);
    } else {
      to.inbox_ += segment.bytes;
    }
  }
  if (to.handler_ != nullptr) to.loop().poll(to.shared_from_this());
  // It has arrived, but the sender doesn't learn so.
  if (!passes(to.place().host, from.place().host)) send_again_later(from, true);
  return from.stuck_since_us_ == EventQueue::kNever;
}

void SimNetwork::send_again_later(SimSocket& from, bool had_arrived) {
  ++(had_arrived ? figures_.duplicated : figures_.dropped);
  if (from.stuck_since_us_ == EventQueue::kNever) from.stuck_since_us_ = queue_.now_us();
  from.retry_is_scheduled_ = true;
  const uint64_t id = from.place().connection;
  const size_t side = from.place().side;
  queue_.schedule(from.retry_us_, [this, id, side] { send_again(id, side); });
  from.retry_us_ = std::min(from.retry_us_ * 2, limits_.last_retry_us);
}

void SimNetwork::send_again(uint64_t id, size_t side) {
  Connection* connection = find(id);
  if (connection == nullptr) return;
  const std::shared_ptr<SimSocket> from = connection->ends[side];
  from->retry_is_scheduled_ = false;
  if (!from->is_of_this_boot()) {
    // Nobody is left who would.
    from->flight_.clear();
    from->flight_bytes_ = 0;
    return forget_if_over(id);
  }
  const HostId here = from->place().host;
  const HostId there = from->place().peer;
  const bool arrives = passes(here, there);
  if (arrives && passes(there, here)) {
    from->stuck_since_us_ = EventQueue::kNever;
    figures_.delayed += from->flight_.size();
    uint64_t at_us = queue_.now_us() + travel_us(here, there, 0);
    for (SimSocket::Segment& segment : from->flight_) {
      segment.arrives_us = std::max(segment.arrives_us, at_us);
      at_us = segment.arrives_us;
    }
    from->last_arrival_us_ = std::max(from->last_arrival_us_, at_us);
    return schedule_arrival(*from);
  }
  if (queue_.now_us() - from->stuck_since_us_ > limits_.user_timeout_us) {
    ++figures_.timed_out;
    note(*from, "timed out");
    from->flight_.clear();
    from->flight_bytes_ = 0;
    from->fail();
    return forget_if_over(id);
  }
  send_again_later(*from, arrives && from->flight_.empty());
}

// What came for an end that nobody knows there is answered so.
void SimNetwork::answer_with_reset(uint64_t id, size_t side) {
  Connection& connection = *find(id);
  const SimSocket::Place place = connection.ends[side]->place();
  if (!passes(place.peer, place.host)) return;
  queue_.schedule(travel_us(place.peer, place.host, 0), [this, id, side] {
    Connection* still = find(id);
    if (still == nullptr || still->ends[side] == nullptr) return;
    SimSocket& end = *still->ends[side];
    if (!end.is_of_this_boot() || end.state_ == SimSocket::State::closed) return;
    ++figures_.reset;
    note(end, "reset");
    end.fail();
    forget_if_over(id);
  });
}

void SimNetwork::open_window_later(SimSocket& sender, uint64_t delay_us) {
  if (std::exchange(sender.window_event_pending_, true)) return;
  const uint64_t id = sender.place().connection;
  const size_t side = sender.place().side;
  queue_.schedule(delay_us, [this, id, side] {
    Connection* connection = find(id);
    if (connection == nullptr) return;
    SimSocket& end = *connection->ends[side];
    end.window_event_pending_ = false;
    // Lost: the sender asks again.
    if (!passes(end.place().peer, end.place().host)) {
      return open_window_later(end, limits_.first_retry_us);
    }
    if (end.waits_for_window_) end.loop().poll(end.shared_from_this());
  });
}

}  // namespace quoris::sim
