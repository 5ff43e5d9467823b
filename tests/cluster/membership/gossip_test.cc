// Single cases of the core as a whole: lives, links, lateness, partitions, storms.
#include <algorithm>
#include <catch2/catch.hpp>

#include "cluster/membership/wire_bytes.h"
#include "tests/cluster/membership/lone_core.h"
#include "tests/cluster/membership/swarm.h"

namespace quoris::membership {

namespace {

constexpr uint64_t kSecond = 1'000'000;
constexpr uint64_t kPeriod = Options{}.probe_period_us;

// All know all, and have told it.
void settle(Swarm& swarm) {
  swarm.run_for(5 * kSecond);
  swarm.clear_events();
}

Notes notes_of(uint64_t map_version, uint32_t flags = 0) {
  Notes notes;
  notes.map_version = map_version;
  notes.flags = flags;
  return notes;
}

}  // namespace

TEST_CASE("gossip: a suspicion is refuted by a higher incarnation, and all hear of it") {
  Swarm swarm(5, 1);
  settle(swarm);
  swarm.stall(node(3), 700'000);
  swarm.run_for(3 * kSecond);
  CHECK(swarm.count(EventKind::suspected) > 0);
  CHECK(swarm.count(EventKind::refuted) == swarm.count(EventKind::suspected));
  CHECK(swarm.count(EventKind::accused) >= 1);
  CHECK(swarm.count(EventKind::seems_down) == 0);
  CHECK(swarm.all_well());
}

TEST_CASE("gossip: a suspicion of an old incarnation is ignored") {
  LoneCore core(4);
  core.advance(kSecond);
  core.tell(node(2), {LoneCore::opinion(3, 4, Health::alive)});
  core.clear();
  core.tell(node(2),
            {LoneCore::opinion(3, 3, Health::suspect), LoneCore::opinion(3, 3, Health::down)});
  CHECK(core.health(node(3)) == Health::alive);
  CHECK(core.standing(node(3)).incarnation == Incarnation{4});
  CHECK(core.events().empty());
}

TEST_CASE("gossip: who brings old news in a ping is corrected in the ack") {
  LoneCore core(4);
  core.tell(node(2), {LoneCore::opinion(3, 4, Health::alive)});
  core.advance(10 * kSecond);  // told often enough
  core.clear();
  core.step(node(4),
            Ping{.sequence = 1,
                 .piggyback = LoneCore::piggyback({LoneCore::opinion(3, 2, Health::down)})});
  const auto acks = core.sent<Ack>();
  REQUIRE(acks.size() == 1);
  REQUIRE(acks[0].second.piggyback.opinions.size() == 1);
  CHECK(acks[0].second.piggyback.opinions[0].incarnation == Incarnation{4});
}

TEST_CASE("gossip: after a restart that lost its count a member jumps past what is said of it") {
  LoneCore core(3);
  core.tell(node(2), {LoneCore::opinion(1, 41, Health::alive)});
  CHECK(core.standing(LoneCore::kSelf).incarnation == Incarnation{42});
  core.tell(node(2), {LoneCore::opinion(1, 50, Health::down)});
  CHECK(core.standing(LoneCore::kSelf).incarnation == Incarnation{51});
}

TEST_CASE("gossip: another life overrides what was said of the one before, and is not doubted") {
  Swarm swarm(4, 2);
  settle(swarm);
  swarm.crash(node(2), Swarm::Death::silent);
  REQUIRE(swarm.run_until([&] { return swarm.all_see(node(2), Health::down); }, 5 * kSecond));
  swarm.clear_events();
  swarm.restart(node(2));
  REQUIRE(swarm.run_until([&] { return swarm.all_well(); }, kSecond));
  CHECK(swarm.count(EventKind::back) == 3);
  swarm.run_for(5 * kSecond);
  CHECK(swarm.all_well());
  CHECK(swarm.gossip(node(1)).find(node(2))->standing.boot == BootNumber{2});
}

TEST_CASE("gossip: what is said of an earlier life of this node does not concern it") {
  LoneCore core(3);
  Opinion old = LoneCore::opinion(1, 9, Health::down);
  old.boot = BootNumber{2};
  core.tell(node(2), {old});
  CHECK(core.standing(LoneCore::kSelf).incarnation == Incarnation{1});
  CHECK(core.events().size() == 1);  // that 2 has joined
}

TEST_CASE("gossip: who has a later life somewhere else is told so, once") {
  LoneCore core(3);
  core.advance(kSecond);
  core.clear();
  Opinion later = LoneCore::opinion(1, 1, Health::alive);
  later.boot = BootNumber{4};
  core.tell(node(2), {later});
  core.tell(node(3), {later});
  CHECK(core.count(EventKind::superseded) == 1);
  CHECK(core.standing(LoneCore::kSelf).boot == LoneCore::kBoot);
}

TEST_CASE("gossip: a join is learnt by all") {
  Swarm swarm(20, 3);
  settle(swarm);
  swarm.add(node(21));
  const auto all_know = [&swarm] {
    for (uint16_t i = 1; i <= 20; ++i) {
      if (!swarm.seen_us(node(i), EventKind::joined, node(21))) return false;
    }
    return true;
  };
  CHECK(swarm.run_until(all_know, 2 * kSecond));
}

TEST_CASE("gossip: a newcomer hears who is down from the first it speaks to") {
  Swarm swarm(20, 4);
  settle(swarm);
  for (uint16_t i = 1; i <= 5; ++i) swarm.crash(node(i), Swarm::Death::process);
  swarm.run_for(30 * kSecond);
  swarm.add(node(21));
  swarm.run_for(kSecond / 2);
  for (uint16_t i = 1; i <= 5; ++i) {
    CHECK(swarm.gossip(node(21)).find(node(i))->is_down());
  }
}

TEST_CASE("gossip: a member that the map lets go is forgotten") {
  Swarm swarm(5, 5);
  settle(swarm);
  swarm.crash(node(4), Swarm::Death::silent);
  swarm.run_for(kPeriod * 2);  // probes of it are under way
  swarm.remove(node(4));
  swarm.run_for(5 * kSecond);
  CHECK(swarm.gossip(node(1)).find(node(4)) == nullptr);
  CHECK(swarm.gossip(node(1)).members().size() == 4);
  CHECK(swarm.count(EventKind::seems_down) == 0);
  swarm.clear_traffic();
  swarm.run_for(10 * kSecond);
  CHECK(swarm.traffic().messages <= 4 * 10 * 10 + 4);  // nobody spends a probe on it
}

TEST_CASE("gossip: a node that was cut off comes back when the partition heals") {
  Swarm swarm(5, 6);
  settle(swarm);
  swarm.partition(1);
  swarm.run_for(20 * kSecond);
  for (uint16_t i = 2; i <= 5; ++i) {
    CHECK(swarm.gossip(node(i)).find(node(1))->is_down());
    CHECK(swarm.gossip(node(1)).find(node(i))->is_down());
    CHECK_FALSE(swarm.gossip(node(2)).find(node(i))->is_down());
  }
  swarm.heal();
  const uint64_t start_us = swarm.now_us();
  REQUIRE(swarm.run_until([&] { return swarm.all_well(); }, 10 * kSecond));
  CHECK(swarm.now_us() - start_us < 2 * kSecond);
  swarm.run_for(5 * kSecond);
  CHECK(swarm.all_well());
}

TEST_CASE("gossip: two halves of a cluster find each other again") {
  Swarm swarm(40, 7);
  settle(swarm);
  swarm.partition(20);
  swarm.run_for(60 * kSecond);
  CHECK(swarm.count(EventKind::seems_down) == 2 * 20 * 20);
  swarm.heal();
  CHECK(swarm.run_until([&] { return swarm.all_well(); }, 20 * kSecond));
}

TEST_CASE("gossip: A hears B, B doesn't hear A: others speak for both") {
  Swarm swarm(4, 8);
  settle(swarm);
  swarm.cut(node(1), node(2));
  swarm.run_for(60 * kSecond);
  CHECK(swarm.count(EventKind::suspected) == 0);
  CHECK(swarm.gossip(node(1)).figures().help_asked > 0);
  CHECK(swarm.gossip(node(2)).figures().help_asked > 0);
}

TEST_CASE("gossip: links that flicker are no failure") {
  Swarm swarm(5, 9);
  settle(swarm);
  for (uint16_t i = 2; i <= 5; ++i) {
    swarm.lose_link(node(1), node(i), LinkLoss::closed);
    swarm.cut(node(1), node(i));
    swarm.cut(node(i), node(1));
  }
  swarm.after(300'000, [&swarm] {
    swarm.heal();
    for (uint16_t i = 2; i <= 5; ++i) swarm.make_link(node(1), node(i));
  });
  swarm.run_for(5 * kSecond);
  CHECK(swarm.count(EventKind::seems_down) == 0);
  CHECK(swarm.all_well());
}

TEST_CASE("gossip: a lost link is a reason to probe at once, by way of others too") {
  LoneCore core(5);
  core.advance(5 * kSecond);
  core.silent() = {node(3)};
  core.clear();
  core.link_lost(node(3), LinkLoss::closed);
  REQUIRE(core.sent<Ping>().size() == 1);
  CHECK(core.sent<Ping>()[0].first == node(3));
  CHECK(core.sent<PingRequest>().size() == 3);
  CHECK(core.health(node(3)) == Health::alive);
  // Lost again while it is probed: nothing more.
  core.clear();
  core.link_lost(node(3), LinkLoss::silent);
  CHECK(core.sent_all().empty());
}

TEST_CASE("gossip: a link that is back repeats the ping that went down with it") {
  LoneCore core(5);
  core.advance(5 * kSecond);
  core.silent() = {node(3)};
  core.link_lost(node(3), LinkLoss::closed);
  core.silent().clear();
  core.advance(50'000);
  core.clear();
  core.link_made(node(3));
  REQUIRE_FALSE(core.sent<Ping>().empty());
  CHECK(core.sent<Ping>()[0].first == node(3));
  core.advance(kSecond);
  CHECK(core.count(EventKind::suspected) == 0);
  const auto reading = core.core().clock(node(3), core.moment());
  REQUIRE(reading);
  CHECK(reading->rtt_us == 0);
}

TEST_CASE("gossip: a suspicion is short only when all the accusers needed had their links closed") {
  const Suspicion::Timing timing{
      .min_us = 900, .max_us = 5400, .closed_us = 300, .confirmations = 1};
  Suspicion suspicion(timing, 0);
  suspicion.accuse({.member = node(1), .link_closed = true});
  CHECK(suspicion.deadline_us() == 5400);
  suspicion.accuse({.member = node(2), .link_closed = false});
  CHECK(suspicion.deadline_us() == 900);
  CHECK(suspicion.accuse({.member = node(2), .link_closed = true}));
  CHECK(suspicion.deadline_us() == 300);
}

TEST_CASE("gossip: deadlines that pass while the own loop stands still accuse nobody") {
  LoneCore core(4);
  core.advance(5 * kSecond);
  core.silent() = {node(2), node(3), node(4)};
  core.advance(kPeriod);
  core.silent().clear();
  // The probe under way had an answer, but the loop stood still before it was read.
  core.clear();
  core.stand_still(3 * kSecond);
  core.core().note_late(3 * kSecond, core.moment());
  CHECK(core.core().local_health() == 1);
  core.tick();
  CHECK(core.count(EventKind::suspected) == 0);
  core.advance(Options{}.ping_timeout_us - 1);
  CHECK(core.count(EventKind::suspected) == 0);
}

TEST_CASE("gossip: a suspect has its time to refute after the accuser's own stall, too") {
  LoneCore core(4);
  core.advance(5 * kSecond);
  core.silent() = {node(2)};
  while (core.health(node(2)) == Health::alive) core.advance(10'000);
  core.tell(node(3), {LoneCore::opinion(2, 1, Health::suspect, {{.member = node(3)}})});
  core.tell(node(4), {LoneCore::opinion(2, 1, Health::suspect, {{.member = node(4)}})});
  core.clear();
  core.stand_still(10 * kSecond);
  core.core().note_late(10 * kSecond, core.moment());
  core.tick();
  CHECK(core.health(node(2)) == Health::suspect);
  core.tell(node(3), {LoneCore::opinion(2, 2, Health::alive)});
  CHECK(core.count(EventKind::refuted) == 1);
}

TEST_CASE("gossip: a node that is always late accuses others more slowly, not never") {
  LoneCore core(3);
  core.advance(5 * kSecond);
  core.silent() = {node(2)};
  for (int i = 0; i < 300 && core.health(node(2)) != Health::down; ++i) {
    core.stand_still(200'000);
    core.core().note_late(100'000, core.moment());
    core.tick();
    core.advance(0);
  }
  CHECK(core.health(node(2)) == Health::down);
}

TEST_CASE("gossip: 1000 updates at once are told within the bound on each message") {
  LoneCore core(1023);
  core.advance(kSecond);
  std::vector<Opinion> opinions;
  for (uint16_t i = 3; i <= 1002; ++i) {
    opinions.push_back(LoneCore::opinion(i, 7, Health::alive));
    if (opinions.size() == kOpinionsPerMessageMax || i == 1002) {
      core.tell(node(2), std::exchange(opinions, {}));
    }
  }
  CHECK(core.core().news() >= 1000);
  core.clear();
  std::set<NodeNumber> told;
  size_t largest = 0;
  const auto look = [&told, &largest](const auto& kind) {
    size_t bytes = 0;
    for (const Opinion& opinion : kind.piggyback.opinions) {
      told.insert(opinion.member);
      bytes += wire_bytes(opinion);
    }
    largest = std::max(largest, bytes);
  };
  core.advance(kSecond);
  for (const Outgoing& outgoing : core.sent_all()) std::visit(look, outgoing.message);
  CHECK(largest <= Options{}.piggyback_bytes);
  CHECK(largest > Options{}.piggyback_bytes / 2);
  CHECK(told.size() >= 1000);  // each once before any twice
  core.advance(120 * kSecond);
  CHECK(core.core().news() == 0);
}

TEST_CASE("gossip: a storm of 1000 refutations ends, and all are well") {
  // Every member of a hundred is suspected by another, ten times over.
  Swarm swarm(100, 10);
  settle(swarm);
  for (int round = 0; round < 10; ++round) {
    for (uint16_t i = 1; i <= 100; ++i) {
      const NodeNumber victim = node(static_cast<uint16_t>(i % 100 + 1));
      const auto* member = swarm.gossip(node(i)).find(victim);
      Opinion opinion{.member = victim,
                      .boot = member->standing.boot,
                      .incarnation = member->standing.incarnation,
                      .health = Health::suspect,
                      .accusers = {{.member = node(i)}}};
      const NodeNumber teller = node(static_cast<uint16_t>((i + 1) % 100 + 1));
      const auto& self = swarm.gossip(teller).find(teller)->standing;
      swarm.gossip(node(i)).step(teller,
                                 Rumors{.piggyback = {.mine = {.boot = self.boot,
                                                               .incarnation = self.incarnation,
                                                               .notes_version = 0},
                                                      .yours = {},
                                                      .opinions = {opinion},
                                                      .notes = {}}},
                                 swarm.moment(node(i)));
    }
    swarm.run_for(100'000);
  }
  CHECK(swarm.run_until([&] { return swarm.all_well(); }, 5 * kSecond));
  CHECK(swarm.count(EventKind::seems_down) == 0);
  swarm.run_for(20 * kSecond);
  CHECK(swarm.gossip(node(1)).news() == 0);
  CHECK(swarm.traffic().largest_piggyback <= Options{}.piggyback_bytes);
}

TEST_CASE("gossip: messages that come twice and in any order do no harm") {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    Swarm swarm(6, seed, {},
                {.latency_min_us = 100,
                 .latency_max_us = 60'000,
                 .duplicate_ppm = 200'000,
                 .keeps_order = false});
    swarm.run_for(60 * kSecond);
    INFO("seed " << seed);
    CHECK(swarm.count(EventKind::seems_down) == 0);
    CHECK(swarm.all_well());
    swarm.crash(node(6), Swarm::Death::silent);
    CHECK(swarm.run_until([&] { return swarm.all_see(node(6), Health::down); }, 10 * kSecond));
    swarm.run_for(10 * kSecond);
    CHECK(swarm.all_see(node(6), Health::down));
  }
}

TEST_CASE("gossip: a second ack, a late one, and one of somebody else mean nothing") {
  LoneCore core(3);
  core.advance(5 * kSecond);
  core.silent() = {node(2), node(3)};
  core.clear();
  core.advance(kPeriod);
  const auto pings = core.sent<Ping>();
  REQUIRE_FALSE(pings.empty());
  const auto [target, ping] = pings.back();
  const NodeNumber other = target == node(2) ? node(3) : node(2);
  core.step(other,
            Ack{.sequence = ping.sequence, .wall_us = 0, .piggyback = LoneCore::piggyback()});
  core.step(target,
            Ack{.sequence = ping.sequence + 1, .wall_us = 0, .piggyback = LoneCore::piggyback()});
  core.advance(kPeriod);
  CHECK(core.health(target) == Health::suspect);
  core.step(target,
            Ack{.sequence = ping.sequence, .wall_us = 0, .piggyback = LoneCore::piggyback()});
  CHECK(core.health(target) == Health::suspect);  // it has not refuted
}

TEST_CASE("gossip: notes reach all, the newest holds, and who missed them asks by what it has") {
  Swarm swarm(10, 11);
  settle(swarm);
  for (uint64_t version = 1; version <= 5; ++version) {
    swarm.gossip(node(4)).set_notes(notes_of(version, Notes::kDiskFailing));
  }
  swarm.run_for(5 * kSecond);
  for (uint16_t i = 1; i <= 10; ++i) {
    CHECK(swarm.gossip(node(i)).find(node(4))->notes.map_version == 5);
  }
  CHECK(swarm.count(EventKind::notes_changed) >= 9);

  // A newcomer, long after they were told.
  swarm.run_for(60 * kSecond);
  swarm.add(node(11));
  swarm.run_for(5 * kSecond);
  CHECK(swarm.gossip(node(11)).find(node(4))->notes.flags == Notes::kDiskFailing);
}

TEST_CASE("gossip: the same notes again are no news") {
  LoneCore core(3);
  core.core().set_notes(notes_of(3));
  core.advance(20 * kSecond);
  CHECK(core.core().news() == 0);
  core.core().set_notes(notes_of(3));
  CHECK(core.core().news() == 0);
  core.core().set_notes(notes_of(4));
  CHECK(core.core().news() == 1);
}

TEST_CASE("gossip: a member of whom the map knows another life is believed alive again") {
  LoneCore core(3);
  core.advance(5 * kSecond);
  core.silent() = {node(2)};
  core.advance(20 * kSecond);
  REQUIRE(core.health(node(2)) == Health::down);
  core.core().set_members(std::vector<MemberSpec>{{.number = node(1), .boot = LoneCore::kBoot},
                                                  {.number = node(2), .boot = BootNumber{4}},
                                                  {.number = node(3), .boot = BootNumber{1}}},
                          core.moment());
  CHECK(core.health(node(2)) == Health::alive);
  CHECK(core.standing(node(2)).boot == BootNumber{4});
  CHECK(core.standing(node(3)).boot == LoneCore::kBoot);  // the map may be behind
}

TEST_CASE("gossip: members that are down get few probes, however many they are") {
  Swarm swarm(20, 12);
  settle(swarm);
  for (uint16_t i = 1; i <= 12; ++i) swarm.crash(node(i), Swarm::Death::process);
  swarm.run_for(60 * kSecond);
  swarm.clear_traffic();
  swarm.run_for(20 * kSecond);
  // 5 pings, 5 acks and one ping of a member that is down.
  CHECK(static_cast<double>(swarm.traffic().messages) / 8 / 20 == Approx(11).margin(0.3));
}

TEST_CASE("gossip: the same seed gives the same run") {
  const auto run = [](uint64_t seed) {
    Swarm swarm(12, seed, {}, {.loss_ppm = 50'000});
    swarm.run_for(20 * kSecond);
    swarm.crash(node(3), Swarm::Death::silent);
    swarm.run_for(20 * kSecond);
    std::vector<uint64_t> trace{swarm.traffic().messages, swarm.traffic().bytes};
    for (const auto& seen : swarm.events()) {
      trace.push_back(seen.at_us);
      trace.push_back(raw(seen.node));
    }
    return trace;
  };
  CHECK(run(1) == run(1));
  CHECK(run(1) != run(2));
}

}  // namespace quoris::membership
