// Fault rules on the channel: what they do to messages, what is counted, determinism.
#include <catch2/catch.hpp>

#include "tests/cluster/bus/bus_world.h"

namespace quoris::bus {

namespace {

using testing::member_of;
using testing::World;

void fault(World& world, uint16_t node, std::string_view line) {
  const auto words = split_arguments(line);
  REQUIRE(words);
  const std::vector<std::string_view> seen(words->begin(), words->end());
  const auto command = fault::parse_fault(seen, fault::node_by_number);
  REQUIRE(command);
  world[node].bus.faults().apply(*command);
}

struct Run {
  std::vector<uint64_t> records;
  LinkCounters out;
  LinkCounters in;
};

Run send_thousand(const std::string& rule, uint16_t at, uint64_t boot = 1) {
  World world;
  for (const uint16_t number : std::initializer_list<uint16_t>{1, 2}) {
    world.add(number, world.local(number, boot)).bus.set_members({member_of(1), member_of(2)});
  }
  world.run_ms(10);
  fault(world, at, rule);
  for (uint64_t i = 0; i < 1000; ++i) {
    REQUIRE(world[1].record(2, i) == SendResult::sent);
    world.run_ms(1);
  }
  world.run_ms(500);
  CHECK(world[1].is_up(2));
  CHECK(world[1].bus.held() == 0);
  CHECK(world[2].bus.held() == 0);
  return {.records = world[2].records,
          .out = world[1].counters(2, LinkKind::data),
          .in = world[2].counters(1, LinkKind::data)};
}

}  // namespace

TEST_CASE("bus faults: dropped messages are counted, at either end", "[bus]") {
  const Run sender = send_thousand("DROP 20 TO 2", 1);
  CHECK(sender.records.size() > 740);
  CHECK(sender.records.size() < 860);
  CHECK(sender.out.out.dropped == 1000 - sender.records.size());
  CHECK(std::ranges::is_sorted(sender.records));
  const Run receiver = send_thousand("DROP 20 FROM 1", 2);
  CHECK(receiver.in.in.dropped == 1000 - receiver.records.size());
  CHECK(receiver.in.in.dropped > 140);
  CHECK(receiver.out.out.dropped == 0);
  // The other direction is spared.
  CHECK(send_thousand("DROP 100 FROM 2", 1).records.size() == 1000);
}

TEST_CASE("bus faults: duplicated messages come twice", "[bus]") {
  for (const uint16_t at : std::initializer_list<uint16_t>{1, 2}) {
    const Run run = send_thousand("DUPLICATE 30", at);
    const uint64_t counted = at == 1 ? run.out.out.duplicated : run.in.in.duplicated;
    CHECK(run.records.size() == 1000 + counted);
    CHECK(counted > 230);
    CHECK(counted < 370);
  }
}

TEST_CASE("bus faults: delayed messages come later, in order without jitter, else not", "[bus]") {
  for (const uint16_t at : std::initializer_list<uint16_t>{1, 2}) {
    const Run even = send_thousand("DELAY 30", at);
    CHECK(even.records.size() == 1000);
    CHECK(std::ranges::is_sorted(even.records));
    CHECK((at == 1 ? even.out.out.delayed : even.in.in.delayed) == 1000);
    const Run uneven = send_thousand("DELAY 30 20", at);
    CHECK(uneven.records.size() == 1000);
    CHECK_FALSE(std::ranges::is_sorted(uneven.records));
  }
  World world;
  world.cluster(2);
  fault(world, 1, "DELAY 30 20 TO 2");
  REQUIRE(world[1].record(2, 1) == SendResult::sent);
  world.run_ms(29);
  CHECK(world[2].records.empty());
  world.run_ms(22);
  CHECK(world[2].records.size() == 1);
}

TEST_CASE("bus faults: the same seed gives the same faults, another one others", "[bus]") {
  const std::string rule = "DROP 10";
  CHECK(send_thousand(rule, 1).records == send_thousand(rule, 1).records);
  CHECK(send_thousand(rule, 1).records != send_thousand(rule, 1, 2).records);
}

// A handshake that hangs, the longest wait before the next, the ticks, and some to spare.
constexpr uint64_t kBackMs = 2300;

TEST_CASE("bus faults: a partition cuts heartbeats and handshakes too, and heals", "[bus]") {
  for (const std::string rule : {"PARTITION 2", "PARTITION TO 2", "PARTITION FROM 2"}) {
    World world;
    world.cluster(3);
    fault(world, 1, rule);
    CHECK(world[1].record(2, 1) == SendResult::sent);
    world.run_ms(3000);
    CHECK_FALSE(world[1].is_up(2));
    CHECK_FALSE(world[2].is_up(1));
    CHECK(world[1].is_up(3));
    CHECK(world[3].is_up(1));
    CHECK(world[2].records.empty() == (rule != "PARTITION FROM 2"));
    world.run_ms(10'000);
    CHECK_FALSE(world[1].bus.is_up(NodeNumber{2}, LinkKind::control));
    CHECK_FALSE(world[2].bus.is_up(NodeNumber{1}, LinkKind::control));
    fault(world, 1, "CLEAR");
    world.run_ms(kBackMs);
    CHECK(world[1].is_up(2));
    CHECK(world[2].is_up(1));
  }
}

TEST_CASE("bus faults: FAIL makes a node deaf, RECOVER brings it back", "[bus]") {
  World world;
  world.cluster(3);
  fault(world, 1, "FAIL");
  REQUIRE(world[2].note(1, "unheard") == SendResult::sent);
  REQUIRE(world[1].note(2, "still speaks") == SendResult::sent);
  world.run_ms(3000);
  CHECK(world[1].notes.empty());
  CHECK(world[2].notes == std::vector<std::string>{"still speaks"});
  for (const uint16_t other : std::initializer_list<uint16_t>{2, 3})
    CHECK_FALSE(world[other].is_up(1));
  CHECK(world[2].is_up(3));
  fault(world, 1, "RECOVER");
  world.run_ms(kBackMs);
  for (const uint16_t other : std::initializer_list<uint16_t>{2, 3}) {
    CHECK(world[other].is_up(1));
    CHECK(world[1].is_up(other));
  }
}

TEST_CASE("bus faults: what is held back does not survive its link", "[bus]") {
  World world;
  world.cluster(2);
  fault(world, 1, "DELAY 1500 TO 2");
  REQUIRE(world[1].record(2, 1) == SendResult::sent);
  fault(world, 1, "CLEAR");
  world.kill(2);
  world.add(2, world.local(2, 2)).bus.set_members({member_of(1), member_of(2)});
  world.run_ms(1100);
  REQUIRE(world[1].is_up(2));
  REQUIRE(world[1].record(2, 2) == SendResult::sent);
  world.run_ms(1000);
  CHECK(world[2].records == std::vector<uint64_t>{2});
  CHECK(world[1].bus.held() == 0);
}

TEST_CASE("bus faults: what is held back is bounded", "[bus]") {
  World world;
  world.options.held_max = 10;
  world.cluster(2);
  fault(world, 1, "DELAY 100 TO 2");
  for (uint64_t i = 0; i < 25; ++i) REQUIRE(world[1].record(2, i) == SendResult::sent);
  CHECK(world[1].bus.held() == 10);
  world.run_ms(200);
  CHECK(world[2].records.size() == 10);
  CHECK(world[1].counters(2, LinkKind::data).out.dropped == 15);
}

TEST_CASE("bus faults: disabled rules do nothing and are kept", "[bus]") {
  World world;
  world.cluster(2);
  fault(world, 1, "DROP 100");
  fault(world, 1, "DISABLE");
  REQUIRE(world[1].record(2, 1) == SendResult::sent);
  world.settle();
  CHECK(world[2].records.size() == 1);
  fault(world, 1, "ENABLE");
  REQUIRE(world[1].record(2, 2) == SendResult::sent);
  world.settle();
  CHECK(world[2].records.size() == 1);
}

TEST_CASE("bus faults: a bus may go while messages are held back", "[bus]") {
  World world;
  world.cluster(2);
  fault(world, 1, "DELAY 100");
  fault(world, 2, "DELAY 100");
  REQUIRE(world[1].record(2, 1) == SendResult::sent);
  world.run_ms(50);
  world.kill(1);
  world.kill(2);
  world.run_ms(500);
  CHECK(world.env.timers().pending() == 0);
}

}  // namespace quoris::bus
