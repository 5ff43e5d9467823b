#include "cluster/topology/ring.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>

namespace quoris::topology {

namespace {

constexpr uint16_t kPartitions = 4096;

std::vector<RingNode> some_nodes(uint16_t count) {
  std::vector<RingNode> nodes;
  for (uint16_t i = 1; i <= count; ++i) {
    nodes.push_back(
        {.number = NodeNumber{i}, .name = "node" + std::to_string(i), .rack = "", .weight = 1});
  }
  return nodes;
}

// How often each node comes first.
std::map<NodeNumber, double> first_places(const Ring& ring) {
  std::map<NodeNumber, double> shares;
  for (uint16_t i = 0; i < kPartitions; ++i) {
    shares[ring.order(PartitionIndex{i}).front()] += 1.0 / kPartitions;
  }
  return shares;
}

}  // namespace

TEST_CASE("ring: it stands where it stood on every machine and in every version", "[topology]") {
  const Ring ring(some_nodes(5));
  const auto order = [&ring](uint16_t partition) {
    std::vector<uint16_t> numbers;
    for (const NodeNumber number : ring.order(PartitionIndex{partition})) {
      numbers.push_back(raw(number));
    }
    return numbers;
  };
  using Numbers = std::vector<uint16_t>;
  REQUIRE(order(0) == Numbers{4, 5, 3, 1, 2});
  REQUIRE(order(1) == Numbers{5, 4, 2, 1, 3});
  REQUIRE(order(511) == Numbers{5, 3, 2, 4, 1});
  REQUIRE(ring.distance(PartitionIndex{0}, 0) == 135767286941026125);
}

TEST_CASE("ring: the order is that of the distances, each node once", "[topology]") {
  const Ring ring(some_nodes(10));
  for (uint16_t i = 0; i < 200; ++i) {
    const std::vector<NodeNumber> order = ring.order(PartitionIndex{i});
    REQUIRE(order.size() == 10);
    uint64_t last = 0;
    for (const NodeNumber number : order) {
      const uint64_t distance = ring.distance(PartitionIndex{i}, raw(number) - 1U);
      REQUIRE(distance >= last);
      last = distance;
    }
    std::vector<NodeNumber> sorted = order;
    std::ranges::sort(sorted);
    REQUIRE(is_node_set(sorted));
  }
}

TEST_CASE("ring: a node that goes leaves the others in their order", "[topology]") {
  std::vector<RingNode> nodes = some_nodes(10);
  const Ring all(nodes);
  nodes.erase(nodes.begin() + 3);
  const Ring fewer(nodes);
  for (uint16_t i = 0; i < 200; ++i) {
    std::vector<NodeNumber> expected = all.order(PartitionIndex{i});
    std::erase(expected, NodeNumber{4});
    REQUIRE(fewer.order(PartitionIndex{i}) == expected);
  }
}

TEST_CASE("ring: first places go by weight, roughly", "[topology]") {
  std::vector<RingNode> nodes = some_nodes(5);
  for (const auto& [number, share] : first_places(Ring(nodes))) {
    CAPTURE(raw(number));
    REQUIRE(share > 0.7 / 5);
    REQUIRE(share < 1.3 / 5);
  }
  nodes[2].weight = 3;
  const std::map<NodeNumber, double> shares = first_places(Ring(nodes));
  REQUIRE(shares.at(NodeNumber{3}) > 0.7 * 3 / 7);
  REQUIRE(shares.at(NodeNumber{3}) < 1.3 * 3 / 7);
}

TEST_CASE("ring: the preference list takes other racks first", "[topology]") {
  std::vector<RingNode> nodes = some_nodes(9);
  for (size_t i = 0; i < nodes.size(); ++i) nodes[i].rack = i < 5 ? "a" : i < 8 ? "b" : "c";
  const Ring ring(nodes);
  for (uint16_t i = 0; i < 200; ++i) {
    const std::vector<NodeNumber> order = ring.order(PartitionIndex{i});
    const std::vector<NodeNumber> preferred = ring.preference(PartitionIndex{i}, 4);
    REQUIRE(preferred.size() == 4);
    REQUIRE(preferred[0] == order[0]);
    std::vector<std::string> racks;
    for (const NodeNumber number : preferred) racks.push_back(nodes[raw(number) - 1U].rack);
    std::sort(racks.begin(), racks.begin() + 3);
    REQUIRE(racks[0] == "a");
    REQUIRE(racks[1] == "b");
    REQUIRE(racks[2] == "c");
    // The fourth is the nearest of those passed over.
    std::vector<NodeNumber> rest = order;
    for (size_t k = 0; k < 3; ++k) std::erase(rest, preferred[k]);
    REQUIRE(preferred[3] == rest[0]);
  }
}

TEST_CASE("ring: the preference list ends with the nodes", "[topology]") {
  REQUIRE(Ring(some_nodes(2)).preference(PartitionIndex{7}, 3).size() == 2);
  REQUIRE(Ring(some_nodes(2)).preference(PartitionIndex{7}, 0).empty());
  REQUIRE(Ring({}).preference(PartitionIndex{7}, 3).empty());
}

}  // namespace quoris::topology
