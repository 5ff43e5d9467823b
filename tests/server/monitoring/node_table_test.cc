#include "server/monitoring/node_table.h"

#include <catch2/catch.hpp>

#include "resp/reply_parser.h"
#include "tests/server/monitoring/cluster_views_by_hand.h"

namespace quoris::server {
namespace {

using resp::Protocol;
using resp::Value;
using testing::bytes_of;
using testing::id;
using testing::view_of;
using topology::testing::TestCluster;
using Lines = std::vector<std::string>;

Value parsed(const std::string& bytes) {
  resp::ReplyParser parser;
  parser.feed(bytes);
  const auto value = parser.next();
  REQUIRE(value.has_value());
  REQUIRE(value->has_value());
  return **value;
}

// A field of a map of either protocol.
const Value& field(const Value& map, std::string_view name) {
  for (size_t i = 0; i + 1 < map.items.size(); i += 2) {
    if (map.items[i].text == name) return map.items[i + 1];
  }
  FAIL("no field " << name);
  return map;
}

Value full(const ClusterView& view, const std::vector<NodeDetails>& details, Protocol protocol) {
  return parsed(bytes_of(
      protocol, [&](resp::ReplyWriter& reply) { write_nodes_full(reply, view, details); }));
}

}  // namespace

TEST_CASE("NODES: a head and a line per node, in columns", "[server]") {
  TestCluster cluster;
  cluster.join();
  cluster.join();
  cluster.set_state(NodeNumber{3}, topology::MemberState::down);
  ClusterView view = view_of(cluster.map, 1, 2);
  view.looks[0].state = "SUSPECT";
  CHECK(node_table(view) == Lines{"NODE ID  ADDRESS        ROLE      STATE",
                                  "node1    10.0.0.1:7001  FOLLOWER  SUSPECT",
                                  "node2    10.0.0.2:7001  LEADER    ALIVE",
                                  "node3    10.0.0.3:7001  FOLLOWER  DOWN"});
  CHECK(bytes_of(Protocol::resp3, [](resp::ReplyWriter& reply) {
          write_lines(reply, {"a  b", "c  d"});
        }) == "*2\r\n+a  b\r\n+c  d\r\n");
}

TEST_CASE("NODES: nobody leads where no leader is known", "[server]") {
  const TestCluster cluster;
  const ClusterView view = view_of(cluster.map, 1, 0);
  CHECK(role_of(view, cluster.map.members[0]) == "FOLLOWER");
}

TEST_CASE("NODES: a node alone leads itself, one that is not let in follows", "[server]") {
  ClusterView view;
  view.lone.members.push_back({.identity = id(1),
                               .name = "a",
                               .addresses = {},
                               .rack = "",
                               .state = topology::MemberState::up,
                               .program = ""});
  CHECK(role_of(view, view.lone.members[0]) == "LEADER");
  view.lone.members[0].state = topology::MemberState::joining;
  CHECK(role_of(view, view.lone.members[0]) == "FOLLOWER");
}

TEST_CASE("NODES: what peers say can't break a line", "[server]") {
  CHECK(align_columns({{"A", "B"}, {"x\r\ny", "z"}}, 2) == Lines{"A     B", "x??y  z"});
}

TEST_CASE("NODES: texts begin at the left, numbers end at the right", "[server]") {
  CHECK(align_columns({{"N", "COUNT"}, {"long", "7"}, {"x", "1234567"}}, 1) ==
        Lines{"N       COUNT", "long        7", "x     1234567"});
}

TEST_CASE("NODES FULL: a map per node, names and values in turn in RESP2", "[server]") {
  TestCluster cluster(4, 2);
  cluster.join("r2", 3);
  cluster.settle();
  const ClusterView view = view_of(cluster.map);
  const std::vector<NodeDetails> details = {{.incarnation = 4,
                                             .lease_left_ms = 432,
                                             .clock_offset_us = 0,
                                             .round_trip_us = 0,
                                             .map_version = 9,
                                             .raft = "voter"},
                                            {.clock_offset_us = -1500, .raft = "learner"}};
  const Value in_resp3 = full(view, details, Protocol::resp3);
  const Value in_resp2 = full(view, details, Protocol::resp2);
  REQUIRE(in_resp3.items.size() == 2);
  CHECK(in_resp3.items[0].kind == Value::Kind::map);
  CHECK(in_resp2.items[0].kind == Value::Kind::array);
  CHECK(in_resp2.items[0].items.size() == in_resp3.items[0].items.size());

  const Value& first = in_resp3.items[0];
  CHECK(field(first, "id").text == id(1));
  CHECK(field(first, "name").text == "node1");
  CHECK(field(first, "client-address").text == "10.0.0.1:7001");
  CHECK(field(first, "cluster-address").text == "10.0.0.1:8001");
  CHECK(field(first, "role").text == "LEADER");
  CHECK(field(first, "state").text == "ALIVE");
  CHECK(field(first, "incarnation").integer == 4);
  CHECK(field(first, "lease-left-ms").integer == 432);
  CHECK(field(first, "map-version").integer == 9);
  CHECK(field(first, "boot").integer == 1);
  CHECK(field(first, "program").text == "0.1.0");
  CHECK(field(first, "raft").text == "voter");

  const Value& second = in_resp3.items[1];
  CHECK(field(second, "number").integer == 2);
  CHECK(field(second, "rack").text == "r2");
  CHECK(field(second, "weight").integer == 3);
  CHECK(field(second, "partitions-replica").integer == 4);
  CHECK(field(first, "partitions-primary").integer + field(second, "partitions-primary").integer ==
        4);
  CHECK(field(second, "lease-left-ms").kind == Value::Kind::null);
  CHECK(field(second, "incarnation").kind == Value::Kind::null);
  CHECK(field(second, "clock-offset-us").integer == -1500);
  CHECK(field(in_resp2.items[1], "raft").text == "learner");
}

TEST_CASE("RING: partitions, copies and shares of all, keys where they are known", "[server]") {
  TestCluster cluster(4, 1);
  cluster.join();
  cluster.join();
  for (size_t i = 0; i < 3; ++i) {
    cluster.map.partitions[i].replicas = topology::testing::nodes({1});
    cluster.map.partitions[i].primary.node = NodeNumber{1};
  }
  cluster.map.partitions[3].replicas = topology::testing::nodes({2});
  cluster.map.partitions[3].future = topology::testing::nodes({2, 3});
  cluster.map.partitions[3].primary.node = NodeNumber{2};
  CHECK(ring_table(view_of(cluster.map), {1234, 7, std::nullopt}) ==
        Lines{"NODE ID  ADDRESS        PRIMARY  COPIES  COMING  SHARE  KEYS",
              "node1    10.0.0.1:7001        3       3       0  75.0%  1234",
              "node2    10.0.0.2:7001        1       1       0  25.0%     7",
              "node3    10.0.0.3:7001        0       0       1   0.0%     -"});
}

TEST_CASE("RING KEY: slot, partition, epoch, who holds it and who is to", "[server]") {
  TestCluster cluster(512, 2);
  cluster.join();
  cluster.join();
  const Slot slot = topology::slot_of("foo");  // 12182
  topology::Partition& partition = cluster.map.partitions[raw(slot) / 32];
  partition.replicas = topology::testing::nodes({1, 2});
  partition.primary.node = NodeNumber{2};
  partition.epoch = Epoch{17};
  const auto ask = [&](Protocol protocol) {
    return bytes_of(protocol, [&](resp::ReplyWriter& reply) {
      write_ring_key(reply, cluster.map, "{foo}bar");
    });
  };
  CHECK(ask(Protocol::resp3) ==
        "%5\r\n$4\r\nslot\r\n:12182\r\n$9\r\npartition\r\n:380\r\n$5\r\nepoch\r\n:17\r\n"
        "$7\r\nprimary\r\n$19\r\nnode2 10.0.0.2:7001\r\n$8\r\nreplicas\r\n*1\r\n"
        "$19\r\nnode1 10.0.0.1:7001\r\n");
  partition.future = topology::testing::nodes({2, 3});
  const Value moving = parsed(ask(Protocol::resp2));
  REQUIRE(field(moving, "coming").items.size() == 1);
  CHECK(field(moving, "coming").items[0].text == "node3 10.0.0.3:7001");
}

TEST_CASE("cluster view: a member by name, number or id", "[server]") {
  TestCluster cluster;
  cluster.join();
  CHECK(find_member(cluster.map, "node2")->number == NodeNumber{2});
  CHECK(find_member(cluster.map, "2")->number == NodeNumber{2});
  CHECK(find_member(cluster.map, id(2))->number == NodeNumber{2});
  cluster.map.find(NodeNumber{2})->identity.back() = 'a';
  CHECK(find_member(cluster.map, id(2).substr(0, 39) + "A")->number == NodeNumber{2});
  for (const std::string_view word : {"", "0", "3", "-1", "65538", "node3", "2 "}) {
    CAPTURE(word);
    CHECK(find_member(cluster.map, word) == nullptr);
  }
  // A name that looks like a number is a name.
  cluster.map.find(NodeNumber{1})->name = "2";
  CHECK(find_member(cluster.map, "2")->number == NodeNumber{1});
}

TEST_CASE("cluster view: which hosts are addresses", "[server]") {
  CHECK(is_ip_address("10.0.0.1"));
  CHECK(is_ip_address("::1"));
  CHECK(is_ip_address("fe80::1%eth0"));
  CHECK_FALSE(is_ip_address("db1"));
  CHECK_FALSE(is_ip_address("10.0.0.1.example"));
  CHECK_FALSE(is_ip_address("10.0.1"));
  CHECK_FALSE(is_ip_address(""));
  CHECK(address_text("::1", 7001) == "[::1]:7001");
  CHECK(address_text("db1", 7001) == "db1:7001");
}

}  // namespace quoris::server
