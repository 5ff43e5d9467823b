#include "cluster/topology/primaries.h"

#include <catch2/catch.hpp>
#include <map>

#include "tests/cluster/topology/test_cluster.h"

namespace quoris::topology {

namespace {

using testing::node;
using testing::nodes;
using testing::TestCluster;

// Every partition on 1, 2 and 3.
TestCluster three_nodes(uint16_t partitions = 16) {
  TestCluster cluster(partitions, 3);
  cluster.join();
  cluster.join();
  cluster.settle();
  REQUIRE(cluster.map.replication_in_force == 3);
  return cluster;
}

std::map<NodeNumber, size_t> primaries_per_node(const ClusterMap& map) {
  std::map<NodeNumber, size_t> counts;
  for (const Partition& partition : map.partitions) ++counts[partition.primary.node];
  return counts;
}

NodeNumber choose_one(const ClusterMap& map, Among among, std::vector<NodeNumber> synced = {}) {
  const std::vector<PrimaryChoice> choices = {
      {.partition = PartitionIndex{0}, .synced = std::move(synced)}};
  const std::vector<PrimaryStep> steps = choose_primaries(map, among, choices);
  return steps.empty() ? kNoNode : steps[0].primary;
}

}  // namespace

TEST_CASE("primaries: those of a dead node are shared by the others", "[topology]") {
  TestCluster cluster = three_nodes(512);
  REQUIRE(without_primary(cluster.map).empty());
  const size_t lost = primaries_per_node(cluster.map)[node(2)];
  cluster.set_state(node(2), MemberState::down);
  REQUIRE(without_primary(cluster.map).size() == lost);
  cluster.fail_over();
  REQUIRE(without_primary(cluster.map).empty());
  auto counts = primaries_per_node(cluster.map);
  REQUIRE(counts[node(1)] == 256);
  REQUIRE(counts[node(3)] == 256);
}

TEST_CASE("primaries: synced replicas come before others", "[topology]") {
  TestCluster cluster = three_nodes();
  cluster.must(SetPrimaries{.steps = {{.partition = PartitionIndex{0},
                                       .epoch = cluster.map.partitions[0].epoch,
                                       .primary = node(1)}}});
  cluster.set_state(node(1), MemberState::down);
  REQUIRE(choose_one(cluster.map, Among::all, nodes({2})) == node(2));
  REQUIRE(choose_one(cluster.map, Among::all, nodes({3})) == node(3));
  REQUIRE(choose_one(cluster.map, Among::all, nodes({1})) != node(1));
  cluster.set_state(node(3), MemberState::stale);
  REQUIRE(choose_one(cluster.map, Among::all, nodes({3})) == node(2));
  cluster.set_state(node(2), MemberState::down);
  REQUIRE(choose_one(cluster.map, Among::all, nodes({3})) == kNoNode);
}

TEST_CASE("primaries: one that is leaving is better than none", "[topology]") {
  TestCluster cluster = three_nodes();
  cluster.must(SetPrimaries{.steps = {{.partition = PartitionIndex{0},
                                       .epoch = cluster.map.partitions[0].epoch,
                                       .primary = node(1)}}});
  cluster.set_state(node(1), MemberState::down);
  cluster.depart(node(2));
  REQUIRE(choose_one(cluster.map, Among::all) == node(3));
  cluster.set_state(node(3), MemberState::down);
  REQUIRE(choose_one(cluster.map, Among::all) == node(2));
}

TEST_CASE("primaries: at the end of a move the present one stays if it can", "[topology]") {
  TestCluster cluster = three_nodes();
  cluster.join();
  const NodeNumber present = cluster.map.partitions[0].primary.node;
  std::vector<NodeNumber> future = nodes({1, 2, 3, 4});
  std::erase(future, present == node(1) ? node(2) : node(1));
  cluster.must(BeginMoves{.steps = {{.partition = PartitionIndex{0},
                                     .epoch = cluster.map.partitions[0].epoch,
                                     .replicas = future,
                                     .primary = kNoNode}}});
  REQUIRE(choose_one(cluster.map, Among::future) == present);
  REQUIRE(choose_one(cluster.map, Among::replicas) == present);
  cluster.set_state(present, MemberState::down);
  const NodeNumber among_future = choose_one(cluster.map, Among::future);
  REQUIRE(contains(future, among_future));
  REQUIRE(among_future != present);
  // One of R has all the data; a newcomer is taken only where there is no other.
  REQUIRE(choose_one(cluster.map, Among::all) != node(4));
  REQUIRE(choose_one(cluster.map, Among::all, nodes({4})) == node(4));
}

TEST_CASE("primaries: a partition that doesn't exist is left out", "[topology]") {
  const TestCluster cluster = three_nodes();
  const std::vector<PrimaryChoice> choices = {{.partition = PartitionIndex{16}, .synced = {}}};
  REQUIRE(choose_primaries(cluster.map, Among::all, choices).empty());
}

}  // namespace quoris::topology
