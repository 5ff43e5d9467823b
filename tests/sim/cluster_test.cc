// A cluster of whole nodes, by hand: how machines become members, go, and come back; and what the
// checkers make of it.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "sim/check/cluster_checker.h"
#include "sim/check/lease_checker.h"
#include "sim/check/map_checker.h"
#include "sim/check/raft_checker.h"
#include "sim/cluster_looks.h"
#include "sim/faults/fault_driver.h"
#include "sim/world.h"

namespace quoris::sim {
namespace {

constexpr uint64_t kMs = 1'000;
constexpr uint64_t kSecond = 1'000 * kMs;

struct Bench {
  explicit Bench(size_t nodes, uint64_t seed = 7, std::vector<FaultDriver::Planned> plan = {})
      : world({.seed = seed,
               .nodes = nodes,
               .spares = 1,
               .is_cluster = true,
               .settings = {{"protected-mode", "no"}, {"save", ""}}}),
        faults(world, {.kinds = {},
                       .until_us = 100 * kSecond,
                       .nodes_at_start = nodes,
                       .plan = std::move(plan)}) {
    for (Checker* checker : checkers) world.add_observer(*checker);
    world.start();
    faults.start();
  }

  void run(uint64_t us) { world.queue().run_until(world.now_us() + us); }

  template <class Holds>
  [[nodiscard]] bool until(uint64_t us_max, Holds holds) {
    const uint64_t end_us = world.now_us() + us_max;
    while (!holds()) {
      if (world.now_us() >= end_us) return false;
      run(10 * kMs);
    }
    return true;
  }

  [[nodiscard]] bool comes_to_rest(uint64_t us_max = ClusterChecker::kRestUs) {
    const bool is_at_rest = until(us_max, [this] { return cluster.unrest().empty(); });
    for (const std::string& wrong : cluster.unrest()) UNSCOPED_INFO(wrong);
    for (const Checker* checker : checkers) {
      for (const std::string& complaint : checker->complaints()) UNSCOPED_INFO(complaint);
    }
    return is_at_rest;
  }

  [[nodiscard]] size_t complaints() const {
    size_t count = 0;
    for (const Checker* checker : checkers) count += checker->complaints().size();
    return count;
  }

  // Who leads, when it has settled.
  Machine& leader() {
    REQUIRE(until(10 * kSecond, [this] {
      return leader_of(world) != nullptr && leader_of(world)->control()->is_settled_leader();
    }));
    return *leader_of(world);
  }

  const topology::Member& member(size_t machine) {
    const topology::Member* found = member_of(world.machine(machine), *newest_map(world));
    REQUIRE(found != nullptr);
    return *found;
  }

  World world;
  FaultDriver faults;
  RaftChecker raft{world};
  MapChecker maps{world};
  LeaseChecker leases{world, maps};
  ClusterChecker cluster{world, faults};
  std::vector<Checker*> checkers = {&raft, &maps, &leases, &cluster};
};

TEST_CASE("cluster: three machines that start at once become one cluster", "[sim]") {
  Bench bench(3);
  REQUIRE(bench.comes_to_rest(5 * kSecond));
  CHECK(bench.leader().control()->raft()->configuration().voters.size() == 3);
  CHECK(newest_map(bench.world)->members.size() == 3);
  CHECK(bench.leases.renewed() > 3);
  CHECK(bench.complaints() == 0);
}

TEST_CASE("cluster: when its leader dies another one leads within two seconds", "[sim]") {
  Bench bench(3);
  REQUIRE(bench.comes_to_rest());
  Machine& old = bench.leader();
  const Term term = old.control()->raft()->term();
  old.cut_power();
  CHECK(bench.until(2 * kSecond, [&] {
    const Machine* now = leader_of(bench.world);
    return now != nullptr && now != &old && leader_of(bench.world)->control()->is_settled_leader();
  }));
  CHECK(bench.leader().control()->raft()->term() > term);
  CHECK(bench.comes_to_rest());
  CHECK(bench.complaints() == 0);
}

TEST_CASE("cluster: a machine joins, another one leaves and goes", "[sim]") {
  using enum FaultKind;
  Bench bench(3, 7,
              {{.kind = join, .node = 3, .at_us = 5 * kSecond},
               {.kind = leave, .node = 1, .at_us = 10 * kSecond}});
  bench.run(9 * kSecond);
  CHECK(bench.world.machine(3).is_deployed());
  CHECK(newest_map(bench.world)->members.size() == 4);
  bench.run(2 * kSecond);
  REQUIRE(bench.comes_to_rest());
  CHECK_FALSE(bench.world.machine(1).is_deployed());
  CHECK(newest_map(bench.world)->members.size() == 3);
  CHECK(newest_map(bench.world)->find_name("n2") == nullptr);
  CHECK(bench.maps.figures().leaves == 1);
  CHECK(bench.complaints() == 0);
}

TEST_CASE("cluster: who lost its disk comes back under its name with another number", "[sim]") {
  // The founder too: it is told where the others are.
  const size_t node = GENERATE(0, 2);
  Bench bench(3, 7,
              {{.kind = FaultKind::wipe, .node = node, .at_us = 5 * kSecond,
                .lasts_us = 200 * kMs}});
  bench.run(4 * kSecond);
  const NodeNumber before = bench.member(node).number;
  const std::string name = bench.member(node).name;
  bench.run(2 * kSecond);
  REQUIRE(bench.comes_to_rest());
  CHECK(bench.member(node).number != before);
  CHECK(bench.member(node).name == name);
  CHECK(newest_map(bench.world)->members.size() == 3);
  CHECK(bench.complaints() == 0);
}

TEST_CASE("cluster: a clean stop hands leadership over, and the node is back", "[sim]") {
  Bench bench(3);
  REQUIRE(bench.comes_to_rest());
  Machine& old = bench.leader();
  const uint64_t lives = old.lives();
  old.stop_cleanly();
  CHECK(bench.until(5 * kSecond, [&] { return old.lives() > lives; }));
  CHECK(bench.comes_to_rest());
  CHECK(bench.leader().index() != old.index());
  CHECK(bench.complaints() == 0);
}

TEST_CASE("cluster: one that is cut off is down for the others, and back when it is not", "[sim]") {
  Bench bench(3);
  REQUIRE(bench.comes_to_rest());
  Machine& old = bench.leader();
  for (size_t i = 0; i < 3; ++i) {
    if (i == old.index()) continue;
    bench.world.network().cut(old.host(), bench.world.machine(i).host());
    bench.world.network().cut(bench.world.machine(i).host(), old.host());
  }
  CHECK(bench.until(5 * kSecond, [&] {
    const topology::Member* seen = newest_map(bench.world)->find(old.control()->number());
    return seen->state == topology::MemberState::down;
  }));
  CHECK(old.observe([](control::Control& it) { return it.lease_left_us(); }) == 0);
  for (size_t i = 0; i < 3; ++i) {
    if (i == old.index()) continue;
    bench.world.network().mend(old.host(), bench.world.machine(i).host());
    bench.world.network().mend(bench.world.machine(i).host(), old.host());
  }
  CHECK(bench.comes_to_rest());
  CHECK(bench.complaints() == 0);
}

}  // namespace
}  // namespace quoris::sim
