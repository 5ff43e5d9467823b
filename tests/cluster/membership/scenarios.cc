#include "tests/cluster/membership/scenarios.h"

#include <algorithm>

#include "base/assert.h"

namespace quoris::membership {

namespace {

constexpr uint64_t kSecond = 1'000'000;
constexpr uint64_t kWaitUs = 60 * kSecond;

NodeNumber number(size_t i) { return static_cast<NodeNumber>(i); }

// Until everybody's joining has been told.
void settle(Swarm& swarm) {
  const auto is_quiet = [&swarm] {
    for (size_t i = 1; i <= swarm.size(); ++i) {
      if (swarm.is_running(number(i)) && swarm.gossip(number(i)).news() > 0) return false;
    }
    return true;
  };
  do {
    swarm.run_for(kSecond);
  } while (!is_quiet());
  swarm.clear_events();
}

// When each of the others had heard one of `kinds` of `member`; waits for the last.
void measure(Swarm& swarm, NodeNumber member, std::initializer_list<EventKind> kinds,
             Times& times) {
  const uint64_t start_us = swarm.now_us();
  std::vector<uint64_t> known_us(kMemberNumberMax + 1, kNever);
  size_t seen = 0;
  size_t known = 0;
  const size_t others = swarm.size() - 1;
  swarm.clear_events();
  swarm.run_until(
      [&] {
        for (; seen < swarm.events().size(); ++seen) {
          const Swarm::SeenEvent& event = swarm.events()[seen];
          const bool fits = event.event.member == member && event.node != member &&
                            std::ranges::find(kinds, event.event.kind) != kinds.end();
          if (!fits || known_us[raw(event.node)] != kNever) continue;
          known_us[raw(event.node)] = event.at_us - start_us;
          known++;
        }
        return known == others;
      },
      kWaitUs);
  for (size_t i = 1; i <= swarm.size(); ++i) {
    if (number(i) == member) continue;
    known_us[i] == kNever ? times.add_unknown() : times.add(known_us[i]);
  }
}

Calm judge(Swarm& swarm, const std::vector<uint64_t>& stalled_us) {
  Calm calm;
  for (const Swarm::SeenEvent& seen : swarm.events()) {
    const EventKind kind = seen.event.kind;
    if (kind == EventKind::accused) calm.suspected++;
    if (kind == EventKind::seems_down) calm.seen_down++;
    if (kind != EventKind::refuted && kind != EventKind::back) continue;
    if (!stalled_us.empty() && stalled_us[raw(seen.node)] + 2 * kSecond < seen.at_us) {
      calm.back_us = std::max(calm.back_us, seen.at_us - stalled_us[raw(seen.event.member)]);
    }
  }
  return calm;
}

void add(Calm& sum, const Calm& part) {
  sum.suspected += part.suspected;
  sum.seen_down += part.seen_down;
  sum.back_us = std::max(sum.back_us, part.back_us);
}

}  // namespace

uint64_t Times::median_us() const {
  QUORIS_ASSERT(!all_us_.empty());
  std::vector<uint64_t> sorted = all_us_;
  std::ranges::sort(sorted);
  return sorted[sorted.size() / 2];
}

uint64_t Times::max_us() const {
  QUORIS_ASSERT(!all_us_.empty());
  return *std::ranges::max_element(all_us_);
}

Load idle_load(size_t nodes, uint64_t seed, uint64_t us) {
  Swarm swarm(nodes, seed);
  settle(swarm);
  swarm.clear_traffic();
  swarm.run_for(us);
  const double node_seconds = static_cast<double>(nodes) * static_cast<double>(us) / 1e6;
  return {.messages = static_cast<double>(swarm.traffic().messages) / node_seconds,
          .bytes = static_cast<double>(swarm.traffic().bytes) / node_seconds};
}

ChangeTimes change_times(size_t nodes, uint64_t seed, size_t trials) {
  ChangeTimes times;
  for (size_t trial = 0; trial < trials; ++trial) {
    Swarm swarm(nodes, seed + trial);
    settle(swarm);
    for (const auto death : {Swarm::Death::process, Swarm::Death::silent}) {
      const NodeNumber victim = number(1 + swarm.rng().below(nodes));
      swarm.run_for(swarm.rng().below(kSecond));
      swarm.crash(victim, death);
      measure(swarm, victim, {EventKind::seems_down},
              death == Swarm::Death::process ? times.crash : times.silent_crash);
      swarm.run_for(5 * kSecond);
      swarm.restart(victim);
      measure(swarm, victim, {EventKind::back}, times.recovery);
      settle(swarm);
    }
    swarm.add(number(nodes + 1), false);
    swarm.after(1000, [&swarm, nodes] { swarm.restart(number(nodes + 1)); });
    swarm.run_for(1000);
    measure(swarm, number(nodes + 1), {EventKind::joined}, times.join);
  }
  return times;
}

Calm with_loss(size_t nodes, uint64_t seed, uint64_t us, const SwarmNetwork& network) {
  Swarm swarm(nodes, seed);
  settle(swarm);
  swarm.set_network(network);
  swarm.run_for(us);
  Calm calm = judge(swarm, {});
  swarm.set_network({});
  calm.all_well = swarm.run_until([&swarm] { return swarm.all_well(); }, 2 * kSecond);
  return calm;
}

Calm with_stalls(size_t nodes, uint64_t seed, uint64_t us, const Stalls& stalls) {
  Swarm swarm(nodes, seed);
  settle(swarm);
  std::vector<uint64_t> stalled_us(kMemberNumberMax + 1, swarm.now_us());
  Calm calm;
  const uint64_t end_us = swarm.now_us() + us;
  while (swarm.now_us() < end_us) {
    const NodeNumber victim = number(1 + swarm.rng().below(nodes));
    const uint64_t length_us = stalls.min_us + swarm.rng().below(stalls.max_us - stalls.min_us + 1);
    // A stall within the last one's aftermath would be a longer one.
    if (swarm.now_us() >= stalled_us[raw(victim)] + 5 * kSecond) {
      add(calm, judge(swarm, stalled_us));
      swarm.clear_events();
      stalled_us[raw(victim)] = swarm.now_us();
      swarm.stall(victim, length_us);
    }
    swarm.run_for(swarm.rng().below(2 * stalls.gap_us / nodes + 1));
  }
  calm.all_well = swarm.run_until([&swarm] { return swarm.all_well(); }, 5 * kSecond);
  add(calm, judge(swarm, stalled_us));
  return calm;
}

}  // namespace quoris::membership
