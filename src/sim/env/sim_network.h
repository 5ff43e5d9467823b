// SimNetwork: hosts, links between them, and TCP connections over the links.
//
// A connection gives its bytes in order or breaks. What a real network does to packets shows as it
// does above TCP: loss as a delay (sent again), a cut link as silence (sent again with back-off
// until the sender gives up), a host that lost its power as silence and, when it is back, a reset
// for who still speaks to it. A closed port refuses after a round trip; a process that stands still
// (its SimLoop is paused) has a kernel that accepts and acknowledges until its buffers are full. A
// link has two directions, each with latency, jitter, loss and speed of its own, and can be cut in
// one alone: then who can be heard, but hears no acknowledgement, gives up as well.
//
// Deterministic: the same calls and the same Rng give the same run.
// Invariants: no handler is called from inside a call of the core, but in its host's loop.
// Limits: NetworkLimits. Simplified: no keepalive (an idle connection over a cut link lasts), no
// congestion control, names are found at once.
// Used by: the simulator; tests of the cluster channel. Sources: RFC 9293 (TCP), RFC 6298 (back-off
// of retransmission), tcp(7) for user timeout and backlog.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/transport.h"
#include "sim/env/sim_loop.h"

namespace quoris::sim {

enum class HostId : uint16_t {};

constexpr size_t index_of(HostId host) { return static_cast<size_t>(host); }

// One direction of a link, as it is when nothing is wrong with it.
struct LinkQuality {
  uint64_t latency_us = 100;
  uint64_t jitter_us = 50;     // at most so much more
  uint64_t loss_permille = 0;  // of the segments: sent again
  uint64_t spike_permille = 0;
  uint64_t spike_us = 0;          // at most, by which those are late
  uint64_t bytes_per_second = 0;  // 0: as many as you like
};

struct NetworkLimits {
  size_t segment_bytes = 64UL * 1024;  // most that travels as one event
  size_t window_bytes = 256UL * 1024;  // on the way, and received but not read
  size_t backlog = 511;                // connections that wait to be accepted
  size_t accepts_per_turn = 64;
  size_t read_per_turn_bytes = 64UL * 1024;
  size_t discarded_unread_bytes = 64UL * 1024;  // at a close; more makes it a reset
  uint64_t user_timeout_us = 20'000'000;        // without an acknowledgement
  uint64_t connect_timeout_us = 10'000'000;
  uint64_t first_retry_us = 200'000;   // of a segment; doubles
  uint64_t last_retry_us = 5'000'000;  // ... up to this
  uint64_t connect_retry_us = 1'000'000;
};

struct NetworkFigures {
  uint64_t delivered = 0;  // segments
  uint64_t bytes = 0;
  uint64_t dropped = 0;     // lost on the way, each time they were sent
  uint64_t duplicated = 0;  // sent again though they had arrived
  uint64_t delayed = 0;     // late by more than the link's jitter
  uint64_t connected = 0;
  uint64_t refused = 0;
  uint64_t reset = 0;      // by a peer that knows nothing of the connection, or by a fault
  uint64_t timed_out = 0;  // connections and attempts
};

// Hears of everything, from inside: what it wants to do about it has to wait for an event.
class NetworkWatcher {
 public:
  virtual ~NetworkWatcher() = default;

  // They are in the receiver's kernel.
  virtual void on_delivered(HostId from, HostId to, uint64_t connection,
                            std::string_view bytes) = 0;

  // "connected", "refused", "reset", "timed out".
  virtual void on_connection(HostId from, HostId to, uint64_t connection,
                             std::string_view what) = 0;
};

class SimSocket;

class SimNetwork {
 public:
  // REQUIRES: `queue` outlives this, and this outlives its streams.
  SimNetwork(EventQueue& queue, const SimRng& rng, const NetworkLimits& limits = {});

  SimNetwork(const SimNetwork&) = delete;
  SimNetwork& operator=(const SimNetwork&) = delete;

  ~SimNetwork();

  // --- hosts ------------------------------------------------------------------------------------
  // `address` as peers and CLIENT LIST show it. REQUIRES: `loop` outlives this.
  HostId add_host(std::string address, SimLoop& loop);

  // Another name by which connect() finds it.
  void add_name(const std::string& name, HostId host) { names_[name] = host; }

  [[nodiscard]] const std::string& address(HostId host) const {
    return hosts_[index_of(host)]->address;
  }

  [[nodiscard]] size_t hosts() const { return hosts_.size(); }

  // Connections that the host's process begins.
  [[nodiscard]] Transport& transport(HostId host);

