// The limits that the table keeps (docs/architecture.md): largest to mean share at most 1.1 for
// copies and 1.2 for primaries; a join or a leave moves at most 1.2 times the node's share to or
// from it, and at most 3 % between others, but for moves that bring a partition to another rack.
#include <catch2/catch.hpp>

#include "sim/env/sim_env.h"
#include "tests/cluster/topology/ring_figures.h"

namespace quoris::topology {

namespace {

using testing::crowded;
using testing::Movement;
using testing::movement;
using testing::Peaks;
using testing::peaks_of;
using testing::Shape;
using testing::ShapedCluster;
using testing::shapes;

constexpr double kReplicaPeakMax = 1.1;
constexpr double kPrimaryPeakMax = 1.2;
constexpr double kMovedMax = 1.2;
constexpr double kBetweenOthersMax = 0.03;

void require_balance(const ClusterMap& map) {
  const Peaks peaks = peaks_of(map);
  REQUIRE(peaks.replicas <= kReplicaPeakMax);
  REQUIRE(peaks.primaries <= kPrimaryPeakMax);
  REQUIRE(make_plan(map).is_settled());
}

void require_little_movement(const Movement& moved) {
  REQUIRE(moved.of_node <= kMovedMax * moved.fair);
  REQUIRE(moved.between_others - moved.for_racks <= kBetweenOthersMax);
}

}  // namespace

TEST_CASE("figures: shares after all nodes joined at once", "[topology]") {
  for (const Shape& shape : shapes()) {
    for (const size_t count : {3, 5, 10, 50}) {
      CAPTURE(shape.name, count);
      ShapedCluster cluster(shape);
      while (cluster.map.members.size() < count) cluster.join_next();
      cluster.settle();
      require_balance(cluster.map);
      REQUIRE(cluster.map.replication_in_force == 3);
      REQUIRE(crowded(cluster.map) == 0);
    }
  }
}

TEST_CASE("figures: shares and movement as nodes join one after another", "[topology]") {
  for (const Shape& shape : shapes()) {
    ShapedCluster cluster(shape);
    cluster.grow_to(3);
    while (cluster.map.members.size() < 50) {
      const ClusterMap before = cluster.map;
      const NodeNumber who = cluster.join_next();
      cluster.settle();
      CAPTURE(shape.name, cluster.map.members.size());
      require_balance(cluster.map);
      const Movement moved = movement(before, cluster.map, who);
      require_little_movement(moved);
      REQUIRE(moved.of_node > 0.7 * moved.fair);
    }
  }
}

TEST_CASE("figures: any node leaves", "[topology]") {
  for (const Shape& shape : shapes()) {
    for (const size_t count : {4, 5, 10, 50}) {
      ShapedCluster cluster(shape);
      cluster.grow_to(count);
      const ClusterMap before = cluster.map;
      for (const Member& member : before.members) {
        CAPTURE(shape.name, count, raw(member.number));
        cluster.map = before;
        cluster.depart(member.number);
        cluster.settle();
        REQUIRE(cluster.map.find(member.number) == nullptr);
        require_balance(cluster.map);
        require_little_movement(movement(before, cluster.map, member.number));
      }
    }
  }
}

TEST_CASE("figures: thirty random joins and leaves in a row", "[topology]") {
  for (const Shape& shape : shapes()) {
    for (const size_t count : {5, 10, 50}) {
      for (uint64_t seed = 1; seed <= (count < 50 ? 4 : 1); ++seed) {
        sim::SimRng rng(seed);
        ShapedCluster cluster(shape);
        cluster.grow_to(count);
        for (int change = 0; change < 30; ++change) {
          const ClusterMap before = cluster.map;
          NodeNumber who{0};
          if (rng.below(2) == 0 || before.members.size() <= 4) {
            who = cluster.join_next();
          } else {
            who = before.members[rng.below(before.members.size())].number;
            cluster.depart(who);
          }
          cluster.settle();
          CAPTURE(shape.name, count, seed, change, raw(who), before.members.size());
          require_balance(cluster.map);
          require_little_movement(movement(before, cluster.map, who));
        }
      }
    }
  }
}

}  // namespace quoris::topology
