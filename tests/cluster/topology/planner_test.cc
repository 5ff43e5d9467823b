#include "cluster/topology/planner.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "cluster/topology/cluster_views.h"
#include "cluster/topology/map_codec.h"
#include "sim/env/sim_env.h"
#include "tests/cluster/topology/ring_figures.h"

namespace quoris::topology {

namespace {

using testing::node;
using testing::nodes;
using testing::ShapedCluster;
using testing::shapes;
using testing::TestCluster;

bool stands_on(const ClusterMap& map, NodeNumber number) {
  return std::ranges::any_of(map.partitions, [number](const Partition& partition) {
    return contains(partition.replicas, number);
  });
}

TestCluster settled(size_t count, uint16_t partitions = 64, uint8_t replication_factor = 3) {
  TestCluster cluster(partitions, replication_factor);
  while (cluster.map.members.size() < count) cluster.join();
  cluster.settle();
  REQUIRE(make_plan(cluster.map).is_settled());
  return cluster;
}

}  // namespace

TEST_CASE("planner: without a cluster, and alone, there is nothing to do", "[topology]") {
  REQUIRE(make_plan(ClusterMap{}).is_settled());
  REQUIRE(make_plan(TestCluster().map).is_settled());
}

TEST_CASE("planner: the same map gives the same plan", "[topology]") {
  TestCluster cluster = settled(5);
  cluster.join();
  cluster.depart(node(2));
  const Result<ClusterMap> copy = decode_map(encode_map(cluster.map));
  const Plan plan = make_plan(cluster.map);
  const Plan again = make_plan(*copy);
  REQUIRE_FALSE(plan.moves.empty());
  REQUIRE(plan.moves == again.moves);
  REQUIRE(plan.handovers == again.handovers);
}

TEST_CASE("planner: the factor in force grows with the nodes, up to what is wanted", "[topology]") {
  TestCluster cluster(64, 3);
  for (const uint8_t expected : std::initializer_list<uint8_t>{2, 3, 3}) {
    cluster.join();
    cluster.settle();
    REQUIRE(cluster.map.replication_in_force == expected);
    for (const Partition& partition : cluster.map.partitions) {
      REQUIRE(partition.replicas.size() == expected);
    }
  }
}

TEST_CASE("planner: the factor follows what the operator wants", "[topology]") {
  TestCluster cluster = settled(5);
  for (const uint8_t wanted : std::initializer_list<uint8_t>{5, 7, 1, 3}) {
    cluster.must(SetReplicationFactor{.wanted = wanted});
    cluster.settle();
    const size_t expected = std::min<size_t>(wanted, 5);
    REQUIRE(cluster.map.replication_in_force == expected);
    for (const Partition& partition : cluster.map.partitions) {
      REQUIRE(partition.replicas.size() == expected);
    }
    REQUIRE(make_plan(cluster.map).is_settled());
  }
}

TEST_CASE("planner: nodes that are down change neither factor nor copies", "[topology]") {
  TestCluster cluster = settled(4);
  const std::vector<Partition> before = cluster.map.partitions;
  for (const uint16_t number : std::initializer_list<uint16_t>{2, 3, 4}) {
    cluster.set_state(node(number), MemberState::down);
    cluster.fail_over();
    cluster.settle();
    REQUIRE(cluster.map.replication_in_force == 3);
    for (size_t i = 0; i < before.size(); ++i) {
      REQUIRE(cluster.map.partitions[i].replicas == before[i].replicas);
    }
  }
}

TEST_CASE("planner: a node that leaves is replaced, or the factor shrinks", "[topology]") {
  TestCluster cluster = settled(4);
  cluster.depart(node(1));
  cluster.settle();
  REQUIRE(cluster.map.find(node(1)) == nullptr);
  REQUIRE(cluster.map.replication_in_force == 3);
  cluster.depart(node(2));
  cluster.settle();
  REQUIRE(cluster.map.replication_in_force == 2);
  cluster.depart(node(3));
  cluster.settle();
  REQUIRE(cluster.map.replication_in_force == 1);
  REQUIRE(cluster.map.members.size() == 1);
  for (const Partition& partition : cluster.map.partitions) {
    REQUIRE(partition.replicas == nodes({4}));
  }
}

TEST_CASE("planner: a dead node is replaced when the operator removes it", "[topology]") {
  TestCluster cluster = settled(4);
  cluster.set_state(node(3), MemberState::down);
  cluster.fail_over();
  cluster.depart(node(3));
  cluster.settle();
  REQUIRE(cluster.map.find(node(3)) == nullptr);
  REQUIRE(cluster.map.replication_in_force == 3);
}

TEST_CASE("planner: what can't be replaced yet waits", "[topology]") {
  TestCluster cluster = settled(4);
  cluster.set_state(node(4), MemberState::down);
  cluster.fail_over();
  cluster.depart(node(3));
  cluster.settle();
  // Those that 4 holds a copy of have nobody to go to.
  REQUIRE(stands_on(cluster.map, node(3)));
  const Plan plan = make_plan(cluster.map);
  REQUIRE(plan.moves.empty());
  REQUIRE(plan.blocked > 0);
  cluster.set_state(node(4), MemberState::up);
  cluster.settle();
  REQUIRE(cluster.map.find(node(3)) == nullptr);
}

TEST_CASE("planner: joining and stale nodes get nothing", "[topology]") {
  TestCluster cluster = settled(3);
  cluster.must(AddMember{.newcomer = testing::newcomer(4)});
  REQUIRE(make_plan(cluster.map).is_settled());
  cluster.set_state(node(4), MemberState::up);
  cluster.set_state(node(4), MemberState::stale);
  REQUIRE(make_plan(cluster.map).moves.empty());
  cluster.set_state(node(4), MemberState::up);
  REQUIRE_FALSE(make_plan(cluster.map).moves.empty());
}

TEST_CASE("planner: copies that are missing come before balance", "[topology]") {
  TestCluster cluster = settled(5, 512);
  cluster.join();
  cluster.join();
  cluster.depart(node(2));
  const auto is_on_departing = [&cluster](const PlaceStep& step) {
    return contains(cluster.map.find(step.partition)->replicas, node(2));
  };
  const Plan first = make_plan(cluster.map, 16);
  REQUIRE(first.moves.size() == 16);
  REQUIRE(std::ranges::all_of(first.moves, is_on_departing));
  REQUIRE(first.handovers.empty());
  const Plan all = make_plan(cluster.map);
  const auto urgent = std::ranges::count_if(all.moves, is_on_departing);
  REQUIRE(urgent == holdings(cluster.map)[1].replica);
  REQUIRE(all.moves.size() > static_cast<size_t>(urgent));
}

TEST_CASE("planner: through joint epochs it comes to the same end, so many at once", "[topology]") {
  for (const size_t at_once : {1, 16, 1000}) {
    TestCluster cluster = settled(4, 128);
    cluster.join();
    cluster.depart(node(2));
    const size_t rounds = cluster.settle_with_data(at_once);
    CAPTURE(at_once, rounds);
    REQUIRE(cluster.most_at_once <= at_once);
    REQUIRE(make_plan(cluster.map).is_settled());
    REQUIRE(cluster.map.find(node(2)) == nullptr);
    const testing::Peaks peaks = testing::peaks_of(cluster.map);
    REQUIRE(peaks.replicas <= 1.1);
    REQUIRE(peaks.primaries <= 1.2);
  }
}

TEST_CASE("planner: made anew after each step it doesn't move more", "[topology]") {
  ShapedCluster at_once(shapes()[0]);
  at_once.grow_to(10);
  ShapedCluster stepwise = at_once;
  const ClusterMap before = at_once.map;
  const NodeNumber who = at_once.join_next();
  at_once.settle();
  stepwise.join_next();
  stepwise.settle_with_data(1);
  const auto moved = [&](const ClusterMap& after) {
    const testing::Movement movement = testing::movement(before, after, who);
    return movement.of_node + movement.between_others;
  };
  REQUIRE(moved(stepwise.map) <= moved(at_once.map) + 1e-9);
}

TEST_CASE("planner: a move whose newcomer dies is cancelled and goes elsewhere", "[topology]") {
  TestCluster cluster = settled(4, 128);
  cluster.join();
  for (const MapChange& change : changes_of(make_plan(cluster.map, 8))) cluster.must(change);
  REQUIRE(cluster.count_moving() == 8);
  REQUIRE(make_plan(cluster.map).cancels.empty());
  REQUIRE(changes_of(make_plan(cluster.map, 8)).empty());
  cluster.set_state(node(5), MemberState::down);
  const Plan plan = make_plan(cluster.map);
  REQUIRE(plan.cancels.size() == 8);
  cluster.must(CancelMoves{.steps = plan.cancels});
  REQUIRE(cluster.count_moving() == 0);
  REQUIRE(make_plan(cluster.map).is_settled());

  cluster.set_state(node(5), MemberState::up);
  for (const MapChange& change : changes_of(make_plan(cluster.map, 8))) cluster.must(change);
  cluster.depart(node(5));
  REQUIRE(make_plan(cluster.map).cancels.size() == 8);
}

TEST_CASE("planner: a node that returns gets primaries back as far as balance needs",
          "[topology]") {
  TestCluster cluster = settled(3, 512);
  cluster.set_state(node(2), MemberState::down);
  cluster.fail_over();
  cluster.settle();
  REQUIRE(holdings(cluster.map)[1].primary == 0);
  cluster.set_state(node(2), MemberState::up);
  const Plan plan = make_plan(cluster.map);
  REQUIRE(plan.moves.empty());
  REQUIRE(plan.handovers.size() < 512 / 3);
  cluster.settle();
  REQUIRE(holdings(cluster.map)[1].primary >= 136);  // 0.8 of the mean
}

TEST_CASE("planner: a node that leaves and comes back gets much of what it had", "[topology]") {
  ShapedCluster cluster(shapes()[0]);
  while (cluster.map.members.size() < 10) cluster.join_next();
  cluster.settle();
  std::vector<size_t> had;
  for (size_t i = 0; i < cluster.map.partitions.size(); ++i) {
    if (contains(cluster.map.partitions[i].replicas, node(4))) had.push_back(i);
  }
  cluster.depart(node(4));
  cluster.settle();
  Newcomer again = testing::newcomer(4);
  again.identity = testing::identity_of(99);
  const NodeNumber back = cluster.must(AddMember{.newcomer = again}).number;
  cluster.set_state(back, MemberState::up);
  cluster.settle();
  const auto has = [&](size_t i) { return contains(cluster.map.partitions[i].replicas, back); };
  const auto kept = std::ranges::count_if(had, has);
  CAPTURE(kept, had.size());
  REQUIRE(static_cast<size_t>(kept) > had.size() * 2 / 3);
}

TEST_CASE("planner: a partition's copies stand on different racks", "[topology]") {
  TestCluster cluster(512, 3, testing::newcomer(1, "a"));
  const auto settle_with = [&cluster](const char* rack) {
    cluster.join(rack);
    cluster.settle();
    return make_plan(cluster.map).crowded;
  };
  REQUIRE(settle_with("a") == 0);
  REQUIRE(settle_with("a") == 0);
  // The only one of a second rack holds everything, a third more than its weight says.
  REQUIRE(settle_with("b") == 0);
  REQUIRE(holdings(cluster.map)[3].replica == 512);
  REQUIRE(settle_with("b") == 0);
  REQUIRE(settle_with("c") == 0);
  REQUIRE(settle_with("c") == 0);
  REQUIRE(settle_with("b") == 0);
}

TEST_CASE("planner: a rack is not worth a node's memory", "[topology]") {
  TestCluster cluster(512, 3, testing::newcomer(1, "a"));
  for (int i = 0; i < 3; ++i) cluster.join("a");
  for (int i = 0; i < 4; ++i) cluster.join("b");
  cluster.settle();
  REQUIRE(make_plan(cluster.map).crowded == 0);
  cluster.join("c");
  cluster.settle();
  const Holding lonely = holdings(cluster.map).back();
  // Its due is 171 of 1536, that of its rack would be 512.
  REQUIRE(lonely.replica >= 307);
  REQUIRE(lonely.replica <= 375);
  REQUIRE(make_plan(cluster.map).crowded == 512 - lonely.replica);
}

TEST_CASE("planner: a weight that can't be met is met as far as it goes", "[topology]") {
  TestCluster cluster(512, 3, testing::newcomer(1, "", 16));
  for (int i = 0; i < 4; ++i) cluster.join();
  cluster.settle();
  const std::vector<Holding> all = holdings(cluster.map);
  REQUIRE(all[0].replica == 512);
  REQUIRE(all[0].primary >= 307);
  for (size_t i = 1; i < all.size(); ++i) REQUIRE(all[i].replica <= 281);
}

TEST_CASE("planner: whatever happens to the members, it comes to an end", "[topology]") {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    sim::SimRng rng(seed);
    TestCluster cluster(64, static_cast<uint8_t>(1 + rng.below(4)));
    for (int event = 0; event < 40; ++event) {
      CAPTURE(seed, event);
      const Member member = cluster.map.members[rng.below(cluster.map.members.size())];
      const uint64_t what = rng.below(6);
      if (what <= 1 && cluster.map.members.size() < 12) {
        const char* racks[] = {"", "a", "b"};
        const char* rack = racks[rng.below(3)];
        cluster.join(rack, static_cast<uint8_t>(1 + rng.below(3)));
      } else if (what == 2 && member.state != MemberState::down) {
        cluster.set_state(member.number, MemberState::down);
      } else if (what <= 4 && member.state == MemberState::down) {
        cluster.set_state(member.number, MemberState::up);
      } else if (what == 5) {
        const MapChange change =
            SetDeparting{.member = cluster.seen(member.number), .departs = rng.below(3) > 0};
        static_cast<void>(cluster.propose(change));
      }
      cluster.fail_over();
      if (rng.below(2) == 0) {
        cluster.settle();
      } else {
        cluster.settle_with_data(1 + rng.below(40));
      }
    }
    // With all of them well nothing is left over.
    for (const Member& member : std::vector<Member>(cluster.map.members)) {
      if (member.state == MemberState::down) cluster.set_state(member.number, MemberState::up);
    }
    cluster.settle();
    CAPTURE(seed);
    REQUIRE(make_plan(cluster.map).is_settled());
    REQUIRE(make_plan(cluster.map).blocked == 0);
  }
}

}  // namespace quoris::topology
