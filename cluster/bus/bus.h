// Bus: all links between this node and the others.
//
// Peers are known by identity. Members (set_members()) are called on all three links, and called
// again when a link breaks: data and bulk once control is open. Seeds (set_seeds()) are called on
// the control link by whoever has no cluster yet. Whoever calls us is let in if the handshake and
// the owner agree; one who is no member is a guest, with a control link only.
//
// **Who sends where.** Each node sends to a member over the links that it began itself, and hears
// over the links that the other began; so both may begin at once, nothing has to be settled, and
// who sends is who notices and repairs a broken link. To a guest messages go over the link that the
// guest began, and a guest hears its answers on the link that it began. A new link of the same
// peer, kind and direction takes the old one's place.
//
// What send() took arrives in order, or the link goes down (on_link_down()), and nothing that was
// sent before arrives after it. What it did not take surely does not arrive.
//
// A turn: receive() hands over what was read, the cores do their work and send(), flush() makes one
// write per link. Fault rules (cluster/fault) act on messages between owner and links.
//
// Invariants: on_link_up() and on_link_down() alternate per peer and kind; a peer's messages come
// while it is known. Nothing a peer sends is asserted. Limits: bus_options.h.
// Used by: cluster/control, by way of Channel (channel.h). All on the reactor thread.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/env.h"
#include "base/log.h"
#include "base/transport.h"
#include "cluster/bus/connection.h"

namespace quoris::bus {

// A node of the map that is to be reached. Of an address that changed the new one is called.
struct Member {
  NodeNumber number{0};
  std::string identity;
  HostPort address;

  bool operator==(const Member&) const = default;
};

// Who asks to be let in, or answers at an address that we called; its secret is proven.
struct PeerFacts {
  NodeFacts node;
  std::string cluster_id;
  LinkKind link = LinkKind::control;
  bool began_here = false;
  uint16_t version = 0;
  int64_t clock_offset_us = 0;  // its wall clock less ours; off by the way that it had to travel
  std::string address;          // as connections show it
};

struct Sender {
  PeerId peer{0};
  NodeNumber number{0};  // 0: a guest
  LinkKind link = LinkKind::control;
  PeerVersion version = PeerVersion::same;
};

struct RefusalReport {
  std::string address;
  LinkKind link = LinkKind::control;
  NodeFacts node;  // of the other side, as far as it said; no identity: nothing
  Notice notice;
  bool by_peer = false;
  bool proven = false;  // a refusal by the peer that knows the secret (where there is one)
  bool began_here = false;
};

// Whose bus it is. May call the bus from within, but for receive(), flush() and stop().
class BusOwner {
 public:
  virtual ~BusOwner() = default;

  // Nothing: the peer is welcome.
  [[nodiscard]] virtual std::optional<Notice> admit(const PeerFacts& peer) = 0;
  // From now on, until on_link_down(), messages can be sent there.
  virtual void on_link_up(PeerId peer, LinkKind link) = 0;
  virtual void on_link_down(PeerId peer, LinkKind link, EndReason reason) = 0;
  // A frame, name first. An error closes the link: corrupt for what is malformed, unsupported for
  // an unknown name (harmless if the peer's version is newer).
  [[nodiscard]] virtual Status on_message(const Sender& from, Words words) = 0;
  virtual void on_refused(const RefusalReport& report) = 0;
  // send() answered `full`; now there is room again.
  virtual void on_room(PeerId peer, LinkKind link) = 0;
};

// One direction of one link.
struct LinkStatus {
  PeerId peer{0};
  NodeNumber number{0};
  std::string identity;
  std::string name;
  LinkKind link = LinkKind::control;
  bool began_here = false;
  Connection::State state = Connection::State::ended;
  std::string address;
  uint64_t open_for_us = 0;
  size_t queued_bytes = 0;
  size_t queued_messages = 0;
  std::optional<uint64_t> round_trip_us;
  std::optional<int64_t> clock_offset_us;
};

struct PeerStatus {
  PeerId peer{0};
  NodeNumber number{0};
  NodeFacts facts;
  std::array<LinkCounters, kLinkKinds.size()> counters{};
};

class Bus final : public StreamAcceptor, private ConnectionOwner {
 public:
  struct Environment {
    Clock& clock;
    Rng& rng;
    Timers& timers;
    Transport& transport;
    Log& log;
  };

