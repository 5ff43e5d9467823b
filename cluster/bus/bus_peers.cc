// Bus: who the peers are, whose connection is whose, and what the owner and the log learn of it.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/assert.h"
#include "base/text.h"
#include "cluster/bus/bus.h"

namespace quoris::bus {

namespace {

constexpr uint64_t kNsPerUs = 1000;

// The same refusal is logged once in a minute, of so many different ones.
constexpr uint64_t kLogIntervalNs = 60ULL * 1'000'000'000;
constexpr size_t kLoggedMax = 64;

// "node 3 (node3, 0f3a..., 127.0.0.1:8001)": what is known, printable.
std::string describe(const NodeFacts& facts, NodeNumber number, const std::string& address) {
  std::string text = raw(number) == 0 ? "a node" : fmt::format("node {}", raw(number));
  if (facts.identity.empty()) return fmt::format("{} at {}", text, address);
  return fmt::format("{} ({}, {}, {})", text, quote_for_display(facts.name), facts.identity,
                     address);
}

// Of clocks that may read anything.
int64_t difference(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}

}  // namespace

Bus::Peer* Bus::find_peer(PeerId id) const {
  const auto found = peers_.find(id);
  return found == peers_.end() ? nullptr : found->second.get();
}

Bus::Peer* Bus::find_peer(const std::string& identity) const {
  const auto found = by_identity_.find(identity);
  return found == by_identity_.end() ? nullptr : find_peer(found->second);
}

Bus::Peer& Bus::peer_of(const std::string& identity) {
  if (Peer* known = find_peer(identity)) return *known;
  const PeerId id{++last_peer_};
  auto peer = std::make_unique<Peer>();
  peer->id = id;
  peer->facts.identity = identity;
  by_identity_.emplace(identity, id);
  return *peers_.emplace(id, std::move(peer)).first->second;
}

// --- members, seeds, guests -----------------------------------------------------------------

void Bus::set_members(const std::vector<Member>& members) {
  std::set<std::string> wanted;
  for (const Member& member : members) wanted.insert(member.identity);
  for (const auto& [id, peer] : peers_) {
    if (peer->member && !wanted.contains(peer->member->identity)) leave(*peer);
  }
  for (const Member& member : members) join(member);
  call_all();
}

void Bus::join(const Member& member) {
  QUORIS_ASSERT(raw(member.number) >= 1 && raw(member.number) <= kNodeNumberMax);
  if (member.identity == local_.facts.identity) return;
  Peer& peer = peer_of(member.identity);
  if (peer.member == member) return;
  const bool moved = peer.member && peer.member->address != member.address;
  if (peer.member) forget_number(peer);
  peer.member = member;
  by_number_[raw(member.number)] = &peer;
  for (const LinkKind kind : kLinkKinds) {
    PeerLink& link = peer.link(kind);
    if (moved && link.out != nullptr) link.out->end(EndReason::replaced);
    link.backoff = {};
    // What a guest could be sent over the link that it began ends here.
    refresh(peer, kind, EndReason::replaced);
  }
}

// Unless another has taken it over.
void Bus::forget_number(const Peer& peer) {
  Peer*& holder = by_number_[raw(peer.member->number)];
  if (holder == &peer) holder = nullptr;
}

void Bus::leave(Peer& peer) {
  forget_number(peer);
  peer.member.reset();
  close_links(peer, EndReason::dropped);
}

void Bus::close_links(Peer& peer, EndReason reason) {
  for (const LinkKind kind : kLinkKinds) {
    if (Connection* out = peer.link(kind).out.get()) out->end(reason);
    if (Connection* in = peer.link(kind).in.get()) in->end(reason);
  }
}

void Bus::drop(PeerId id) {
  Peer* peer = find_peer(id);
  if (peer != nullptr && !peer->member) close_links(*peer, EndReason::dropped);
}

void Bus::set_seeds(const std::vector<HostPort>& seeds) {
  std::erase_if(seeds_, [&](Seed& seed) {
    if (std::ranges::find(seeds, seed.address) != seeds.end()) return false;
    if (seed.connection != nullptr) {
      // Its end finds no seed, so nothing is called again.
      ConnectionPtr connection = std::move(seed.connection);
      connection->end(EndReason::dropped);
      ended_.push_back(std::move(connection));
    }
    return true;
  });
  for (const HostPort& address : seeds) {
    if (std::ranges::find(seeds_, address, &Seed::address) != seeds_.end()) continue;
    seeds_.emplace_back().address = address;
  }
  call_all();
}

std::optional<PeerId> Bus::find(NodeNumber number) const {
  if (raw(number) > kNodeNumberMax || by_number_[raw(number)] == nullptr) return std::nullopt;
  return by_number_[raw(number)]->id;
}

const NodeFacts* Bus::facts(PeerId id) const {
  const Peer* peer = find_peer(id);
  return peer == nullptr ? nullptr : &peer->facts;
}

// --- which link carries messages ------------------------------------------------------------

Connection* Bus::sending(const Peer& peer, LinkKind kind) const {
  const PeerLink& link = peer.link(kind);
  if (link.out != nullptr && link.out->is_open()) return link.out.get();
  if (!peer.member && link.in != nullptr && link.in->is_open()) return link.in.get();
  return nullptr;
}

bool Bus::is_up(NodeNumber number, LinkKind link) const {
  const Peer* peer = raw(number) <= kNodeNumberMax ? by_number_[raw(number)] : nullptr;
  return peer != nullptr && sending(*peer, link) != nullptr;
}

// Tells the owner if it is news. Another connection in place of the one before is a link that went
// down and up.
void Bus::refresh(Peer& peer, LinkKind kind, EndReason reason) {
  PeerLink& link = peer.link(kind);
  const Connection* now = sending(peer, kind);
  const uint64_t serial = now == nullptr ? 0 : now->serial();
  if (serial == link.up_serial) return;
  const bool was_up = link.up_serial != 0;
  link.up_serial = serial;
  if (was_up) owner_.on_link_down(peer.id, kind, reason);
  if (serial != 0 && link.up_serial == serial) owner_.on_link_up(peer.id, kind);
}

void Bus::on_room(Connection& connection) {
  const Peer* peer = find_peer(*connection.peer());
  if (peer != nullptr && sending(*peer, connection.link()) == &connection) {
    owner_.on_room(peer->id, connection.link());
  }
}

// --- links that open and end ----------------------------------------------------------------

std::optional<Notice> Bus::admit(Connection& connection) {
  const Handshake& handshake = connection.handshake();
  const NodeFacts& node = handshake.peer();
  const Peer* peer = find_peer(node.identity);
  const bool is_member = peer != nullptr && peer->member;
  if (!connection.began_here() && !is_member) {
    if (handshake.link() != LinkKind::control) {
      return Notice{Refusal::not_ready, "this link is for members"};
    }
    const auto guests =
        std::ranges::count_if(peers_, [](const auto& entry) { return !entry.second->member; });
    if (peer == nullptr && static_cast<size_t>(guests) >= options_.guests_max) {
      return Notice{Refusal::not_ready, "too many newcomers at once"};
    }
  }
  return owner_.admit({.node = node,
                       .cluster_id = handshake.peer_cluster_id(),
                       .link = handshake.link(),
                       .began_here = connection.began_here(),
                       .version = handshake.version(),
                       .clock_offset_us = difference(node.wall_us, connection.greeted_wall_us()),
                       .address = connection.peer_address()});
}

void Bus::on_open(Connection& connection) {
  Peer& peer = peer_of(connection.handshake().peer().identity);
  peer.facts = connection.handshake().peer();
  PeerLink& link = peer.link(connection.link());
  ++link.counters.connects;
  connection.count_into(link.counters);
  const bool first = !connection.peer();
  ConnectionPtr owned = first ? release(connection) : nullptr;
  connection.set_peer(peer.id);
  const LogLevel level =
      connection.link() == LinkKind::control ? LogLevel::notice : LogLevel::verbose;
  env_.log.write(level, "The {} link {} {} is open", name_of(connection.link()),
                 connection.began_here() ? "to" : "from",
                 describe(peer.facts, peer.number(), connection.peer_address()));
  if (first) settle(peer, std::move(owned));
  refresh(peer, connection.link(), EndReason::replaced);
  call_companions(peer);
}

// Out of the strangers or the seeds.
Bus::ConnectionPtr Bus::release(Connection& connection) {
  for (Seed& seed : seeds_) {
    if (seed.connection.get() == &connection) return std::move(seed.connection);
  }
  const auto found = std::ranges::find(strangers_, &connection, &ConnectionPtr::get);
  QUORIS_ASSERT(found != strangers_.end());
  ConnectionPtr owned = std::move(*found);
  strangers_.erase(found);
  return owned;
}

// A connection whose peer has become known takes its place, or is one too many.
void Bus::settle(Peer& peer, ConnectionPtr connection) {
  PeerLink& link = peer.link(connection->link());
  ConnectionPtr& place = connection->began_here() ? link.out : link.in;
  if (connection->began_here()) {
    for (Seed& seed : seeds_) {
      if (seed.address == connection->target().address) seed.peer = peer.id;
    }
    if (place != nullptr && place->is_open()) {
      // Two seeds lead to the same node.
      connection->end(EndReason::replaced);
      ended_.push_back(std::move(connection));
      return;
    }
  }
  if (place != nullptr) place->end(EndReason::replaced);
  QUORIS_ASSERT(place == nullptr);
  place = std::move(connection);
}

void Bus::on_end(Connection& connection, EndReason reason) {
  log_end(connection, reason);
  if (reason == EndReason::refused) report_refusal(connection);
  const auto stranger = std::ranges::find(strangers_, &connection, &ConnectionPtr::get);
  if (stranger != strangers_.end()) {
    ended_.push_back(std::move(*stranger));
    strangers_.erase(stranger);
    return;
  }
  for (Seed& seed : seeds_) {
    if (seed.connection.get() != &connection) continue;
    set_back(seed.backoff, reason, connection);
    ended_.push_back(std::move(seed.connection));
    return;
  }
  Peer* peer = connection.peer() ? find_peer(*connection.peer()) : nullptr;
  if (peer == nullptr) return;
  PeerLink& link = peer->link(connection.link());
  if (link.out.get() == &connection) {
    set_back(link.backoff, reason, connection);
    ended_.push_back(std::move(link.out));
    for (Seed& seed : seeds_) {
      if (seed.peer == peer->id) seed.backoff = link.backoff;
    }
  } else if (link.in.get() == &connection) {
    ended_.push_back(std::move(link.in));
  } else {
    return;  // one too many, which never carried anything
  }
  refresh(*peer, connection.link(), reason);
  if (reason == EndReason::silent) end_companions(*peer, connection);
}

// The control link is served even while a long command runs: when it is silent, nobody is there.
void Bus::end_companions(Peer& peer, const Connection& silent) {
  if (silent.link() != LinkKind::control) return;
  for (const LinkKind kind : {LinkKind::data, LinkKind::bulk}) {
    PeerLink& link = peer.link(kind);
    Connection* companion = silent.began_here() ? link.out.get() : link.in.get();
    if (companion != nullptr) companion->end(EndReason::silent);
  }
}

// Between turns: nobody is inside a connection.
void Bus::sweep() {
  const auto is_ended = [](const Connection* connection) {
    return connection->state() == Connection::State::ended;
  };
  std::erase_if(ready_, is_ended);
  std::erase_if(dirty_, is_ended);
  ended_.clear();
  std::erase_if(peers_, [&](const auto& entry) {
    const Peer& peer = *entry.second;
    const bool linked = std::ranges::any_of(
        peer.links, [](const PeerLink& link) { return link.out != nullptr || link.in != nullptr; });
    if (peer.member || linked) return false;
    for (const PeerLink& link : peer.links) forgotten_troubles_.add(link.counters);
    by_identity_.erase(peer.facts.identity);
    return true;
  });
}

// --- the owner's and people's news ----------------------------------------------------------

bool Bus::may_log(const std::string& what) {
  const uint64_t now_ns = env_.clock.monotonic_ns();
  std::erase_if(logged_ns_,
                [&](const auto& entry) { return now_ns - entry.second >= kLogIntervalNs; });
  if (logged_ns_.size() >= kLoggedMax) return false;
  return logged_ns_.emplace(what, now_ns).second;
}

void Bus::report_refusal(const Connection& connection) {
  RefusalReport report{.address = connection.peer_address(),
                       .link = connection.link(),
                       .node = connection.handshake().peer(),
                       .notice = connection.notice(),
                       .by_peer = connection.refused_by_peer(),
                       .proven = connection.refusal_is_proven(),
                       .began_here = connection.began_here()};
  const std::string what =
      fmt::format("{} {} {}", report.by_peer, report.node.identity, report.notice.text);
  if (may_log(what)) {
    const std::string who = describe(report.node, connection.claimed_number(), report.address);
    // Not yet: it is tried again, and passes by itself.
    const LogLevel level =
        report.notice.reason == Refusal::not_ready ? LogLevel::verbose : LogLevel::warning;
    env_.log.write(level, "{} {}: {}: {}", report.by_peer ? "Refused by" : "Refusing", who,
                   name_of(report.notice.reason), quote_for_display(report.notice.text));
  }
  owner_.on_refused(report);
}

void Bus::log_end(const Connection& connection, EndReason reason) {
  if (!connection.was_open()) {
    // Whoever waits to be let in should hear why nothing comes of it.
    const bool is_seed = std::ranges::any_of(
        seeds_, [&](const Seed& seed) { return seed.connection.get() == &connection; });
    const bool is_told = reason == EndReason::refused || reason == EndReason::replaced ||
                         reason == EndReason::dropped;
    const std::string& address = connection.peer_address();
    if (is_seed && !is_told && may_log("seed " + address)) {
      env_.log.write(LogLevel::warning, "The seed {} does not answer as a node: {} {}", address,
                     name_of(reason), quote_for_display(connection.notice().text));
    }
    env_.log.topic(LogTopic::network, "No {} link with {}: {} {}", name_of(connection.link()),
                   connection.peer_address(), name_of(reason),
                   quote_for_display(connection.notice().text));
    return;
  }
  const LogLevel level =
      connection.link() == LinkKind::control ? LogLevel::notice : LogLevel::verbose;
  env_.log.write(level, "The {} link {} {} is closed: {}", name_of(connection.link()),
                 connection.began_here() ? "to" : "from",
                 describe(connection.handshake().peer(), connection.claimed_number(),
                          connection.peer_address()),
                 name_of(reason));
}

std::vector<LinkStatus> Bus::links() const {
  const uint64_t now_ns = env_.clock.monotonic_ns();
  std::vector<LinkStatus> all;
  for (const auto& [id, peer] : peers_) {
    for (const LinkKind kind : kLinkKinds) {
      for (const Connection* connection : {peer->link(kind).out.get(), peer->link(kind).in.get()}) {
        if (connection == nullptr) continue;
        const bool is_open = connection->is_open();
        all.push_back({.peer = id,
                       .number = peer->number(),
                       .identity = peer->facts.identity,
                       .name = peer->facts.name,
                       .link = kind,
                       .began_here = connection->began_here(),
                       .state = connection->state(),
                       .address = connection->peer_address(),
                       .open_for_us = is_open ? (now_ns - connection->opened_ns()) / kNsPerUs : 0,
                       .queued_bytes = connection->queued_bytes(),
                       .queued_messages = connection->queued_messages(),
                       .round_trip_us = connection->round_trip_us(),
                       .clock_offset_us = connection->clock_offset_us()});
      }
    }
  }
  return all;
}

std::vector<PeerStatus> Bus::peers() const {
  std::vector<PeerStatus> all;
  for (const auto& [id, peer] : peers_) {
    PeerStatus status{.peer = id, .number = peer->number(), .facts = peer->facts};
    for (const LinkKind kind : kLinkKinds) {
      status.counters[index_of(kind)] = peer->link(kind).counters;
    }
    all.push_back(std::move(status));
  }
  return all;
}

LinkTroubles Bus::troubles() const {
  LinkTroubles all = forgotten_troubles_;
  all.add(stranger_counters_);
  for (const auto& [id, peer] : peers_) {
    for (const PeerLink& link : peer->links) all.add(link.counters);
  }
  return all;
}

}  // namespace quoris::bus
