#include "tests/cluster/membership/swarm.h"

#include <algorithm>

#include "base/assert.h"
#include "cluster/membership/wire_bytes.h"

namespace quoris::membership {

namespace {

constexpr int64_t kWallStartUs = 1'767'225'600'000'000;
constexpr size_t kPairs = size_t{kMemberNumberMax + 1} * (kMemberNumberMax + 1);

size_t news_bytes(const Piggyback& piggyback) {
  size_t bytes = 0;
  for (const Opinion& opinion : piggyback.opinions) bytes += wire_bytes(opinion);
  for (const MemberNotes& notes : piggyback.notes) bytes += wire_bytes(notes);
  return bytes;
}

}  // namespace

Swarm::Swarm(size_t nodes, uint64_t seed, const Options& options, SwarmNetwork network)
    : options_(options),
      network_(network),
      rng_(seed),
      script_rng_(seed + 1'000'003),
      last_arrival_us_(kPairs) {
  nodes_.reserve(kMemberNumberMax);
  for (size_t i = 1; i <= nodes; ++i) {
    const auto number = static_cast<NodeNumber>(i);
    places_[i] = static_cast<uint16_t>(nodes_.size());
    nodes_.push_back({});
    nodes_.back().number = number;
    nodes_.back().boot = BootNumber{1};
  }
  for (Node& node : nodes_) start(node);
}

void Swarm::run_for(uint64_t us) {
  (void)run_until([] { return false; }, us);
}

bool Swarm::run_until(const std::function<bool()>& done, uint64_t us) {
  const uint64_t end_us = now_us_ + us;
  while (!queue_.empty() && queue_.top().at_us <= end_us) {
    const Happening next = queue_.top();
    queue_.pop();
    now_us_ = next.at_us;
    What what = std::move(happenings_[next.place]);
    free_.push_back(next.place);
    happen(std::move(what));
    if (done()) return true;
  }
  now_us_ = end_us;
  return done();
}

Moment Swarm::moment(NodeNumber node) const {
  const Node& here = nodes_[places_[raw(node)]];
  return {.monotonic_us = now_us_,
          .wall_us = kWallStartUs + static_cast<int64_t>(now_us_) + here.wall_offset_us};
}

void Swarm::add(NodeNumber number, bool running) {
  places_[raw(number)] = static_cast<uint16_t>(nodes_.size());
  nodes_.push_back({});
  nodes_.back().number = number;
  nodes_.back().boot = BootNumber{1};
  spread_map();
  if (running) start(nodes_.back());
}

void Swarm::remove(NodeNumber number) {
  const size_t place = places_[raw(number)];
  nodes_.erase(nodes_.begin() + static_cast<std::ptrdiff_t>(place));
  for (size_t i = place; i < nodes_.size(); ++i) {
    places_[raw(nodes_[i].number)] = static_cast<uint16_t>(i);
  }
  spread_map();
}

void Swarm::crash(NodeNumber number, Death death) {
  Node& node = at(number);
  node.gossip.reset();
  node.inbox.clear();
  node.stalled_since_us = kNever;
  node.stalled_until_us = 0;
  if (death == Death::silent) return;
  for (const Node& peer : nodes_) {
    if (peer.number == number) continue;
    after(network_.latency_min_us, [this, number, peer_number = peer.number] {
      call(at(peer_number), [number](Gossip& gossip, Moment now) {
        gossip.on_link_lost(number, LinkLoss::closed, now);
      });
    });
  }
}

void Swarm::restart(NodeNumber number) {
  Node& node = at(number);
  QUORIS_ASSERT(node.gossip == nullptr);
  node.boot = BootNumber{raw(node.boot) + 1};
  start(node);
  for (const Node& peer : nodes_) {
    if (peer.number != number) make_link(number, peer.number);
  }
}

void Swarm::stall(NodeNumber number, uint64_t us) {
  Node& node = at(number);
  if (node.gossip == nullptr) return;
  if (node.stalled_since_us == kNever) node.stalled_since_us = now_us_;
  node.stalled_until_us = std::max(node.stalled_until_us, now_us_ + us);
  after(us, [this, number] {
    if (at(number).stalled_since_us != kNever && at(number).stalled_until_us <= now_us_) {
      wake(at(number));
    }
  });
}

void Swarm::partition(size_t count) {
  for (const Node& a : nodes_) {
    for (const Node& b : nodes_) {
      if ((raw(a.number) <= count) != (raw(b.number) <= count)) cut(a.number, b.number);
    }
  }
}

void Swarm::lose_link(NodeNumber a, NodeNumber b, LinkLoss loss) {
  call(at(a), [b, loss](Gossip& gossip, Moment now) { gossip.on_link_lost(b, loss, now); });
  call(at(b), [a, loss](Gossip& gossip, Moment now) { gossip.on_link_lost(a, loss, now); });
}

void Swarm::make_link(NodeNumber a, NodeNumber b) {
  call(at(a), [b](Gossip& gossip, Moment now) { gossip.on_link_made(b, now); });
  call(at(b), [a](Gossip& gossip, Moment now) { gossip.on_link_made(a, now); });
}

void Swarm::after(uint64_t us, std::function<void()> what) {
  What script;
  script.script = std::move(what);
  schedule(now_us_ + us, std::move(script));
}

size_t Swarm::count(EventKind kind) const {
  return static_cast<size_t>(std::ranges::count_if(
      events_, [kind](const SeenEvent& seen) { return seen.event.kind == kind; }));
}

std::optional<uint64_t> Swarm::seen_us(NodeNumber node, EventKind kind, NodeNumber member) const {
  for (const SeenEvent& seen : events_) {
    if (seen.node == node && seen.event.kind == kind && seen.event.member == member) {
      return seen.at_us;
    }
  }
  return std::nullopt;
}

bool Swarm::all_see(NodeNumber member, Health health) {
  return std::ranges::all_of(nodes_, [member, health](const Node& node) {
    if (node.gossip == nullptr || node.number == member) return true;
    const Member* seen = node.gossip->find(member);
    return seen != nullptr && seen->standing.health == health;
  });
}

bool Swarm::all_well() {
  return std::ranges::all_of(nodes_, [this](const Node& node) {
    return node.gossip == nullptr || all_see(node.number, Health::alive);
  });
}

std::vector<MemberSpec> Swarm::map() const {
  std::vector<MemberSpec> members;
  for (const Node& node : nodes_) members.push_back({.number = node.number, .boot = node.boot});
  return members;
}

void Swarm::start(Node& node) {
  node.rng = std::make_unique<sim::SimRng>(rng_.next());
  node.gossip = std::make_unique<Gossip>(MemberSpec{.number = node.number, .boot = node.boot},
                                         options_, *node.rng, moment(node.number));
  node.scheduled_us = kNever;
  call(node, [this](Gossip& gossip, Moment now) { gossip.set_members(map(), now); });
}

void Swarm::spread_map() {
  for (Node& node : nodes_) {
    call(node, [this](Gossip& gossip, Moment now) { gossip.set_members(map(), now); });
  }
}

void Swarm::schedule(uint64_t at_us, What what) {
  uint32_t place = 0;
  if (free_.empty()) {
    place = static_cast<uint32_t>(happenings_.size());
    happenings_.push_back(std::move(what));
  } else {
    place = free_.back();
    free_.pop_back();
    happenings_[place] = std::move(what);
  }
  queue_.push({.at_us = at_us, .order = order_++, .place = place});
}

void Swarm::happen(What what) {
  if (what.script) {
    what.script();
    return;
  }
  if (places_[raw(what.node)] >= nodes_.size()) return;
  Node& node = at(what.node);
  if (node.number != what.node || node.gossip == nullptr) return;
  if (!what.message) {
    tick(node);
  } else if (node.stalled_since_us == kNever) {
    node.gossip->step(what.from, *what.message, moment(node.number));
    drain(node);
  } else {
    node.inbox.push_back([from = what.from, message = std::move(*what.message)](
                             Gossip& gossip, Moment now) { gossip.step(from, message, now); });
  }
}

void Swarm::call(Node& node, std::function<void(Gossip&, Moment)> what) {
  if (node.gossip == nullptr) return;
  if (node.stalled_since_us != kNever) {
    node.inbox.push_back(std::move(what));
    return;
  }
  what(*node.gossip, moment(node.number));
  drain(node);
}

void Swarm::tick(Node& node) {
  if (node.scheduled_us > now_us_) return;
  node.scheduled_us = kNever;
  if (node.stalled_since_us != kNever) return;
  if (node.gossip->next_due_us() <= now_us_) node.gossip->tick(moment(node.number));
  drain(node);
}

// As a loop that stood still: it knows how late it is, fires its timers, and then reads.
void Swarm::wake(Node& node) {
  const uint64_t late_us = now_us_ - node.stalled_since_us;
  node.stalled_since_us = kNever;
  if (tells_lateness_) node.gossip->note_late(late_us, moment(node.number));
  node.gossip->tick(moment(node.number));
  drain(node);
  for (const auto& what : std::exchange(node.inbox, {})) {
    what(*node.gossip, moment(node.number));
    drain(node);
  }
}

void Swarm::drain(Node& node) {
  Output output = node.gossip->take_output();
  for (const Event& event : output.events) {
    events_.push_back({.at_us = now_us_, .node = node.number, .event = event});
  }
  for (Outgoing& outgoing : output.messages) deliver(node.number, outgoing);
  const uint64_t due_us = node.gossip->next_due_us();
  if (due_us == kNever || due_us >= node.scheduled_us) return;
  node.scheduled_us = std::max(due_us, now_us_) + rng_.below(network_.timer_slack_us + 1);
  What what;
  what.node = node.number;
  schedule(node.scheduled_us, std::move(what));
}

void Swarm::deliver(NodeNumber from, Outgoing& outgoing) {
  traffic_.messages++;
  std::visit(
      [this](const auto& kind) {
        traffic_.bytes += wire_bytes(kind);
        traffic_.largest_piggyback =
            std::max(traffic_.largest_piggyback, news_bytes(kind.piggyback));
      },
      outgoing.message);
  if (filter_ && !filter_(from, outgoing)) return;
  if (!cuts_.empty() && cuts_.contains({from, outgoing.to})) return;
  const bool is_lost = network_.loss_ppm > 0 && rng_.below(1'000'000) < network_.loss_ppm;
  if (is_lost && network_.resend_us == 0) return;
  const bool twice = network_.duplicate_ppm > 0 && rng_.below(1'000'000) < network_.duplicate_ppm;
  for (int copies = twice ? 2 : 1; copies > 0; --copies) {
    const uint64_t spread_us = network_.latency_max_us - network_.latency_min_us;
    uint64_t at_us = now_us_ + network_.latency_min_us + rng_.below(spread_us + 1) +
                     (is_lost ? network_.resend_us : 0);
    if (network_.keeps_order) {
      uint64_t& last_us =
          last_arrival_us_[raw(from) * size_t{kMemberNumberMax + 1} + raw(outgoing.to)];
      last_us = std::max(last_us, at_us);
      at_us = last_us;
    }
    What what;
    what.node = outgoing.to;
    what.from = from;
    what.message = copies > 1 ? outgoing.message : std::move(outgoing.message);
    schedule(at_us, std::move(what));
  }
}

}  // namespace quoris::membership
