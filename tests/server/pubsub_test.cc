#include "server/pubsub.h"

#include <catch2/catch.hpp>

#include "tests/server/node_fixture.h"

namespace quoris::server {
namespace {

constexpr std::string_view kHi = "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n";
constexpr std::string_view kPushedHi = ">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n";

struct Fixture {
  TestNode node;
  TestClient a = node.connect();
  TestClient b = node.connect();
};

TEST_CASE("a message reaches its subscribers within the turn, each in its protocol", "[server]") {
  Fixture f;
  TestClient c = f.node.connect();
  f.a.ask({"SUBSCRIBE", "c"});
  c.ask({"HELLO", "3"});
  CHECK(c.ask({"SUBSCRIBE", "c"}) == ">3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n");
  CHECK(f.b.ask({"PUBLISH", "c", "hi"}) == ":2\r\n");
  CHECK(f.a.received() == kHi);
  CHECK(c.received() == kPushedHi);
}

TEST_CASE("a message to oneself comes before the reply, never within it", "[server]") {
  Fixture f;
  f.a.ask({"HELLO", "3"});
  f.a.ask({"SUBSCRIBE", "c"});
  CHECK(f.a.ask({"PUBLISH", "c", "hi"}) == fmt::format("{}:1\r\n", kPushedHi));
  f.a.ask({"MULTI"});
  f.a.ask({"PING"});
  f.a.ask({"PUBLISH", "c", "hi"});
  f.a.ask({"PING"});
  CHECK(f.a.ask({"EXEC"}) == fmt::format("{}*3\r\n+PONG\r\n:1\r\n+PONG\r\n", kPushedHi));
  // Replies of the same turn that came before stay before it.
  f.a.send_request({"PING"});
  f.a.send_request({"PUBLISH", "c", "hi"});
  f.node.turn();
  CHECK(f.a.received() == fmt::format("+PONG\r\n{}:1\r\n", kPushedHi));
}

TEST_CASE("events of one's own command come before its reply", "[server]") {
  Fixture f;
  f.node.set("notify-keyspace-events", "Em");
  f.a.ask({"HELLO", "3"});
  f.a.ask({"SUBSCRIBE", "__keyevent@0__:keymiss"});
  const std::string reply = f.a.ask({"MGET", "x", "y"});
  CHECK(reply.ends_with("$1\r\ny\r\n*2\r\n_\r\n_\r\n"));
  CHECK(reply.starts_with(">3\r\n$7\r\nmessage\r\n"));
}

TEST_CASE("a subscriber that does not read is closed at its limit, the others get all",
          "[server]") {
  Fixture f;
  TestClient publisher = f.node.connect();
  f.node.set("client-output-buffer-limit", "normal 0 0 0 replica 0 0 0 pubsub 100000 0 0");
  f.a.ask({"SUBSCRIBE", "c"});
  f.b.ask({"SUBSCRIBE", "c"});
  f.a.stream().takes_nothing = true;
  const std::string message(60'000, 'm');
  CHECK(publisher.ask({"PUBLISH", "c", message}) == ":2\r\n");
  CHECK_FALSE(f.a.stream().destroyed);
  publisher.ask({"PUBLISH", "c", message});
  CHECK(f.a.stream().destroyed);
  CHECK(publisher.ask({"PUBLISH", "c", message}) == ":1\r\n");
  CHECK(f.b.received().size() > 3 * message.size());
}

TEST_CASE("the limit for subscribers is theirs as long as they are subscribed", "[server]") {
  Fixture f;
  f.node.set("client-output-buffer-limit", "normal 0 0 0 replica 0 0 0 pubsub 1000 0 0");
  f.a.ask({"SET", "k", std::string(50'000, 'v')});
  f.a.ask({"SUBSCRIBE", "c"});
  f.a.ask({"UNSUBSCRIBE", "c"});
  f.a.stream().takes_nothing = true;
  f.a.ask({"GET", "k"});
  CHECK_FALSE(f.a.stream().destroyed);
}

TEST_CASE("who leaves is subscribed to nothing any more", "[server]") {
  Fixture f;
  f.a.ask({"SUBSCRIBE", "c", "d"});
  f.a.ask({"PSUBSCRIBE", "*"});
  f.a.ask({"SSUBSCRIBE", "c"});
  CHECK(f.b.ask({"PUBLISH", "c", "hi"}) == ":2\r\n");
  f.a.hang_up();
  f.node.turn();
  CHECK(f.b.ask({"PUBLISH", "c", "hi"}) == ":0\r\n");
  CHECK(f.b.ask({"SPUBLISH", "c", "hi"}) == ":0\r\n");
  CHECK(f.b.ask({"PUBSUB", "NUMPAT"}) == ":0\r\n");
  CHECK(f.b.ask({"PUBSUB", "CHANNELS"}) == "*0\r\n");
}

TEST_CASE("a client that is killed gets nothing more in the same turn", "[server]") {
  Fixture f;
  f.a.ask({"SUBSCRIBE", "c"});
  f.b.send_request({"CLIENT", "KILL", "ID", "1"});
  f.b.send_request({"PUBLISH", "c", "hi"});
  f.node.turn();
  CHECK(f.b.received() == ":1\r\n:0\r\n");
}

TEST_CASE("subscribers show in CLIENT LIST, INFO and memory, and have no idle time", "[server]") {
  Fixture f;
  f.node.set("timeout", "1");
  const size_t before = f.a.session().memory();
  f.a.ask({"SUBSCRIBE", std::string(10'000, 'c'), "d"});
  f.a.ask({"PSUBSCRIBE", "p"});
  f.a.ask({"SSUBSCRIBE", "s"});
  CHECK(f.a.session().memory() > before + 10'000);
  CHECK(f.b.ask({"CLIENT", "LIST", "ID", "1"}).find(" flags=P db=0 sub=2 psub=1 ssub=1 ") !=
        std::string::npos);
  CHECK(f.b.ask({"CLIENT", "LIST", "TYPE", "pubsub"}).find("id=1 ") != std::string::npos);
  CHECK(f.b.ask({"CLIENT", "LIST", "TYPE", "normal"}).find("id=1 ") == std::string::npos);
  const std::string stats = f.b.ask({"INFO", "stats"});
  CHECK(stats.find("pubsub_channels:2\r\npubsub_patterns:1\r\npubsubshard_channels:1\r\n") !=
        std::string::npos);
  f.node.advance_ms(5000);
  CHECK_FALSE(f.a.stream().destroyed);
  CHECK(f.b.stream().destroyed);
}

TEST_CASE("RESET ends subscriptions and the RESP2 restrictions with them", "[server]") {
  Fixture f;
  f.a.ask({"SUBSCRIBE", "c"});
  CHECK(f.a.ask({"GET", "k"}).starts_with("-ERR Can't execute 'get': "));
  CHECK(f.a.ask({"RESET"}) == "+RESET\r\n");
  CHECK(f.a.ask({"GET", "k"}) == "$-1\r\n");
  CHECK(f.b.ask({"PUBLISH", "c", "hi"}) == ":0\r\n");
}

TEST_CASE("without subscribers keyspace events cost nothing but a branch", "[server]") {
  Fixture f;
  CHECK(f.node.node().listeners().events == nullptr);
  f.node.set("notify-keyspace-events", "KEA");
  CHECK(f.node.node().listeners().events == nullptr);
  f.a.ask({"SUBSCRIBE", "c"});
  CHECK(f.node.node().listeners().events != nullptr);
  f.node.set("notify-keyspace-events", "A");
  CHECK(f.node.node().listeners().events == nullptr);
}

TEST_CASE("active expiry tells subscribers", "[server]") {
  Fixture f;
  f.node.set("notify-keyspace-events", "Ex");
  f.b.ask({"SET", "k", "v", "PX", "100"});
  f.a.ask({"SUBSCRIBE", "__keyevent@0__:expired"});
  f.node.advance_ms(500);
  CHECK(f.a.received().ends_with("$22\r\n__keyevent@0__:expired\r\n$1\r\nk\r\n"));
}

}  // namespace
}  // namespace quoris::server
