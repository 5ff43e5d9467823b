#include "server/commands/quoris_commands.h"

#include <catch2/catch.hpp>

#include "tests/server/node_fixture.h"

namespace quoris::server {
namespace {

constexpr std::string_view kBothQuorum =
    "*4\r\n$4\r\nREAD\r\n$6\r\nQUORUM\r\n$5\r\nWRITE\r\n$6\r\nQUORUM\r\n";

TEST_CASE("consistency: every level has a name, and is found by it whatever the case", "[server]") {
  for (const Level level : {Level::any, Level::one, Level::quorum, Level::all, Level::strong}) {
    CHECK(parse_level(level_name(level)) == level);
    CHECK(parse_level(to_lower(level_name(level))) == level);
  }
  CHECK_FALSE(parse_level("").has_value());
  CHECK_FALSE(parse_level("quorums").has_value());
}

TEST_CASE("CONSISTENCY: shows the levels, sets both or each", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  CHECK(client.ask({"CONSISTENCY"}) == kBothQuorum);
  CHECK(client.ask({"CONSISTENCY", "strong"}) == "+OK\r\n");
  CHECK(client.session().consistency == Consistency{.read = Level::strong, .write = Level::strong});
  CHECK(client.ask({"CONSISTENCY", "write", "ALL", "READ", "one"}) == "+OK\r\n");
  CHECK(client.session().consistency == Consistency{.read = Level::one, .write = Level::all});
  CHECK(client.ask({"CONSISTENCY", "READ", "ANY"}) == "+OK\r\n");
  CHECK(client.session().consistency == Consistency{.read = Level::any, .write = Level::all});
  TestClient other = node.connect();
  CHECK(other.ask({"CONSISTENCY"}) == kBothQuorum);
}

TEST_CASE("CONSISTENCY: a bad level or a missing one changes nothing", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  CHECK(client.ask({"CONSISTENCY", "most"}) ==
        "-ERR unknown consistency level 'most': use ANY, ONE, QUORUM, ALL or STRONG\r\n");
  CHECK(client.ask({"CONSISTENCY", "READ", "ONE", "WRITE", "most"}) ==
        "-ERR unknown consistency level 'most': use ANY, ONE, QUORUM, ALL or STRONG\r\n");
  CHECK(client.ask({"CONSISTENCY", "READ", "ONE", "WRITE"}) == "-ERR syntax error\r\n");
  CHECK(client.ask({"CONSISTENCY", "READ"}) == "-ERR syntax error\r\n");
  CHECK(client.ask({"CONSISTENCY"}) == kBothQuorum);
}

TEST_CASE("CONSISTENCY: runs one command at a level and keeps the connection's own", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  CHECK(client.ask({"CONSISTENCY", "ALL", "SET", "k", "v"}) == "+OK\r\n");
  CHECK(client.ask({"CONSISTENCY", "any", "get", "k"}) == "$1\r\nv\r\n");
  CHECK(client.ask({"CONSISTENCY"}) == kBothQuorum);
  const command::Command* get = node.node().commands().find("get");
  CHECK(node.node().stats().commands[get->index].calls == 1);
}

TEST_CASE("CONSISTENCY: the inner command passes its own gates, its error counts once",
          "[server]") {
  TestNode node;
  TestClient client = node.connect();
  client.ask({"SET", "k", "v"});
  CHECK(client.ask({"CONSISTENCY", "ALL", "GET"}) ==
        "-ERR wrong number of arguments for 'get' command\r\n");
  CHECK(client.ask({"CONSISTENCY", "ALL", "NOSUCH"}) ==
        "-ERR unknown command 'NOSUCH', with args beginning with: \r\n");
  const uint64_t errors = node.node().stats().errors;
  CHECK(client.ask({"CONSISTENCY", "ALL", "INCR", "k"}) ==
        "-ERR value is not an integer or out of range\r\n");
  CHECK(node.node().stats().errors == errors + 1);
  REQUIRE(node.set("maxmemory", "1"));
  CHECK(client.ask({"CONSISTENCY", "ALL", "SET", "k", "w"}).substr(0, 5) == "-OOM ");
}

TEST_CASE("CONSISTENCY: what is not about keys is not run at a level", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  for (const std::string_view word : {"MULTI", "EXEC", "PING", "QUIT", "CONSISTENCY", "WATCH"}) {
    CHECK(client.ask({"CONSISTENCY", "ALL", word, "x"}) ==
          fmt::format("-ERR CONSISTENCY runs one command on keys at a level, '{}' is none\r\n",
                      word));
  }
  CHECK_FALSE(client.session().in_multi());
}

TEST_CASE("CONSISTENCY: runs within EXEC, and waits for CLIENT PAUSE WRITE", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  client.ask({"MULTI"});
  CHECK(client.ask({"CONSISTENCY", "ALL", "SET", "k", "v"}) == "+QUEUED\r\n");
  CHECK(client.ask({"EXEC"}) == "*1\r\n+OK\r\n");
  TestClient other = node.connect();
  other.ask({"CLIENT", "PAUSE", "100", "WRITE"});
  CHECK(client.ask({"CONSISTENCY", "ALL", "SET", "k", "w"}).empty());
  node.advance_ms(200);
  CHECK(client.received() == "+OK\r\n");
}

}  // namespace
}  // namespace quoris::server
