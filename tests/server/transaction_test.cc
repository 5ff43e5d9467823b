#include <catch2/catch.hpp>

#include "tests/server/node_fixture.h"

namespace quoris::server {
namespace {

// Keeps whole batches as they were handed on.
class RecordingListener final : public BatchListener {
 public:
  void on_batch(std::span<const store::Mutation> batch) override { sizes.push_back(batch.size()); }

  void on_turn_end() override { ++turns; }

  std::vector<size_t> sizes;
  int turns = 0;
};

TEST_CASE("transaction: MULTI queues, EXEC runs all and answers an array", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  CHECK(client.ask({"MULTI"}) == "+OK\r\n");
  CHECK(client.ask({"SET", "a", "1"}) == "+QUEUED\r\n");
  CHECK(client.ask({"INCR", "a"}) == "+QUEUED\r\n");
  CHECK(client.ask({"EXEC"}) == "*2\r\n+OK\r\n:2\r\n");
  CHECK(client.ask({"EXEC"}) == "-ERR EXEC without MULTI\r\n");
}

TEST_CASE("transaction: the effects of an EXEC are one batch, those of MSET too", "[server]") {
  TestNode node;
  RecordingListener listener;
  node.node().outbox().add_listener(listener);
  TestClient client = node.connect();
  client.send("MULTI\r\nSET a 1\r\nGET a\r\nMSET b 2 c 3\r\nEXEC\r\nMSET d 4 e 5\r\nGET a\r\n");
  node.turn();
  CHECK(listener.sizes == std::vector<size_t>{3, 2});
  CHECK(listener.turns >= 1);
}

TEST_CASE("transaction: an error while queuing aborts EXEC, one while running does not",
          "[server]") {
  TestNode node;
  TestClient client = node.connect();
  client.ask({"MULTI"});
  CHECK(client.ask({"NOSUCH"}).starts_with("-ERR unknown command 'NOSUCH'"));
  client.ask({"SET", "a", "1"});
  CHECK(client.ask({"EXEC"}) == "-EXECABORT Transaction discarded because of previous errors.\r\n");
  CHECK(client.ask({"GET", "a"}) == "$-1\r\n");

  client.ask({"SET", "text", "abc"});
  client.ask({"MULTI"});
  client.ask({"INCR", "text"});
  client.ask({"SET", "b", "2"});
  CHECK(client.ask({"EXEC"}) == "*2\r\n-ERR value is not an integer or out of range\r\n+OK\r\n");
}

TEST_CASE("transaction: WATCH compares versions", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  TestClient other = node.connect();
  const auto exec_after = [&](std::initializer_list<std::string_view> change) {
    client.ask({"SET", "k", "1"});
    client.ask({"DEL", "absent"});
    client.ask({"WATCH", "k", "absent"});
    other.ask(change);
    client.ask({"MULTI"});
    client.ask({"PING"});
    return client.ask({"EXEC"});
  };
  const std::string ran = "*1\r\n+PONG\r\n";
  const std::string stopped = "*-1\r\n";
  CHECK(exec_after({"GET", "k"}) == ran);
  CHECK(exec_after({"SET", "elsewhere", "1"}) == ran);
  CHECK(exec_after({"SET", "k", "1"}) == stopped);
  CHECK(exec_after({"SET", "absent", "1"}) == stopped);
  CHECK(exec_after({"DEL", "k"}) == stopped);
  CHECK(exec_after({"EXPIRE", "k", "100"}) == stopped);
  CHECK(exec_after({"FLUSHALL"}) == stopped);
  CHECK(exec_after({"SWAPDB", "0", "1"}) == stopped);
  other.ask({"SWAPDB", "0", "1"});
}

TEST_CASE("transaction: a watched key whose time comes stops EXEC", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  client.ask({"SET", "k", "1", "PX", "50"});
  client.ask({"WATCH", "k"});
  node.advance_ms(100);
  client.ask({"MULTI"});
  client.ask({"PING"});
  CHECK(client.ask({"EXEC"}) == "*-1\r\n");
}

TEST_CASE("transaction: UNWATCH, DISCARD and EXEC forget what was watched", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  TestClient other = node.connect();
  for (const std::string_view forget : {"UNWATCH", "DISCARD", "EXEC"}) {
    client.ask({"WATCH", "k"});
    if (forget != "UNWATCH") client.ask({"MULTI"});
    client.ask({forget});
    other.ask({"INCR", "k"});
    client.ask({"MULTI"});
    client.ask({"PING"});
    CHECK(client.ask({"EXEC"}) == "*1\r\n+PONG\r\n");
  }
}

TEST_CASE("transaction: nesting and WATCH inside are refused, without breaking it", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  client.ask({"MULTI"});
  CHECK(client.ask({"MULTI"}) == "-ERR MULTI calls can not be nested\r\n");
  CHECK(client.ask({"WATCH", "k"}) == "-ERR WATCH inside MULTI is not allowed\r\n");
  client.ask({"PING"});
  CHECK(client.ask({"EXEC"}) == "*1\r\n+PONG\r\n");
  CHECK(client.ask({"DISCARD"}) == "-ERR DISCARD without MULTI\r\n");
}

TEST_CASE("pause: WRITE holds writes back and lets reads through, until its time is up",
          "[server]") {
  TestNode node;
  TestClient admin = node.connect();
  TestClient writer = node.connect();
  CHECK(admin.ask({"CLIENT", "PAUSE", "1000", "WRITE"}) == "+OK\r\n");
  CHECK(admin.ask({"GET", "k"}) == "$-1\r\n");
  CHECK(writer.ask({"SET", "k", "v"}).empty());
  writer.send("GET k\r\n");
  node.advance_ms(500);
  CHECK(writer.received().empty());
  node.advance_ms(600);
  CHECK(writer.received() == "+OK\r\n$1\r\nv\r\n");
}

TEST_CASE("pause: keys that expire meanwhile are hidden, and neither removed nor told of",
          "[server]") {
  for (const std::string_view kind : {"WRITE", "ALL"}) {
    TestNode node;
    RecordingListener listener;
    TestClient client = node.connect();
    for (const std::string_view key : {"a", "b", "c"}) client.ask({"SET", key, "v", "PX", "50"});
    node.node().outbox().add_listener(listener);
    CHECK(client.ask({"CLIENT", "PAUSE", "10000", kind}) == "+OK\r\n");
    node.advance_ms(1'000);
    if (kind == "WRITE") {
      CHECK(client.ask({"GET", "a"}) == "$-1\r\n");
      CHECK(client.ask({"EXISTS", "a", "b"}) == ":0\r\n");
      CHECK(client.ask({"SCAN", "0"}) == "*2\r\n$1\r\n0\r\n*0\r\n");
      CHECK(client.ask({"RANDOMKEY"}) == "$-1\r\n");
      CHECK(client.ask({"TTL", "a"}) == ":-2\r\n");
      CHECK(client.ask({"DBSIZE"}) == ":3\r\n");
    }
    CHECK(node.node().stats().keyspace.expired == 0);
    CHECK(listener.sizes.empty());
    node.advance_ms(10'000);
    CHECK(node.node().stats().keyspace.expired == 3);
    CHECK_FALSE(listener.sizes.empty());
  }
}

TEST_CASE("transaction: behind its own CLIENT KILL a connection's commands run in silence",
          "[server]") {
  TestNode node;
  TestClient client = node.connect();
  client.send("MULTI\r\nPING a\r\nCLIENT KILL ID 1 SKIPME no\r\nSET k v\r\nPING b\r\n");
  client.send("EXEC\r\nPING c\r\n");
  node.turn();
  CHECK(client.received() ==
        "+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*4\r\n$1\r\na\r\n:1\r\n");
  CHECK(client.stream().closed_after_write);
  TestClient other = node.connect();
  CHECK(other.ask({"GET", "k"}) == "$1\r\nv\r\n");
}

TEST_CASE("transaction: CLIENT REPLY within EXEC counts from there on", "[server]") {
  const auto replies_of = [](std::string_view commands) {
    TestNode node;
    TestClient client = node.connect();
    client.send("SET a 1\r\n");
    client.send(commands);
    node.turn();
    const std::string all = client.received();
    return all.substr(all.rfind("QUEUED\r\n") == std::string::npos ? 5
                                                                   : all.rfind("QUEUED\r\n") + 8);
  };
  CHECK(replies_of("MULTI\r\nGET a\r\nCLIENT REPLY OFF\r\nGET a\r\nPING\r\nEXEC\r\nPING\r\n") ==
        "*4\r\n$1\r\n1\r\n");
  CHECK(replies_of("MULTI\r\nPING a\r\nCLIENT REPLY OFF\r\nPING b\r\nCLIENT REPLY ON\r\n"
                   "PING c\r\nEXEC\r\nPING d\r\n") ==
        "*5\r\n$1\r\na\r\n+OK\r\n$1\r\nc\r\n$1\r\nd\r\n");
  CHECK(replies_of("MULTI\r\nCLIENT REPLY SKIP\r\nPING b\r\nEXEC\r\nPING d\r\nPING e\r\n") ==
        "*2\r\n$1\r\nb\r\n$1\r\ne\r\n");
  CHECK(replies_of("CLIENT REPLY OFF\r\nMULTI\r\nPING a\r\nCLIENT REPLY x\r\n"
                   "CLIENT REPLY ON\r\nPING b\r\nEXEC\r\nPING d\r\n") ==
        "+OK\r\n$1\r\nb\r\n$1\r\nd\r\n");
}

TEST_CASE("transaction: many watched keys are counted once each, and in the client's memory",
          "[server]") {
  TestNode node;
  TestClient client = node.connect();
  TestClient other = node.connect();
  const size_t before = client.session().memory();
  constexpr size_t kKeys = 50'000;
  for (int round = 0; round < 2; ++round) {
    std::string request = fmt::format("*{}\r\n$5\r\nWATCH\r\n", kKeys + 1);
    for (size_t i = 0; i < kKeys; ++i) request += fmt::format("$40\r\n{:040}\r\n", i);
    client.send_all(request);
    CHECK(client.received() == "+OK\r\n");
    CHECK(client.session().watched().size() == kKeys);
  }
  CHECK(client.session().memory() - before >= kKeys * (40 + sizeof(WatchedKey)));
  client.ask({"SELECT", "1"});
  client.ask({"WATCH", fmt::format("{:040}", 1)});
  CHECK(client.session().watched().size() == kKeys + 1);
  other.ask({"SET", fmt::format("{:040}", kKeys - 1), "v"});
  client.ask({"MULTI"});
  CHECK(client.ask({"EXEC"}) == "*-1\r\n");
  CHECK(client.session().memory() <= before + 4 * resp::RequestReader::kReadSize);
}

TEST_CASE("pause: a transaction with a write waits as a whole", "[server]") {
  TestNode node;
  TestClient admin = node.connect();
  TestClient writer = node.connect();
  writer.send("MULTI\r\nINCR n\r\n");
  node.turn();
  admin.ask({"CLIENT", "PAUSE", "100000", "WRITE"});
  writer.received();
  CHECK(writer.ask({"EXEC"}).empty());
  CHECK(admin.ask({"CLIENT", "UNPAUSE"}) == "+OK\r\n");
  CHECK(writer.received() == "*1\r\n:1\r\n");
}

TEST_CASE("limits: past maxmemory only commands that free or read are run", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  client.ask({"SET", "k", "v"});
  REQUIRE(node.set("maxmemory", "1mb"));
  node.host().heap_bytes = 2 << 20;
  CHECK(client.ask({"SET", "k", "w"}) ==
        "-OOM command not allowed when used memory > 'maxmemory'.\r\n");
  CHECK(client.ask({"GET", "k"}) == "$1\r\nv\r\n");
  CHECK(client.ask({"DEL", "k"}) == ":1\r\n");
}

TEST_CASE("monitor: sees other clients' commands with passwords hidden", "[server]") {
  TestNode node;
  TestClient watcher = node.connect();
  TestClient client = node.connect();
  CHECK(watcher.ask({"MONITOR"}) == "+OK\r\n");
  client.ask({"SET", "k", "a b"});
  client.ask({"HELLO", "2", "AUTH", "default", "secret"});
  node.turn();
  const std::string seen = watcher.received();
  CHECK(seen.find("[0 127.0.0.1:50000] \"SET\" \"k\" \"a b\"\r\n") != std::string::npos);
  CHECK(seen.find("secret") == std::string::npos);
}

TEST_CASE("passwords: those of refused commands don't reach MONITOR and the slow log either",
          "[server]") {
  TestNode node;
  REQUIRE(node.set("slowlog-log-slower-than", "0"));
  REQUIRE(node.set("slowlog-max-len", "1000"));
  TestClient watcher = node.connect();
  watcher.ask({"MONITOR"});
  TestClient client = node.connect();
  client.ask({"AUTH", "secret"});
  client.ask({"AUTH", "user", "secret"});
  client.ask({"AUTH", "user", "secret", "extra"});
  client.ask({"HELLO", "x", "AUTH", "default", "secret"});
  client.ask({"HELLO", "9", "AUTH", "default", "secret"});
  client.ask({"HELLO", "AUTH", "default", "secret"});
  client.ask({"HELLO", "2", "AUTH", "secret"});
  client.ask({"HELLO", "2", "AUHT", "default", "secret"});
  client.ask({"HELLO", "2", "SETNAME", "a b", "AUTH", "default", "secret"});
  client.ask({"HELLO", "2", "AUTH", "nobody", "secret"});
  client.ask({"CONFIG", "SET", "requirepass", "pass", "secret"});
  client.ask({"CONFIG", "SET", "maxmemory", "x", "requirepass", "secret"});
  client.ask({"CONFIG", "SET", "extra", "requirepass", "secret"});
  client.ask({"CONFIG", "SET", "masterauth", "secret"});
  client.ask({"CONSISTENCY", "ONE", "AUTH", "secret"});
  client.send("MULTI\r\nAUTH secret\r\nHELLO 2 AUTH secret\r\nEXEC\r\n");
  node.turn();
  CHECK(watcher.received().find("secret") == std::string::npos);
  CHECK(node.node().slowlog().entries().size() >= 15);
  for (const SlowlogEntry& entry : node.node().slowlog().entries()) {
    for (const std::string& argument : entry.arguments) CHECK(argument != "secret");
  }
  // What is no secret stays.
  client.ask({"CONFIG", "SET", "maxmemory", "1234567", "hz", "20"});
  CHECK(node.node().slowlog().entries().front().arguments.back() == "20");
  CHECK(node.node().slowlog().entries().front().arguments[3] == "1234567");
}

TEST_CASE("auth: nothing but AUTH, HELLO, QUIT and RESET runs before the password", "[server]") {
  TestNode node;
  REQUIRE(node.set("requirepass", "sesame"));
  TestClient client = node.connect();
  CHECK(client.ask({"GET", "k"}) == "-NOAUTH Authentication required.\r\n");
  CHECK(client.ask({"AUTH", "wrong"}) ==
        "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
  CHECK(client.ask({"AUTH", "sesam"}).starts_with("-WRONGPASS"));
  CHECK(client.ask({"AUTH", "sesamesesame"}).starts_with("-WRONGPASS"));
  CHECK(client.ask({"AUTH", "sesame"}) == "+OK\r\n");
  CHECK(client.ask({"GET", "k"}) == "$-1\r\n");
}

TEST_CASE("reply mode: OFF and SKIP swallow replies", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  CHECK(client.ask({"CLIENT", "REPLY", "SKIP"}).empty());
  CHECK(client.ask({"PING"}).empty());
  CHECK(client.ask({"PING"}) == "+PONG\r\n");
  CHECK(client.ask({"CLIENT", "REPLY", "OFF"}).empty());
  CHECK(client.ask({"PING"}).empty());
  CHECK(client.ask({"CLIENT", "REPLY", "ON"}) == "+OK\r\n");
}

TEST_CASE("expiry: what is due is removed without anybody asking for it", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  for (int i = 0; i < 1000; ++i) {
    const std::string key = fmt::format("k{}", i);
    client.ask({"SET", key, "v", "PX", "200"});
  }
  client.ask({"SET", "stays", "v"});
  CHECK(client.ask({"DBSIZE"}) == ":1001\r\n");
  node.advance_ms(1'200);
  CHECK(client.ask({"DBSIZE"}) == ":1\r\n");
  CHECK(node.node().stats().keyspace.expired == 1000);
}

}  // namespace
}  // namespace quoris::server
