#include "cluster/topology/cluster_views.h"

#include <catch2/catch.hpp>

#include "tests/cluster/topology/test_cluster.h"

namespace quoris::topology {

namespace {

using testing::node;
using testing::nodes;
using testing::TestCluster;

// Four partitions on two nodes; the first and the last belong to 2.
TestCluster sample() {
  TestCluster cluster(4, 2);
  cluster.join();
  cluster.settle();
  for (uint16_t i = 0; i < 4; ++i) {
    const Epoch epoch = cluster.map.partitions[i].epoch;
    const NodeNumber primary = i == 1 || i == 2 ? node(1) : node(2);
    cluster.must(SetPrimaries{
        .steps = {{.partition = PartitionIndex{i}, .epoch = epoch, .primary = primary}}});
  }
  return cluster;
}

}  // namespace

TEST_CASE("views: slots with the same owners stand in one range", "[topology]") {
  const TestCluster cluster = sample();
  const std::vector<OwnedRange> expected = {
      {.slots = {Slot{0}, Slot{4095}}, .primary = node(2), .replicas = nodes({1})},
      {.slots = {Slot{4096}, Slot{12287}}, .primary = node(1), .replicas = nodes({2})},
      {.slots = {Slot{12288}, Slot{16383}}, .primary = node(2), .replicas = nodes({1})}};
  REQUIRE(owned_ranges(cluster.map) == expected);
  REQUIRE(owned_ranges(ClusterMap{}).empty());
}

TEST_CASE("views: a node's slots, as CLUSTER NODES writes them", "[topology]") {
  const TestCluster cluster = sample();
  REQUIRE(format_ranges(primary_ranges(cluster.map, node(1))) == "4096-12287");
  REQUIRE(format_ranges(primary_ranges(cluster.map, node(2))) == "0-4095 12288-16383");
  REQUIRE(format_ranges(primary_ranges(cluster.map, node(3))).empty());
  const std::vector<SlotRange> single = {{Slot{5}, Slot{5}}, {Slot{7}, Slot{8}}};
  REQUIRE(format_ranges(single) == "5 7-8");
}

TEST_CASE("views: ranges of one primary join, whoever its replicas are", "[topology]") {
  TestCluster cluster(2, 1);
  cluster.join();
  cluster.must(PlaceEmpty{.steps = {{.partition = PartitionIndex{1},
                                     .epoch = Epoch{1},
                                     .replicas = nodes({1, 2}),
                                     .primary = node(1)}}});
  REQUIRE(owned_ranges(cluster.map).size() == 2);
  REQUIRE(format_ranges(primary_ranges(cluster.map, node(1))) == "0-16383");
}

TEST_CASE("views: what each node holds", "[topology]") {
  TestCluster cluster = sample();
  cluster.join();
  cluster.must(BeginMoves{.steps = {{.partition = PartitionIndex{0},
                                     .epoch = cluster.map.partitions[0].epoch,
                                     .replicas = nodes({2, 3}),
                                     .primary = kNoNode}}});
  const std::vector<Holding> all = holdings(cluster.map);
  REQUIRE(all.size() == 3);
  REQUIRE(all[0].node == node(1));
  REQUIRE(all[0].primary == 2);
  REQUIRE(all[0].replica == 4);
  REQUIRE(all[2].primary == 0);
  REQUIRE(all[2].replica == 0);
  REQUIRE(all[2].coming == 1);
}

TEST_CASE("views: states as NODES names them, hosts as clients are told", "[topology]") {
  REQUIRE(state_name(MemberState::joining) == "JOINING");
  REQUIRE(state_name(MemberState::up) == "ALIVE");
  REQUIRE(state_name(MemberState::down) == "DOWN");
  REQUIRE(state_name(MemberState::stale) == "STALE");
  REQUIRE(state_name(MemberState::leaving) == "LEAVING");
  Member member;
  member.addresses.host = "inside";
  REQUIRE(client_host(member) == "inside");
  member.addresses.announce_host = "outside";
  REQUIRE(client_host(member) == "outside");
}

TEST_CASE("cluster map: keys find their primary by slot", "[topology]") {
  const TestCluster cluster = sample();
  REQUIRE(cluster.map.partition_of(Slot{4096}) == PartitionIndex{1});
  REQUIRE(cluster.map.primary_of(Slot{4095}) == node(2));
  REQUIRE(cluster.map.primary_of(Slot{4096}) == node(1));
}

}  // namespace quoris::topology