  // Which links are served in a turn: while a long command runs, only control.
  enum class Serve : uint8_t { all, control_only };

  Bus(const Environment& env, const BusOptions& options, LocalNode local, BusOwner& owner);
  Bus(const Bus&) = delete;
  Bus& operator=(const Bus&) = delete;
  ~Bus() override;

  // Begins to call members and seeds, and to look at deadlines.
  void start();
  // Drops all links, without a word to the owner; last words are lost.
  void stop();

  // For links that begin from now on.
  void set_local(LocalNode local) { local_ = std::move(local); }

  [[nodiscard]] const LocalNode& local() const { return local_; }

  // All members there are; this node among them is passed over. Links of who is no member any more
  // are closed. Numbers and identities are unique.
  void set_members(const std::vector<Member>& members);
  // In place of the seeds before. A seed is called until it is connected, and again.
  void set_seeds(const std::vector<HostPort>& seeds);
  // Closes the links of a guest.
  void drop(PeerId peer);

  // `frame`: one encoded message; taken if the answer is `sent`.
  [[nodiscard]] SendResult send(NodeNumber to, LinkKind link, ByteChain& frame);
  [[nodiscard]] SendResult send(PeerId to, LinkKind link, ByteChain& frame);

  // True between on_link_up() and on_link_down().
  [[nodiscard]] bool is_up(NodeNumber peer, LinkKind link) const;

  [[nodiscard]] std::optional<PeerId> find(NodeNumber number) const;
  // What the peer said of itself when it last connected.
  [[nodiscard]] const NodeFacts* facts(PeerId peer) const;

  // --- a turn ---------------------------------------------------------------------------------
  void receive(Serve serve = Serve::all);
  void flush();

  // Something waits for the next turn already.
  [[nodiscard]] bool wants_turn() const {
    return !ready_.empty() || !dirty_.empty() || !late_.empty();
  }

  // --- faults and figures ---------------------------------------------------------------------
  [[nodiscard]] fault::FaultRules& faults() { return faults_; }

  // By peer, kind, began here first.
  [[nodiscard]] std::vector<LinkStatus> links() const;
  [[nodiscard]] std::vector<PeerStatus> peers() const;

  // Of connections whose peer has not proved itself.
  [[nodiscard]] const LinkCounters& stranger_counters() const { return stranger_counters_; }

  // Of all connections there ever were: of peers, also of those that are forgotten, of strangers.
  // Never goes back.
  [[nodiscard]] LinkTroubles troubles() const;

  [[nodiscard]] size_t strangers() const { return strangers_.size(); }

  [[nodiscard]] size_t held() const { return held_.size() + late_.size(); }

  // --- StreamAcceptor -------------------------------------------------------------------------
  StreamHandler* accept(std::unique_ptr<Stream> stream) override;

  void on_unserved() override { ++stranger_counters_.failures; }

 private:
  using ConnectionPtr = std::unique_ptr<Connection>;

  // When to call again.
  struct Backoff {
    uint32_t attempts = 0;
    uint64_t next_ns = 0;
  };

  struct PeerLink {
    ConnectionPtr out;  // began here
    ConnectionPtr in;
    Backoff backoff;
    LinkCounters counters;
    uint64_t up_serial = 0;  // of the connection that on_link_up() told of; 0: none
  };

  struct Peer {
    PeerId id{0};
    NodeFacts facts;
    std::optional<Member> member;
    std::array<PeerLink, kLinkKinds.size()> links;

    [[nodiscard]] PeerLink& link(LinkKind kind) { return links[index_of(kind)]; }

    [[nodiscard]] const PeerLink& link(LinkKind kind) const { return links[index_of(kind)]; }

    [[nodiscard]] NodeNumber number() const { return member ? member->number : NodeNumber{0}; }
  };

  struct Seed {
    HostPort address;
    ConnectionPtr connection;  // until it is open and its peer's
    std::optional<PeerId> peer;
    Backoff backoff;
  };

