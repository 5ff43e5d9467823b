// Durability of a whole node over a simulated disk: what survives a killed process and a power cut,
// when replies leave, what a failing disk does to clients.
#include "server/durability/durability.h"

#include <catch2/catch.hpp>

#include "persistence/check.h"
#include "persistence/log_files.h"
#include "persistence/paths.h"
#include "tests/server/durable_machine.h"

namespace quoris::server {
namespace {

using Operation = sim::SimDisk::Operation;

constexpr uint64_t kSyncMs = 5;

class Machine : public DurableMachine {
 public:
  Machine() { disk().set_latency_us(kSyncMs * 1000); }
};

const std::string kOk = "+OK\r\n";

}  // namespace

TEST_CASE("durability: a killed process loses nothing under any policy", "[durability]") {
  const char* policy = GENERATE("always", "everysec", "no");
  Machine machine;
  machine.set("appendfsync", policy);
  REQUIRE(machine.start());
  auto client = machine.connect();
  CHECK(machine.ask(client, {"SET", "a", "1"}) == kOk);
  CHECK(machine.ask(client, {"RPUSH", "list", "x", "y"}) == ":2\r\n");
  CHECK(machine.ask(client, {"HSET", "hash", "f", "v"}) == ":1\r\n");
  machine.kill();

  REQUIRE(machine.start());
  auto again = machine.connect();
  CHECK(machine.ask(again, {"GET", "a"}) == "$1\r\n1\r\n");
  CHECK(machine.ask(again, {"LRANGE", "list", "0", "-1"}) == "*2\r\n$1\r\nx\r\n$1\r\ny\r\n");
  CHECK(machine.ask(again, {"HGET", "hash", "f"}) == "$1\r\nv\r\n");
  CHECK(machine.ask(again, {"DBSIZE"}) == ":3\r\n");
}

TEST_CASE("durability: under always a power cut loses nothing that was answered", "[durability]") {
  Machine machine;
  machine.set("appendfsync", "always");
  REQUIRE(machine.start());
  auto client = machine.connect();
  for (const char* key : {"a", "b", "c"}) CHECK(machine.ask(client, {"SET", key, "1"}) == kOk);
  machine.crash();
  REQUIRE(machine.start());
  auto again = machine.connect();
  for (const char* key : {"a", "b", "c"}) {
    CHECK(machine.ask(again, {"GET", key}) == "$1\r\n1\r\n");
  }
}

TEST_CASE("durability: under always a reply waits for the fsync of its turn", "[durability]") {
  Machine machine;
  machine.set("appendfsync", "always");
  REQUIRE(machine.start());
  auto client = machine.connect();
  CHECK(machine.at_once(client, {"SET", "a", "1"}).empty());
  machine.advance_ms(3 * kSyncMs);
  CHECK(client.received() == kOk);
}

TEST_CASE("durability: a reader waits for what it saw, others don't", "[durability]") {
  Machine machine;
  machine.set("appendfsync", "always");
  REQUIRE(machine.start());
  auto writer = machine.connect();
  auto reader = machine.connect();
  auto other = machine.connect();
  CHECK(machine.ask(writer, {"SET", "old", "1"}) == kOk);
  CHECK(machine.ask(writer, {"SET", "gone", "1"}) == kOk);

  CHECK(machine.at_once(writer, {"SET", "new", "2"}).empty());
  CHECK(machine.at_once(reader, {"GET", "new"}).empty());
  CHECK(machine.at_once(other, {"GET", "old"}) == "$1\r\n1\r\n");
  CHECK(machine.at_once(other, {"PING"}) == "+PONG\r\n");
  // Its replies keep their order.
  CHECK(machine.at_once(reader, {"PING"}).empty());
  machine.advance_ms(3 * kSyncMs);
  CHECK(writer.received() == kOk);
  CHECK(reader.received() == "$1\r\n2\r\n+PONG\r\n");

  CHECK(machine.at_once(writer, {"DEL", "gone"}).empty());
  CHECK(machine.at_once(reader, {"GET", "gone"}).empty());
  CHECK(machine.at_once(other, {"DBSIZE"}).empty());
  machine.advance_ms(3 * kSyncMs);
  CHECK(reader.received() == "$-1\r\n");
  CHECK(other.received() == ":2\r\n");
}

TEST_CASE("durability: an EXEC that runs nothing waits for the change that it tells of",
          "[durability]") {
  Machine machine;
  machine.set("appendfsync", "always");
  REQUIRE(machine.start());
  auto watching = machine.connect();
  auto writer = machine.connect();
  CHECK(machine.ask(watching, {"WATCH", "a"}) == kOk);
  CHECK(machine.ask(watching, {"MULTI"}) == kOk);
  CHECK(machine.at_once(writer, {"SET", "a", "1"}).empty());
  CHECK(machine.at_once(watching, {"EXEC"}).empty());
  machine.advance_ms(3 * kSyncMs);
  CHECK(watching.received() == "*-1\r\n");
}

// While the disk fails, a write that is held must hold up nobody who didn't see it.
TEST_CASE("durability: an EXEC waits for what its commands saw and for nothing else",
          "[durability]") {
  Machine machine;
  machine.set("appendfsync", "always");
  REQUIRE(machine.start());
  auto client = machine.connect();
  CHECK(machine.ask(client, {"SET", "old", "1"}) == kOk);
  auto outdated = machine.connect();
  CHECK(machine.ask(outdated, {"WATCH", "watched"}) == kOk);
  CHECK(machine.ask(client, {"SET", "watched", "1"}) == kOk);
  machine.disk().fail(Operation::sync, {.code = Errc::io, .count = 1'000});
  auto writer = machine.connect();
  CHECK(machine.at_once(writer, {"SET", "new", "2"}).empty());
  machine.advance_ms(10 * kSyncMs);

  const auto exec = [&](DurableMachine::Client& session,
                        std::initializer_list<std::initializer_list<std::string_view>> queue) {
    CHECK(machine.at_once(session, {"MULTI"}) == kOk);
    for (const auto& words : queue) machine.at_once(session, words);
    return machine.at_once(session, {"EXEC"});
  };
  CHECK(exec(client, {}) == "*0\r\n");
  CHECK(exec(client, {{"ECHO", "x"}}) == "*1\r\n$1\r\nx\r\n");
  CHECK(exec(client, {{"NO-SUCH"}}).starts_with("-EXECABORT "));
  CHECK(exec(client, {{"SET", "old", "2"}}).starts_with("-EXECABORT "));
  CHECK(exec(client, {{"GET", "old"}}) == "*1\r\n$1\r\n1\r\n");
  CHECK(exec(outdated, {{"GET", "new"}}) == "*-1\r\n");

  auto reader = machine.connect();
  CHECK(exec(reader, {{"GET", "old"}, {"GET", "new"}}).empty());
  auto counting = machine.connect();
  CHECK(exec(counting, {{"DBSIZE"}}).empty());
  machine.disk().stop_failing(Operation::sync);
  machine.advance_ms(10'000);
  CHECK(reader.received() == "*2\r\n$1\r\n1\r\n$1\r\n2\r\n");
  CHECK(counting.received() == "*1\r\n:3\r\n");
}

TEST_CASE("durability: who reads a database that was swapped waits for the swap", "[durability]") {
  Machine machine;
  machine.set("appendfsync", "always");
  REQUIRE(machine.start());
  auto writer = machine.connect();
  auto reader = machine.connect();
  CHECK(machine.ask(writer, {"SET", "a", "1"}) == kOk);
  CHECK(machine.ask(reader, {"SELECT", "1"}) == kOk);
  CHECK(machine.at_once(writer, {"SWAPDB", "0", "1"}).empty());
  CHECK(machine.at_once(reader, {"GET", "a"}).empty());
  machine.advance_ms(3 * kSyncMs);
  CHECK(reader.received() == "$1\r\n1\r\n");
}

TEST_CASE("durability: who was served by a blocked command's wait waits as well", "[durability]") {
  Machine machine;
  machine.set("appendfsync", "always");
  REQUIRE(machine.start());
  auto waiting = machine.connect();
  auto pushing = machine.connect();
  CHECK(machine.at_once(waiting, {"BLPOP", "list", "0"}).empty());
  CHECK(machine.at_once(pushing, {"RPUSH", "list", "x"}).empty());
  CHECK(waiting.received().empty());
  machine.advance_ms(3 * kSyncMs);
  CHECK(waiting.received() == "*2\r\n$4\r\nlist\r\n$1\r\nx\r\n");
  CHECK(pushing.received() == ":1\r\n");
}

TEST_CASE("durability: under everysec a reply leaves when its turn ends", "[durability]") {
  Machine machine;
  REQUIRE(machine.start());
  auto client = machine.connect();
  CHECK(machine.at_once(client, {"SET", "a", "1"}) == kOk);
  CHECK(machine.at_once(client, {"GET", "a"}) == "$1\r\n1\r\n");
}

TEST_CASE("durability: QUIT behind a held reply closes when all was sent", "[durability]") {
  Machine machine;
  machine.set("appendfsync", "always");
  REQUIRE(machine.start());
  auto client = machine.connect();
  machine.send(client, {"SET", "a", "1"});
  machine.send(client, {"QUIT"});
  machine.turn();
  CHECK_FALSE(client.record->closed_after_write);
  machine.advance_ms(3 * kSyncMs);
  CHECK(client.record->received == "+OK\r\n+OK\r\n");
  CHECK(client.record->closed_after_write);
}

TEST_CASE("durability: a failing disk refuses writes, serves reads, and recovers", "[durability]") {
  Machine machine;
  machine.set("appendfsync", "always");
  REQUIRE(machine.start());
  auto client = machine.connect();
  CHECK(machine.ask(client, {"SET", "a", "1"}) == kOk);
  machine.disk().fail(Operation::sync, {.code = Errc::io, .count = 6});
  auto hit = machine.connect();
  CHECK(machine.at_once(hit, {"SET", "b", "1"}).empty());
  machine.advance_ms(10 * kSyncMs);
  CHECK(machine.at_once(client, {"SET", "c", "1"}).starts_with("-MISCONF "));
  CHECK(machine.at_once(client, {"GET", "a"}) == "$1\r\n1\r\n");
  CHECK(machine.at_once(client, {"INFO", "persistence"}).find("aof_last_write_status:err") !=
        std::string::npos);
  CHECK(hit.received().empty());

  machine.advance_ms(60'000);
  CHECK(hit.received() == kOk);
  CHECK(machine.ask(client, {"SET", "c", "1"}) == kOk);
  machine.crash();
  REQUIRE(machine.start());
  auto again = machine.connect();
  CHECK(machine.ask(again, {"MGET", "a", "b", "c"}) == "*3\r\n$1\r\n1\r\n$1\r\n1\r\n$1\r\n1\r\n");
}

TEST_CASE("durability: with `appendonly no` nothing waits for a disk that fails", "[durability]") {
  const char* policy = GENERATE("always", "everysec");
  Machine machine;
  machine.set("appendfsync", policy);
  REQUIRE(machine.start());
  auto client = machine.connect();
  CHECK(machine.ask(client, {"SET", "a", "1"}) == kOk);
  machine.disk().fail(Operation::sync, {.code = Errc::io, .count = 1'000});
  auto writer = machine.connect();
  auto reader = machine.connect();
  machine.send(writer, {"SET", "b", "1"});
  machine.turn();
  machine.send(reader, {"GET", "b"});
  machine.advance_ms(2'000);
  CHECK(machine.at_once(client, {"SET", "c", "1"}).starts_with("-MISCONF "));
  CHECK(writer.record->received == (policy == std::string("always") ? "" : kOk));

  CHECK(machine.at_once(client, {"CONFIG", "SET", "appendonly", "no"}) == kOk);
  CHECK(writer.received() == kOk);
  CHECK(reader.received() == "$1\r\n1\r\n");
  // As long as it takes to close the log.
  for (int i = 0; i < 3; ++i) {
    CHECK(machine.at_once(client, {"SET", "c", "1"}) == kOk);
    CHECK(machine.at_once(client, {"DBSIZE"}) == ":3\r\n");
    machine.advance_ms(2'000);
  }
  CHECK(machine.at_once(client, {"CONFIG", "SET", "appendonly", "yes"}) == kOk);
  CHECK(machine.at_once(client, {"SET", "d", "1"}).starts_with("-MISCONF "));

  machine.disk().stop_failing(Operation::sync);
  machine.advance_ms(20'000);
  CHECK(machine.ask(client, {"SET", "d", "1"}) == kOk);
  machine.advance_ms(5'000);
  machine.crash();
  REQUIRE(machine.start());
  CHECK(machine.ask({"DBSIZE"}) == ":4\r\n");
}

TEST_CASE("durability: a log that is written beside a snapshot alone holds no reply back",
          "[durability]") {
  Machine machine;
  machine.set("appendonly", "no");
  machine.set("appendfsync", "always");
  REQUIRE(machine.start());
  auto client = machine.connect();
  CHECK(machine.at_once(client, {"SET", "a", "1"}) == kOk);
  CHECK(machine.at_once(client, {"BGSAVE"}) == "+Background saving started\r\n");
  machine.disk().fail(Operation::sync, {.code = Errc::io, .count = 1'000});
  REQUIRE(machine.node().durability().log() != nullptr);
  CHECK(machine.at_once(client, {"SET", "b", "1"}) == kOk);
  CHECK(machine.at_once(client, {"GET", "b"}) == "$1\r\n1\r\n");
}

TEST_CASE("durability: a snapshot whose log can't be written fails, as nobody waits for the log",
          "[durability]") {
  const bool is_wanted_first = GENERATE(false, true);
  CAPTURE(is_wanted_first);
  Machine machine;
  machine.set("appendonly", is_wanted_first ? "yes" : "no");
  machine.set("save", "3600 1");
  REQUIRE(machine.start());
  auto client = machine.connect();
  if (is_wanted_first) {
    machine.disk().fail(Operation::sync, {.code = Errc::io, .count = 1'000});
    CHECK(machine.at_once(client, {"SET", "a", "1"}) == kOk);
    machine.advance_ms(3'000);
    CHECK(machine.at_once(client, {"CONFIG", "SET", "appendonly", "no"}) == kOk);
    machine.advance_ms(2'000);
    CHECK(machine.at_once(client, {"BGSAVE"}) == "+Background saving started\r\n");
  } else {
    CHECK(machine.at_once(client, {"SET", "a", "1"}) == kOk);
    CHECK(machine.at_once(client, {"BGSAVE"}) == "+Background saving started\r\n");
    machine.disk().fail(Operation::sync, {.code = Errc::io, .count = 1'000});
  }
  machine.advance_ms(10'000);
  CHECK(machine.node().durability().saving().has_failed());
  CHECK(machine.at_once(client, {"SET", "b", "1"}).starts_with("-MISCONF"));
  machine.disk().stop_failing(Operation::sync);
  machine.advance_ms(20'000);
  CHECK(machine.at_once(client, {"BGSAVE"}) == "+Background saving started\r\n");
  machine.advance_ms(5'000);
  CHECK(machine.at_once(client, {"SET", "b", "1"}) == kOk);
}

TEST_CASE("durability: who is held is answered when `appendonly` goes to no and back in a turn",
          "[durability]") {
  Machine machine;
  machine.set("appendfsync", "always");
  REQUIRE(machine.start());
  auto client = machine.connect();
  auto writer = machine.connect();
  CHECK(machine.ask(client, {"SET", "a", "1"}) == kOk);
  machine.disk().fail(Operation::sync, {.code = Errc::io, .count = 1'000});
  CHECK(machine.at_once(writer, {"SET", "b", "1"}).empty());
  machine.advance_ms(1'000);
  machine.send(client, {"CONFIG", "SET", "appendonly", "no"});
  machine.send(client, {"CONFIG", "SET", "appendonly", "yes"});
  machine.turn();
  machine.disk().stop_failing(Operation::sync);
  machine.advance_ms(30'000);
  CHECK(writer.received() == kOk);
}

// The path of the last file of the log, and its content.
std::pair<std::string, std::string> last_segment(Machine& machine) {
  const auto files = persistence::find_log_files(machine.disk(), Machine::kDirectory);
  REQUIRE(files);
  std::string path = persistence::join(Machine::kDirectory, files->chain.back().name);
  std::string content = *machine.disk().content(path);
  return {std::move(path), std::move(content)};
}

TEST_CASE("durability: rot in what was last written before an idle time is no torn tail",
          "[durability]") {
  const char* policy = GENERATE("always", "everysec");
  const bool restarted = GENERATE(false, true);
  const bool cleanly = GENERATE(false, true);
  CAPTURE(policy, restarted, cleanly);
  Machine machine;
  machine.set("appendfsync", policy);
  REQUIRE(machine.start());
  CHECK(machine.ask({"SET", "a", "1"}) == kOk);
  if (!restarted) {
    machine.advance_ms(10'000);
  } else if (cleanly) {
    auto client = machine.connect();
    machine.send(client, {"SHUTDOWN", "NOSAVE"});
    machine.advance_ms(1'000);
  }
  if (restarted) {
    machine.kill();
    REQUIRE(machine.start());  // nothing is written in this life
  }
  machine.crash();
  const auto [path, whole] = last_segment(machine);
  const size_t at = whole.find("a", persistence::kSegmentHeadSize + persistence::kFrameHeaderSize);
  machine.disk().flip_byte(path, at);
  CHECK_FALSE(machine.start());
  machine.kill();
  CHECK(machine.disk().content(path)->size() == whole.size());

  machine.disk().put(path, whole);
  REQUIRE(machine.start());
  CHECK(machine.ask({"GET", "a"}) == "$1\r\n1\r\n");
}

TEST_CASE("durability: a torn tail behind an idle time is cut", "[durability]") {
  Machine machine;
  REQUIRE(machine.start());
  CHECK(machine.ask({"SET", "a", "1"}) == kOk);
  machine.advance_ms(10'000);
  machine.crash();
  const auto [path, whole] = last_segment(machine);
  machine.disk().put(path, whole + std::string(100, 'x'));
  REQUIRE(machine.start());
  CHECK(machine.node().durability().recovered()->log.torn_bytes == 100);
  CHECK(machine.ask({"GET", "a"}) == "$1\r\n1\r\n");
}

TEST_CASE("durability: an idle node writes nothing", "[durability]") {
  const char* policy = GENERATE("always", "everysec", "no");
  Machine machine;
  machine.set("appendfsync", policy);
  REQUIRE(machine.start());
  CHECK(machine.ask({"SET", "a", "1"}) == kOk);
  machine.advance_ms(10'000);
  const auto changes = [&] {
    return std::pair(machine.disk().count(Operation::sync), last_segment(machine).second.size());
  };
  const auto before = changes();
  CHECK(machine.node().stats().keyspace.changes == 1);
  machine.advance_ms(20'000);
  CHECK(changes() == before);
  // Nor does it when it starts.
  machine.kill();
  REQUIRE(machine.start());
  machine.advance_ms(10'000);
  CHECK(changes().second <= before.second);
}

TEST_CASE("durability: files of snapshots that nobody names go with the next good one",
          "[durability]") {
  Machine machine;
  REQUIRE(machine.start());
  const auto path = [](std::string_view name) {
    return persistence::join(Machine::kDirectory, std::string(name));
  };
  const auto snapshots = [&] {
    std::vector<std::string> names = *machine.disk().list(Machine::kDirectory);
    std::erase_if(names, [](const auto& name) { return !name.starts_with("snapshot-"); });
    return names;
  };
  for (const char* key : {"a", "b"}) {
    CHECK(machine.ask({"SET", key, "1"}) == kOk);
    CHECK(machine.ask({"SAVE"}) == kOk);
  }
  machine.advance_ms(1'000);
  REQUIRE(snapshots().size() == 2);
  const std::string damaged = snapshots().back();
  machine.kill();
  machine.disk().flip_byte(path(damaged), 30);
  machine.disk().put(path("snapshot-of-somebody-else.qsnp"), "x");
  // It stays for who wants to look at it, also after a start that didn't meet it any more.
  for (int i = 0; i < 2; ++i) {
    REQUIRE(machine.start());
    CHECK(machine.disk().content(path(damaged)));
    CHECK(machine.ask({"DBSIZE"}) == ":2\r\n");
    if (i == 0) machine.kill();
  }
  CHECK(machine.ask({"SET", "c", "1"}) == kOk);
  CHECK(machine.ask({"SAVE"}) == kOk);
  machine.advance_ms(1'000);
  CHECK_FALSE(machine.disk().content(path(damaged)));
  CHECK(snapshots().size() == 3);  // two of ours, and the other's
  machine.kill();
  const auto sound =
      persistence::check_directory(machine.disk(), Machine::kDirectory, [](std::string_view) {});
  REQUIRE(sound);
  CHECK(*sound);
  REQUIRE(machine.start());
  CHECK(machine.ask({"DBSIZE"}) == ":3\r\n");
}

TEST_CASE("durability: a snapshot lets the log go and is what the next start loads",
          "[durability]") {
  Machine machine;
  REQUIRE(machine.start());
  auto client = machine.connect();
  for (int i = 0; i < 1000; ++i) {
    CHECK(machine.ask(client, {"SET", "k" + std::to_string(i), "v"}) == kOk);
  }
  CHECK(machine.ask(client, {"SAVE"}) == kOk);
  CHECK(machine.ask(client, {"SET", "after", "1"}) == kOk);
  CHECK(machine.ask(client, {"BGSAVE"}) == "+Background saving started\r\n");
  CHECK(machine.at_once(client, {"BGSAVE"}) == "-ERR Background save already in progress\r\n");
  machine.advance_ms(1'000);
  machine.kill();
  REQUIRE(machine.start());
  REQUIRE(machine.node().durability().recovered() != nullptr);
  CHECK(machine.node().durability().recovered()->snapshot_entries == 1001);
  auto again = machine.connect();
  CHECK(machine.ask(again, {"DBSIZE"}) == ":1001\r\n");
}

TEST_CASE("durability: what is asked for while a snapshot runs depends on who began it",
          "[durability]") {
  Machine machine;
  REQUIRE(machine.start());
  auto client = machine.connect();
  CHECK(machine.ask(client, {"BGREWRITEAOF"}) ==
        "+Background append only file rewriting started\r\n");
  CHECK(machine.at_once(client, {"BGREWRITEAOF"}) ==
        "-ERR Background append only file rewriting already in progress\r\n");
  CHECK(machine.at_once(client, {"BGSAVE"}) ==
        "-ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE "
        "in order to schedule a BGSAVE whenever possible.\r\n");
  CHECK(machine.at_once(client, {"BGSAVE", "SCHEDULE"}) == "+Background saving scheduled\r\n");
  const uint64_t before = machine.node().durability().saving().figures().saves;
  machine.advance_ms(1'000);
  CHECK(machine.node().durability().saving().figures().saves == before + 2);

  CHECK(machine.ask(client, {"BGSAVE"}) == "+Background saving started\r\n");
  CHECK(machine.at_once(client, {"BGREWRITEAOF"}) ==
        "+Background append only file rewriting scheduled\r\n");
  machine.advance_ms(1'000);
  CHECK(machine.node().durability().saving().figures().saves == before + 4);
}

TEST_CASE("durability: a clock that is set back holds up no snapshot", "[durability]") {
  Machine machine;
  machine.set("auto-aof-rewrite-min-size", "1kb");
  REQUIRE(machine.start());
  auto client = machine.connect();
  machine.advance_ms(2'000);
  machine.env.clock().jump_wall_us(-3'600'000'000);
  CHECK(machine.ask(client, {"SET", "a", std::string(2'000, 'x')}) == kOk);
  machine.advance_ms(2'000);
  CHECK(machine.node().durability().saving().figures().saves == 1);
}

TEST_CASE("durability: SHUTDOWN leaves a clean end", "[durability]") {
  Machine machine;
  REQUIRE(machine.start());
  auto client = machine.connect();
  CHECK(machine.ask(client, {"SET", "a", "1"}) == kOk);
  machine.send(client, {"SHUTDOWN"});
  machine.advance_ms(1'000);
  CHECK(machine.edge().stopped_with == 0);
  machine.crash();
  REQUIRE(machine.start());
  auto again = machine.connect();
  CHECK(machine.ask(again, {"GET", "a"}) == "$1\r\n1\r\n");
}

TEST_CASE("durability: versions never go back across a restart", "[durability]") {
  Machine machine;
  machine.set("appendonly", "no");
  REQUIRE(machine.start());
  auto client = machine.connect();
  CHECK(machine.ask(client, {"SET", "a", "1"}) == kOk);
  const store::Version before = machine.node().store().versions().last();
  machine.kill();
  REQUIRE(machine.start());
  CHECK(machine.node().store().versions().last() >= before);
}

}  // namespace quoris::server
