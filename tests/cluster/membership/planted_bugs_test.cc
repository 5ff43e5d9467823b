// Each planted bug, and the case that notices it: the same script with and without it.
#include <catch2/catch.hpp>

#include "base/planted.h"
#include "tests/cluster/membership/lone_core.h"
#include "tests/cluster/membership/swarm.h"

namespace quoris::membership {

namespace {

constexpr uint64_t kSecond = 1'000'000;

class Planted {
 public:
  explicit Planted(std::string_view name) { plant_bug(name); }

  Planted(const Planted&) = delete;
  Planted& operator=(const Planted&) = delete;

  ~Planted() { plant_bug({}); }
};

// A node stalls long enough to be suspected; is anybody taken for down?
bool stall_becomes_failure() {
  Swarm swarm(5, 1);
  swarm.run_for(5 * kSecond);
  swarm.stall(node(3), 700'000);
  swarm.run_for(10 * kSecond);
  return swarm.count(EventKind::seems_down) > 0;
}

// Old news comes after the refutation.
bool old_suspicion_is_believed() {
  LoneCore core(4);
  core.tell(node(2), {LoneCore::opinion(3, 4, Health::alive)});
  core.tell(node(2), {LoneCore::opinion(3, 3, Health::suspect)});
  return core.health(node(3)) != Health::alive;
}

bool one_way_cut_becomes_suspicion() {
  Swarm swarm(4, 8);
  swarm.run_for(5 * kSecond);
  swarm.clear_events();
  swarm.cut(node(1), node(2));
  swarm.run_for(20 * kSecond);
  return swarm.count(EventKind::suspected) > 0;
}

// A loop stands still; the answers lie in the socket, but timers fire first.
bool own_stall_accuses_others() {
  Swarm swarm(5, 2, {}, {.latency_min_us = 20'000, .latency_max_us = 30'000});
  swarm.run_for(5 * kSecond);
  swarm.clear_events();
  for (int i = 0; i < 50; ++i) {
    swarm.stall(node(2), 400'000);
    swarm.run_for(kSecond + swarm.rng().below(Options{}.probe_period_us));
  }
  for (const auto& seen : swarm.events()) {
    const bool is_own = seen.node == node(2) && seen.event.told_by == node(2);
    if (is_own && seen.event.kind == EventKind::suspected) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("planted bug: a suspicion that is not refuted lets a stall become a failure") {
  CHECK_FALSE(stall_becomes_failure());
  const Planted planted("membership: a suspicion is not refuted");
  CHECK(stall_becomes_failure());
}

TEST_CASE("planted bug: an incarnation that is not compared lets old news win") {
  CHECK_FALSE(old_suspicion_is_believed());
  const Planted planted("membership: the incarnation is not compared");
  CHECK(old_suspicion_is_believed());
}

TEST_CASE("planted bug: without indirect probes a one-way cut becomes a suspicion") {
  CHECK_FALSE(one_way_cut_becomes_suspicion());
  const Planted planted("membership: no indirect probes");
  CHECK(one_way_cut_becomes_suspicion());
}

TEST_CASE("planted bug: a late loop that is ignored accuses those who have answered") {
  CHECK_FALSE(own_stall_accuses_others());
  const Planted planted("membership: a late loop is ignored");
  CHECK(own_stall_accuses_others());
}

}  // namespace quoris::membership
