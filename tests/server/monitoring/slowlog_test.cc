#include "server/monitoring/slowlog.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/server/node_fixture.h"

namespace quoris::server {
namespace {

void note(Slowlog& log, const std::vector<std::string_view>& arguments, size_t entries_max = 10) {
  log.note(arguments, 1234, 5, "127.0.0.1:1", "bob", entries_max);
}

TEST_CASE("slow log: the newest entry stands first, with a number of its own", "[server]") {
  Slowlog log;
  note(log, {"GET", "a"});
  note(log, {"GET", "b"});
  REQUIRE(log.entries().size() == 2);
  const SlowlogEntry& entry = log.entries().front();
  CHECK(entry.id == 1);
  CHECK(entry.arguments == std::vector<std::string>{"GET", "b"});
  CHECK(entry.microseconds == 1234);
  CHECK(entry.time_s == 5);
  CHECK(entry.client_address == "127.0.0.1:1");
  CHECK(entry.client_name == "bob");
}

TEST_CASE("slow log: the oldest entries go, numbers go on, also after a reset", "[server]") {
  Slowlog log;
  for (int i = 0; i < 5; ++i) note(log, {"PING"}, 3);
  CHECK(log.entries().size() == 3);
  CHECK(log.entries().back().id == 2);
  note(log, {"PING"}, 1);
  CHECK(log.entries().size() == 1);
  log.reset();
  CHECK(log.entries().empty());
  note(log, {"PING"});
  CHECK(log.entries().front().id == 6);
}

TEST_CASE("slow log: 32 arguments are kept, of more the last place says how many", "[server]") {
  Slowlog log;
  const std::vector<std::string_view> all(32, "x");
  note(log, all);
  CHECK(log.entries().front().arguments.size() == 32);
  CHECK(log.entries().front().arguments.back() == "x");
  const std::vector<std::string_view> more(33, "x");
  note(log, more);
  CHECK(log.entries().front().arguments.size() == 32);
  CHECK(log.entries().front().arguments.back() == "... (2 more arguments)");
}

TEST_CASE("slow log: 128 bytes of an argument are kept", "[server]") {
  Slowlog log;
  const std::string fits(128, 'x');
  const std::string longer(130, 'x');
  note(log, {fits, longer});
  CHECK(log.entries().front().arguments[0] == fits);
  CHECK(log.entries().front().arguments[1] == fits + "... (2 more bytes)");
}

TEST_CASE("slow log: what a client sends is cut when it is noted, its name too", "[server]") {
  TestNode node;
  REQUIRE(node.set("slowlog-log-slower-than", "0"));
  TestClient client = node.connect();
  client.ask({"CLIENT", "SETNAME", std::string(100'000, 'n')});
  client.ask({"SET", "k", std::string(1'000'000, 'v')});
  const SlowlogEntry& entry = node.node().slowlog().entries().front();
  CHECK(entry.client_name == fmt::format("{:n<128}... (99872 more bytes)", ""));
  REQUIRE(entry.arguments.size() == 3);
  CHECK(entry.arguments[2] == fmt::format("{:v<128}... (999872 more bytes)", ""));
  CHECK(entry.arguments[2].capacity() < 1000);
}

TEST_CASE("SLOWLOG: GET shows ten entries, or as many as asked for", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  for (int i = 0; i < 12; ++i) note(node.node().slowlog(), {"PING"}, 100);
  CHECK(client.ask({"SLOWLOG", "LEN"}) == ":12\r\n");
  CHECK(client.ask({"SLOWLOG", "GET"}).substr(0, 5) == "*10\r\n");
  CHECK(client.ask({"SLOWLOG", "GET", "-1"}).substr(0, 5) == "*12\r\n");
  CHECK(client.ask({"SLOWLOG", "GET", "100"}).substr(0, 5) == "*12\r\n");
  CHECK(client.ask({"SLOWLOG", "GET", "0"}) == "*0\r\n");
  CHECK(
      client.ask({"SLOWLOG", "GET", "1"}) ==
      "*1\r\n*6\r\n:11\r\n:5\r\n:1234\r\n*1\r\n$4\r\nPING\r\n$11\r\n127.0.0.1:1\r\n$3\r\nbob\r\n");
  CHECK(client.ask({"SLOWLOG", "GET", "-2"}) ==
        "-ERR count should be greater than or equal to -1\r\n");
  CHECK(client.ask({"SLOWLOG", "GET", "1", "2"}) ==
        "-ERR unknown subcommand or wrong number of arguments for 'GET'. Try SLOWLOG HELP.\r\n");
  CHECK(client.ask({"SLOWLOG", "RESET"}) == "+OK\r\n");
  CHECK(client.ask({"SLOWLOG", "LEN"}) == ":0\r\n");
}

}  // namespace
}  // namespace quoris::server
