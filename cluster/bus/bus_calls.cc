// Bus: whom to call and when, and the ticks by which connections notice that time passes.
#include <algorithm>

#include "cluster/bus/bus.h"

namespace quoris::bus {

namespace {

constexpr uint64_t kNsPerUs = 1000;

// Doubled so often the longest wait is reached, whatever the options.
constexpr uint32_t kDoublingsMax = 20;

// A tick that comes later than so many of its kind: this node did not run.
constexpr uint64_t kStallTicks = 4;

}  // namespace

// On the clock's multiples of a tick, as whoever else looks at something now and then: an idle node
// wakes up once for all of that.
void Bus::arm_tick() {
  const uint64_t since_us = last_tick_ns_ / kNsPerUs % options_.tick_us;
  tick_timer_ = env_.timers.schedule(options_.tick_us - since_us, [this] { tick(); });
}

void Bus::tick() {
  const uint64_t now_ns = env_.clock.monotonic_ns();
  const uint64_t passed_ns = now_ns - last_tick_ns_;
  const uint64_t tick_ns = options_.tick_us * kNsPerUs;
  const uint64_t lateness_ns = passed_ns > kStallTicks * tick_ns ? passed_ns - tick_ns : 0;
  last_tick_ns_ = now_ns;
  sweep();
  for (Connection* connection : connections()) connection->tick(now_ns, lateness_ns);
  call_all();
  arm_tick();
}

std::vector<Connection*> Bus::connections() const {
  std::vector<Connection*> all;
  const auto add = [&](const ConnectionPtr& connection) {
    if (connection != nullptr) all.push_back(connection.get());
  };
  for (const Seed& seed : seeds_) add(seed.connection);
  for (const auto& [id, peer] : peers_) {
    for (const PeerLink& link : peer->links) {
      add(link.out);
      add(link.in);
    }
  }
  for (const ConnectionPtr& stranger : strangers_) add(stranger);
  return all;
}

void Bus::call_all() {
  if (!running_) return;
  for (Seed& seed : seeds_) call(seed);
  for (const auto& [id, peer] : peers_) {
    if (!peer->member) continue;
    call(*peer, LinkKind::control);
    call_companions(*peer);
  }
}

// Data and bulk follow control, so that a node that is away is called on one link alone.
void Bus::call_companions(Peer& peer) {
  const ConnectionPtr& control = peer.link(LinkKind::control).out;
  if (!peer.member || control == nullptr || !control->is_open()) return;
  call(peer, LinkKind::data);
  call(peer, LinkKind::bulk);
}

void Bus::call(Seed& seed) {
  if (seed.connection != nullptr || env_.clock.monotonic_ns() < seed.backoff.next_ns) return;
  const Peer* peer = seed.peer ? find_peer(*seed.peer) : nullptr;
  if (peer != nullptr && peer->link(LinkKind::control).out != nullptr) return;
  seed.peer.reset();
  seed.connection = make_connection(stranger_counters_);
  seed.connection->call(env_.transport, {.address = seed.address});
}

void Bus::call(Peer& peer, LinkKind kind) {
  PeerLink& link = peer.link(kind);
  if (link.out != nullptr || env_.clock.monotonic_ns() < link.backoff.next_ns) return;
  link.out = make_connection(link.counters);
  link.out->set_peer(peer.id);
  link.out->call(env_.transport, {.address = peer.member->address,
                                  .link = kind,
                                  .identity = peer.member->identity,
                                  .number = peer.member->number});
}

void Bus::set_back(Backoff& backoff, EndReason reason, const Connection& connection) {
  if (connection.was_open()) backoff.attempts = 0;
  const bool waits_for_people =
      reason == EndReason::refused && connection.notice().reason != Refusal::not_ready;
  uint64_t wait_us = options_.refused_backoff_us;
  if (!waits_for_people) {
    wait_us = std::min(options_.backoff_min_us << std::min(backoff.attempts, kDoublingsMax),
                       options_.backoff_max_us);
  }
  ++backoff.attempts;
  wait_us = wait_us / 2 + env_.rng.below(wait_us / 2 + 1);
  backoff.next_ns = env_.clock.monotonic_ns() + wait_us * kNsPerUs;
}

}  // namespace quoris::bus
