// Whole clusters of Controls: founding, joining, failing, returning, leaving.
#include <algorithm>
#include <catch2/catch.hpp>

#include "cluster/topology/cluster_views.h"
#include "cluster/topology/map_check.h"
#include "cluster/topology/primaries.h"
#include "tests/cluster/control/control_world.h"

namespace quoris::control::testing {
namespace {

using topology::MemberState;

constexpr uint64_t kFoundMs = 1'500;

void settle(ControlWorld& world, size_t voters) {
  world.until([&] { return world.is_settled() && world.voters() == voters; }, 5'000, "settled");
}

const topology::Member& member(ControlWorld& world, size_t seen_by, std::string_view name) {
  const topology::Member* found = world.control(seen_by).map().find_name(name);
  REQUIRE(found != nullptr);
  return *found;
}

bool is_state(ControlWorld& world, size_t seen_by, std::string_view name, MemberState state) {
  const topology::Member* found = world.control(seen_by).map().find_name(name);
  return found != nullptr && found->state == state;
}

}  // namespace

TEST_CASE("control: one node founds a cluster of its own", "[control]") {
  ControlWorld world(1);
  world.start_all();
  settle(world, 1);
  CHECK(world.control(0).number() == NodeNumber{1});
  CHECK(world.control(0).map().partitions.size() == topology::kPartitionsDefault);
  world.until([&] { return world.control(0).lease_left_us() > 0; }, 200, "a lease");
}

TEST_CASE("control: three nodes started at once agree on one leader, all three voters",
          "[control]") {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    ControlWorld world(3, seed);
    world.start_all();
    const uint64_t took =
        world.until([&] { return world.is_settled() && world.voters() == 3; }, kFoundMs, "settled");
    INFO("seed " << seed << ": " << took << " ms");
    CHECK(took <= kFoundMs);
    // The plan is carried out: every partition has three replicas.
    world.until([&] { return world.control(0).map().replication_in_force == 3; }, 2'000, "RF 3");
    CHECK(topology::check(world.control(0).map()));
  }
}

TEST_CASE("control: when the leader dies another leads and the map says who is down", "[control]") {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    ControlWorld world(3, seed);
    world.start_all();
    settle(world, 3);
    world.advance_ms(1'000);
    const size_t old = world.leader();
    const std::string name = world.node(old).wish.name;
    world.node(old).kill();
    world.until([&] { return world.leader() != world.size(); }, 2'000, "a new leader");
    const size_t leader = world.leader();
    world.until([&] { return is_state(world, leader, name, MemberState::down); }, 2'000, "down");
    world.until([&] { return topology::without_primary(world.control(leader).map()).empty(); }, 100,
                "primaries");
    REQUIRE(world.node(old).start());
    settle(world, 3);
    CHECK(member(world, leader, name).boot == BootNumber{2});
  }
}

TEST_CASE("control: a node that falls silent has no lease when the map says that it is down",
          "[control]") {
  ControlWorld world(3);
  world.start_all();
  settle(world, 3);
  world.advance_ms(1'000);
  const size_t leader = world.leader();
  const size_t other = (leader + 1) % 3;
  CHECK(world.control(other).lease_left_us() > 0);
  world.isolate(other);
  world.until(
      [&] {
        const bool is_down =
            is_state(world, leader, world.node(other).wish.name, MemberState::down);
        if (is_down) CHECK(world.control(other).lease_left_us() == 0);
        return is_down;
      },
      5'000, "down");
  world.mend();
  settle(world, 3);
}

TEST_CASE("control: a leader that is cut off has neither lease nor followers", "[control]") {
  ControlWorld world(3);
  world.start_all();
  settle(world, 3);
  world.advance_ms(1'000);
  const size_t old = world.leader();
  world.isolate(old);
  const size_t other = (old + 1) % 3;
  world.until(
      [&] {
        return world.control(other).leader() != world.control(old).number() &&
               world.control(other).leader() != raft::kNobody;
      },
      2'000, "a new leader");
  CHECK(world.control(old).lease_left_us() == 0);
  world.until([&] { return !world.control(old).is_settled_leader(); }, 1'000, "it steps down");
  world.mend();
  settle(world, 3);
}

TEST_CASE("control: a restart needs nothing but the directory", "[control]") {
  ControlWorld world(3);
  world.start_all();
  settle(world, 3);
  for (size_t i = 0; i < 3; ++i) {
    world.node(i).kill();
    world.node(i).wish.seeds.clear();
    world.node(i).wish.name.clear();
    world.node(i).wish.secret.reset();
  }
  world.start_all();
  settle(world, 3);
  for (size_t i = 0; i < 3; ++i) CHECK(world.control(i).boot() == BootNumber{2});
}

TEST_CASE("control: a node that starts without a majority shows what it knew to be committed",
          "[control]") {
  const bool is_clean = GENERATE(false, true);
  ControlWorld world(3);
  if (is_clean) world.options.note_commit_us = 60'000'000;
  world.start_all();
  settle(world, 3);
  // Nothing but a second of rest, or a clean stop, has to lie behind the last change.
  if (!is_clean) world.advance_ms(1'500);
  const size_t leader = world.leader();
  const size_t asked = (leader + 1) % 3;
  if (is_clean) {
    for (size_t i = 0; i < 3; ++i) {
      if (i != asked) world.node(i).kill();
    }
    bool is_stopped = false;
    world.control(asked).stop([&] { is_stopped = true; });
    world.until([&] { return is_stopped; }, 2'000, "stopped");
  }
  const uint64_t hash = world.control(asked).map_hash();
  const LogIndex version = world.control(asked).map().version;
  REQUIRE(world.control(asked).map().members.size() == 3);
  for (size_t i = 0; i < 3; ++i) world.node(i).kill();

  REQUIRE(world.node(asked).start());
  CHECK(world.control(asked).map().version == version);
  CHECK(world.control(asked).map_hash() == hash);
  CHECK(world.control(asked).raft()->log().base().index < version);
  world.advance_ms(5'000);
  CHECK(world.control(asked).leader() == raft::kNobody);
  CHECK(world.control(asked).lease_left_us() == 0);
  CHECK(world.control(asked).map_hash() == hash);
  for (size_t i = 0; i < 3; ++i) {
    if (i != asked) REQUIRE(world.node(i).start());
  }
  settle(world, 3);
}

TEST_CASE("control: flags that contradict the directory are refused", "[control]") {
  ControlWorld world(1);
  world.start_all();
  settle(world, 1);
  world.node(0).kill();
  Wish& wish = world.node(0).wish;
  SECTION("node-id") { wish.name = "other"; }
  SECTION("cluster-name") { wish.cluster_name = "other"; }
  SECTION("rack") { wish.rack = "r1"; }
  SECTION("weight") { wish.weight = 7; }
  SECTION("replication-factor") { wish.replication_factor = 5; }
  SECTION("partitions") { wish.partitions = 64; }
  const Status started = world.node(0).start();
  REQUIRE_FALSE(started);
  CHECK(started.error().message.find("the data directory says") != std::string::npos);
}

TEST_CASE("control: another address at a restart goes into the map", "[control]") {
  ControlWorld world(3);
  world.start_all();
  settle(world, 3);
  world.node(2).kill();
  world.node(2).wish.client_port = 7777;
  REQUIRE(world.node(2).start());
  world.until([&] { return member(world, 0, "n3").addresses.client_port == 7777; }, 3'000,
              "the new port");
}

TEST_CASE("control: a member that starts at another cluster port is called there", "[control]") {
  ControlWorld world(3);
  world.start_all();
  settle(world, 3);
  const size_t moving = GENERATE(true, false) ? world.leader() : (world.leader() + 1) % 3;
  TestNode& node = world.node(moving);
  node.kill();
  node.wish.cluster_port = 8888;
  REQUIRE(node.start());
  world.until(
      [&] {
        return world.is_settled() &&
               member(world, moving, node.wish.name).addresses.cluster_port == 8888;
      },
      10'000, "the new port");
}

TEST_CASE("control: a node that was removed while it was down ends when it starts", "[control]") {
  ControlWorld world(4);
  world.start_all();
  settle(world, 3);
  const size_t removed = (world.leader() + 1) % 4;
  const size_t other = world.leader();
  const std::string name = world.node(removed).wish.name;
  world.node(removed).kill();
  world.until([&] { return is_state(world, other, name, MemberState::down); }, 3'000, "down");
  const topology::Member& seen = member(world, other, name);
  world.control(other).propose(
      topology::SetDeparting{.member = {.number = seen.number,
                                        .boot = seen.boot,
                                        .version = world.control(other).map().version},
                             .departs = true},
      [](const ProposalResult& result) { CHECK(result.kind == ProposalResult::Kind::applied); });
  world.until([&] { return world.control(other).map().find_name(name) == nullptr; }, 3'000, "gone");
  REQUIRE(world.node(removed).start());
  world.until([&] { return !world.node(removed).fatal.empty(); }, 5'000, "it ends");
  CHECK(world.node(removed).fatal.find("removed") != std::string::npos);
}

TEST_CASE("control: a member whose identity is another one does not start", "[control]") {
  ControlWorld world(3);
  world.start_all();
  settle(world, 3);
  const size_t leader = world.leader();
  for (const size_t index : {leader, (leader + 1) % 3}) {
    world.node(index).kill();
    world.node(index).lose_identity();
    const Status started = world.node(index).start();
    REQUIRE_FALSE(started);
    CHECK(started.error().message.find("quoris.identity is another one's") != std::string::npos);
  }
}

TEST_CASE("control: who is alone and looks for another cluster is told that it has its own",
          "[control]") {
  ControlWorld world(3);
  REQUIRE(world.node(0).start());
  world.node(1).wish.seeds.clear();  // it founds one, too
  REQUIRE(world.node(1).start());
  world.until([&] { return world.control(1).is_settled_leader(); }, 5'000, "it leads");
  world.node(1).kill();
  world.node(1).wish.seeds.push_back({.host = world.node(0).address(), .port = kClusterPort});
  REQUIRE(world.node(1).start());
  world.until([&] { return !world.node(1).fatal.empty(); }, 5'000, "it ends");
  INFO(world.node(1).fatal);
  CHECK(world.node(1).fatal.find("belongs to another cluster, and the data directory holds one of "
                                 "its own") != std::string::npos);
  CHECK(world.node(0).is_up());
  CHECK(world.node(0).has_logged("another's data"));
  // A member of a cluster of several is not asked to justify itself.
  world.node(1).kill();
  world.node(1).wipe();
  REQUIRE(world.node(1).start());
  world.until([&] { return world.control(0).map().members.size() == 2; }, 5'000, "it is let in");
  world.node(1).kill();
  REQUIRE(world.node(1).start());
  world.advance_ms(5'000);
  CHECK(world.node(1).is_up());
}

TEST_CASE("control: nobody is suspected because it was let in a moment ago", "[control]") {
  // A newcomer hears of it when others have begun to probe, and keeps it on a slow disk first.
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    INFO(seed);
    ControlWorld world(3, seed);
    world.start_all();
    settle(world, 3);
    TestNode& newcomer = world.add_node();
    REQUIRE(newcomer.start());
    newcomer.disk().set_latency_us(15'000);
    world.until([&] { return world.is_settled(); }, 5'000, "let in");
    world.advance_ms(2'000);
    CHECK(world.control(0).map().members.size() == 4);
    for (size_t i = 0; i < 4; ++i) CHECK(world.control(i).gossip()->figures().accusations == 0);
  }
}

TEST_CASE("control: a node that leaves is removed and ends", "[control]") {
  ControlWorld world(4);
  world.start_all();
  settle(world, 3);
  world.advance_ms(500);
  const size_t leader = world.leader();
  // The leader itself, or another.
  const size_t leaving = GENERATE(false, true) ? leader : (leader + 1) % 4;
  const topology::Member& seen = member(world, leaving, world.node(leaving).wish.name);
  bool is_done = false;
  world.control(leaving).propose(
      topology::SetDeparting{.member = {.number = seen.number,
                                        .boot = seen.boot,
                                        .version = world.control(leaving).map().version},
                             .departs = true},
      [&](const ProposalResult& result) {
        CHECK(result.kind == ProposalResult::Kind::applied);
        is_done = true;
      });
  world.until([&] { return is_done; }, 2'000, "proposed");
  world.until([&] { return !world.node(leaving).fatal.empty(); }, 5'000, "removed");
  CHECK(world.node(leaving).fatal.find("removed") != std::string::npos);
  world.node(leaving).kill();
  settle(world, 3);
  CHECK(world.control((leaving + 1) % 4).map().members.size() == 3);
}

TEST_CASE("control: an empty directory with the id of a node that is down takes the id over",
          "[control]") {
  ControlWorld world(3);
  world.start_all();
  settle(world, 3);
  world.node(2).kill();
  world.node(2).wipe();
  REQUIRE(world.node(2).start());
  // At first the holder counts as up: refused, and tried again.
  world.until([&] { return world.control(2).is_member(); }, 10'000, "let in");
  CHECK(world.control(2).number() == NodeNumber{4});
  // The old number keeps its copies until the new one can take them over.
  world.until(
      [&] {
        const topology::ClusterMap& map = world.control(0).map();
        if (map.find_name("n3")->state == MemberState::up) return true;
        REQUIRE(map.find(NodeNumber{3}) != nullptr);
        REQUIRE(map.find(NodeNumber{3})->name == "n3#3");
        REQUIRE(map.replication_in_force == 3);
        return false;
      },
      5'000, "the new one is up");
  world.until([&] { return world.control(0).map().find(NodeNumber{3}) == nullptr; }, 5'000,
              "the old one goes");
  settle(world, 3);
  CHECK(member(world, 0, "n3").number == NodeNumber{4});
}

TEST_CASE("control: who is not let in says why, and so do the others", "[control]") {
  ControlWorld world(3);
  world.start_all();
  settle(world, 3);
  TestNode& newcomer = world.add_node();
  std::string expected;
  std::string others;  // what one of them says
  SECTION("the id of a node that is up") {
    newcomer.wish.name = "n2";
    expected = others = "n2 is the id of another node";
  }
  SECTION("a clock that is off") {
    newcomer.clock().jump_wall_us(800'000);
    expected = others = "the clock of n4 differs";
  }
  SECTION("another replication factor") {
    newcomer.wish.replication_factor = 5;
    expected = "replication factor is 3, not 5";
    others = "not letting in \"n4\"";
  }
  SECTION("another number of partitions") {
    newcomer.wish.partitions = 64;
    expected = "512 partitions, not 64";
    others = "not letting in \"n4\"";
  }
  SECTION("another cluster's name") {
    newcomer.wish.cluster_name = "other";
    expected = "other";
    others = "another cluster";
  }
  SECTION("another secret") {
    newcomer.wish.secret = "guessed";
    expected = others = "secret";
  }
  REQUIRE(newcomer.start());
  world.advance_ms(3'000);
  CHECK_FALSE(newcomer.control().is_member());
  CHECK(newcomer.has_logged(expected));
  CHECK_FALSE(newcomer.has_logged("by  at"));
  const auto lines = [&](std::string_view part) {
    size_t count = 0;
    for (size_t i = 0; i < 3; ++i) {
      count += static_cast<size_t>(std::ranges::count_if(
          world.node(i).lines,
          [part](const std::string& line) { return line.find(part) != std::string::npos; }));
    }
    return count;
  };
  // Once per member that was asked, not each time.
  CHECK(lines(others) >= 1);
  if (others.starts_with("not letting in")) CHECK(lines(others) <= 3);
  CHECK(world.control(0).map().members.size() == 3);
}

TEST_CASE("control: a founder that lost its disk does not found a second cluster", "[control]") {
  ControlWorld world(3);
  world.start_all();
  settle(world, 3);
  world.node(0).kill();
  world.node(0).wipe();
  REQUIRE(world.node(0).start());
  world.until([&] { return !world.node(0).fatal.empty(); }, 10'000, "it ends");
  CHECK(world.node(0).fatal.find("--seed") != std::string::npos);
}

TEST_CASE("control: a member whose clock goes wrong is stale until it is right again",
          "[control]") {
  ControlWorld world(3);
  world.start_all();
  settle(world, 3);
  world.advance_ms(3'000);
  const size_t other = (world.leader() + 1) % 3;
  const std::string name = world.node(other).wish.name;
  world.node(other).clock().jump_wall_us(2'000'000);
  world.until([&] { return is_state(world, other, name, MemberState::stale); }, 30'000, "stale");
  CHECK(world.control(other).lease_left_us() == 0);
  world.node(other).clock().jump_wall_us(-2'000'000);
  world.until([&] { return is_state(world, other, name, MemberState::up); }, 60'000, "up again");
}

TEST_CASE("control: a member that starts with a bad clock never has a lease", "[control]") {
  // Whom it hears first, the leader or another, is a matter of luck.
  ControlWorld world(3, GENERATE(range(uint64_t{1}, uint64_t{9})));
  world.start_all();
  settle(world, 3);
  world.advance_ms(3'000);
  const size_t leader = world.leader();
  const size_t other = (leader + 1) % 3;
  const std::string name = world.node(other).wish.name;
  world.node(other).kill();
  const bool was_down = GENERATE(false, true);
  if (was_down) {
    world.until([&] { return is_state(world, leader, name, MemberState::down); }, 5'000, "down");
  }
  world.node(other).clock().jump_wall_us(3'000'000);
  REQUIRE(world.node(other).start());
  world.until(
      [&] {
        CHECK(world.control(other).lease_left_us() == 0);
        if (was_down) CHECK_FALSE(is_state(world, leader, name, MemberState::up));
        return is_state(world, leader, name, MemberState::stale);
      },
      10'000, "stale");
  world.advance_ms(1'000);
  CHECK(world.node(leader).has_logged("is STALE: its clock is off by "));
  world.node(other).clock().jump_wall_us(-3'000'000);
  world.until([&] { return is_state(world, other, name, MemberState::up); }, 60'000, "up again");
}

TEST_CASE("control: a clean stop hands leadership over", "[control]") {
  ControlWorld world(3);
  world.start_all();
  settle(world, 3);
  world.advance_ms(1'000);
  const size_t old = world.leader();
  bool is_stopped = false;
  world.control(old).stop([&] { is_stopped = true; });
  const uint64_t took = world.until([&] { return is_stopped; }, 2'000, "stopped");
  INFO(took << " ms");
  CHECK(took < 1'000);
  const size_t leader = world.leader();
  CHECK(leader != old);
  CHECK(is_state(world, leader, world.node(old).wish.name, MemberState::down));
  // Its process may take long to end, on a slow disk; it is as quiet as before.
  const uint64_t before = world.queue().happened();
  world.advance_ms(10'000);
  CHECK(world.queue().happened() - before < 20'000);
}

}  // namespace quoris::control::testing
