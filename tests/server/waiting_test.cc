#include "server/waiting.h"

#include <catch2/catch.hpp>

#include "command/args.h"
#include "command/errors.h"
#include "command/row_parts.h"
#include "store/packed.h"
#include "store/packed_element.h"
#include "tests/server/node_fixture.h"

namespace quoris::server {
namespace {

using command::DataContext;
using store::Type;

// Commands of the test's own, so that it knows nothing of lists but their type: a list has a
// number of items, which are all alike.

void put_items(DataContext& context, std::string_view name, Type type, int64_t count) {
  if (count == 0) {
    context.writer().remove(context.db(), context.keyspace().hashed(name));
    return;
  }
  std::string items;
  for (int64_t i = 0; i < count; ++i)
    store::packed::append(items, store::packed::best_element("x"));
  const std::string block = store::packed::block_of(items, static_cast<size_t>(count));
  const store::HashedKey scratch = context.keyspace().hashed("scratch");
  store::Entry& entry = context.keyspace().put_block(
      scratch, {.type = type, .encoding = store::Encoding::packed, .block = block},
      store::kNoVersion, store::kNoExpiry, 0, nullptr);
  // The writer tells those who wait.
  context.writer().copy(context.db(), entry, context.db(), context.keyspace().hashed(name));
  context.writer().remove(context.db(), scratch);
}

size_t items_of(const store::Entry& entry) { return store::PackedView(entry.block()).count(); }

// FILL key count [zset]
void fill(DataContext& context) {
  put_items(context, context.argument(1), context.count() > 3 ? Type::zset : Type::list,
            *parse_int64(context.argument(2)));
  context.reply().ok();
}

// False, and WRONGTYPE is the reply, if there is something that is no list.
bool check_list(DataContext& context, const store::Entry* entry) {
  if (entry == nullptr || entry->type() == Type::list) return true;
  context.reply().error(command::errors::kWrongType);
  return false;
}

// TAKE key ... timeout_ms: the name of the first key with an item, of which one goes.
void take(DataContext& context) {
  const auto keys = context.arguments().subspan(1, context.count() - 2);
  for (size_t index = 1; index + 1 < context.count(); ++index) {
    const store::Entry* entry = context.find_for_write(context.key(index));
    if (!check_list(context, entry)) return;
    if (entry == nullptr) continue;
    put_items(context, context.argument(index), Type::list,
              static_cast<int64_t>(items_of(*entry)) - 1);
    return context.reply().bulk(context.argument(index));
  }
  const int64_t timeout_ms = *parse_int64(context.argument(context.count() - 1));
  context.wait({.keys = keys, .type = Type::list, .timeout_ms = timeout_ms});
}

// PASS from to: moves an item, or waits for one.
void pass(DataContext& context) {
  const store::Entry* from = context.find_for_write(context.key(1));
  if (from == nullptr) return context.wait({.keys = context.arguments().subspan(1, 1)});
  const auto left = static_cast<int64_t>(items_of(*from)) - 1;
  const store::Entry* to = context.find_for_write(context.key(2));
  if (!check_list(context, to)) return;
  const int64_t there = to == nullptr ? 0 : static_cast<int64_t>(items_of(*to));
  put_items(context, context.argument(1), Type::list, left);
  put_items(context, context.argument(2), Type::list, there + 1);
  context.reply().ok();
}

constexpr auto kRows = std::to_array<command::CommandSpec>({
    {.name = "FILL",
     .arity = -3,
     .flags = command::write,
     .keys = command::kKeyUpdated,
     .handler = &fill},
    {.name = "TAKE", .arity = -3, .flags = command::write | command::blocking, .handler = &take},
    {.name = "PASS", .arity = 3, .flags = command::write | command::blocking, .handler = &pass},
});

struct Fixture {
  TestNode node{1, kRows};
  TestClient a = node.connect();
  TestClient b = node.connect();
  TestClient c = node.connect();
};

TEST_CASE("those who wait for a key are served in the order in which they came", "[server]") {
  Fixture f;
  CHECK(f.b.ask({"TAKE", "k", "0"}).empty());
  CHECK(f.a.ask({"TAKE", "k", "0"}).empty());
  CHECK(f.node.node().blocked_count() == 2);
  CHECK(f.c.ask({"FILL", "k", "1"}) == "+OK\r\n");
  CHECK(f.b.received() == "$1\r\nk\r\n");
  CHECK(f.a.received().empty());
  f.c.ask({"FILL", "k", "5"});
  CHECK(f.a.received() == "$1\r\nk\r\n");
  CHECK(f.node.node().blocked_count() == 0);
  CHECK(f.node.node().waiting().listener() == nullptr);
}

TEST_CASE("what a served command takes is an event of latency", "[server]") {
  Fixture f;
  REQUIRE(f.node.set("latency-monitor-threshold", "10"));
  f.a.ask({"TAKE", "k", "0"});
  f.node.advance_ms(1'000);
  f.b.ask({"SET", "other", "1"});
  CHECK(f.c.ask({"LATENCY", "HISTORY", "command-unblocking"}) == "*0\r\n");
  f.node.clock().set_cost_of_look(30'000);
  f.b.ask({"FILL", "k", "1"});
  f.node.clock().set_cost_of_look(0);
  CHECK(f.a.received() == "$1\r\nk\r\n");
  const std::string history = f.c.ask({"LATENCY", "HISTORY", "command-unblocking"});
  CHECK(history.starts_with("*1\r\n*2\r\n:"));
  CHECK(history.ends_with("\r\n:30\r\n"));
}

TEST_CASE("as many are served as there are items", "[server]") {
  Fixture f;
  TestClient d = f.node.connect();
  f.a.ask({"TAKE", "k", "0"});
  f.b.ask({"TAKE", "k", "0"});
  f.c.ask({"TAKE", "k", "0"});
  d.ask({"FILL", "k", "2"});
  CHECK(f.a.received() == "$1\r\nk\r\n");
  CHECK(f.b.received() == "$1\r\nk\r\n");
  CHECK(f.c.received().empty());
  CHECK(d.ask({"EXISTS", "k"}) == ":0\r\n");
}

TEST_CASE("the key that was filled first serves, whatever the order of preference", "[server]") {
  Fixture f;
  f.a.ask({"TAKE", "first", "second", "0"});
  f.b.ask({"MULTI"});
  f.b.ask({"FILL", "second", "1"});
  f.b.ask({"FILL", "first", "1"});
  CHECK(f.a.received().empty());
  f.b.ask({"EXEC"});
  CHECK(f.a.received() == "$6\r\nsecond\r\n");
  CHECK(f.b.ask({"EXISTS", "first"}) == ":1\r\n");
}

TEST_CASE("a transaction is over before anybody is served", "[server]") {
  Fixture f;
  f.a.ask({"TAKE", "k", "0"});
  f.b.ask({"MULTI"});
  f.b.ask({"FILL", "k", "1"});
  f.b.ask({"DEL", "k"});
  f.b.ask({"EXEC"});
  CHECK(f.a.received().empty());
  CHECK(f.node.node().blocked_count() == 1);
}

TEST_CASE("in a transaction nothing waits", "[server]") {
  Fixture f;
  f.a.ask({"MULTI"});
  f.a.ask({"TAKE", "k", "0"});
  CHECK(f.a.ask({"EXEC"}) == "*1\r\n*-1\r\n");
  CHECK(f.a.ask({"PING"}) == "+PONG\r\n");
}

TEST_CASE("a value of another type serves nobody", "[server]") {
  Fixture f;
  f.a.ask({"TAKE", "k", "l", "0"});
  f.b.ask({"FILL", "k", "1", "zset"});
  CHECK(f.a.received().empty());
  f.b.ask({"SET", "k", "text"});
  CHECK(f.a.received().empty());
  // The other key serves, though a look at the first one would now be an error.
  f.b.ask({"FILL", "l", "1"});
  CHECK(f.a.received() == "$1\r\nl\r\n");
}

TEST_CASE("who is served may fill a key that others wait for", "[server]") {
  Fixture f;
  TestClient d = f.node.connect();
  f.a.ask({"TAKE", "third", "0"});
  f.b.ask({"PASS", "second", "third"});
  f.c.ask({"PASS", "first", "second"});
  CHECK(d.ask({"FILL", "first", "1"}) == "+OK\r\n");
  CHECK(f.c.received() == "+OK\r\n");
  CHECK(f.b.received() == "+OK\r\n");
  CHECK(f.a.received() == "$5\r\nthird\r\n");
  CHECK(d.ask({"DBSIZE"}) == ":0\r\n");
}

TEST_CASE("an error is an answer too, and the next in line is served", "[server]") {
  Fixture f;
  f.a.ask({"PASS", "k", "text"});
  f.b.ask({"TAKE", "k", "0"});
  f.c.ask({"SET", "text", "v"});
  f.c.ask({"FILL", "k", "1"});
  CHECK(f.a.received().starts_with("-WRONGTYPE"));
  CHECK(f.b.received() == "$1\r\nk\r\n");
}

TEST_CASE("a wait ends when its time is up", "[server]") {
  Fixture f;
  f.a.ask({"TAKE", "k", "500"});
  f.node.advance_ms(499);
  CHECK(f.a.received().empty());
  f.node.advance_ms(1);
  CHECK(f.a.received() == "*-1\r\n");
  CHECK(f.node.node().waiting().listener() == nullptr);
  f.b.ask({"FILL", "k", "1"});
  CHECK(f.a.received().empty());
  f.a.ask({"HELLO", "3"});
  f.a.ask({"TAKE", "other", "500"});
  f.node.advance_ms(500);
  CHECK(f.a.received() == "_\r\n");
}

TEST_CASE("CLIENT UNBLOCK ends a wait as it says", "[server]") {
  Fixture f;
  f.a.ask({"TAKE", "k", "0"});
  CHECK(f.b.ask({"CLIENT", "UNBLOCK", "1"}) == ":1\r\n");
  CHECK(f.a.received() == "*-1\r\n");
  f.a.ask({"TAKE", "k", "0"});
  CHECK(f.b.ask({"CLIENT", "UNBLOCK", "1", "ERROR"}) == ":1\r\n");
  CHECK(f.a.received() == "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n");
  CHECK(f.b.ask({"CLIENT", "UNBLOCK", "1"}) == ":0\r\n");
  CHECK(f.b.ask({"INFO", "commandstats"}).find("cmdstat_take:calls=2,") != std::string::npos);
  CHECK(f.b.ask({"INFO", "commandstats"}).find("failed_calls=2\r\n") != std::string::npos);
}

TEST_CASE("one that has left, or is being closed, takes nothing", "[server]") {
  Fixture f;
  f.a.ask({"TAKE", "k", "0"});
  f.b.ask({"TAKE", "k", "0"});
  f.a.hang_up();
  f.c.send_request({"CLIENT", "KILL", "ID", "2"});
  f.c.send_request({"FILL", "k", "1"});
  f.node.turn();
  CHECK(f.c.received() == ":1\r\n+OK\r\n");
  CHECK(f.c.ask({"EXISTS", "k"}) == ":1\r\n");
  CHECK(f.node.node().blocked_count() == 0);
  CHECK(f.node.node().waiting().listener() == nullptr);
}

TEST_CASE("what a waiting connection sent meanwhile runs after it was served", "[server]") {
  Fixture f;
  f.a.send_request({"TAKE", "k", "0"});
  f.a.send_request({"PING"});
  f.node.turn();
  CHECK(f.a.received().empty());
  f.b.ask({"FILL", "k", "1"});
  CHECK(f.a.received() == "$1\r\nk\r\n+PONG\r\n");
}

TEST_CASE("the same key twice is one place in the queue", "[server]") {
  Fixture f;
  f.a.ask({"TAKE", "k", "k", "0"});
  f.b.ask({"TAKE", "k", "0"});
  f.c.ask({"FILL", "k", "2"});
  CHECK(f.a.received() == "$1\r\nk\r\n");
  CHECK(f.b.received() == "$1\r\nk\r\n");
}

TEST_CASE("keys of another database are other keys, until SWAPDB", "[server]") {
  Fixture f;
  f.a.ask({"TAKE", "k", "0"});
  f.b.ask({"SELECT", "1"});
  f.b.ask({"FILL", "k", "1"});
  CHECK(f.a.received().empty());
  f.b.ask({"SWAPDB", "0", "1"});
  CHECK(f.a.received() == "$1\r\nk\r\n");
}

TEST_CASE("a value that is renamed or copied to a key serves those who wait for it", "[server]") {
  Fixture f;
  f.b.ask({"FILL", "one", "1"});
  f.b.ask({"FILL", "two", "1"});
  f.a.ask({"TAKE", "k", "0"});
  f.b.ask({"RENAME", "one", "k"});
  CHECK(f.a.received() == "$1\r\nk\r\n");
  f.a.ask({"TAKE", "k", "0"});
  f.b.ask({"COPY", "two", "k"});
  CHECK(f.a.received() == "$1\r\nk\r\n");
}

TEST_CASE("who waits shows in CLIENT LIST, INFO and memory", "[server]") {
  Fixture f;
  const size_t before = f.a.session().memory();
  const std::string long_key(100'000, 'k');
  f.a.ask({"TAKE", long_key, "0"});
  CHECK(f.a.session().memory() > before + 100'000);
  const std::string line = f.b.ask({"CLIENT", "LIST", "ID", "1"});
  CHECK(line.find(" flags=b ") != std::string::npos);
  CHECK(line.find(" cmd=take ") != std::string::npos);
  CHECK(f.b.ask({"INFO", "clients"}).find("blocked_clients:1\r\n") != std::string::npos);
}

TEST_CASE("a wait counts as one call, with the time that it took in the slow log", "[server]") {
  Fixture f;
  f.node.set("slowlog-log-slower-than", "0");
  f.a.ask({"TAKE", "x", "k", "0"});
  CHECK(f.b.ask({"SLOWLOG", "LEN"}) == ":0\r\n");
  f.b.ask({"FILL", "k", "1"});
  CHECK(f.a.received() == "$1\r\nk\r\n");
  const std::string stats = f.b.ask({"INFO", "commandstats"});
  CHECK(stats.find("cmdstat_take:calls=1,") != std::string::npos);
  // With the arguments that the client sent.
  CHECK(f.b.ask({"SLOWLOG", "GET"}).find("*4\r\n$4\r\nTAKE\r\n$1\r\nx\r\n$1\r\nk\r\n$1\r\n0\r\n") !=
        std::string::npos);
}

TEST_CASE("CLIENT REPLY holds for a command that waited", "[server]") {
  Fixture f;
  f.a.ask({"CLIENT", "REPLY", "SKIP"});
  f.a.ask({"TAKE", "k", "0"});
  f.b.ask({"FILL", "k", "1"});
  CHECK(f.a.received().empty());
  CHECK(f.a.ask({"PING"}) == "+PONG\r\n");
}

struct Batches final : BatchListener {
  void on_batch(std::span<const store::Mutation> batch) override { sizes.push_back(batch.size()); }

  void on_turn_end() override {}

  std::vector<size_t> sizes;
};

TEST_CASE("what a served command writes is a batch of its own", "[server]") {
  Fixture f;
  Batches batches;
  f.node.node().outbox().add_listener(batches);
  f.a.ask({"TAKE", "k", "0"});
  CHECK(batches.sizes.empty());
  f.b.ask({"FILL", "k", "1"});
  CHECK(f.a.received() == "$1\r\nk\r\n");
  CHECK(batches.sizes.size() == 2);
}

}  // namespace
}  // namespace quoris::server
