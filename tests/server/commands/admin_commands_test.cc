#include "server/commands/admin_commands.h"

#include <catch2/catch.hpp>

#include "tests/server/node_fixture.h"

namespace quoris::server {
namespace {

// enable-debug-command is fixed at the start.
class DebugNode {
 public:
  explicit DebugNode(std::string_view level) {
    const Status applied = node_.settings().apply(
        {.name = "enable-debug-command", .words = {std::string(level)}, .where = "--test"});
    REQUIRE(applied);
  }

  TestNode& operator*() { return node_; }

  TestNode* operator->() { return &node_; }

 private:
  TestNode node_;
};

TEST_CASE("TIME ROLE LASTSAVE: the node's clock, a master without replicas", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  CHECK(client.ask({"ROLE"}) == "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n");
  CHECK(client.ask({"LASTSAVE"}) == fmt::format(":{}\r\n", node.node().started_at_s()));
  const std::string before = client.ask({"TIME"});
  CHECK(before.substr(0, 9) == "*2\r\n$10\r\n");
  node.advance_ms(2000);
  CHECK(client.ask({"TIME"}) != before);
}

TEST_CASE("WAIT: for no replicas at once, for one until its time is up", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  CHECK(client.ask({"WAIT", "0", "0"}) == ":0\r\n");
  CHECK(client.ask({"WAIT", "-1", "0"}) == ":0\r\n");
  CHECK(client.ask({"WAIT", "1", "100"}).empty());
  CHECK(client.ask({"PING"}).empty());
  node.advance_ms(99);
  CHECK(client.received().empty());
  node.advance_ms(2);
  CHECK(client.received() == ":0\r\n+PONG\r\n");
  client.ask({"MULTI"});
  client.ask({"WAIT", "1", "0"});
  CHECK(client.ask({"EXEC"}) == "*1\r\n:0\r\n");
  CHECK(client.ask({"WAIT", "1", "9223372036854775807"}).empty());
}

TEST_CASE("WAIT: numbers are checked in order", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  CHECK(client.ask({"WAIT", "x", "y"}) == "-ERR value is not an integer or out of range\r\n");
  CHECK(client.ask({"WAIT", "0", "y"}) == "-ERR timeout is not an integer or out of range\r\n");
  CHECK(client.ask({"WAIT", "0", "-1"}) == "-ERR timeout is negative\r\n");
}

TEST_CASE("SHUTDOWN: stops the process without an answer", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  CHECK(client.ask({"SHUTDOWN", "SAVE", "NOSAVE"}) == "-ERR syntax error\r\n");
  CHECK(client.ask({"SHUTDOWN", "ABORT", "NOW"}) == "-ERR syntax error\r\n");
  CHECK(client.ask({"SHUTDOWN", "LATER"}) == "-ERR syntax error\r\n");
  CHECK(client.ask({"SHUTDOWN", "ABORT"}) == "-ERR No shutdown in progress.\r\n");
  CHECK(node.edge().stopped_with == -1);
  CHECK(client.ask({"SHUTDOWN", "SAVE"}) == "-ERR Errors trying to SHUTDOWN. Check logs.\r\n");
  CHECK(client.ask({"SHUTDOWN", "NOSAVE", "NOW", "FORCE"}).empty());
  CHECK(node.edge().stopped_with == 0);
}

TEST_CASE("LOLWUT: the same words give the same picture, with the version beneath", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  const std::string picture = client.ask({"LOLWUT", "quorum"});
  CHECK(picture == client.ask({"LOLWUT", "VERSION", "7", "quorum"}));
  CHECK(picture != client.ask({"LOLWUT", "strong"}));
  CHECK(picture.find("Redis ver. 7.0.15\n\r\n") != std::string::npos);
  CHECK(client.ask({"LOLWUT", "VERSION", "5", "quorum"}) ==
        "-ERR value is not an integer or out of range\r\n");
  CHECK(client.ask({"LOLWUT", "VERSION", "x"}) ==
        "-ERR value is not an integer or out of range\r\n");
  const auto columns = [&](std::initializer_list<std::string_view> words) {
    const std::string text = client.ask(words);
    size_t longest = 0;
    size_t start = text.find("\r\n") + 2;
    for (size_t end = text.find('\n', start); end < text.find("\nQuoris");
         end = text.find('\n', start)) {
      longest = std::max(longest, end - start);
      start = end + 1;
    }
    return longest;
  };
  CHECK(columns({"LOLWUT"}) == 61);
  CHECK(columns({"LOLWUT", "VERSION", "5", "40", "1", "1"}) == 40);
  CHECK(columns({"LOLWUT", "VERSION", "6", "100", "50", "quorum"}) == 100);
  CHECK(columns({"LOLWUT", "VERSION", "5", "-1"}) == 8);
  CHECK(columns({"LOLWUT", "VERSION", "6", "9223372036854775807", "-5"}) == 200);
  CHECK(client.ask({"LOLWUT", "VERSION", "6", "1", "x"}) ==
        "-ERR value is not an integer or out of range\r\n");
  // Long words and many of them are cut, not answered with as much.
  const std::string longest(100'000, 'x');
  CHECK(client.ask({"LOLWUT", longest, longest}).size() < 4096);
}

TEST_CASE("DEBUG: refused unless the setting allows it", "[server]") {
  TestNode off;
  CHECK(off.connect().ask({"DEBUG", "SLEEP", "0"}).substr(0, 32) ==
        "-ERR DEBUG command not allowed. ");
  DebugNode local("local");
  CHECK(local->connect().ask({"DEBUG", "SLEEP", "0"}) == "+OK\r\n");
  REQUIRE(local->set("protected-mode", "no"));
  CHECK(local->connect(false).ask({"DEBUG", "SLEEP", "0"}).substr(0, 32) ==
        "-ERR DEBUG command not allowed. ");
}

TEST_CASE("DEBUG SLEEP: holds the loop for that long", "[server]") {
  DebugNode node("yes");
  TestClient client = node->connect();
  const int64_t before = node->node().env().clock.wall_us();
  CHECK(client.ask({"DEBUG", "SLEEP", "0.25"}) == "+OK\r\n");
  CHECK(node->node().env().clock.wall_us() - before == 250'000);
  CHECK(client.ask({"DEBUG", "SLEEP", "-1"}) == "+OK\r\n");
  CHECK(client.ask({"DEBUG", "SLEEP", "x"}) == "+OK\r\n");
  CHECK(client.ask({"DEBUG", "SLEEP"}) ==
        "-ERR unknown subcommand or wrong number of arguments for 'SLEEP'. Try DEBUG HELP.\r\n");
}

TEST_CASE("DEBUG OBJECT: encoding and length as a dump has them", "[server]") {
  DebugNode node("yes");
  TestClient client = node->connect();
  CHECK(client.ask({"DEBUG", "OBJECT", "k"}) == "-ERR no such key\r\n");
  const auto length = [&](std::string_view value) {
    client.ask({"SET", "k", value});
    const std::string reply = client.ask({"DEBUG", "OBJECT", "k"});
    const size_t at = reply.find("serializedlength:") + 17;
    return std::stoi(reply.substr(at));
  };
  CHECK(length("v") == 2);
  CHECK(length("127") == 2);
  CHECK(length("128") == 3);
  CHECK(length("-32769") == 5);
  CHECK(length("2147483648") == 11);
  CHECK(length(std::string(64, 'x')) == 66);
  client.ask({"SET", "k", "5"});
  CHECK(client.ask({"DEBUG", "OBJECT", "k"}).find(" refcount:2147483647 encoding:int ") !=
        std::string::npos);
}

TEST_CASE("DEBUG SET-ACTIVE-EXPIRE: keys past their time stay until somebody looks", "[server]") {
  DebugNode node("yes");
  TestClient client = node->connect();
  client.ask({"DEBUG", "SET-ACTIVE-EXPIRE", "0"});
  client.ask({"SET", "k", "v", "PX", "10"});
  node->advance_ms(1000);
  CHECK(client.ask({"DBSIZE"}) == ":1\r\n");
  client.ask({"DEBUG", "SET-ACTIVE-EXPIRE", "1"});
  node->advance_ms(1000);
  CHECK(client.ask({"DBSIZE"}) == ":0\r\n");
}

TEST_CASE("DEBUG PROTOCOL: every type in the form of the client's protocol", "[server]") {
  DebugNode node("yes");
  TestClient client = node->connect();
  CHECK(client.ask({"DEBUG", "PROTOCOL", "double"}) == "$5\r\n3.141\r\n");
  CHECK(client.ask({"DEBUG", "PROTOCOL", "map"}) == "*6\r\n:0\r\n:0\r\n:1\r\n:1\r\n:2\r\n:0\r\n");
  CHECK(client.ask({"DEBUG", "PROTOCOL", "push"}) ==
        "-ERR RESP2 is not supported by this command\r\n");
  client.session().protocol = resp::Protocol::resp3;
  CHECK(client.ask({"DEBUG", "PROTOCOL", "DOUBLE"}) == ",3.141\r\n");
  CHECK(client.ask({"DEBUG", "PROTOCOL", "null"}) == "_\r\n");
  CHECK(client.ask({"DEBUG", "PROTOCOL", "set"}) == "~3\r\n:0\r\n:1\r\n:2\r\n");
  CHECK(client.ask({"DEBUG", "PROTOCOL", "map"}) == "%3\r\n:0\r\n#f\r\n:1\r\n#t\r\n:2\r\n#f\r\n");
  CHECK(client.ask({"DEBUG", "PROTOCOL", "attrib"}) ==
        "|1\r\n$14\r\nkey-popularity\r\n*2\r\n$7\r\nkey:123\r\n:90\r\n"
        "$39\r\nSome real reply following the attribute\r\n");
  CHECK(client.ask({"DEBUG", "PROTOCOL", "bignum"}) ==
        "(1234567999999999999999999999999999999\r\n");
  CHECK(client.ask({"DEBUG", "PROTOCOL", "x"}).substr(0, 30) == "-ERR Wrong protocol type name.");
}

TEST_CASE("MONITOR: nobody watches any more once those who did have left", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  TestClient first = node.connect();
  TestClient second = node.connect();
  TestClient third = node.connect();
  CHECK_FALSE(node.node().has_monitors());
  first.ask({"MONITOR"});
  second.ask({"MONITOR"});
  third.ask({"MONITOR"});
  first.received();
  second.received();
  CHECK(first.ask({"RESET"}).find("+RESET\r\n") != std::string::npos);
  client.ask({"CLIENT", "KILL", "ID", "3"});
  client.ask({"SET", "k", "v"});
  CHECK(first.received().empty());
  CHECK(node.node().has_monitors());
  CHECK(third.received().find("\"SET\" \"k\" \"v\"") != std::string::npos);
  third.hang_up();
  node.turn();
  CHECK_FALSE(node.node().has_monitors());
  client.ask({"SET", "k", "v"});
  CHECK(first.ask({"PING"}) == "+PONG\r\n");
}

TEST_CASE("MONITOR: shows what others run, and answers once", "[server]") {
  TestNode node;
  TestClient monitor = node.connect();
  TestClient client = node.connect();
  CHECK(monitor.ask({"MONITOR"}) == "+OK\r\n");
  CHECK(monitor.ask({"MONITOR"}).empty());
  client.ask({"SET", "k", "a\n\"\x01"});
  const std::string line = monitor.received();
  CHECK(line.find(" [0 127.0.0.1:50000] \"SET\" \"k\" \"a\\n\\\"\\x01\"\r\n") != std::string::npos);
  client.ask({"CLIENT", "LIST"});  // what only admins run is not shown
  CHECK(monitor.received().empty());
  client.ask({"MULTI"});
  client.ask({"MONITOR"});
  CHECK(client.ask({"EXEC"}) == "*1\r\n-ERR MONITOR isn't allowed for DENY BLOCKING client\r\n");
}

}  // namespace
}  // namespace quoris::server
