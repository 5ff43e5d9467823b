// A node without `appendonly`: the log is written while a snapshot is made, and what changes
// between two of them is in none. Whenever it ends, a start finds the last good snapshot with its
// log.
#include <catch2/catch.hpp>
#include <functional>
#include <set>

#include "persistence/check.h"
#include "tests/server/durable_machine.h"

namespace quoris::server {
namespace {

using persistence::Manifest;

class Machine : public DurableMachine {
 public:
  using DurableMachine::DurableMachine;

  bool start(std::string_view appendonly) {
    set("appendonly", appendonly);
    return DurableMachine::start();
  }

  void append(std::string_view text) { REQUIRE(ask({"APPEND", "text", text})[0] == ':'); }

  // Without the reply's head and end.
  std::string text() {
    const std::string reply = ask({"GET", "text"});
    const size_t begin = reply.find('\n') + 1;
    return reply.size() > begin + 2 ? reply.substr(begin, reply.size() - begin - 2) : "";
  }

  void save() {
    REQUIRE(ask({"SAVE"}) == "+OK\r\n");
    advance_ms(2'000);
  }

  Manifest manifest() {
    const auto manifest = persistence::read_manifest(disk(), kDirectory);
    REQUIRE(manifest);
    return *manifest;
  }

  bool is_sound() {
    const auto sound = persistence::check_directory(disk(), kDirectory, [](std::string_view) {});
    REQUIRE(sound);
    return *sound;
  }
};

// Runs `scenario` with the power going after each number of steps of the disk, to the end; gives
// what the key "text" was at the starts that followed, each once.
std::set<std::string> texts_after_crashes(std::string_view appendonly,
                                          const std::function<void(Machine&)>& prepare,
                                          const std::function<void(Machine&)>& scenario) {
  std::set<std::string> texts;
  bool went_through = false;
  for (uint64_t steps = 0; !went_through; ++steps) {
    CAPTURE(steps);
    Machine machine(steps + 1);
    prepare(machine);
    machine.env.disk().stop_after(steps);
    scenario(machine);
    machine.advance_ms(3'000);
    went_through = !machine.env.disk().stopped();
    machine.crash();
    CHECK(machine.is_sound());
    REQUIRE(machine.start(appendonly));
    const std::string text = machine.text();
    texts.insert(text);
    // It goes on from there.
    machine.append("!");
    machine.save();
    machine.crash();
    REQUIRE(machine.is_sound());
    REQUIRE(machine.start(appendonly));
    REQUIRE(machine.text() == text + "!");
    REQUIRE(steps < 500);
  }
  return texts;
}

// One snapshot, and a change behind it.
void saved_and_changed(Machine& machine) {
  REQUIRE(machine.start("no"));
  machine.append("a");
  machine.save();
  machine.append("b");
}

TEST_CASE("gap: a power cut while a snapshot is made leaves it or the one before", "[server]") {
  for (const std::string_view appendonly : {"no", "yes"}) {
    const auto texts = texts_after_crashes(appendonly, saved_and_changed, [](Machine& machine) {
      machine.ask({"BGSAVE"});
      machine.ask({"APPEND", "text", "c"});
    });
    CHECK(texts == std::set<std::string>{"a", "abc"});
  }
}

TEST_CASE("gap: a power cut while `appendonly` is switched on", "[server]") {
  for (const std::string_view appendonly : {"no", "yes"}) {
    const auto texts = texts_after_crashes(appendonly, saved_and_changed, [](Machine& machine) {
      machine.set("appendonly", "yes");
      machine.ask({"APPEND", "text", "c"});
      machine.advance_ms(2'000);
      machine.ask({"APPEND", "text", "d"});
    });
    CHECK(texts.contains("a"));
    CHECK(texts.contains("abcd"));
    for (const std::string& text : texts) {
      CAPTURE(text);
      CHECK((text == "a" || text.starts_with("ab")));
    }
  }
}

TEST_CASE("gap: a power cut while `appendonly` is switched off, and behind that", "[server]") {
  for (const std::string_view appendonly : {"no", "yes"}) {
    const auto prepare = [](Machine& machine) {
      REQUIRE(machine.start("yes"));
      machine.append("a");
      machine.advance_ms(2'000);
    };
    const auto texts = texts_after_crashes(appendonly, prepare, [](Machine& machine) {
      machine.set("appendonly", "no");
      machine.advance_ms(2'000);
      machine.ask({"APPEND", "text", "b"});
      machine.ask({"BGSAVE"});
      machine.ask({"APPEND", "text", "c"});
    });
    CHECK(texts == std::set<std::string>{"a", "abc"});
  }
}

TEST_CASE("gap: what was not logged does not come back in pieces when `appendonly` changes",
          "[server]") {
  Machine machine;
  saved_and_changed(machine);
  CHECK(machine.manifest().log_end);
  machine.crash();
  REQUIRE(machine.start("yes"));
  CHECK(machine.text() == "a");
  CHECK_FALSE(machine.manifest().log_end);
  machine.append("c");
  machine.advance_ms(2'000);
  machine.crash();
  REQUIRE(machine.start("no"));
  CHECK(machine.text() == "ac");
  const Manifest manifest = machine.manifest();
  REQUIRE(manifest.log_end);
  CHECK(*manifest.log_end > manifest.snapshots[0].end);
  machine.append("d");
  machine.crash();
  REQUIRE(machine.start("yes"));
  CHECK(machine.text() == "ac");
}

TEST_CASE("gap: the manifest names no snapshot from before one", "[server]") {
  Machine machine;
  saved_and_changed(machine);
  machine.save();
  Manifest manifest = machine.manifest();
  REQUIRE(manifest.snapshots.size() == 1);
  CHECK(manifest.log_begin == manifest.snapshots[0].begin);
  CHECK(manifest.log_end == manifest.snapshots[0].end);
  CHECK(manifest.needs_snapshot);
  machine.set("appendonly", "yes");
  machine.advance_ms(2'000);
  manifest = machine.manifest();
  REQUIRE(manifest.snapshots.size() == 1);
  CHECK_FALSE(manifest.log_end);
  machine.append("c");
  machine.save();
  CHECK(machine.manifest().snapshots.size() == 2);
}

TEST_CASE("gap: a snapshot's manifest says where the log ends, and is not written twice",
          "[server]") {
  Machine machine;
  saved_and_changed(machine);
  // The third file that would be replaced, after snapshot and manifest.
  machine.env.disk().fail(sim::SimDisk::Operation::rename, {.after = 2});
  REQUIRE(machine.ask({"SAVE"}) == "+OK\r\n");
  CHECK(machine.node().durability().log() == nullptr);
  CHECK(machine.manifest().log_end == machine.manifest().snapshots[0].end);
}

TEST_CASE("gap: if the snapshot behind one fails another is made", "[server]") {
  Machine machine;
  saved_and_changed(machine);
  machine.env.disk().fail(sim::SimDisk::Operation::rename, {});
  machine.set("appendonly", "yes");
  machine.advance_ms(2'000);
  REQUIRE(machine.node().durability().saving().has_failed());
  CHECK(machine.manifest().log_end);
  machine.advance_ms(8'000);
  CHECK_FALSE(machine.manifest().log_end);
  machine.append("c");
  machine.advance_ms(2'000);
  machine.crash();
  REQUIRE(machine.start("yes"));
  CHECK(machine.text() == "abc");
}

TEST_CASE("gap: what was logged for a snapshot that failed doesn't count", "[server]") {
  for (const std::string_view appendonly : {"no", "yes"}) {
    Machine machine;
    saved_and_changed(machine);
    machine.set("stop-writes-on-bgsave-error", "no");
    machine.disk().fail(sim::SimDisk::Operation::rename, {});
    auto client = machine.connect();
    machine.at_once(client, {"BGSAVE"});
    machine.at_once(client, {"APPEND", "text", "c"});
    REQUIRE(machine.node().durability().log()->figures().unsynced > 0);
    machine.advance_ms(2'000);
    CHECK(machine.text() == "abc");
    REQUIRE(machine.node().durability().saving().has_failed());
    REQUIRE(machine.node().durability().log() == nullptr);
    CHECK(machine.manifest().log_end == machine.manifest().snapshots[0].end);
    machine.append("d");
    machine.crash();
    REQUIRE(machine.start(appendonly));
    CHECK(machine.text() == "a");
    machine.append("e");
    machine.save();
    machine.crash();
    REQUIRE(machine.start(appendonly));
    CHECK(machine.text() == "ae");
  }
}

TEST_CASE("gap: who goes on writing doesn't keep the log open", "[server]") {
  Machine machine;
  saved_and_changed(machine);
  machine.disk().set_latency_us(5'000);
  REQUIRE(machine.ask({"BGSAVE"})[0] == '+');
  auto client = machine.connect();
  const auto write_for_ms = [&](int ms) {
    for (int i = 0; i < ms; ++i) {
      machine.send(client, {"APPEND", "text", "x"});
      machine.advance_ms(1);
    }
  };
  write_for_ms(100);
  CHECK(machine.node().durability().saving().figures().saves == 2);
  CHECK(machine.node().durability().log() == nullptr);
  // The next one begins while the one before is being closed.
  REQUIRE(machine.ask({"BGSAVE"})[0] == '+');
  for (int i = 0; i < 100 && !machine.node().durability().is_closing_log(); ++i) write_for_ms(1);
  REQUIRE(machine.node().durability().is_closing_log());
  CHECK(machine.ask({"BGSAVE"}) == "+Background saving started\r\n");
  CHECK(machine.node().durability().saving().is_running());
  write_for_ms(100);
  CHECK(machine.node().durability().saving().figures().saves == 4);
  const std::string text = machine.text();
  machine.crash();
  REQUIRE(machine.start("no"));
  CHECK(text.starts_with(machine.text()));
  CHECK(machine.text().size() > 100);
}

TEST_CASE("gap: `appendonly` comes back while the log is being closed", "[server]") {
  Machine machine;
  REQUIRE(machine.start("yes"));
  machine.append("a");
  machine.advance_ms(2'000);
  machine.env.disk().fail(sim::SimDisk::Operation::rename, {.count = 2});
  machine.set("appendonly", "no");
  machine.advance_ms(1'100);
  REQUIRE(machine.node().durability().is_closing_log());
  machine.append("b");
  machine.set("appendonly", "yes");
  machine.advance_ms(5'000);
  CHECK_FALSE(machine.node().durability().is_closing_log());
  machine.append("c");
  machine.advance_ms(2'000);
  machine.crash();
  REQUIRE(machine.start("yes"));
  CHECK(machine.text() == "abc");
}

TEST_CASE("gap: where the log ends is told as soon as the manifest can be", "[server]") {
  Machine machine;
  REQUIRE(machine.start("yes"));
  machine.append("a");
  machine.advance_ms(2'000);
  machine.env.disk().fail(sim::SimDisk::Operation::rename, {});
  machine.set("appendonly", "no");
  machine.advance_ms(1'000);
  REQUIRE(machine.node().durability().log() != nullptr);
  CHECK_FALSE(machine.manifest().log_end);
  machine.append("b");
  machine.advance_ms(5'000);
  REQUIRE(machine.node().durability().log() == nullptr);
  machine.append("c");
  machine.crash();
  REQUIRE(machine.start("no"));
  CHECK(machine.text() == "a");
}

}  // namespace
}  // namespace quoris::server