  // A message that a fault rule holds back. It goes on only over the connection it came for.
  struct Held {
    PeerId peer{0};
    LinkKind link = LinkKind::control;
    uint64_t serial = 0;
    TimerId timer{0};
    ByteChain frame{};                 // outgoing
    std::vector<std::string> words{};  // incoming
  };

  // --- ConnectionOwner ------------------------------------------------------------------------
  std::optional<Notice> admit(Connection& connection) override;
  void on_open(Connection& connection) override;
  bool on_frame(Connection& connection, Words words) override;

  void on_readable(Connection& connection) override { ready_.push_back(&connection); }

  void on_writable(Connection& connection) override { dirty_.push_back(&connection); }

  void on_room(Connection& connection) override;
  void on_end(Connection& connection, EndReason reason) override;
  bool is_cut(const Connection& connection, fault::Way way) const override;

  [[nodiscard]] Connection::Context context();
  [[nodiscard]] ConnectionPtr make_connection(LinkCounters& counters);

  // bus_calls.cc: whom to call and when.
  void call_all();
  void call(Seed& seed);
  void call(Peer& peer, LinkKind kind);
  void call_companions(Peer& peer);
  void set_back(Backoff& backoff, EndReason reason, const Connection& connection);
  void tick();
  void arm_tick();
  [[nodiscard]] std::vector<Connection*> connections() const;

  // bus_peers.cc
  [[nodiscard]] Peer* find_peer(PeerId id) const;
  [[nodiscard]] Peer* find_peer(const std::string& identity) const;
  [[nodiscard]] Peer& peer_of(const std::string& identity);
  [[nodiscard]] Connection* sending(const Peer& peer, LinkKind kind) const;
  void refresh(Peer& peer, LinkKind kind, EndReason reason);
  void join(const Member& member);
  void leave(Peer& peer);
  void forget_number(const Peer& peer);
  void close_links(Peer& peer, EndReason reason);
  [[nodiscard]] ConnectionPtr release(Connection& connection);
  void settle(Peer& peer, ConnectionPtr connection);
  void end_companions(Peer& peer, const Connection& silent);
  void sweep();
  void report_refusal(const Connection& connection);
  void log_end(const Connection& connection, EndReason reason);
  [[nodiscard]] bool may_log(const std::string& what);

  [[nodiscard]] SendResult send(Peer* peer, LinkKind link, ByteChain& frame);
  [[nodiscard]] SendResult put(Peer& peer, LinkKind link, ByteChain& frame);
  SendResult send_by_rule(Peer& peer, LinkKind link, ByteChain& frame);
  [[nodiscard]] bool receive_by_rule(Peer& peer, Connection& connection, Words words);
  [[nodiscard]] bool deliver(Peer& peer, Connection& connection, Words words);
  void hold(Held held, uint64_t delay_us);
  void release_held(uint64_t id);
  void deliver_late(Serve serve);

  Environment env_;
  BusOptions options_;
  LocalNode local_;
  BusOwner& owner_;
  fault::FaultRules faults_;

  std::map<PeerId, std::unique_ptr<Peer>> peers_;
  std::map<std::string, PeerId, std::less<>> by_identity_;
  std::vector<Peer*> by_number_;  // of members
  std::vector<Seed> seeds_;
  std::vector<ConnectionPtr> strangers_;  // in the order of their coming
  std::vector<ConnectionPtr> ended_;      // until the turn is over
  LinkCounters stranger_counters_;
  LinkTroubles forgotten_troubles_;  // of peers that there are no more
  uint32_t last_peer_ = 0;
  uint64_t last_serial_ = 0;

  std::vector<Connection*> ready_;
  std::vector<Connection*> dirty_;

  std::map<uint64_t, Held> held_;
  uint64_t last_held_ = 0;
  std::vector<Held> late_;  // incoming, due

  TimerId tick_timer_{0};
  uint64_t last_tick_ns_ = 0;
  bool running_ = false;
  std::map<std::string, uint64_t> logged_ns_;  // refusals, so that they don't fill the log
};

}  // namespace quoris::bus
