#include "server/monitoring/cluster_replies.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "tests/server/monitoring/cluster_views_by_hand.h"

namespace quoris::server {
namespace {

using resp::Protocol;
using testing::bytes_of;
using testing::id;
using testing::view_of;
using topology::testing::TestCluster;

// Three nodes with two partitions, each of them on two: slots 0-8191 and 8192-16383.
class ThreeNodes : public TestCluster {
 public:
  ThreeNodes() : TestCluster(2, 2) {
    join();
    join();
    set(0, {1, 2}, 1, 4);
    set(1, {2, 3}, 3, 7);
  }

  // By hand: the table above is not one that plans come to.
  void put(uint16_t number, topology::MemberState state) {
    map.find(NodeNumber{number})->state = state;
  }

 private:
  void set(size_t partition, std::initializer_list<uint16_t> replicas, uint16_t primary,
           uint64_t epoch) {
    map.partitions[partition].replicas = topology::testing::nodes(replicas);
    map.partitions[partition].primary.node = NodeNumber{primary};
    map.partitions[partition].epoch = Epoch{epoch};
  }
};

std::string slots(const ClusterView& view, bool with_replicas,
                  Protocol protocol = Protocol::resp2) {
  return bytes_of(
      protocol, [&](resp::ReplyWriter& reply) { write_cluster_slots(reply, view, with_replicas); });
}

std::string shards(const ClusterView& view, Protocol protocol) {
  return bytes_of(protocol, [&](resp::ReplyWriter& reply) { write_cluster_shards(reply, view); });
}

// A node as CLUSTER SLOTS shows it, by its number.
std::string slots_node(uint16_t number, std::string_view no_more = "*0\r\n") {
  return fmt::format("*4\r\n$8\r\n10.0.0.{}\r\n:7001\r\n$40\r\n{}\r\n{}", number, id(number),
                     no_more);
}

std::string nodes_line(const ClusterView& view, size_t line) {
  std::string text = cluster_nodes_text(view);
  for (; line > 0; --line) text = text.substr(text.find('\n') + 1);
  return text.substr(0, text.find('\n'));
}

}  // namespace

TEST_CASE("CLUSTER NODES: a line per node: id, address, flags, epoch, link, slots", "[server]") {
  const ThreeNodes cluster;
  CHECK(cluster_nodes_text(view_of(cluster.map, 3)) ==
        id(1) + " 10.0.0.1:7001@8001 master - 0 0 4 connected 0-8191\n" + id(2) +
            " 10.0.0.2:7001@8001 master - 0 0 0 connected\n" + id(3) +
            " 10.0.0.3:7001@8001 myself,master - 0 0 7 connected 8192-16383\n");
}

TEST_CASE("CLUSTER NODES: suspect is fail?, down is fail, without a link disconnected",
          "[server]") {
  ThreeNodes cluster;
  cluster.put(2, topology::MemberState::down);
  ClusterView view = view_of(cluster.map);
  view.looks[1].is_linked = false;
  view.looks[2].state = "SUSPECT";
  CHECK(nodes_line(view, 1) == id(2) + " 10.0.0.2:7001@8001 master,fail - 0 0 0 disconnected");
  CHECK(nodes_line(view, 2) ==
        id(3) + " 10.0.0.3:7001@8001 master,fail? - 0 0 7 connected 8192-16383");
}

TEST_CASE("CLUSTER NODES: a host name stands as address and as host name", "[server]") {
  ThreeNodes cluster;
  cluster.map.find(NodeNumber{2})->addresses.announce_host = "two.example";
  CHECK(nodes_line(view_of(cluster.map), 1) ==
        id(2) + " two.example:7001@8001,two.example master - 0 0 0 connected");
  cluster.map.find(NodeNumber{2})->addresses.announce_host = "::2";
  CHECK(nodes_line(view_of(cluster.map), 1) == id(2) + " ::2:7001@8001 master - 0 0 0 connected");
}

TEST_CASE("CLUSTER SLOTS: runs with the primary first, then the other replicas", "[server]") {
  const ThreeNodes cluster;
  const ClusterView view = view_of(cluster.map);
  CHECK(slots(view, true) == "*2\r\n*4\r\n:0\r\n:8191\r\n" + slots_node(1) + slots_node(2) +
                                 "*4\r\n:8192\r\n:16383\r\n" + slots_node(3) + slots_node(2));
  CHECK(slots(view, true, Protocol::resp3) ==
        "*2\r\n*4\r\n:0\r\n:8191\r\n" + slots_node(1, "%0\r\n") + slots_node(2, "%0\r\n") +
            "*4\r\n:8192\r\n:16383\r\n" + slots_node(3, "%0\r\n") + slots_node(2, "%0\r\n"));
}

TEST_CASE("CLUSTER SLOTS: a replica that is down is left out, a primary stays", "[server]") {
  ThreeNodes cluster;
  cluster.put(2, topology::MemberState::down);
  cluster.put(3, topology::MemberState::down);
  CHECK(slots(view_of(cluster.map), true) == "*2\r\n*3\r\n:0\r\n:8191\r\n" + slots_node(1) +
                                                 "*3\r\n:8192\r\n:16383\r\n" + slots_node(3));
}

TEST_CASE("CLUSTER SLOTS: without replicas runs end only where the primary changes", "[server]") {
  ThreeNodes cluster;
  cluster.map.partitions[1].primary.node = NodeNumber{1};
  cluster.map.partitions[1].replicas = topology::testing::nodes({1, 3});
  CHECK(slots(view_of(cluster.map), false) == "*1\r\n*3\r\n:0\r\n:16383\r\n" + slots_node(1));
  CHECK(slots(view_of(cluster.map), true).substr(0, 4) == "*2\r\n");
}

TEST_CASE("CLUSTER SLOTS: without replicas rows are in the order of slots", "[server]") {
  ThreeNodes cluster;
  cluster.map.partitions[0].primary.node = NodeNumber{3};
  cluster.map.partitions[1].primary.node = NodeNumber{1};
  CHECK(slots(view_of(cluster.map), false) == "*2\r\n*3\r\n:0\r\n:8191\r\n" + slots_node(3) +
                                                  "*3\r\n:8192\r\n:16383\r\n" + slots_node(1));
}

TEST_CASE("CLUSTER SLOTS: behind a name stands the address, where it is known", "[server]") {
  ThreeNodes cluster;
  cluster.map.find(NodeNumber{1})->addresses.announce_host = "one";
  const std::string node = "*4\r\n$3\r\none\r\n:7001\r\n$40\r\n" + id(1) + "\r\n";
  const std::string address = "$2\r\nip\r\n$8\r\n10.0.0.1\r\n";
  CHECK(slots(view_of(cluster.map), false).find(node + "*2\r\n" + address) != std::string::npos);
  CHECK(slots(view_of(cluster.map), false, Protocol::resp3).find(node + "%1\r\n" + address) !=
        std::string::npos);
  cluster.map.find(NodeNumber{1})->addresses.host = "one.inside";
  CHECK(slots(view_of(cluster.map), false).find(node + "*0\r\n") != std::string::npos);
}

TEST_CASE("CLUSTER SHARDS: one per node, in both protocols", "[server]") {
  ThreeNodes cluster;
  cluster.put(2, topology::MemberState::down);
  const auto wanted = [](std::string_view two, std::string_view seven) {
    std::string text = "*3\r\n";
    for (const uint16_t number : {1, 2, 3}) {
      const std::string_view ranges = number == 1   ? "*2\r\n:0\r\n:8191\r\n"
                                      : number == 2 ? "*0\r\n"
                                                    : "*2\r\n:8192\r\n:16383\r\n";
      const std::string_view health = number == 2 ? "$4\r\nfail\r\n" : "$6\r\nonline\r\n";
      text += fmt::format(
          "{}$5\r\nslots\r\n{}$5\r\nnodes\r\n*1\r\n{}$2\r\nid\r\n$40\r\n{}\r\n$4\r\nport\r\n"
          ":7001\r\n$2\r\nip\r\n$8\r\n10.0.0.{}\r\n$8\r\nendpoint\r\n$8\r\n10.0.0.{}\r\n"
          "$4\r\nrole\r\n$6\r\nmaster\r\n$18\r\nreplication-offset\r\n:0\r\n$6\r\nhealth\r\n{}",
          two, ranges, seven, id(number), number, number, health);
    }
    return text;
  };
  CHECK(shards(view_of(cluster.map), Protocol::resp2) == wanted("*4\r\n", "*14\r\n"));
  CHECK(shards(view_of(cluster.map), Protocol::resp3) == wanted("%2\r\n", "%7\r\n"));
}

TEST_CASE("CLUSTER SHARDS: a name has a field of its own", "[server]") {
  ThreeNodes cluster;
  cluster.map.find(NodeNumber{1})->addresses.announce_host = "one";
  const std::string text = shards(view_of(cluster.map), Protocol::resp3);
  CHECK(text.find("%8\r\n$2\r\nid\r\n$40\r\n" + id(1)) != std::string::npos);
  CHECK(text.find("$2\r\nip\r\n$8\r\n10.0.0.1\r\n$8\r\nendpoint\r\n$3\r\none\r\n$8\r\nhostname\r\n"
                  "$3\r\none\r\n") != std::string::npos);
}

TEST_CASE("CLUSTER: of a node that is in no cluster yet it shows that node, without slots",
          "[server]") {
  ClusterView view;
  view.lone.members.push_back(
      {.identity = id(5),
       .name = "five",
       .addresses = {.host = "", .client_port = 7005, .cluster_port = 8005, .announce_host = ""},
       .rack = "",
       .program = ""});
  view.looks.push_back({.state = "JOINING"});
  CHECK(cluster_nodes_text(view) == id(5) + " :7005@8005 myself,master - 0 0 0 connected\n");
  CHECK(slots(view, true) == "*0\r\n");
  CHECK(slots(view, false) == "*0\r\n");
  CHECK(shards(view, Protocol::resp2).find("$5\r\nslots\r\n*0\r\n") != std::string::npos);
  const ClusterFigures figures = cluster_figures(view);
  CHECK_FALSE(figures.is_ok);
  CHECK(figures.slots_assigned == 0);
  CHECK(figures.known_nodes == 1);
}

TEST_CASE("CLUSTER INFO: slots by how their primary fares, epochs of partitions", "[server]") {
  ThreeNodes cluster;
  const ClusterView well = view_of(cluster.map, 3);
  CHECK(cluster_info_text(cluster_figures(well), {.sent = 11, .received = 22, .queue_full = 3}) ==
        "cluster_state:ok\r\ncluster_slots_assigned:16384\r\ncluster_slots_ok:16384\r\n"
        "cluster_slots_pfail:0\r\ncluster_slots_fail:0\r\ncluster_known_nodes:3\r\n"
        "cluster_size:2\r\ncluster_current_epoch:7\r\ncluster_my_epoch:7\r\n"
        "cluster_stats_messages_sent:11\r\ncluster_stats_messages_received:22\r\n"
        "total_cluster_links_buffer_limit_exceeded:3\r\n");

  ClusterView suspicious = view_of(cluster.map);
  suspicious.looks[2].state = "SUSPECT";
  CHECK(cluster_figures(suspicious).is_ok);
  CHECK(cluster_figures(suspicious).slots_suspect == 8192);
  CHECK(cluster_figures(suspicious).slots_ok == 8192);
  CHECK(cluster_figures(suspicious).own_epoch == Epoch{4});

  cluster.put(3, topology::MemberState::down);
  const ClusterFigures failed = cluster_figures(view_of(cluster.map));
  CHECK_FALSE(failed.is_ok);
  CHECK(failed.slots_down == 8192);
}

TEST_CASE("CLUSTER INFO: without a leader the cluster is not ok", "[server]") {
  const ThreeNodes cluster;
  CHECK_FALSE(cluster_figures(view_of(cluster.map, 1, 0)).is_ok);
}

TEST_CASE("CLUSTER: replies are kept until something that they show has changed", "[server]") {
  using Kind = ClusterReplies::Kind;
  ThreeNodes cluster;
  ClusterReplies replies;
  const auto ask = [&](Kind kind, const ClusterView& view, Protocol protocol = Protocol::resp2) {
    return bytes_of(protocol, [&](resp::ReplyWriter& reply) { replies.write(kind, view, reply); });
  };
  ClusterView view = view_of(cluster.map);
  CHECK(ask(Kind::slots, view) == slots(view, true));
  CHECK(ask(Kind::slots, view) == slots(view, true));
  CHECK(replies.made() == 1);

  // Kinds and protocols don't get in each other's way.
  CHECK(ask(Kind::slots, view, Protocol::resp3) == slots(view, true, Protocol::resp3));
  CHECK(ask(Kind::slots_of_primaries, view) == slots(view, false));
  CHECK(ask(Kind::shards, view) == shards(view, Protocol::resp2));
  const std::string text = cluster_nodes_text(view);
  CHECK(ask(Kind::nodes, view) == fmt::format("${}\r\n{}\r\n", text.size(), text));
  CHECK(ask(Kind::nodes, view, Protocol::resp3) ==
        fmt::format("={}\r\ntxt:{}\r\n", text.size() + 4, text));
  CHECK(ask(Kind::slots, view) == slots(view, true));
  CHECK(replies.made() == 6);

  // A suspicion, a lost link, a new map.
  view.looks[1].state = "SUSPECT";
  CHECK(ask(Kind::nodes, view).find("master,fail? ") != std::string::npos);
  view.looks[1].is_linked = false;
  CHECK(ask(Kind::nodes, view).find(" disconnected") != std::string::npos);
  CHECK(replies.made() == 8);
  cluster.map.partitions[1].epoch = Epoch{8};
  cluster.map.version = LogIndex{raw(cluster.map.version) + 1};
  CHECK(ask(Kind::nodes, view).find(" 8 connected 8192-16383") != std::string::npos);
  CHECK(replies.made() == 9);
}

}  // namespace quoris::server
