// Whole clusters through random disasters: see simulated_cluster.h for what is checked.
//
// A slice of the seeds by default; [.long] has more: raft_tests "[.long]".

#include <catch2/catch.hpp>

#include "tests/cluster/raft/simulated_cluster.h"

namespace quoris::raft::testing {

namespace {

constexpr uint64_t kRunUs = 15'000'000;

Tally run_seeds(uint64_t first, uint64_t last, uint16_t voters, bool has_files) {
  Tally sum;
  for (uint64_t seed = first; seed <= last; ++seed) {
    Setup setup = random_setup(seed, voters);
    setup.has_files = has_files;
    SimulatedCluster cluster(setup);
    const std::string violation = cluster.run(kRunUs);
    INFO("seed " << seed << ", " << voters << " voters, files " << has_files << ": " << violation);
    REQUIRE(violation.empty());
    const Tally& tally = cluster.tally();
    sum.events += tally.events;
    sum.elections += tally.elections;
    sum.forced_elections += tally.forced_elections;
    sum.committed += tally.committed;
    sum.crashes += tally.crashes;
    sum.changes += tally.changes;
    sum.snapshots_taken += tally.snapshots_taken;
    sum.snapshots_installed += tally.snapshots_installed;
  }
  return sum;
}

// A run in which nothing happens proves nothing.
void check_busy(const Tally& tally, uint64_t seeds) {
  REQUIRE(tally.elections > 3 * seeds);
  REQUIRE(tally.forced_elections > seeds / 10);
  REQUIRE(tally.committed > 100 * seeds);
  REQUIRE(tally.crashes > 2 * seeds);
  REQUIRE(tally.changes > seeds);
  REQUIRE(tally.snapshots_taken > seeds);
  REQUIRE(tally.snapshots_installed > seeds / 2);
}

}  // namespace

TEST_CASE("simulation: random disasters break nothing, three voters", "[raft]") {
  check_busy(run_seeds(1, 15, 3, false), 15);
}

TEST_CASE("simulation: random disasters break nothing, five voters", "[raft]") {
  check_busy(run_seeds(1, 10, 5, false), 10);
}

TEST_CASE("simulation: random disasters break nothing, with real files", "[raft]") {
  check_busy(run_seeds(1001, 1010, 3, true), 10);
}

TEST_CASE("simulation: the same seed gives the same run, another one another", "[raft]") {
  const auto hash_of = [](uint64_t seed) {
    SimulatedCluster cluster(random_setup(seed, 3));
    REQUIRE(cluster.run(3'000'000).empty());
    return cluster.hash();
  };
  REQUIRE(hash_of(4) == hash_of(4));
  REQUIRE(hash_of(4) != hash_of(5));
}

TEST_CASE("simulation: many seeds", "[.long]") {
  for (uint64_t first = 1; first <= 5000; first += 100) {
    (void)run_seeds(first, first + 99, 3, false);
    (void)run_seeds(first, first + 99, 5, false);
    (void)run_seeds(first, first + 9, 3, true);
    WARN("up to seed " << first + 99);
  }
}

}  // namespace quoris::raft::testing
