// What a start makes of its directory and its flags: what is refused, and that a refusal changes
// nothing; power cuts in between; newcomers that try again; a secret that changes.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>

#include "cluster/raft/raft_files.h"
#include "tests/cluster/control/control_world.h"

namespace quoris::control::testing {
namespace {

using Files = std::map<std::string, std::string>;

constexpr size_t kStepsMax = 200;

std::string path(std::string_view name) { return fmt::format("{}/{}", kDirectory, name); }

Files files(TestNode& node) {
  Files all;
  const auto names = node.disk().list(kDirectory);
  REQUIRE(names);
  for (const std::string& name : *names) all[name] = node.disk().content(path(name)).value();
  return all;
}

NodeFile node_file(TestNode& node) {
  auto file = read_node_file(node.disk(), kDirectory);
  REQUIRE(file);
  REQUIRE(*file);
  return **file;
}

// As a restart with --data-dir alone.
void say_nothing(TestNode& node) {
  const Wish said = node.wish;
  node.wish = {};
  node.wish.bind_host = said.bind_host;
  node.wish.client_port = said.client_port;
  node.wish.cluster_port = said.cluster_port;
}

std::string refusal(TestNode& node) {
  const Files before = files(node);
  const Status started = node.start();
  REQUIRE_FALSE(started);
  CHECK(files(node) == before);
  return started.error().message;
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

void settle(ControlWorld& world) {
  world.until([&] { return world.is_settled(); }, 10'000, "settled");
}

}  // namespace

TEST_CASE("control: a member without Raft's files, any of them, does not start", "[control]") {
  const std::vector<std::string_view> names = {raft::kStateName, raft::kLogName,
                                               raft::kSnapshotName};
  for (size_t lost = 1; lost < 8; ++lost) {
    INFO(lost);
    ControlWorld world(3);
    world.start_all();
    settle(world);
    TestNode& node = world.node(1);
    node.kill();
    for (size_t i = 0; i < names.size(); ++i) {
      if ((lost >> i & 1) != 0) REQUIRE(node.disk().remove(path(names[i])));
    }
    for (const bool is_told : {true, false}) {
      if (!is_told) say_nothing(node);
      const std::string why = refusal(node);
      CHECK(has(why, kDirectory));
      if (lost == 7) CHECK(has(why, "quoris.raft is missing"));
      if (lost == 7) CHECK(has(why, "empty data directory"));
    }
  }
}

TEST_CASE("control: Raft's files without the node's file are refused", "[control]") {
  ControlWorld world(GENERATE(1, 2));
  world.start_all();
  settle(world);
  TestNode& node = world.node(world.size() - 1);
  node.kill();
  REQUIRE(node.disk().remove(path(kNodeFileName)));
  CHECK(has(refusal(node), "data/quoris.cluster is missing"));
  say_nothing(node);
  CHECK(has(refusal(node), "empty data directory"));
}

TEST_CASE("control: a founder whose power fails at any step of its start starts again",
          "[control]") {
  const bool is_bare = GENERATE(false, true);
  bool was_whole = false;
  for (size_t steps = 0; !was_whole; ++steps) {
    INFO(steps);
    REQUIRE(steps < kStepsMax);
    ControlWorld world(1, steps + 1);
    TestNode& node = world.node(0);
    REQUIRE(node.disk().make_directory(kDirectory));
    node.disk().stop_after(steps);
    was_whole = bool(node.start());
    node.kill();
    sim::SimRng rng(steps, 7);
    node.disk().crash(rng);
    const bool is_there = node.disk().content(path(kNodeFileName)).has_value();
    if (is_bare && is_there) say_nothing(node);
    const Status started = node.start();
    INFO((started ? "" : started.error().message));
    REQUIRE(started);
    settle(world);
    CHECK(world.control(0).number() == NodeNumber{1});
    CHECK(world.control(0).name() == "n1");
  }
}

TEST_CASE("control: a newcomer whose power fails at any step is let in at the next start",
          "[control]") {
  bool was_whole = false;
  for (size_t steps = 0; !was_whole; ++steps) {
    INFO(steps);
    REQUIRE(steps < kStepsMax);
    ControlWorld world(2, steps + 1);
    REQUIRE(world.node(0).start());
    settle(world);
    TestNode& node = world.node(1);
    REQUIRE(node.disk().make_directory(kDirectory));
    node.disk().stop_after(steps);
    static_cast<void>(node.start());
    for (size_t ms = 0; ms < 2'000 && !node.disk().stopped(); ++ms) world.advance_ms(1);
    was_whole = !node.disk().stopped();
    node.kill();
    sim::SimRng rng(steps, 7);
    node.disk().crash(rng);
    const Status started = node.start();
    INFO((started ? "" : started.error().message));
    REQUIRE(started);
    settle(world);
    CHECK(world.control(1).number() == NodeNumber{2});
  }
}

TEST_CASE("control: a recovery that was not ended is no member of the old cluster", "[control]") {
  ControlWorld world(1);
  REQUIRE(world.node(0).start());
  settle(world);
  world.node(0).kill();
  // As `quoris recover` leaves it when the power goes before Raft's files are new.
  NodeFile file = node_file(world.node(0));
  file.cluster_id = std::string(topology::kIdSize, 'a');
  REQUIRE(write_node_file(world.node(0).disk(), kDirectory, file));
  CHECK(has(refusal(world.node(0)), "run `quoris recover --new-cluster` again"));
}

TEST_CASE("control: a start that is refused changes nothing", "[control]") {
  ControlWorld world(1);
  world.start_all();
  settle(world);
  TestNode& node = world.node(0);
  node.kill();
  const Wish right = node.wish;
  SECTION("node-id") { node.wish.name = "other"; }
  SECTION("replication-factor") { node.wish.replication_factor = 2; }
  SECTION("partitions") { node.wish.partitions = 1024; }
  CHECK(has(refusal(node), "the data directory says"));
  node.wish = right;
  REQUIRE(node.start());
  CHECK(node.control().boot() == BootNumber{2});
}

TEST_CASE("control: a founding that is refused leaves the directory empty", "[control]") {
  ControlWorld world(1);
  TestNode& node = world.node(0);
  REQUIRE(node.disk().make_directory(kDirectory));
  SECTION("no name") { node.wish.name = "not a name"; }
  SECTION("a number") { node.wish.name = "17"; }
  CHECK(has(refusal(node), "node-id"));
  CHECK(files(node).empty());
}

TEST_CASE("control: a node is not called by a number", "[control]") {
  ControlWorld world(2);
  TestNode& node = world.node(GENERATE(0, 1));
  REQUIRE(node.disk().make_directory(kDirectory));
  node.wish.name = "1";
  CHECK(has(refusal(node), "digits only"));
  node.wish.name = "1a";
  CHECK(node.start());
}

TEST_CASE("control: who was never let in may say all anew", "[control]") {
  ControlWorld world(3);
  world.start_all();
  settle(world);
  TestNode& node = world.add_node();
  const Wish right = node.wish;
  SECTION("node-id") { node.wish.name = "n2"; }
  SECTION("cluster-name") { node.wish.cluster_name = "other"; }
  SECTION("replication-factor") { node.wish.replication_factor = 5; }
  SECTION("partitions") { node.wish.partitions = 64; }
  SECTION("secret") { node.wish.secret = "guessed"; }
  SECTION("seed") { node.wish.seeds = {{.host = "10.9.9.9", .port = 1}}; }
  REQUIRE(node.start());
  world.advance_ms(1'000);
  CHECK_FALSE(node.control().is_member());
  node.kill();
  node.wish = right;
  REQUIRE(node.start());
  settle(world);
  CHECK(world.control(0).map().members.size() == 4);
  CHECK(node_file(node).name == "n4");
}

TEST_CASE("control: a newcomer that was said nothing anew goes on as before", "[control]") {
  ControlWorld world(2);
  TestNode& node = world.node(1);
  node.wish.rack = "r1";
  REQUIRE(node.start());
  node.kill();
  say_nothing(node);
  REQUIRE(node.start());
  // All but its seeds, which none was said in place of.
  node.kill();
  node.wish.secret = "secret";
  REQUIRE(node.start());
  REQUIRE(world.node(0).start());
  world.until([&] { return node.control().is_member(); }, 10'000, "let in");
  CHECK(node_file(node).rack.empty());
  CHECK(node_file(node).name != "n2");
}

TEST_CASE("control: a seed that doesn't work is warned of, once a minute", "[control]") {
  ControlWorld world(2);
  TestNode& node = world.node(1);
  REQUIRE(node.start());
  world.advance_ms(50'000);
  const auto warnings = [&] {
    return std::ranges::count_if(node.lines, [](const std::string& line) {
      return has(line, "The seed 10.0.0.1:8000 does not answer");
    });
  };
  CHECK(warnings() == 1);
  world.advance_ms(60'000);
  CHECK(warnings() == 2);
}

TEST_CASE("control: a wrong secret at a restart is not kept", "[control]") {
  ControlWorld world(3);
  world.start_all();
  settle(world);
  TestNode& node = world.node(1);
  node.kill();
  node.wish.secret = GENERATE("guessed", "");
  REQUIRE(node.start());
  world.advance_ms(3'000);
  CHECK(node.has_logged("cluster-secret is another one"));
  CHECK(node_file(node).secret == "secret");
  node.kill();
  say_nothing(node);
  REQUIRE(node.start());
  settle(world);
}

TEST_CASE("control: a secret is another one once all nodes were started with it", "[control]") {
  const std::string secret = GENERATE("another", "");
  ControlWorld world(GENERATE(1, 3));
  world.start_all();
  settle(world);
  for (size_t i = 0; i < world.size(); ++i) world.node(i).kill();
  for (size_t i = 0; i < world.size(); ++i) world.node(i).wish.secret = secret;
  world.start_all();
  settle(world);
  world.advance_ms(1'000);
  for (size_t i = 0; i < world.size(); ++i) {
    CHECK(node_file(world.node(i)).secret == secret);
    world.node(i).kill();
    say_nothing(world.node(i));
  }
  world.start_all();
  settle(world);
}

}  // namespace quoris::control::testing
