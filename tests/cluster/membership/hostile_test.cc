// What a peer may send that is wrong: it is refused and counted, and changes nothing.
#include <catch2/catch.hpp>

#include "tests/cluster/membership/lone_core.h"

namespace quoris::membership {

namespace {

constexpr uint64_t kSecond = 1'000'000;

void check_refused(const Piggyback& piggyback) {
  LoneCore core(4);
  core.advance(5 * kSecond);
  core.clear();
  core.step(node(2), Ping{.sequence = 1, .piggyback = piggyback});
  CHECK(core.core().figures().malformed == 1);
  CHECK(core.sent_all().empty());
  CHECK(core.events().empty());
}

}  // namespace

TEST_CASE("gossip refuses: opinions of what is no member's number") {
  check_refused(LoneCore::piggyback({LoneCore::opinion(0, 1, Health::down)}));
  check_refused(LoneCore::piggyback({LoneCore::opinion(1024, 1, Health::down)}));
  check_refused(LoneCore::piggyback({LoneCore::opinion(65535, 1, Health::down)}));
}

TEST_CASE("gossip refuses: a health that there is not") {
  check_refused(LoneCore::piggyback({LoneCore::opinion(3, 1, static_cast<Health>(3))}));
  Piggyback piggyback = LoneCore::piggyback();
  piggyback.yours.health = static_cast<Health>(200);
  check_refused(piggyback);
}

TEST_CASE("gossip refuses: counts that could not be raised any more") {
  check_refused(LoneCore::piggyback({LoneCore::opinion(1, kCountMax, Health::suspect)}));
  Piggyback piggyback = LoneCore::piggyback();
  piggyback.mine.boot = BootNumber{kCountMax};
  check_refused(piggyback);
}

TEST_CASE("gossip refuses: more opinions, accusers and notes than a message may have") {
  check_refused(LoneCore::piggyback(
      std::vector<Opinion>(kOpinionsPerMessageMax + 1, LoneCore::opinion(3, 1, Health::alive))));
  check_refused(LoneCore::piggyback(
      {LoneCore::opinion(3, 1, Health::suspect, std::vector<Accuser>(kAccusersMax + 1))}));
  check_refused(LoneCore::piggyback(
      {}, std::vector<MemberNotes>(kNotesPerMessageMax + 1, {.member = node(2), .notes = {}})));
}

TEST_CASE("gossip: the largest accusation that is taken can still be refuted") {
  LoneCore core(3);
  core.tell(node(2), {LoneCore::opinion(1, kCountMax - 2, Health::down)});
  CHECK(core.standing(LoneCore::kSelf).incarnation == Incarnation{kCountMax - 1});
}

TEST_CASE("gossip: a stranger gets its ack and no news, and its own is not believed") {
  LoneCore core(4);
  core.clear();
  core.step(node(9),
            Ping{.sequence = 4,
                 .piggyback = LoneCore::piggyback({LoneCore::opinion(3, 1, Health::down)})});
  const auto acks = core.sent<Ack>();
  REQUIRE(acks.size() == 1);
  CHECK(acks[0].second.sequence == 4);
  CHECK(acks[0].second.piggyback.opinions.empty());
  CHECK(acks[0].second.piggyback.yours.boot == BootNumber{0});
  CHECK(core.health(node(3)) == Health::alive);
  CHECK(core.core().figures().strangers == 1);
  core.step(node(1), Rumors{.piggyback = LoneCore::piggyback()});
  CHECK(core.core().figures().strangers == 2);
}

TEST_CASE("gossip: an ack of whom a stranger's answer speaks changes nothing of this node") {
  LoneCore core(4);
  Piggyback piggyback = LoneCore::piggyback();
  piggyback.yours = {};
  core.step(node(2), Ack{.sequence = 1, .wall_us = 0, .piggyback = piggyback});
  CHECK(core.standing(LoneCore::kSelf).incarnation == Incarnation{1});
  CHECK(core.count(EventKind::superseded) == 0);
}

TEST_CASE("gossip: an earlier life of a member is answered and not believed") {
  LoneCore core(4);
  Opinion later = LoneCore::opinion(2, 1, Health::alive);
  later.boot = BootNumber{4};
  core.tell(node(3), {later});
  core.clear();
  core.step(node(2),
            Ping{.sequence = 4,
                 .piggyback = LoneCore::piggyback({LoneCore::opinion(3, 1, Health::down)})});
  const auto acks = core.sent<Ack>();
  REQUIRE(acks.size() == 1);
  CHECK(acks[0].second.piggyback.yours.boot == BootNumber{4});  // so it learns of it
  CHECK(core.health(node(3)) == Health::alive);
  CHECK(core.core().figures().stale_lives == 1);
}

TEST_CASE("gossip: opinions of members that the map does not have are left alone") {
  LoneCore core(4);
  core.advance(20 * kSecond);
  core.clear();
  core.tell(node(2), {LoneCore::opinion(77, 1, Health::down)});
  CHECK(core.events().empty());
  CHECK(core.core().news() == 0);
}

TEST_CASE("gossip: requests for help are bounded, and nobody is asked to ping itself") {
  LoneCore core(4);
  core.silent() = {node(3)};
  core.clear();
  const auto ask = [&core](uint64_t sequence, NodeNumber target) {
    core.step(
        node(2),
        PingRequest{.sequence = sequence, .target = target, .piggyback = LoneCore::piggyback()});
  };
  ask(1, node(2));
  ask(2, LoneCore::kSelf);
  ask(3, node(50));
  CHECK(core.sent<Ping>().empty());
  for (uint64_t i = 0; i < Relays::kRelaysMax + 10; ++i) ask(100 + i, node(3));
  CHECK(core.sent<Ping>().size() == Relays::kRelaysMax);
  CHECK(core.sent<Nack>().size() == 10);
  ask(100, node(3));  // twice
  CHECK(core.sent<Ping>().size() == Relays::kRelaysMax);
}

TEST_CASE("gossip: output that nobody takes is bounded") {
  sim::SimRng rng(1);
  Gossip gossip({.number = node(1), .boot = BootNumber{1}}, {}, rng, {});
  gossip.set_members(std::vector<MemberSpec>{{.number = node(1), .boot = BootNumber{1}},
                                             {.number = node(2), .boot = BootNumber{1}}},
                     {});
  for (uint64_t i = 0; i < 2 * Gossip::kOutgoingMax; ++i) {
    gossip.step(node(2),
                Ping{.sequence = i,
                     .piggyback = {.mine = {.boot = BootNumber{1}},
                                   .yours = {},
                                   .opinions = {},
                                   .notes = {}}},
                {});
  }
  CHECK(gossip.take_output().messages.size() == Gossip::kOutgoingMax);
  CHECK(gossip.figures().dropped >= Gossip::kOutgoingMax);
  CHECK(gossip.take_output().messages.empty());
}

}  // namespace quoris::membership