  // REQUIRES: nobody listens there; `acceptor` outlives the listening.
  void listen(HostId host, uint16_t port, StreamAcceptor& acceptor);

  // Of a process that ends; who waits to be accepted is reset.
  void stop_listening(HostId host);

  // The power goes: nothing of it says a word any more. Its streams are to be destroyed, its loop
  // cleared, by its owner.
  void power_off(HostId host);

  void power_on(HostId host) { hosts_[index_of(host)]->is_on = true; }

  // While it is set nothing that the host's process writes goes anywhere: it is being killed, and
  // its turn goes on only because nobody can stop it in between.
  void still(HostId host, bool stilled) { hosts_[index_of(host)]->is_stilled = stilled; }

  // --- links ------------------------------------------------------------------------------------
  void set_quality(const LinkQuality& quality);  // of all, those to come included
  void set_quality(HostId from, HostId to, const LinkQuality& quality);
  [[nodiscard]] const LinkQuality& quality(HostId from, HostId to);

  // Nothing passes until as many mends as cuts were made.
  void cut(HostId from, HostId to) { ++link(from, to).cuts; }

  void mend(HostId from, HostId to);

  [[nodiscard]] bool is_cut(HostId from, HostId to) { return link(from, to).cuts > 0; }

  // Something in between ends every connection between the two, for both ends; how many.
  size_t reset_connections(HostId a, HostId b);

  // Whether one of them is in the middle of a connection with the other.
  [[nodiscard]] bool are_connected(HostId a, HostId b) const;

  [[nodiscard]] const NetworkFigures& figures() const { return figures_; }

  [[nodiscard]] const NetworkLimits& limits() const { return limits_; }

  void set_watcher(NetworkWatcher* watcher) { watcher_ = watcher; }

 private:
  friend class SimSocket;
  class Listener;
  class HostTransport;

  struct Host {
    std::string address;
    SimLoop* loop = nullptr;
    bool is_on = true;
    bool is_stilled = false;
    uint64_t boot = 1;  // counts power cuts: what is of an earlier one is dead
    std::map<uint16_t, std::shared_ptr<Listener>> listeners;
    std::unique_ptr<HostTransport> transport;
  };

  struct Link {
    LinkQuality quality;
    bool has_own = false;
    uint32_t cuts = 0;
  };

  // The two ends; the second is made when the attempt has reached the other host.
  struct Connection {
    std::array<std::shared_ptr<SimSocket>, 2> ends;
    HostId to{0};
    uint16_t port = 0;
    uint64_t began_us = 0;
    uint64_t retry_us = 0;
  };

  [[nodiscard]] Host& host(HostId id) { return *hosts_[index_of(id)]; }

  [[nodiscard]] Link& link(HostId from, HostId to);
  [[nodiscard]] bool passes(HostId from, HostId to);
  // Draws how long `bytes` take.
  [[nodiscard]] uint64_t travel_us(HostId from, HostId to, size_t bytes);
  [[nodiscard]] Connection* find(uint64_t id);
  void forget_if_over(uint64_t id);
  void note(const SimSocket& end, std::string_view what);

  // --- the beginning of a connection ------------------------------------------------------------
  [[nodiscard]] std::unique_ptr<Stream> connect(HostId from, const HostPort& to,
                                                ConnectHandler& handler);
  void knock(uint64_t id);
  void knock_again(uint64_t id);
  void refuse(uint64_t id, Errc code, const char* why, uint64_t delay_us);
  void establish(uint64_t id);

  // --- what travels -----------------------------------------------------------------------------
  void schedule_arrival(SimSocket& from);
  void arrive(uint64_t id, size_t side);
  // False: the flight is over, the connection perhaps too.
  bool deliver(uint64_t id, SimSocket& from);
  void send_again_later(SimSocket& from, bool had_arrived);
  void send_again(uint64_t id, size_t side);
  void answer_with_reset(uint64_t id, size_t side);
  void open_window_later(SimSocket& sender, uint64_t delay_us);

  EventQueue& queue_;
  SimRng rng_;
  NetworkLimits limits_;
  LinkQuality default_quality_;
  std::vector<std::unique_ptr<Host>> hosts_;
  std::map<std::string, HostId> names_;
  std::map<std::pair<HostId, HostId>, Link> links_;
  std::map<uint64_t, Connection> connections_;
  uint64_t next_connection_ = 1;
  NetworkFigures figures_;
  NetworkWatcher* watcher_ = nullptr;
};

}  // namespace quoris::sim
