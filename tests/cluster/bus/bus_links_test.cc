// Links that begin, carry, break and come back.
#include <catch2/catch.hpp>

#include "tests/cluster/bus/bus_world.h"

namespace quoris::bus {

using testing::address_of;
using testing::identity_of;
using testing::member_of;
using testing::TestNode;
using testing::World;

TEST_CASE("bus: members connect on all links, both ways at once", "[bus]") {
  World world;
  world.cluster(3);
  for (uint16_t from = 1; from <= 3; ++from) {
    for (uint16_t to = 1; to <= 3; ++to) {
      if (from != to) CHECK(world[from].is_up(to));
    }
    CHECK(world[from].bus.links().size() == 12);
    CHECK(world[from].bus.strangers() == 0);
    CHECK(world[from].refusals.empty());
  }
  // Each began its own: three links, two ways, three pairs, and none settled twice.
  CHECK(world.network.connections() == 18);
  CHECK(world.network.attempts() == 18);
  CHECK(world[1].events == std::vector<std::string>{"up node2 control", "up node3 control",
                                                    "up node2 data", "up node2 bulk",
                                                    "up node3 data", "up node3 bulk"});
}

TEST_CASE("bus: messages arrive in order on their link, with their sender", "[bus]") {
  World world;
  world.cluster(2);
  for (int i = 0; i < 1000; ++i) {
    REQUIRE(world[1].note(2, std::to_string(i)) == SendResult::sent);
    REQUIRE(world[1].record(2, static_cast<uint64_t>(i)) == SendResult::sent);
    if (i % 100 == 0) world.settle();
  }
  REQUIRE(world[2].note(1, "hello back") == SendResult::sent);
  world.settle();
  REQUIRE(world[2].notes.size() == 1000);
  REQUIRE(world[2].records.size() == 1000);
  for (size_t i = 0; i < 1000; ++i) {
    REQUIRE(world[2].notes[i] == std::to_string(i));
    REQUIRE(world[2].records[i] == i);
  }
  CHECK(world[1].notes == std::vector<std::string>{"hello back"});
  CHECK(world[2].senders[0].number == NodeNumber{1});
  CHECK(world[1].counters(2, LinkKind::data).out.messages == 1000);
  CHECK(world[2].counters(1, LinkKind::data).in.messages == 1000);
  CHECK(world[1].bus.links()[0].queued_messages == 0);
}

TEST_CASE("bus: a turn makes one write per link", "[bus]") {
  World world;
  world.cluster(2);
  size_t deliveries = 0;
  world.network.set_tap([&](const std::string&, const std::string&, std::string& bytes) {
    ++deliveries;
    CHECK(testing::split_frames(bytes).size() == 50);
  });
  for (int i = 0; i < 50; ++i) {
    REQUIRE(world[1].note(2, "x") == SendResult::sent);
    REQUIRE(world[1].record(2, 1) == SendResult::sent);
  }
  world.settle();
  CHECK(deliveries == 2);
}

TEST_CASE("bus: nothing is taken for a link that is not open", "[bus]") {
  World world;
  TestNode& node = world.add(1);
  CHECK(node.note(2, "x") == SendResult::not_open);
  node.bus.set_members({member_of(1), member_of(2)});
  world.run_ms(100);
  CHECK(node.note(2, "x") == SendResult::not_open);
  CHECK(node.counters(2, LinkKind::control).not_open == 1);
  CHECK_FALSE(node.is_up(2));
  CHECK_FALSE(node.bus.find(NodeNumber{1}));
}

TEST_CASE("bus: who is not there yet is called again, ever less often, and found", "[bus]") {
  World world;
  TestNode& node = world.add(1);
  node.bus.set_members({member_of(1), member_of(2)});
  world.run_ms(500);
  const uint64_t early = world.network.attempts();
  CHECK(early >= 4);
  CHECK(early <= 10);
  world.run_ms(10'000);
  const uint64_t later = world.network.attempts() - early;
  // Only control calls, at half of the longest wait at most.
  CHECK(later >= 9);
  CHECK(later <= 21);
  CHECK(node.counters(2, LinkKind::control).failures == world.network.attempts());
  world.add(2).bus.set_members({member_of(1), member_of(2)});
  world.run_ms(1100);
  CHECK(node.is_up(2));
  CHECK(world[2].is_up(1));
}

TEST_CASE("bus: waits before a new attempt have jitter", "[bus]") {
  World world;
  for (uint16_t number = 1; number <= 8; ++number) {
    world.add(number).bus.set_members({member_of(number), member_of(9)});
  }
  std::set<uint64_t> moments;
  uint64_t before = 0;
  for (uint64_t ms = 0; ms < 3000; ++ms) {
    world.run_ms(1);
    if (ms > 2000 && world.network.attempts() != before) moments.insert(ms);
    before = world.network.attempts();
  }
  CHECK(moments.size() >= 6);
}

TEST_CASE("bus: a process that ends and returns is connected to again within a second", "[bus]") {
  World world;
  world.cluster(3);
  world.kill(2);
  world.run_ms(50);
  CHECK_FALSE(world[1].bus.is_up(NodeNumber{2}, LinkKind::control));
  CHECK(world[1].events.back() == "down node2 bulk gone");
  world.run_ms(3000);
  TestNode& again = world.add(2, world.local(2, 2));
  again.bus.set_members({member_of(1), member_of(2), member_of(3)});
  world.run_ms(1100);
  CHECK(world[1].is_up(2));
  CHECK(again.is_up(1));
  CHECK(world[1].bus.facts(*world[1].bus.find(NodeNumber{2}))->boot == BootNumber{2});
  CHECK(world[1].counters(2, LinkKind::control).connects == 4);  // both ways, twice
}

TEST_CASE("bus: a peer that is cut off without a word is noticed by silence, and found again",
          "[bus]") {
  World world;
  world.cluster(2);
  REQUIRE(world[1].note(2, "before") == SendResult::sent);
  world.run_ms(1000);
  world.network.cut_both("n1", "n2");
  world.run_ms(1400);
  CHECK(world[1].is_up(2));
  world.run_ms(700);
  CHECK_FALSE(world[1].bus.is_up(NodeNumber{2}, LinkKind::control));
  CHECK_FALSE(world[1].bus.is_up(NodeNumber{2}, LinkKind::bulk));
  CHECK_FALSE(world[2].is_up(1));
  CHECK(world[1].counters(2, LinkKind::control).silences >= 1);
  // No connection of before is left, in either direction.
  world.run_ms(5000);
  for (const LinkStatus& link : world[1].bus.links()) {
    CHECK(link.state == Connection::State::calling);
  }
  world.network.heal();
  world.run_ms(1500);
  CHECK(world[1].is_up(2));
  CHECK(world[2].is_up(1));
  REQUIRE(world[1].note(2, "after") == SendResult::sent);
  world.settle();
  CHECK(world[2].notes == std::vector<std::string>{"before", "after"});
}

TEST_CASE("bus: a network that is cut one way is noticed by both sides", "[bus]") {
  World world;
  world.cluster(2);
  world.network.cut("n1", "n2");
  world.run_ms(3000);
  CHECK_FALSE(world[1].is_up(2));
  CHECK_FALSE(world[2].is_up(1));
  world.network.heal();
  world.run_ms(1500);
  CHECK(world[1].is_up(2));
  CHECK(world[2].is_up(1));
}

TEST_CASE("bus: idle links live on heartbeats, and their round trips are known", "[bus]") {
  World world;
  world.cluster(2);
  uint64_t beats = 0;
  world.network.set_tap([&](const std::string&, const std::string&, std::string& bytes) {
    for (const auto& words : testing::split_frames(bytes)) beats += words[0] == "HEARTBEAT";
  });
  const std::vector<std::string> before = world[1].events;
  world.run_ms(60'000);
  CHECK(world[1].events == before);
  CHECK(world[2].is_up(1));
  // Two a second on both control links, two in five seconds on the other four.
  CHECK(beats > 310);
  CHECK(beats < 350);
  const auto links = world[1].bus.links();
  REQUIRE(links.size() == 6);
  CHECK(links[0].began_here);
  REQUIRE(links[0].round_trip_us);
  CHECK(*links[0].round_trip_us == 0);
  CHECK(links[0].clock_offset_us == 0);
  CHECK(links[0].open_for_us > 59'000'000);
}

TEST_CASE("bus: a node that did not run itself takes nobody for silent", "[bus]") {
  World world;
  world.cluster(2);
  world.run_ms(1000);
  const auto before = world[1].events;
  // Stopped: no turn, no tick, while the clock goes on.
  world.env.clock().advance_to(world.env.clock().now_us() + 30'000'000);
  world.run_ms(3000);
  CHECK(world[1].events == before);
  CHECK(world[1].is_up(2));
}

TEST_CASE("bus: members that go are dropped, those with a new address are called there", "[bus]") {
  World world;
  world.cluster(3);
  world[1].bus.set_members({member_of(1), member_of(2)});
  world.run_ms(10);
  CHECK(world[1].is_up(2));
  CHECK(world[1].note(3, "x") == SendResult::not_open);
  // 3 still takes 1 for a member and is let in: as a guest, with its control link.
  world.run_ms(3000);
  CHECK_FALSE(world[3].bus.is_up(NodeNumber{1}, LinkKind::data));

  world.network.stop_listening(address_of(2));
  const HostPort moved{"n2", 9000};
  world.network.listen(moved, world[2].bus);
  Member member = member_of(2);
  member.address = moved;
  world[1].bus.set_members({member_of(1), member});
  world.run_ms(20);
  CHECK(world[1].is_up(2));
  CHECK(world[1].bus.links()[0].address == "n2:9000");
}

TEST_CASE("bus: numbers may change hands", "[bus]") {
  World world;
  world.cluster(3);
  Member second = member_of(2);
  Member third = member_of(3);
  std::swap(second.number, third.number);
  world[1].bus.set_members({member_of(1), second, third});
  REQUIRE(world[1].note(3, "for the second") == SendResult::sent);
  world.settle();
  CHECK(world[2].notes == std::vector<std::string>{"for the second"});
  CHECK(world[3].notes.empty());
}

TEST_CASE("bus: a newcomer calls its seeds, is answered on its link, and becomes a member",
          "[bus]") {
  World world;
  world.cluster(2);
  LocalNode newcomer = world.local(3);
  newcomer.facts.number = NodeNumber{0};
  TestNode& node = world.add(3, newcomer);
  // One is not up yet, two lead to the same node, one back to itself.
  node.bus.set_seeds({{"nowhere", 1}, address_of(1), address_of(1), address_of(3)});
  world.run_ms(20);
  CHECK(node.events == std::vector<std::string>{"up node1 control"});
  CHECK(world[1].events.back() == "up node3 control");
  const PeerId at_seed = node.senders.empty() ? PeerId{1} : node.senders[0].peer;
  REQUIRE(node.channel.send(at_seed, testing::Note{.text = "JOIN"}) == SendResult::sent);
  world.settle();
  REQUIRE(world[1].notes == std::vector<std::string>{"JOIN"});
  const Sender guest = world[1].senders.back();
  CHECK(guest.number == NodeNumber{0});
  REQUIRE(world[1].channel.send(guest.peer, testing::Note{.text = "welcome"}) == SendResult::sent);
  world.settle();
  CHECK(node.notes == std::vector<std::string>{"welcome"});
  // Links for members are not open to guests.
  CHECK(world[1].channel.send(guest.peer, testing::Record{}) == SendResult::not_open);

  const std::vector<Member> members{member_of(1), member_of(2), member_of(3)};
  world[1].bus.set_members(members);
  world[2].bus.set_members(members);
  node.bus.set_seeds({});
  node.bus.set_local(world.local(3));
  node.bus.set_members(members);
  world.run_ms(100);
  for (const uint16_t number : std::initializer_list<uint16_t>{1, 2}) {
    CHECK(node.is_up(number));
    CHECK(world[number].is_up(3));
  }
  CHECK(world[1].bus.find(NodeNumber{3}) == guest.peer);
  REQUIRE(world[1].note(3, "as a member") == SendResult::sent);
  world.settle();
  CHECK(node.notes.back() == "as a member");
}

TEST_CASE("bus: a seed is called until it is there, and again when it is lost", "[bus]") {
  World world;
  LocalNode newcomer = world.local(2);
  newcomer.facts.number = NodeNumber{0};
  TestNode& node = world.add(2, newcomer);
  node.bus.set_seeds({address_of(1)});
  world.run_ms(5000);
  CHECK(node.events.empty());
  world.add(1);
  world.run_ms(1100);
  CHECK(node.events == std::vector<std::string>{"up node1 control"});
  world.kill(1);
  world.run_ms(20);
  CHECK(node.events.back() == "down node1 control gone");
  world.add(1, world.local(1, 2));
  world.run_ms(1100);
  CHECK(node.events.back() == "up node1 control");
  CHECK(node.bus.peers().size() == 1);
}

TEST_CASE("bus: guests are bounded, may be dropped, and are forgotten", "[bus]") {
  World world;
  world.options.guests_max = 2;
  TestNode& host = world.add(1);
  for (uint16_t number = 2; number <= 5; ++number) {
    world.add(number).bus.set_seeds({address_of(1)});
  }
  world.run_ms(50);
  CHECK(host.bus.peers().size() == 2);
  CHECK(world[4].refusals.size() + world[5].refusals.size() >= 2);
  CHECK(world[5].refusals[0].notice.reason == Refusal::not_ready);
  host.bus.drop(host.bus.peers()[0].peer);
  host.turn();
  CHECK(host.bus.peers().size() == 1);
  world[2].bus.set_seeds({});
  world.run_ms(2000);
  CHECK(host.bus.peers().size() == 2);
}

TEST_CASE("bus: a peer that returns before its old links were given up takes their place",
          "[bus]") {
  World world;
  world.cluster(2);
  // The power goes at 2: its connections stay, as far as 1 knows.
  world.kill(2, true);
  TestNode& again = world.add(2, world.local(2, 2));
  again.bus.set_members({member_of(1), member_of(2)});
  world.run_ms(20);
  CHECK(again.is_up(1));
  REQUIRE(again.note(1, "I am back") == SendResult::sent);
  world.settle();
  CHECK(world[1].notes == std::vector<std::string>{"I am back"});
  CHECK_FALSE(again.bus.is_up(NodeNumber{3}, LinkKind::control));
  // What 1 began itself is found to be dead by its silence.
  world.run_ms(3200);
  CHECK(world[1].is_up(2));
  CHECK(world[1].bus.links().size() == 6);
}

TEST_CASE("bus: turns for the control link alone leave the others' messages for later", "[bus]") {
  World world;
  world.cluster(2);
  world[2].serve = Bus::Serve::control_only;
  for (uint64_t i = 0; i < 10; ++i) {
    REQUIRE(world[1].record(2, i) == SendResult::sent);
    REQUIRE(world[1].note(2, "urgent") == SendResult::sent);
  }
  world.run_ms(3000);
  CHECK(world[2].notes.size() == 10);
  CHECK(world[2].records.empty());
  // Whoever runs one long command is not silent on the other links so soon.
  CHECK(world[1].is_up(2));
  CHECK(world[2].bus.wants_turn());
  world[2].serve = Bus::Serve::all;
  world.settle();
  CHECK(world[2].records.size() == 10);
}

TEST_CASE("bus: an owner may change everything from within", "[bus]") {
  World world;
  world.cluster(3);
  world[1].when_message = [&](const Sender&) {
    world[1].bus.set_members({member_of(1), member_of(3)});
    CHECK(world[1].note(2, "too late") == SendResult::not_open);
  };
  REQUIRE(world[2].note(1, "one") == SendResult::sent);
  REQUIRE(world[2].note(1, "two") == SendResult::sent);
  world.run_ms(100);
  CHECK(world[1].notes.size() >= 1);
  CHECK(world[1].is_up(3));
  bool again = false;
  world[3].when_up = [&](PeerId, LinkKind) {
    if (!std::exchange(again, true)) world[3].bus.set_members({member_of(3)});
  };
  world.kill(1);
  world.add(1, world.local(1, 2)).bus.set_members({member_of(1), member_of(3)});
  world.run_ms(1200);
  CHECK(world[3].bus.find(NodeNumber{1}) == std::nullopt);
}

TEST_CASE("bus: the same seed gives the same bytes, another one others", "[bus]") {
  const auto bytes_of = [](uint16_t boot) {
    World world;
    std::string all;
    world.network.set_tap([&](const std::string& from, const std::string& to, std::string& bytes) {
      all += from + to + bytes;
    });
    for (const uint16_t number : std::initializer_list<uint16_t>{1, 2, 3}) {
      world.add(number, world.local(number, boot))
          .bus.set_members({member_of(1), member_of(2), member_of(3)});
    }
    world.run_ms(700);
    REQUIRE(world[1].note(2, "x") == SendResult::sent);
    world.kill(2);
    world.run_ms(700);
    return all;
  };
  CHECK(bytes_of(1) == bytes_of(1));
  CHECK(bytes_of(1) != bytes_of(2));
}

}  // namespace quoris::bus
