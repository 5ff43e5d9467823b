#include "server/session.h"

#include <catch2/catch.hpp>

#include "tests/server/node_fixture.h"

namespace quoris::server {
namespace {

TEST_CASE("session: replies leave once per turn, in order, for a pipeline", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  client.send("PING\r\nSET k v\r\nGET k\r\n*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n");
  CHECK(client.received().empty());
  node.turn();
  CHECK(client.received() == "+PONG\r\n+OK\r\n$1\r\nv\r\n$2\r\nhi\r\n");
}

TEST_CASE("session: a deep pipeline cut at any byte gives the same replies", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  std::string requests;
  std::string wanted;
  for (int i = 0; i < 200; ++i) {
    requests += fmt::format("*2\r\n$4\r\nECHO\r\n$3\r\n{:03}\r\n", i);
    wanted += fmt::format("$3\r\n{:03}\r\n", i);
  }
  for (size_t step = 1; step < 60; step += 7) {
    for (size_t at = 0; at < requests.size(); at += step) {
      client.send(std::string_view(requests).substr(at, step));
      node.turn();
    }
    CHECK(client.received() == wanted);
  }
}

TEST_CASE("session: after a protocol error earlier commands are answered, then it closes",
          "[server]") {
  TestNode node;
  TestClient client = node.connect();
  client.send("PING\r\n*1\r\n!4\r\n");
  node.turn();
  CHECK(client.received() == "+PONG\r\n-ERR Protocol error: expected '$', got '!'\r\n");
  CHECK(client.stream().closed_after_write);
  client.send("PING\r\n");
  node.turn();
  CHECK(client.received().empty());
}

TEST_CASE("session: commands sent before the peer hung up are executed", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  client.send("SET last words\r\n");
  client.hang_up();
  node.turn();
  CHECK(client.stream().destroyed);
  TestClient other = node.connect();
  CHECK(other.ask({"GET", "last"}) == "$5\r\nwords\r\n");
}

TEST_CASE("session: the soft and hard limits of the output buffer close a slow reader",
          "[server]") {
  TestNode node;
  REQUIRE(node.set("client-output-buffer-limit", "normal 1mb 100kb 5"));
  TestClient fast = node.connect();
  fast.ask({"SET", "big", std::string(200'000, 'x')});

  TestClient slow = node.connect();
  slow.stream().takes_nothing = true;
  slow.ask({"GET", "big"});
  CHECK_FALSE(slow.stream().destroyed);
  node.advance_ms(4'000);
  CHECK_FALSE(slow.stream().destroyed);
  node.advance_ms(2'000);
  CHECK(slow.stream().destroyed);

  TestClient greedy = node.connect();
  greedy.stream().takes_nothing = true;
  for (int i = 0; i < 10 && !greedy.stream().destroyed; ++i) greedy.ask({"GET", "big"});
  CHECK(greedy.stream().destroyed);
  CHECK(fast.ask({"PING"}) == "+PONG\r\n");
  CHECK(node.node().stats().output_buffer_limit_disconnections == 2);
}

TEST_CASE("session: a query buffer past its limit closes the connection", "[server]") {
  TestNode node;
  REQUIRE(node.set("client-query-buffer-limit", "1mb"));
  TestClient client = node.connect();
  client.send("*2\r\n$4\r\nECHO\r\n$200000000\r\n");
  for (int i = 0; i < 100 && !client.stream().destroyed; ++i) {
    client.send(std::string(100'000, 'x'));
    node.turn();
  }
  CHECK(client.stream().destroyed);
  CHECK(node.node().stats().query_buffer_limit_disconnections == 1);
}

TEST_CASE("session: no more than its share is read of one client in a turn", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  std::string flood;
  while (flood.size() < 2 * Session::kReadPerTurnMax) flood += "PING\r\n";
  CHECK_FALSE(client.send(flood));
  client.stream().reading = false;
  node.turn();
  CHECK(client.stream().reading);  // asked to go on in the next turn
}

TEST_CASE("session: maxclients and protected mode refuse at the door", "[server]") {
  TestNode node;
  REQUIRE(node.set("maxclients", "1"));
  TestClient stranger = node.connect(false);
  CHECK(stranger.refused());
  CHECK(stranger.received().starts_with("-DENIED "));
  TestClient first = node.connect();
  CHECK_FALSE(first.refused());
  TestClient second = node.connect();
  CHECK(second.refused());
  CHECK(second.received() == "-ERR max number of clients reached\r\n");
  CHECK(node.node().stats().connections_rejected == 2);
  CHECK(node.node().stats().connections_received == 1);
}

TEST_CASE("session: idle clients are closed after `timeout` seconds, busy ones are not",
          "[server]") {
  TestNode node;
  REQUIRE(node.set("timeout", "10"));
  TestClient idle = node.connect();
  TestClient busy = node.connect();
  for (int second = 0; second < 12; ++second) {
    node.advance_ms(1'000);
    busy.ask({"PING"});
  }
  CHECK(idle.stream().destroyed);
  CHECK_FALSE(busy.stream().destroyed);
}

TEST_CASE("session: what was sent behind a wait that ends in the same turn is not forgotten",
          "[server]") {
  TestNode node;
  TestClient waiting = node.connect();
  TestClient other = node.connect();
  waiting.send("CLIENT PAUSE 100000 WRITE\r\nSET k v\r\nPING\r\n");
  other.send("CLIENT UNPAUSE\r\n");
  node.turn();
  CHECK(waiting.received() == "+OK\r\n+OK\r\n+PONG\r\n");
}

TEST_CASE("session: a client whose commands wait is read on, up to the limit of its query buffer",
          "[server]") {
  TestNode node;
  REQUIRE(node.set("client-query-buffer-limit", "4mb"));
  TestClient waiting = node.connect();
  waiting.ask({"WAIT", "1", "0"});
  const std::string megabyte =
      "*2\r\n$4\r\nECHO\r\n$1000000\r\n" + std::string(1'000'000, 'x') + "\r\n";
  waiting.send_all(megabyte + "PING\r\n");
  CHECK(waiting.received().empty());
  CHECK_FALSE(waiting.stream().destroyed);
  for (int i = 0; i < 8; ++i) waiting.send_all(megabyte);
  CHECK(waiting.stream().destroyed);
  CHECK(node.node().stats().query_buffer_limit_disconnections == 1);
  CHECK(node.node().blocked_count() == 0);
}

TEST_CASE("session: behind a protocol error input is dropped, also while a command waits",
          "[server]") {
  TestNode node;
  TestClient waiting = node.connect();
  waiting.send("WAIT 1 500\r\n*1\r\n!4\r\n");
  node.turn();
  const size_t memory = waiting.session().memory();
  waiting.send_all(std::string(1'000'000, 'x'));
  CHECK(waiting.session().memory() <= memory + 2 * resp::RequestReader::kReadSize);
  node.advance_ms(600);
  CHECK(waiting.received() == ":0\r\n-ERR Protocol error: expected '$', got '!'\r\n");
  CHECK(waiting.stream().closed_after_write);
}

TEST_CASE("session: with replies off a protocol error closes without a word", "[server]") {
  TestNode node;
  for (const std::string_view mode : {"OFF", "SKIP"}) {
    TestClient client = node.connect();
    client.send(fmt::format("CLIENT REPLY {}\r\n", mode));
    client.send("*1\r\n!4\r\n");
    node.turn();
    CHECK(client.received().empty());
    CHECK(client.stream().closed_after_write);
  }
}

TEST_CASE("session: one that is not logged in is dropped once 16 KiB of errors wait for it",
          "[server]") {
  TestNode node;
  REQUIRE(node.set("requirepass", "sesame"));
  const auto ask_often = [&](TestClient& client, int times) {
    for (int i = 0; i < times; ++i) client.send("GET k\r\n");
    node.turn();
  };
  TestClient reads = node.connect();
  for (int i = 0; i < 10; ++i) ask_often(reads, 400);
  CHECK(reads.received().size() ==
        4000 * std::string_view("-NOAUTH Authentication required.\r\n").size());
  TestClient floods = node.connect();
  ask_often(floods, 600);
  CHECK(floods.received().empty());
  CHECK(floods.stream().destroyed);
  TestClient slow = node.connect();
  slow.stream().takes_nothing = true;
  for (int i = 0; i < 10 && !slow.stream().destroyed; ++i) ask_often(slow, 100);
  CHECK(slow.stream().destroyed);
  CHECK(node.node().stats().output_buffer_limit_disconnections == 2);
  TestClient member = node.connect();
  member.ask({"AUTH", "sesame"});
  ask_often(member, 6000);
  CHECK_FALSE(member.stream().destroyed);
}

TEST_CASE("session: one that is not logged in sends ten arguments of 16 KiB at most", "[server]") {
  TestNode node;
  REQUIRE(node.set("requirepass", "sesame"));
  TestClient many = node.connect();
  many.send("*11\r\n");
  node.turn();
  CHECK(many.received() == "-ERR Protocol error: unauthenticated multibulk length\r\n");
  TestClient large = node.connect();
  large.send("*2\r\n$4\r\nAUTH\r\n$16385\r\n");
  node.turn();
  CHECK(large.received() == "-ERR Protocol error: unauthenticated bulk length\r\n");
  TestClient fits = node.connect();
  fits.send("*10\r\n$4\r\nAUTH\r\n$16384\r\n");
  node.turn();
  CHECK(fits.received().empty());
  TestClient member = node.connect();
  member.send("AUTH sesame\r\n*12\r\n$3\r\nDEL\r\n");
  for (int i = 0; i < 11; ++i) member.send("$1\r\nk\r\n");
  node.turn();
  CHECK(member.received() == "+OK\r\n:0\r\n");
}

TEST_CASE("session: the output limit holds within an EXEC", "[server]") {
  TestNode node;
  REQUIRE(node.set("client-output-buffer-limit", "normal 4mb 0 0"));
  TestClient client = node.connect();
  client.ask({"SET", "big", std::string(1'500'000, 'x')});
  client.ask({"MULTI"});
  for (int i = 0; i < 20; ++i) client.ask({"GET", "big"});
  client.ask({"SET", "reached", "yes"});
  CHECK(client.ask({"EXEC"}).empty());
  CHECK(client.stream().destroyed);
  CHECK(node.node().stats().output_buffer_limit_disconnections == 1);
  TestClient other = node.connect();
  CHECK(other.ask({"GET", "reached"}) == "$3\r\nyes\r\n");
}

TEST_CASE("session: `timeout` doesn't cut a slow transfer that makes progress", "[server]") {
  TestNode node;
  REQUIRE(node.set("timeout", "5"));
  TestClient loader = node.connect();
  loader.ask({"SET", "big", std::string(1'000'000, 'x')});
  TestClient slow = node.connect();
  slow.stream().takes_nothing = true;
  slow.ask({"GET", "big"});
  REQUIRE(slow.stream().stuck > 900'000);
  for (int second = 0; second < 20; ++second) {
    slow.stream().stuck -= 1000;
    node.advance_ms(1'000);
  }
  CHECK_FALSE(slow.stream().destroyed);
  for (int second = 0; second < 8; ++second) node.advance_ms(1'000);
  CHECK(slow.stream().destroyed);  // it has stopped reading
}

TEST_CASE("session: a password that was taken away locks nobody out", "[server]") {
  TestNode node;
  REQUIRE(node.set("requirepass", "sesame"));
  TestClient client = node.connect();
  CHECK(client.ask({"GET", "k"}).starts_with("-NOAUTH"));
  REQUIRE(node.set("requirepass", ""));
  CHECK(client.ask({"GET", "k"}) == "$-1\r\n");
}

TEST_CASE("session: a session without extras is small", "[server]") {
  CHECK(sizeof(Session) <= 1024);
}

}  // namespace

TEST_CASE("node: a long command breathes through the edge, a short one doesn't", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  for (int i = 0; i < 25'000; ++i) {
    client.send_request({"SET", "key:" + std::to_string(i), "1"});
    if (i % 100 == 99) node.turn();
  }
  node.turn();
  static_cast<void>(client.received());
  CHECK(node.edge().breaths == 0);
  CHECK(client.ask({"KEYS", "nothing"}) == "*0\r\n");
  CHECK(node.edge().breaths >= 2);
}

}  // namespace quoris::server
