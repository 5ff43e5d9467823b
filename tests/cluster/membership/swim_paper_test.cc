// What the SWIM paper claims (Das, Gupta, Motivala 2002), section by section.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <initializer_list>
#include <map>

#include "cluster/membership/wire_bytes.h"
#include "tests/cluster/membership/lone_core.h"
#include "tests/cluster/membership/swarm.h"

namespace quoris::membership {

namespace {

constexpr uint64_t kSecond = 1'000'000;

size_t opinions_sent_of(const LoneCore& core, NodeNumber member) {
  size_t count = 0;
  for (const Outgoing& outgoing : core.sent_all()) {
    std::visit(
        [&count, member](const auto& kind) {
          count += static_cast<size_t>(
              std::ranges::count(kind.piggyback.opinions, member, &Opinion::member));
        },
        outgoing.message);
  }
  return count;
}

}  // namespace

TEST_CASE("SWIM 3.1: a probe that is answered costs a ping and an ack") {
  LoneCore core(5);
  core.advance(10 * kSecond);  // its own joining has been told
  core.clear();
  core.advance(10 * kSecond);
  CHECK(core.sent<Ping>().size() == 50);
  CHECK(core.sent_all().size() == 50);
  CHECK(core.events().empty());
}

TEST_CASE("SWIM 3.1: a ping gets its ack with its sequence") {
  LoneCore core(3);
  core.step(node(2), Ping{.sequence = 77, .piggyback = LoneCore::piggyback()});
  const auto acks = core.sent<Ack>();
  REQUIRE(acks.size() == 1);
  CHECK(acks[0].first == node(2));
  CHECK(acks[0].second.sequence == 77);
}

TEST_CASE("SWIM 3.1: k others are asked after the timeout, and one ack of theirs is enough") {
  LoneCore core(8);
  core.advance(5 * kSecond);
  core.silent().insert(node(4));
  core.clear();
  while (core.sent<PingRequest>().empty()) core.advance(1000);
  const auto requests = core.sent<PingRequest>();
  REQUIRE(requests.size() == Options{}.indirect_probes);
  std::set<NodeNumber> helpers;
  for (const auto& [helper, request] : requests) {
    CHECK(request.target == node(4));
    CHECK(helper != node(4));
    helpers.insert(helper);
  }
  CHECK(helpers.size() == requests.size());

  SECTION("one helper gets through") {
    core.step(requests[1].first, RelayedAck{.sequence = requests[1].second.sequence,
                                            .piggyback = LoneCore::piggyback()});
    core.advance(Options{}.probe_period_us);
    CHECK(core.health(node(4)) == Health::alive);
  }
  SECTION("none does") {
    core.advance(Options{}.probe_period_us);
    CHECK(core.health(node(4)) == Health::suspect);
  }
}

TEST_CASE("SWIM 3.1: a helper pings the target and hands its ack back") {
  LoneCore core(4);
  core.silent() = {node(3)};
  core.step(node(2),
            PingRequest{.sequence = 9, .target = node(3), .piggyback = LoneCore::piggyback()});
  const auto pings = core.sent<Ping>();
  REQUIRE(pings.size() == 1);
  CHECK(pings[0].first == node(3));
  core.clear();
  core.step(
      node(3),
      Ack{.sequence = pings[0].second.sequence, .wall_us = 0, .piggyback = LoneCore::piggyback()});
  const auto acks = core.sent<RelayedAck>();
  REQUIRE(acks.size() == 1);
  CHECK(acks[0].first == node(2));
  CHECK(acks[0].second.sequence == 9);
}

TEST_CASE("SWIM 3.2 and 5: a node's load does not depend on the size of the cluster") {
  std::map<size_t, double> per_node_second;
  for (const size_t nodes : {3, 10, 60}) {
    Swarm swarm(nodes, 1);
    swarm.run_for(10 * kSecond);
    swarm.clear_traffic();
    swarm.run_for(20 * kSecond);
    per_node_second[nodes] =
        static_cast<double>(swarm.traffic().messages) / static_cast<double>(nodes) / 20;
  }
  for (const auto& [nodes, rate] : per_node_second) {
    INFO(nodes << " nodes");
    CHECK(rate == Approx(10).margin(0.2));
  }
}

TEST_CASE("SWIM 4.1: an update is told lambda log2 (n + 1) times and no more") {
  for (const auto members : std::initializer_list<uint16_t>{3, 8, 100}) {
    LoneCore core(members);
    core.advance(30 * kSecond);
    core.clear();
    core.tell(node(2), {LoneCore::opinion(3, 5, Health::alive)});
    core.advance(60 * kSecond);
    INFO(members << " members");
    CHECK(opinions_sent_of(core, node(3)) ==
          UpdateQueue::sends(Options{}.retransmit_factor, members));
    CHECK(core.core().news() == 0);
  }
  CHECK(UpdateQueue::sends(3, 3) == 6);
  CHECK(UpdateQueue::sends(3, 1023) == 30);
}

TEST_CASE("SWIM 4.1: an update reaches all by piggyback alone, in a time that grows with log n") {
  for (const size_t nodes : {10, 60}) {
    Options options;
    options.rumor_period_us = 3600 * kSecond;  // nothing but pings and acks carries news
    Swarm swarm(nodes, 3, options);
    swarm.run_for(30 * kSecond);
    swarm.clear_events();
    swarm.crash(node(4), Swarm::Death::silent);
    swarm.restart(node(4));
    const auto all_know = [&swarm] {
      for (size_t i = 1; i <= swarm.size(); ++i) {
        const Member* member = swarm.gossip(node(static_cast<uint16_t>(i))).find(node(4));
        if (member->standing.boot != BootNumber{2}) return false;
      }
      return true;
    };
    INFO(nodes << " nodes");
    const uint64_t start_us = swarm.now_us();
    REQUIRE(swarm.run_until(all_know, 20 * kSecond));
    const auto periods = (swarm.now_us() - start_us) / options.probe_period_us;
    CHECK(static_cast<double>(periods) < 4 * std::log2(static_cast<double>(nodes)) + 2);
  }
}

TEST_CASE("SWIM 4.2: a member that does not answer is suspected first, then taken for down") {
  LoneCore core(4);
  core.advance(5 * kSecond);
  core.clear();
  core.silent().insert(node(2));
  core.advance(2 * kSecond);
  CHECK(core.health(node(2)) == Health::suspect);
  CHECK(core.count(EventKind::suspected) == 1);
  CHECK(core.count(EventKind::seems_down) == 0);
  core.advance(10 * kSecond);
  CHECK(core.health(node(2)) == Health::down);
  CHECK(core.count(EventKind::seems_down) == 1);
}

TEST_CASE("SWIM 4.2: the order of messages about a member") {
  const auto said = [](uint64_t incarnation, Health health) {
    return Standing{
        .boot = BootNumber{1}, .incarnation = Incarnation{incarnation}, .health = health};
  };
  // alive overrides what is of a smaller incarnation, suspect and down too.
  CHECK(said(2, Health::alive) > said(1, Health::alive));
  CHECK(said(2, Health::alive) > said(1, Health::suspect));
  CHECK(said(2, Health::alive) > said(1, Health::down));
  CHECK(said(1, Health::alive) < said(1, Health::suspect));
  // suspect overrides alive of the same incarnation, and a suspicion of a smaller one.
  CHECK(said(1, Health::suspect) > said(1, Health::alive));
  CHECK(said(2, Health::suspect) > said(1, Health::suspect));
  CHECK(said(1, Health::suspect) < said(2, Health::alive));
  // down overrides both of its incarnation.
  CHECK(said(1, Health::down) > said(1, Health::alive));
  CHECK(said(1, Health::down) > said(1, Health::suspect));
  // Another life overrides all of before.
  CHECK(Standing{.boot = BootNumber{2}} > said(9, Health::down));
}

TEST_CASE("SWIM 4.2: a member that hears of its suspicion refutes with a higher incarnation") {
  LoneCore core(5);
  core.advance(5 * kSecond);
  core.clear();
  core.tell(node(3), {LoneCore::opinion(1, 1, Health::suspect)});
  CHECK(core.standing(LoneCore::kSelf).incarnation == Incarnation{2});
  CHECK(core.count(EventKind::accused) == 1);
  // Whoever told it hears first.
  const auto rumors = core.sent<Rumors>();
  REQUIRE_FALSE(rumors.empty());
  CHECK(std::ranges::any_of(rumors, [](const auto& rumor) {
    return rumor.first == node(3) && rumor.second.piggyback.mine.incarnation == Incarnation{2};
  }));
}

TEST_CASE("SWIM 4.2: only the member itself raises its incarnation") {
  LoneCore core(4);
  core.silent().insert(node(2));
  core.advance(30 * kSecond);
  CHECK(core.standing(node(2)).incarnation == Incarnation{0});
  for (const Outgoing& outgoing : core.sent_all()) {
    std::visit(
        [](const auto& kind) {
          for (const Opinion& opinion : kind.piggyback.opinions) {
            if (opinion.member == node(2)) CHECK(opinion.incarnation == Incarnation{0});
          }
        },
        outgoing.message);
  }
}

TEST_CASE("SWIM 4.3: each member is probed within 2n - 1 periods, whoever it is") {
  LoneCore core(9);
  core.advance(400 * kSecond);
  std::map<NodeNumber, size_t> last;
  size_t turn = 0;
  size_t longest = 0;
  for (const auto& [target, ping] : core.sent<Ping>()) {
    if (last.contains(target)) longest = std::max(longest, turn - last[target]);
    last[target] = turn++;
  }
  CHECK(turn > 1900);
  CHECK(last.size() == 8);
  CHECK(longest <= 2 * 8 - 1);
  CHECK(longest > 8);  // the order is shuffled anew
}

TEST_CASE("SWIM 4.3: a crash is known to all within a bound of time") {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Swarm swarm(8, seed);
    swarm.run_for(5 * kSecond);
    swarm.crash(node(5), Swarm::Death::silent);
    INFO("seed " << seed);
    CHECK(swarm.run_until([&swarm] { return swarm.all_see(node(5), Health::down); }, 5 * kSecond));
    CHECK(swarm.count(EventKind::seems_down) == 7);
  }
}

}  // namespace quoris::membership
