#include "server/commands/client_commands.h"

#include <catch2/catch.hpp>

#include "tests/server/node_fixture.h"

namespace quoris::server {
namespace {

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("CLIENT LIST: a line per connection, the caller's own tells of this command",
          "[server]") {
  TestNode node;
  TestClient first = node.connect();
  TestClient second = node.connect();
  first.ask({"CLIENT", "SETNAME", "bob"});
  first.ask({"SELECT", "3"});
  const std::string list = second.ask({"CLIENT", "LIST"});
  CHECK(contains(list,
                 "id=1 addr=127.0.0.1:50000 laddr=127.0.0.1:6379 fd=8 name=bob age=0 idle=0 "
                 "flags=N db=3 sub=0 psub=0 ssub=0 multi=-1 qbuf=0 "));
  CHECK(contains(list, "cmd=select user=default redir=-1 resp=2 lib-name= lib-ver=\n"));
  CHECK(contains(list, "\nid=2 "));
  CHECK(contains(list, "argv-mem=10 multi-mem=0 "));
  CHECK(contains(list, "cmd=client|list "));
}

TEST_CASE("CLIENT LIST: age, idle time and the queue of MULTI are true", "[server]") {
  TestNode node;
  TestClient first = node.connect();
  TestClient second = node.connect();
  first.ask({"MULTI"});
  first.ask({"SET", "k", "v"});
  node.advance_ms(4000);
  second.ask({"PING"});
  const std::string line = second.ask({"CLIENT", "LIST", "ID", "1"});
  CHECK(contains(line, " age=4 idle=4 flags=x "));
  CHECK(contains(line, " multi=1 "));
  CHECK_FALSE(contains(line, "id=2 "));
}

TEST_CASE("CLIENT LIST: a transaction that was lost before MULTI queues nothing", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  TestClient other = node.connect();
  client.ask({"WATCH", "k"});
  other.ask({"SET", "k", "1"});
  client.ask({"MULTI"});
  CHECK(client.ask({"PING"}) == "+QUEUED\r\n");
  CHECK(contains(other.ask({"CLIENT", "LIST", "ID", "1"}), " multi=0 "));
  // As absent as at WATCH; it is too late.
  other.ask({"DEL", "k"});
  CHECK(client.ask({"EXEC"}) == "*-1\r\n");
}

TEST_CASE("CLIENT LIST: filters by kind and by number", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  CHECK(contains(client.ask({"CLIENT", "LIST", "TYPE", "NORMAL"}), "id=1 "));
  CHECK(client.ask({"CLIENT", "LIST", "TYPE", "replica"}) == "$0\r\n\r\n");
  CHECK(client.ask({"CLIENT", "LIST", "TYPE", "x"}) == "-ERR Unknown client type 'x'\r\n");
  CHECK(client.ask({"CLIENT", "LIST", "ID", "7", "-1"}) == "$0\r\n\r\n");
  CHECK(client.ask({"CLIENT", "LIST", "ID", "1", "x"}) == "-ERR Invalid client ID\r\n");
  CHECK(client.ask({"CLIENT", "LIST", "ID"}) == "-ERR syntax error\r\n");
}

TEST_CASE("CLIENT KILL: another connection ends at once, one's own after the reply", "[server]") {
  TestNode node;
  TestClient first = node.connect();
  TestClient second = node.connect();
  CHECK(second.ask({"CLIENT", "KILL", "ID", "1"}) == ":1\r\n");
  CHECK(first.stream().destroyed);
  CHECK(second.ask({"CLIENT", "KILL", "ID", "2"}) == ":0\r\n");  // spares the caller
  CHECK(second.ask({"CLIENT", "KILL", "ID", "2", "SKIPME", "no"}) == ":1\r\n");
  CHECK(second.stream().closed_after_write);
  CHECK(second.ask({"PING"}).empty());
}

TEST_CASE("CLIENT KILL: a killed connection's commands of the same turn don't run", "[server]") {
  TestNode node;
  TestClient killer = node.connect();
  TestClient victim = node.connect();
  killer.send_request({"CLIENT", "KILL", "ID", "2"});
  victim.send_request({"SET", "k", "v"});
  node.turn();
  CHECK(victim.stream().destroyed);
  CHECK(killer.received() == ":1\r\n");
  CHECK(killer.ask({"EXISTS", "k"}) == ":0\r\n");
}

TEST_CASE("CLIENT KILL: all options must apply, bad ones are refused", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  TestClient other = node.connect();
  CHECK(client.ask({"CLIENT", "KILL", "ADDR", "127.0.0.1:50000", "TYPE", "pubsub"}) == ":0\r\n");
  CHECK(client.ask({"CLIENT", "KILL", "LADDR", "127.0.0.1:1"}) == ":0\r\n");
  CHECK(client.ask({"CLIENT", "KILL", "USER", "nobody"}) == "-ERR No such user 'nobody'\r\n");
  CHECK(client.ask({"CLIENT", "KILL", "ID", "0"}) == "-ERR client-id should be greater than 0\r\n");
  CHECK(client.ask({"CLIENT", "KILL", "TYPE", "x"}) == "-ERR Unknown client type 'x'\r\n");
  CHECK(client.ask({"CLIENT", "KILL", "SKIPME", "x"}) == "-ERR syntax error\r\n");
  CHECK(client.ask({"CLIENT", "KILL", "ID", "1", "ADDR"}) == "-ERR syntax error\r\n");
  CHECK(client.ask({"CLIENT", "KILL", "1.2.3.4:5"}) == "-ERR No such client\r\n");
  // An empty address is an address, not all of them.
  CHECK(client.ask({"CLIENT", "KILL", ""}) == "-ERR No such client\r\n");
  CHECK(client.ask({"CLIENT", "KILL", "ADDR", ""}) == ":0\r\n");
  CHECK(client.ask({"CLIENT", "KILL", "LADDR", ""}) == ":0\r\n");
  CHECK_FALSE(other.stream().destroyed);
  CHECK(client.ask({"CLIENT", "KILL", "USER", "default", "LADDR", "127.0.0.1:6379"}) == ":1\r\n");
  CHECK(other.stream().destroyed);
}

TEST_CASE("CLIENT PAUSE: commands wait until its time is up or UNPAUSE", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  TestClient other = node.connect();
  CHECK(client.ask({"CLIENT", "PAUSE", "1000", "WRITE"}) == "+OK\r\n");
  CHECK(other.ask({"GET", "k"}) == "$-1\r\n");
  CHECK(other.ask({"SET", "k", "v"}).empty());
  node.advance_ms(1100);
  CHECK(other.received() == "+OK\r\n");
  CHECK(client.ask({"CLIENT", "PAUSE", "9223372036854775807"}) == "+OK\r\n");
  CHECK(other.ask({"PING"}).empty());
}

TEST_CASE("CLIENT PAUSE: the mode is looked at before the time", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  CHECK(client.ask({"CLIENT", "PAUSE", "x", "y"}) ==
        "-ERR CLIENT PAUSE mode must be WRITE or ALL\r\n");
  CHECK(client.ask({"CLIENT", "PAUSE", "x"}) ==
        "-ERR timeout is not an integer or out of range\r\n");
  CHECK(client.ask({"CLIENT", "PAUSE", "-1"}) == "-ERR timeout is negative\r\n");
}

TEST_CASE("CLIENT UNBLOCK: ends a WAIT, with its reply or an error", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  TestClient other = node.connect();
  CHECK(client.ask({"CLIENT", "UNBLOCK", "2"}) == ":0\r\n");
  CHECK(other.ask({"WAIT", "1", "0"}).empty());
  CHECK(contains(client.ask({"CLIENT", "LIST", "ID", "2"}), " flags=b "));
  CHECK(client.ask({"CLIENT", "UNBLOCK", "2"}) == ":1\r\n");
  CHECK(other.received() == ":0\r\n");
  CHECK(other.ask({"WAIT", "1", "0"}).empty());
  CHECK(client.ask({"CLIENT", "UNBLOCK", "2", "ERROR"}) == ":1\r\n");
  CHECK(other.received() == "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n");
  CHECK(client.ask({"CLIENT", "UNBLOCK", "x", "FOO"}) ==
        "-ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR\r\n");
}

TEST_CASE("CLIENT UNBLOCK: counts as a failure of the command that waited", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  TestClient other = node.connect();
  const CommandStats& wait =
      node.node().stats().commands[node.node().commands().find("wait")->index];
  other.ask({"WAIT", "1", "0"});
  client.ask({"CLIENT", "UNBLOCK", "2", "ERROR"});
  CHECK(wait.failed == 1);
  CHECK(node.node().stats().error_codes.at("UNBLOCKED") == 1);
  CHECK(node.node().stats().errors == 1);
  other.ask({"WAIT", "1", "0"});
  client.ask({"CLIENT", "UNBLOCK", "2", "TIMEOUT"});
  CHECK(wait.failed == 2);
  other.ask({"WAIT", "1", "100"});
  node.advance_ms(200);
  CHECK(wait.failed == 2);
  CHECK(wait.calls == 3);
  CHECK(node.node().stats().errors == 1);
}

TEST_CASE("CLIENT REPLY: what ends a wait that began in silence is not sent", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  client.send("CLIENT REPLY OFF\r\nWAIT 1 100\r\n");
  node.turn();
  node.advance_ms(200);
  CHECK(client.received().empty());
  CHECK(client.ask({"CLIENT", "REPLY", "ON"}) == "+OK\r\n");
  client.send("CLIENT REPLY SKIP\r\nWAIT 1 100\r\nPING\r\n");
  node.turn();
  node.advance_ms(200);
  CHECK(client.received() == "+PONG\r\n");
}

TEST_CASE("CLIENT LIST: EXEC shows the transaction that it runs", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  client.send("MULTI\r\nSET k v\r\nCLIENT INFO\r\nEXEC\r\n");
  node.turn();
  const std::string line = client.received();
  CHECK(contains(line, " flags=x "));
  CHECK(contains(line, " multi=2 "));
  CHECK(contains(line, " argv-mem=4 "));
  CHECK(contains(line, " cmd=exec "));
  CHECK_FALSE(contains(line, " multi-mem=0 "));
  CHECK(contains(client.ask({"CLIENT", "INFO"}), " multi=-1 "));
}

TEST_CASE("CLIENT REPLY: off is silent, skip swallows one reply", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  CHECK(client.ask({"CLIENT", "REPLY", "SKIP"}).empty());
  CHECK(client.ask({"PING"}).empty());
  CHECK(client.ask({"PING"}) == "+PONG\r\n");
  CHECK(client.ask({"CLIENT", "REPLY", "OFF"}).empty());
  CHECK(client.ask({"PING"}).empty());
  CHECK(client.ask({"CLIENT", "REPLY", "SKIP"}).empty());
  CHECK(client.ask({"PING"}).empty());
  CHECK(client.ask({"PING"}).empty());
  CHECK(client.ask({"CLIENT", "REPLY", "ON"}) == "+OK\r\n");
  CHECK(client.ask({"CLIENT", "REPLY", "x"}) == "-ERR syntax error\r\n");
}

TEST_CASE("CLIENT SETINFO: library name and version stand in CLIENT INFO", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  CHECK(client.ask({"CLIENT", "SETINFO", "lib-name", "redis-py(x)"}) == "+OK\r\n");
  CHECK(client.ask({"CLIENT", "SETINFO", "LIB-VER", "1.2"}) == "+OK\r\n");
  CHECK(contains(client.ask({"CLIENT", "INFO"}), " resp=2 lib-name=redis-py(x) lib-ver=1.2\n"));
  CHECK(client.ask({"CLIENT", "SETINFO", "lib-name", "a b"}) ==
        "-ERR lib-name cannot contain spaces, newlines or special characters.\r\n");
  CHECK(client.ask({"CLIENT", "SETINFO", "x", "y"}) == "-ERR Unrecognized option 'x'\r\n");
  CHECK(contains(client.ask({"CLIENT", "INFO"}), " lib-name=redis-py(x) lib-ver=1.2\n"));
}

TEST_CASE("CLIENT NO-TOUCH and NO-EVICT: shown as flags", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  CHECK(client.ask({"CLIENT", "NO-EVICT", "on"}) == "+OK\r\n");
  CHECK(client.ask({"CLIENT", "NO-TOUCH", "ON"}) == "+OK\r\n");
  CHECK(contains(client.ask({"CLIENT", "INFO"}), " flags=eT "));
  CHECK(client.ask({"CLIENT", "NO-TOUCH", "maybe"}) == "-ERR syntax error\r\n");
  CHECK(client.ask({"CLIENT", "NO-EVICT", "OFF"}) == "+OK\r\n");
  CHECK(contains(client.ask({"CLIENT", "INFO"}), " flags=T "));
}

}  // namespace
}  // namespace quoris::server
