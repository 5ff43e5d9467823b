// Random sequences of changes from many seeds keep what check() and check_succession() demand, and
// each planted bug is noticed by them.
#include <catch2/catch.hpp>

#include "base/planted.h"
#include "tests/cluster/topology/random_changes.h"

namespace quoris::topology {

namespace {

using testing::RandomChanges;

constexpr int kChangesPerSeed = 300;

// The first seed up to `seeds` that notices something, and what. 0: none does.
std::pair<uint64_t, std::string> first_to_notice(uint64_t seeds) {
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    RandomChanges changes(seed);
    for (int i = 0; i < kChangesPerSeed; ++i) {
      if (std::optional<std::string> violation = changes.step()) return {seed, *violation};
    }
  }
  return {0, ""};
}

class PlantedBug {
 public:
  explicit PlantedBug(std::string_view name) {
#ifdef QUORIS_PLANTED_BUGS
    plant_bug(name);
#else
    static_cast<void>(name);
#endif
  }

  ~PlantedBug() {
#ifdef QUORIS_PLANTED_BUGS
    plant_bug("");
#endif
  }

  PlantedBug(const PlantedBug&) = delete;
  PlantedBug& operator=(const PlantedBug&) = delete;
};

}  // namespace

TEST_CASE("map property: random changes keep every invariant", "[topology]") {
  const auto [seed, violation] = first_to_notice(150);
  CAPTURE(seed, violation);
  REQUIRE(seed == 0);
}

TEST_CASE("map property: the random changes are of every kind, done and refused", "[topology]") {
  std::map<size_t, std::pair<size_t, size_t>> counts;
  size_t joint = 0;
  size_t members = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    RandomChanges changes(seed);
    for (int i = 0; i < kChangesPerSeed; ++i) {
      REQUIRE_FALSE(changes.step().has_value());
      for (const Partition& partition : changes.map().partitions) {
        joint += partition.is_moving() ? 1 : 0;
      }
      members = std::max(members, changes.map().members.size());
    }
    for (const auto& [kind, count] : changes.counts) {
      counts[kind].first += count.first;
      counts[kind].second += count.second;
    }
  }
  REQUIRE(counts.size() == std::variant_size_v<MapChange>);
  for (const auto& [kind, count] : counts) {
    CAPTURE(kind, count.first, count.second);
    REQUIRE(count.first > 10);
  }
  REQUIRE(joint > 1000);
  REQUIRE(members >= 6);
}

TEST_CASE("map property: each planted bug is noticed", "[topology]") {
  if (!kHasPlantedBugs) return;
  const std::vector<std::pair<const char*, const char*>> bugs = {
      {"topology: a late change is applied", "a late change was applied"},
      {"topology: a step of another epoch is done", "a late step was done"},
      {"topology: a number is used twice", "was used twice"},
      {"topology: a restart keeps the epoch", "changed without a new epoch"},
  };
  for (const auto& [name, what] : bugs) {
    const PlantedBug planted(name);
    const auto [seed, violation] = first_to_notice(20);
    CAPTURE(name, seed, violation);
    REQUIRE(seed > 0);
    REQUIRE(violation.find(what) != std::string::npos);
  }
}

}  // namespace quoris::topology
