// Swarm: many Gossip cores over a simulated network, clock and scheduler; from one seed.
//
// Messages arrive in order per link (or not, if asked), after a random latency; they may be lost or
// doubled. Nodes stall, die with their links or without a trace, and come back. What the nodes'
// owner has to do (ticks, lateness, links) is done here as docs of Gossip ask for it.
// Used by: tests of membership, tests/bench/gossip_bench.cc.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <utility>
#include <vector>

#include "cluster/membership/gossip.h"
#include "sim/env/sim_env.h"

namespace quoris::membership {

struct SwarmNetwork {
  uint64_t latency_min_us = 100;
  uint64_t latency_max_us = 1000;
  uint32_t loss_ppm = 0;
  // What is lost comes so much later, and all behind it with it, as over TCP; 0: never.
  uint64_t resend_us = 0;
  uint32_t duplicate_ppm = 0;
  bool keeps_order = true;
  // How late a node's timer fires at most when nothing is wrong.
  uint64_t timer_slack_us = 1000;
};

class Swarm {
 public:
  struct SeenEvent {
    uint64_t at_us = 0;
    NodeNumber node{};
    Event event;
  };

  struct Traffic {
    uint64_t messages = 0;  // handed out by the cores
    uint64_t bytes = 0;
    size_t largest_piggyback = 0;  // bytes of news in one message
  };

  enum class Death : uint8_t {
    process,  // the kernel closes its links
    silent,   // power, network: nobody is told
  };

  // Nodes 1 to `nodes`, all in the map and running.
  Swarm(size_t nodes, uint64_t seed, const Options& options = {}, SwarmNetwork network = {});

  void run_for(uint64_t us);

  // False if `done` did not come true within `us`; it is asked at each event.
  bool run_until(const std::function<bool()>& done, uint64_t us);

  [[nodiscard]] uint64_t now_us() const { return now_us_; }

  [[nodiscard]] Moment moment(NodeNumber node) const;

  // --- what happens to nodes ------------------------------------------------------------------
  // In the map of all at once; running or not.
  void add(NodeNumber node, bool running = true);
  // Out of the map of all.
  void remove(NodeNumber node);
  void crash(NodeNumber node, Death death);
  // Another life, with the map as it is.
  void restart(NodeNumber node);
  void stall(NodeNumber node, uint64_t us);

  // The loop's lateness is not told to the core.
  void forget_lateness() { tells_lateness_ = false; }

  void set_wall_offset(NodeNumber node, int64_t us) { at(node).wall_offset_us = us; }

  // What `from` sends does not arrive at `to`; the link stays, as when packets are dropped.
  void cut(NodeNumber from, NodeNumber to) { cuts_.insert({from, to}); }

  void mend(NodeNumber from, NodeNumber to) { cuts_.erase({from, to}); }

  // Both ways, between the first `count` nodes and the others.
  void partition(size_t count);

  void heal() { cuts_.clear(); }

  void set_network(SwarmNetwork network) { network_ = network; }

  void lose_link(NodeNumber a, NodeNumber b, LinkLoss loss);
  void make_link(NodeNumber a, NodeNumber b);

  // Runs `what` after so long.
  void after(uint64_t us, std::function<void()> what);

  // May drop (false) or look at each message that is delivered.
  void set_filter(std::function<bool(NodeNumber from, const Outgoing&)> filter) {
    filter_ = std::move(filter);
  }

  // --- what is seen ---------------------------------------------------------------------------
  [[nodiscard]] Gossip& gossip(NodeNumber node) { return *at(node).gossip; }

  [[nodiscard]] size_t size() const { return nodes_.size(); }

  [[nodiscard]] bool is_running(NodeNumber node) { return at(node).gossip != nullptr; }

  [[nodiscard]] const std::vector<SeenEvent>& events() const { return events_; }

  void clear_events() { events_.clear(); }

  [[nodiscard]] size_t count(EventKind kind) const;
  // When `node` first saw it of `member`.
  [[nodiscard]] std::optional<uint64_t> seen_us(NodeNumber node, EventKind kind,
                                                NodeNumber member) const;
  // Of all running nodes but the member itself.
  [[nodiscard]] bool all_see(NodeNumber member, Health health);
  // Everybody takes everybody who runs for alive.
  [[nodiscard]] bool all_well();

  [[nodiscard]] const Traffic& traffic() const { return traffic_; }

  void clear_traffic() { traffic_ = {}; }

  // A draw for the script, apart from the network's.
  [[nodiscard]] Rng& rng() { return script_rng_; }

 private:
  struct Node {
    NodeNumber number{};
    BootNumber boot{};
    std::unique_ptr<sim::SimRng> rng;
    std::unique_ptr<Gossip> gossip;  // null: not running
    uint64_t scheduled_us = kNever;  // its next tick
    uint64_t stalled_since_us = kNever;
    uint64_t stalled_until_us = 0;
    int64_t wall_offset_us = 0;
    std::vector<std::function<void(Gossip&, Moment)>> inbox;  // while it stalls
  };

  struct Happening {
    uint64_t at_us = 0;
    uint64_t order = 0;
    uint32_t place = 0;  // in happenings_

    auto operator<=>(const Happening&) const = default;
  };

  // A tick of a node if there is nothing else.
  struct What {
    NodeNumber node{};
    NodeNumber from{};
    std::optional<Message> message;
    std::function<void()> script;
  };

  [[nodiscard]] Node& at(NodeNumber node) { return nodes_[places_[raw(node)]]; }

  [[nodiscard]] std::vector<MemberSpec> map() const;
  void start(Node& node);
  void spread_map();
  void schedule(uint64_t at_us, What what);
  void happen(What what);
  // The one way by which anything is done to a core.
  void call(Node& node, std::function<void(Gossip&, Moment)> what);
  void tick(Node& node);
  void wake(Node& node);
  void drain(Node& node);
  void deliver(NodeNumber from, Outgoing& outgoing);

  Options options_;
  SwarmNetwork network_;
  sim::SimRng rng_;
  sim::SimRng script_rng_;
  uint64_t now_us_ = 1'000'000;
  uint64_t order_ = 0;
  std::vector<Node> nodes_;
  std::array<uint16_t, kMemberNumberMax + 1> places_{};
  std::priority_queue<Happening, std::vector<Happening>, std::greater<>> queue_;
  std::vector<What> happenings_;
  std::vector<uint32_t> free_;
  std::vector<uint64_t> last_arrival_us_;  // per pair, for the order
  std::set<std::pair<NodeNumber, NodeNumber>> cuts_;
  std::function<bool(NodeNumber, const Outgoing&)> filter_;
  std::vector<SeenEvent> events_;
  Traffic traffic_;
  bool tells_lateness_ = true;
};

}  // namespace quoris::membership
