// CLUSTER and what belongs to it on a node that runs alone.
#include <catch2/catch.hpp>

#include "server/commands/cluster_commands.h"
#include "server/commands/rows.h"
#include "tests/server/node_fixture.h"

namespace quoris::server {
namespace {

constexpr std::string_view kDisabled = "-ERR This instance has cluster support disabled\r\n";

}  // namespace

TEST_CASE("CLUSTER alone: every subcommand says that there is no cluster", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  size_t asked = 0;
  const command::Command* cluster = node.node().commands().find("CLUSTER");
  REQUIRE(cluster != nullptr);
  for (const command::Command* subcommand : cluster->subcommands) {
    CAPTURE(subcommand->full_name);
    std::string request;
    const int words = std::abs(subcommand->spec->arity);
    request = fmt::format("*{}\r\n$7\r\nCLUSTER\r\n${}\r\n{}\r\n", words,
                          subcommand->spec->name.size(), subcommand->spec->name);
    for (int i = 2; i < words; ++i) request += "$1\r\n1\r\n";
    client.send_all(request);
    CHECK(client.received() == kDisabled);
    ++asked;
  }
  CHECK(asked == 30);
  for (const std::string_view word : {"READONLY", "READWRITE", "ASKING"}) {
    CHECK(client.ask({word}) == kDisabled);
  }
  CHECK(client.ask({"CLUSTER", "MYSHARDID"}) ==
        "-ERR unknown subcommand 'MYSHARDID'. Try CLUSTER HELP.\r\n");
}

TEST_CASE("NODES alone: the one node, at the address at which the caller has reached it",
          "[server]") {
  TestNode node;
  TestClient client = node.connect();
  const std::string id = node.node().node_id();
  REQUIRE(id.size() == 40);
  const std::string space(33, ' ');
  const std::string table = "*2\r\n+NODE ID" + space + "  ADDRESS         ROLE    STATE\r\n+" + id +
                            "  127.0.0.1:6379  LEADER  ALIVE\r\n";
  CHECK(client.ask({"NODES"}) == table);
  client.session().protocol = resp::Protocol::resp3;
  CHECK(client.ask({"nodes"}) == table);
  const std::string full = client.ask({"NODES", "full"});
  CHECK(full.substr(0, 9) == "*1\r\n%22\r\n");
  CHECK(full.find("$4\r\nname\r\n$40\r\n" + id) != std::string::npos);
  CHECK(full.find("$13\r\nlease-left-ms\r\n_\r\n") != std::string::npos);
  CHECK(client.ask({"NODES", "ALL"}) == "-ERR syntax error\r\n");
  CHECK(client.ask({"NODES", "FULL", "x"}) == "-ERR syntax error\r\n");
}

TEST_CASE("RING and FAULT alone: there is neither a ring nor a link", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  CHECK(client.ask({"RING"}).substr(0, 27) == "-ERR this node runs alone o");
  CHECK(client.ask({"RING", "KEY", "k"}).substr(0, 27) == "-ERR this node runs alone o");
  CHECK(client.ask({"RING", "KEY"}) == "-ERR syntax error\r\n");
  CHECK(client.ask({"RING", "KEYS", "k"}) == "-ERR syntax error\r\n");
  CHECK(client.ask({"FAULT", "STATUS"}) ==
        "-ERR this node runs alone: there are no links to disturb\r\n");
  CHECK(client.ask({"FAULT", "HELP"}).substr(0, 1) == "*");
}

TEST_CASE("FAULT: clients of other machines are refused, before it is queued too", "[server]") {
  TestNode node;
  node.set("protected-mode", "no");
  TestClient other = node.connect(false);
  const std::string refusal = other.ask({"FAULT", "STATUS"});
  CHECK(refusal.substr(0, 31) == "-ERR FAULT command not allowed:");
  other.ask({"MULTI"});
  CHECK(other.ask({"FAULT", "STATUS"}) == refusal);
  CHECK(other.ask({"EXEC"}).substr(0, 10) == "-EXECABORT");
}

TEST_CASE("INFO alone: neither raft nor gossip, and no connections between nodes", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  CHECK(client.ask({"INFO", "raft"}) == "$0\r\n\r\n");
  const std::string all = client.ask({"INFO", "everything"});
  CHECK(all.find("# Raft") == std::string::npos);
  CHECK(all.find("# Gossip") == std::string::npos);
  CHECK(all.find("redis_mode:standalone\r\n") != std::string::npos);
  CHECK(all.find("cluster_connections:0\r\n") != std::string::npos);
  CHECK(all.find("mem_cluster_links:0\r\n") != std::string::npos);
  CHECK(client.ask({"HELLO"}).find("$10\r\nstandalone\r\n") != std::string::npos);
}

}  // namespace quoris::server
