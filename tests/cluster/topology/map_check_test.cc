// Each rule of check() and check_succession() is broken alone, and noticed.
#include "cluster/topology/map_check.h"

#include <catch2/catch.hpp>
#include <functional>
#include <utility>

#include "tests/cluster/topology/test_cluster.h"

namespace quoris::topology {

namespace {

using testing::node;
using testing::nodes;
using testing::TestCluster;

// Three nodes; partition 0 moves from {1, 2} to {2, 3}, partition 1 stays on two.
TestCluster sample() {
  TestCluster cluster(4, 2);
  cluster.join();
  cluster.settle();
  cluster.join();
  cluster.must(SetSetting{.name = "a", .value = "1"});
  cluster.must(SetSetting{.name = "b", .value = "2"});
  const Epoch epoch = cluster.map.partitions[0].epoch;
  cluster.must(BeginMoves{.steps = {{.partition = PartitionIndex{0},
                                     .epoch = epoch,
                                     .replicas = nodes({2, 3}),
                                     .primary = kNoNode}}});
  REQUIRE(cluster.map.partitions[0].replicas == nodes({1, 2}));
  REQUIRE(cluster.map.partitions[1].replicas == nodes({1, 2}));
  return cluster;
}

using Break = std::pair<const char*, std::function<void(ClusterMap&)>>;

std::vector<Break> breaks_of_head() {
  return {
      {"id", [](ClusterMap& map) { map.id = "abc"; }},
      {"no id", [](ClusterMap& map) { map.id.clear(); }},
      {"name", [](ClusterMap& map) { map.name = "a b"; }},
      {"wanted", [](ClusterMap& map) { map.replication_wanted = 0; }},
      {"wanted too many", [](ClusterMap& map) { map.replication_wanted = 8; }},
      {"in force", [](ClusterMap& map) { map.replication_in_force = 0; }},
      {"more in force than there are", [](ClusterMap& map) { map.replication_in_force = 3; }},
      {"next number", [](ClusterMap& map) { map.next_number = NodeNumber{1025}; }},
      {"partitions", [](ClusterMap& map) { map.partitions.pop_back(); }},
      {"settings unsorted", [](ClusterMap& map) { std::swap(map.settings[0], map.settings[1]); }},
      {"settings twice", [](ClusterMap& map) { map.settings[1].name = "a"; }},
      {"setting's name", [](ClusterMap& map) { map.settings[0].name = ""; }},
      {"setting's value", [](ClusterMap& map) { map.settings[0].value.resize(5000); }},
      {"settings", [](ClusterMap& map) { map.settings.resize(kSettingsMax + 1); }},
      {"members", [](ClusterMap& map) { map.members.clear(); }},
  };
}

std::vector<Break> breaks_of_members() {
  return {
      {"unsorted", [](ClusterMap& map) { std::swap(map.members[1], map.members[2]); }},
      {"number not given yet", [](ClusterMap& map) { map.next_number = node(3); }},
      {"number", [](ClusterMap& map) { map.members[0].number = kNoNode; }},
      {"identity", [](ClusterMap& map) { map.members[2].identity[0] = 'A'; }},
      {"identity twice",
       [](ClusterMap& map) { map.members[2].identity = map.members[0].identity; }},
      {"name twice", [](ClusterMap& map) { map.members[2].name = "node1"; }},
      {"name", [](ClusterMap& map) { map.members[2].name = "x y"; }},
      {"name with another's number", [](ClusterMap& map) { map.members[2].name = "node9#2"; }},
      {"host", [](ClusterMap& map) { map.members[2].addresses.host = "a,b"; }},
      {"no host", [](ClusterMap& map) { map.members[2].addresses.host = ""; }},
      {"announced host", [](ClusterMap& map) { map.members[2].addresses.announce_host = "\n"; }},
      {"cluster port", [](ClusterMap& map) { map.members[2].addresses.cluster_port = 0; }},
      {"rack", [](ClusterMap& map) { map.members[2].rack = "@"; }},
      {"weight", [](ClusterMap& map) { map.members[2].weight = 0; }},
      {"weight too much", [](ClusterMap& map) { map.members[2].weight = kWeightMax + 1; }},
      {"boot", [](ClusterMap& map) { map.members[2].boot = BootNumber{0}; }},
      {"state", [](ClusterMap& map) { map.members[2].state = MemberState{6}; }},
      {"no state", [](ClusterMap& map) { map.members[2].state = MemberState{0}; }},
      {"up and departs", [](ClusterMap& map) { map.members[2].departs = true; }},
      {"leaving and stays", [](ClusterMap& map) { map.members[2].state = MemberState::leaving; }},
      {"program", [](ClusterMap& map) { map.members[2].program = std::string(33, '1'); }},
      {"changed", [](ClusterMap& map) { map.members[2].changed = LogIndex{1000}; }},
      {"never changed", [](ClusterMap& map) { map.members[2].changed = LogIndex{0}; }},
  };
}

std::vector<Break> breaks_of_partitions() {
  const auto partition = [](const std::function<void(Partition&)>& change, size_t index = 0) {
    return [change, index](ClusterMap& map) { change(map.partitions[index]); };
  };
  return {
      {"epoch", partition([](Partition& p) { p.epoch = Epoch{0}; })},
      {"no replicas", partition([](Partition& p) { p.replicas.clear(); })},
      {"one twice", partition([](Partition& p) {
         p.replicas = nodes({2, 2});
       })},
      {"unsorted", partition([](Partition& p) {
         p.replicas = nodes({2, 1});
       })},
      {"fewer than in force", partition([](Partition& p) { p.replicas = nodes({1}); })},
      {"no member", partition([](Partition& p) {
         p.replicas = nodes({1, 4});
       })},
      {"too many", partition([](Partition& p) { p.replicas.assign(8, node(1)); })},
      {"fewer in future", partition([](Partition& p) { p.future = nodes({3}); })},
      {"future twice", partition([](Partition& p) {
         p.future = nodes({3, 3});
       })},
      {"future no member", partition([](Partition& p) {
         p.future = nodes({3, 9});
       })},
      {"to where it is", partition([](Partition& p) { p.future = p.replicas; })},
      {"primary elsewhere", partition([](Partition& p) { p.primary.node = node(3); }, 1)},
      {"primary of another life", partition([](Partition& p) { p.primary.boot = BootNumber{2}; })},
      {"since too few", partition([](Partition& p) { p.since.pop_back(); })},
      {"since too many",
       partition([](Partition& p) { p.since.push_back({.node = node(3), .epoch = p.epoch}); }, 1)},
      {"since unsorted", partition([](Partition& p) { std::swap(p.since[0], p.since[1]); })},
      {"since later", partition([](Partition& p) { p.since[0].epoch = Epoch{1000}; })},
      {"since never", partition([](Partition& p) { p.since[0].epoch = Epoch{0}; })},
  };
}

}  // namespace

TEST_CASE("map check: each broken rule is noticed", "[topology]") {
  const ClusterMap map = sample().map;
  REQUIRE(check(map).has_value());
  for (const auto& breaks : {breaks_of_head(), breaks_of_members(), breaks_of_partitions()}) {
    for (const auto& [what, break_rule] : breaks) {
      CAPTURE(what);
      ClusterMap broken = map;
      break_rule(broken);
      REQUIRE_FALSE(check(broken).has_value());
    }
  }
}

TEST_CASE("map check: a name that has passed on bears its holder's number", "[topology]") {
  ClusterMap map = sample().map;
  map.members[2].name = "node1#3";
  REQUIRE(check(map).has_value());
}

TEST_CASE("map check: before a cluster is founded nothing else is known", "[topology]") {
  ClusterMap map;
  map.version = LogIndex{7};
  REQUIRE(check(map).has_value());
  map.settings.push_back({.name = "a", .value = "b"});
  REQUIRE_FALSE(check(map).has_value());
}

TEST_CASE("map check: what may not follow on a map is noticed", "[topology]") {
  const ClusterMap before = sample().map;
  ClusterMap later = before;
  skip(later, static_cast<LogIndex>(raw(before.version) + 1));
  REQUIRE(check_succession(before, before).has_value());
  REQUIRE(check_succession(before, later).has_value());
  REQUIRE(check_succession(ClusterMap{}, later).has_value());
  const std::vector<Break> breaks = {
      {"version", [](ClusterMap& map) { map.version = LogIndex{1}; }},
      {"id", [](ClusterMap& map) { map.id[0] = 'f'; }},
      {"secret", [](ClusterMap& map) { ++map.hash_seed; }},
      {"next number", [](ClusterMap& map) { map.next_number = node(2); }},
      {"identity", [](ClusterMap& map) { map.members[0].identity[0] = 'f'; }},
      {"unnoticed change", [](ClusterMap& map) { map.members[0].weight = 2; }},
      {"boot",
       [](ClusterMap& map) {
         map.members[0].boot = BootNumber{0};
         map.members[0].changed = map.version;
       }},
      {"older member", [](ClusterMap& map) { map.members[2].changed = LogIndex{1}; }},
      {"epoch", [](ClusterMap& map) { map.partitions[0].epoch = Epoch{1}; }},
      {"partition without an epoch",
       [](ClusterMap& map) { map.partitions[1].primary.boot = BootNumber{2}; }},
      {"since",
       [](ClusterMap& map) {
         map.partitions[0].epoch = Epoch{100};
         map.partitions[0].since[0].epoch = Epoch{2};
       }},
      {"partitions", [](ClusterMap& map) { map.partitions.pop_back(); }},
  };
  for (const auto& [what, break_rule] : breaks) {
    CAPTURE(what);
    ClusterMap broken = later;
    break_rule(broken);
    REQUIRE_FALSE(check_succession(before, broken).has_value());
  }
  ClusterMap twin = before;
  twin.settings[0].value = "other";
  REQUIRE_FALSE(check_succession(before, twin).has_value());
}

TEST_CASE("map check: a number that was given before is not given to another", "[topology]") {
  TestCluster cluster(4, 1);
  cluster.join();
  cluster.depart(node(2));
  cluster.settle();
  REQUIRE(cluster.map.find(node(2)) == nullptr);
  ClusterMap after = cluster.map;
  skip(after, LogIndex{100});
  after.members.push_back(cluster.map.members[0]);
  after.members[1].number = node(2);
  after.members[1].identity = testing::identity_of(77);
  REQUIRE_FALSE(check_succession(cluster.map, after).has_value());
}

}  // namespace quoris::topology
