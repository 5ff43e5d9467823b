#include "cluster/bus/bus.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "cluster/bus/channel_messages.h"

namespace quoris::bus {

namespace {

ByteChain copy_of(const ByteChain& chain) {
  std::vector<std::string_view> pieces;
  chain.pieces(pieces, SIZE_MAX);
  ByteChain copy;
  for (const std::string_view piece : pieces) copy.append(piece);
  return copy;
}

}  // namespace

Bus::Bus(const Environment& env, const BusOptions& options, LocalNode local, BusOwner& owner)
    : env_(env),
      options_(options),
      local_(std::move(local)),
      owner_(owner),
      by_number_(size_t{kNodeNumberMax} + 1) {}

Bus::~Bus() { stop(); }

void Bus::start() {
  if (std::exchange(running_, true)) return;
  last_tick_ns_ = env_.clock.monotonic_ns();
  call_all();
  arm_tick();
}

void Bus::stop() {
  running_ = false;
  env_.timers.cancel(tick_timer_);
  for (const auto& [id, held] : held_) env_.timers.cancel(held.timer);
  held_.clear();
  late_.clear();
  ready_.clear();
  dirty_.clear();
  std::ranges::fill(by_number_, nullptr);
  by_identity_.clear();
  seeds_.clear();
  peers_.clear();
  strangers_.clear();
  ended_.clear();
}

Connection::Context Bus::context() {
  return {
      .owner = *this, .options = options_, .clock = env_.clock, .rng = env_.rng, .local = local_};
}

Bus::ConnectionPtr Bus::make_connection(LinkCounters& counters) {
  return std::make_unique<Connection>(context(), counters, ++last_serial_);
}

StreamHandler* Bus::accept(std::unique_ptr<Stream> stream) {
  if (!running_) return nullptr;
  if (strangers_.size() >= options_.strangers_max) {
    // The one that has had the most time, so that idle strangers can't lock out the nodes.
    strangers_.front()->end(EndReason::dropped);
  }
  strangers_.push_back(make_connection(stranger_counters_));
  Connection& connection = *strangers_.back();
  connection.take(std::move(stream));
  return &connection;
}

// --- a turn ---------------------------------------------------------------------------------

void Bus::receive(Serve serve) {
  deliver_late(serve);
  std::vector<Connection*> ready;
  ready.swap(ready_);
  for (Connection* connection : ready) {
    if (serve == Serve::control_only && connection->link() != LinkKind::control) {
      ready_.push_back(connection);
    } else {
      connection->take_frames();
    }
  }
  if (!ended_.empty()) sweep();
}

void Bus::flush() {
  std::vector<Connection*> dirty;
  dirty.swap(dirty_);
  // What is said meanwhile, by on_room(), waits for the next turn.
  for (Connection* connection : dirty) connection->flush();
}

// --- from the owner to a peer ---------------------------------------------------------------

SendResult Bus::send(NodeNumber to, LinkKind link, ByteChain& frame) {
  QUORIS_ASSERT(raw(to) <= kNodeNumberMax);
  return send(by_number_[raw(to)], link, frame);
}

SendResult Bus::send(PeerId to, LinkKind link, ByteChain& frame) {
  return send(find_peer(to), link, frame);
}

SendResult Bus::send(Peer* peer, LinkKind link, ByteChain& frame) {
  if (peer == nullptr) return SendResult::not_open;
  const SendResult result =
      faults_.is_active() ? send_by_rule(*peer, link, frame) : put(*peer, link, frame);
  return result;
}

SendResult Bus::put(Peer& peer, LinkKind link, ByteChain& frame) {
  Connection* connection = sending(peer, link);
  const SendResult result = connection == nullptr ? SendResult::not_open : connection->send(frame);
  LinkCounters& counters = peer.link(link).counters;
  counters.not_open += result == SendResult::not_open ? 1 : 0;
  counters.queue_full += result == SendResult::full ? 1 : 0;
  if (result == SendResult::too_large) {
    ++counters.too_large;
    if (may_log("too large")) {
      env_.log.write(LogLevel::warning, "A message of {} bytes to node {} exceeds a frame",
                     frame.size(), raw(peer.number()));
    }
  }
  return result;
}

SendResult Bus::send_by_rule(Peer& peer, LinkKind link, ByteChain& frame) {
  const Connection* connection = sending(peer, link);
  if (connection == nullptr) return put(peer, link, frame);
  const fault::Verdict verdict = faults_.judge(peer.number(), fault::Way::outgoing, env_.rng);
  FlowCounters& counters = peer.link(link).counters.out;
  if (verdict.copies == 0) {
    ++counters.dropped;
    frame.clear();
    return SendResult::sent;
  }
  const auto pass = [&](ByteChain& chain, uint64_t delay_us) {
    if (delay_us == 0) return put(peer, link, chain);
    ++counters.delayed;
    hold({.peer = peer.id, .link = link, .serial = connection->serial(), .frame = std::move(chain)},
         delay_us);
    return SendResult::sent;
  };
  if (verdict.copies == 2) {
    ++counters.duplicated;
    ByteChain second = copy_of(frame);
    static_cast<void>(pass(second, verdict.delay_us[1]));
  }
  return pass(frame, verdict.delay_us[0]);
}

// --- from a peer to the owner ---------------------------------------------------------------

bool Bus::on_frame(Connection& connection, Words words) {
  Peer* peer = find_peer(*connection.peer());
  QUORIS_ASSERT(peer != nullptr);
  if (faults_.is_active()) return receive_by_rule(*peer, connection, words);
  return deliver(*peer, connection, words);
}

bool Bus::deliver(Peer& peer, Connection& connection, Words words) {
  const LinkKind link = connection.link();
  LinkCounters& counters = peer.link(link).counters;
  const PeerVersion version = connection.handshake().peer_version();
  ++counters.in.messages;
  const Status status = owner_.on_message(
      {.peer = peer.id, .number = peer.number(), .link = link, .version = version}, words);
  if (status) return true;
  if (status.error().code == Errc::unsupported && version == PeerVersion::newer) {
    ++counters.unknown;
    return true;
  }
  if (may_log("malformed " + peer.facts.identity)) {
    env_.log.write(LogLevel::warning, "Node {} ({}) sent what is no message: {}",
                   raw(peer.number()), peer.facts.identity, status.error().message);
  }
  return false;
}

bool Bus::receive_by_rule(Peer& peer, Connection& connection, Words words) {
  const LinkKind link = connection.link();
  const fault::Verdict verdict = faults_.judge(peer.number(), fault::Way::incoming, env_.rng);
  FlowCounters& counters = peer.link(link).counters.in;
  if (verdict.copies == 0) ++counters.dropped;
  if (verdict.copies > 1) ++counters.duplicated;
  for (uint32_t copy = 0; copy < verdict.copies; ++copy) {
    if (verdict.delay_us[copy] == 0) {
      if (!deliver(peer, connection, words)) return false;
      if (connection.state() == Connection::State::ended) return true;
      continue;
    }
    ++counters.delayed;
    hold({.peer = peer.id,
          .link = link,
          .serial = connection.serial(),
          .words = {words.begin(), words.end()}},
         verdict.delay_us[copy]);
  }
  return true;
}

// --- what fault rules hold back -------------------------------------------------------------

void Bus::hold(Held held, uint64_t delay_us) {
  if (this->held() >= options_.held_max) {
    PeerLink& link = find_peer(held.peer)->link(held.link);
    ++(held.words.empty() ? link.counters.out : link.counters.in).dropped;
    return;
  }
  const uint64_t id = ++last_held_;
  held.timer = env_.timers.schedule(delay_us, [this, id] { release_held(id); });
  held_.emplace(id, std::move(held));
}

void Bus::release_held(uint64_t id) {
  Held held = std::move(held_.extract(id).mapped());
  if (!held.words.empty()) {
    late_.push_back(std::move(held));
    return;
  }
  Peer* peer = find_peer(held.peer);
  if (peer == nullptr) return;
  const Connection* connection = sending(*peer, held.link);
  if (connection == nullptr || connection->serial() != held.serial) return;
  static_cast<void>(put(*peer, held.link, held.frame));
}

void Bus::deliver_late(Serve serve) {
  std::vector<Held> late;
  late.swap(late_);
  for (Held& held : late) {
    if (serve == Serve::control_only && held.link != LinkKind::control) {
      late_.push_back(std::move(held));
      continue;
    }
    Peer* peer = find_peer(held.peer);
    if (peer == nullptr) continue;
    const PeerLink& link = peer->link(held.link);
    for (Connection* connection : {link.out.get(), link.in.get()}) {
      if (connection == nullptr || connection->serial() != held.serial) continue;
      const std::vector<std::string_view> words(held.words.begin(), held.words.end());
      if (!deliver(*peer, *connection, words)) connection->end(EndReason::malformed);
      break;
    }
  }
}

bool Bus::is_cut(const Connection& connection, fault::Way way) const {
  if (!faults_.is_active()) return false;
  NodeNumber number = connection.claimed_number();
  if (connection.peer()) {
    if (const Peer* peer = find_peer(*connection.peer())) number = peer->number();
  }
  return faults_.is_cut(number, way);
}

}  // namespace quoris::bus
