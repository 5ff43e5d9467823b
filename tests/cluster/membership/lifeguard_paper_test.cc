// What the Lifeguard paper claims (Dadgar, Phillips, Currey 2017), section by section.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "tests/cluster/membership/lone_core.h"
#include "tests/cluster/membership/swarm.h"

namespace quoris::membership {

namespace {

constexpr uint64_t kSecond = 1'000'000;

// Advances until `node` is asked about; returns the request.
std::vector<std::pair<NodeNumber, PingRequest>> requests_about(LoneCore& core, NodeNumber target) {
  core.clear();
  while (true) {
    core.advance(1000);
    auto requests = core.sent<PingRequest>();
    std::erase_if(requests,
                  [target](const auto& request) { return request.second.target != target; });
    if (!requests.empty()) return requests;
  }
}

}  // namespace

TEST_CASE("Lifeguard IV-A: a helper says nack before its own timeout, and hands on a late ack") {
  const Options options;
  LoneCore core(4);
  core.silent() = {node(3)};
  core.step(node(2),
            PingRequest{.sequence = 9, .target = node(3), .piggyback = LoneCore::piggyback()});
  const uint64_t sequence = core.sent<Ping>().back().second.sequence;
  const uint64_t nack_after_us = options.ping_timeout_us * options.nack_percent / 100;
  core.advance(nack_after_us - 1);
  CHECK(core.sent<Nack>().empty());
  core.advance(1);
  REQUIRE(core.sent<Nack>().size() == 1);
  CHECK(core.sent<Nack>()[0].first == node(2));
  CHECK(core.sent<Nack>()[0].second.sequence == 9);
  core.step(node(3), Ack{.sequence = sequence, .wall_us = 0, .piggyback = LoneCore::piggyback()});
  CHECK(core.sent<RelayedAck>().size() == 1);
}

TEST_CASE("Lifeguard IV-A: missed nacks, refutations and lateness worsen local health") {
  LocalHealth health(8);
  health.on_probe_failed(3, 0);  // all helpers said nack: it is the target
  CHECK(health.score() == 0);
  health.on_probe_failed(3, 2);
  CHECK(health.score() == 2);
  health.on_probe_failed(0, 0);  // nobody to ask
  CHECK(health.score() == 3);
  health.on_refuted();
  health.on_late();
  CHECK(health.score() == 5);
  health.on_probe_succeeded();
  CHECK(health.score() == 4);
}

TEST_CASE("Lifeguard IV-A: local health stays between 0 and S") {
  LocalHealth health(8);
  health.on_probe_succeeded();
  CHECK(health.score() == 0);
  for (int i = 0; i < 20; ++i) health.on_late();
  CHECK(health.score() == 8);
  CHECK(health.scale(100) == 900);
}

TEST_CASE("Lifeguard IV-A: a core in bad health probes more slowly and waits longer") {
  const Options options;
  LoneCore core(6);
  core.advance(5 * kSecond);
  core.silent() = {node(2), node(3), node(4), node(5), node(6)};  // no acks, no nacks
  core.advance(3 * kSecond);
  const uint32_t score = core.core().local_health();
  REQUIRE(score > 2);
  core.clear();
  core.advance(20 * options.probe_period_us);
  CHECK(core.sent<Ping>().size() <= 8);
}

TEST_CASE("Lifeguard IV-A: a core that hears nobody does not declare all others down at once") {
  LoneCore core(6);
  core.advance(5 * kSecond);
  core.silent() = {node(2), node(3), node(4), node(5), node(6)};
  core.advance(5 * kSecond);
  CHECK(core.count(EventKind::seems_down) == 0);
}

TEST_CASE("Lifeguard IV-A: nacks keep a core in good health while another is dead") {
  LoneCore core(6);
  core.advance(5 * kSecond);
  core.silent() = {node(4)};
  const auto requests = requests_about(core, node(4));
  for (const auto& [helper, request] : requests) {
    core.step(helper, Nack{.sequence = request.sequence, .piggyback = LoneCore::piggyback()});
  }
  core.advance(Options{}.probe_period_us - Options{}.ping_timeout_us);
  CHECK(core.health(node(4)) == Health::suspect);
  CHECK(core.core().local_health() == 0);
}

TEST_CASE("Lifeguard IV-B: the timeout shrinks with the logarithm of the confirmations") {
  const Suspicion::Timing timing{
      .min_us = 1'000'000, .max_us = 6'000'000, .closed_us = 300'000, .confirmations = 3};
  Suspicion suspicion(timing, 0);
  suspicion.accuse({.member = node(1)});
  CHECK(suspicion.deadline_us() == 6'000'000);
  CHECK(suspicion.accuse({.member = node(2)}));
  CHECK(suspicion.deadline_us() == 3'500'000);  // log 2 / log 4
  CHECK(suspicion.accuse({.member = node(3)}));
  CHECK(suspicion.deadline_us() ==
        6'000'000 - static_cast<uint64_t>(5'000'000 * std::log(3) / std::log(4)));
  CHECK(suspicion.accuse({.member = node(4)}));
  CHECK(suspicion.deadline_us() == 1'000'000);
}

TEST_CASE("Lifeguard IV-B: only independent accusers confirm") {
  const Suspicion::Timing timing{.min_us = 10, .max_us = 60, .closed_us = 3, .confirmations = 2};
  Suspicion suspicion(timing, 0);
  CHECK(suspicion.accuse({.member = node(1)}));
  CHECK_FALSE(suspicion.accuse({.member = node(1)}));
  CHECK(suspicion.deadline_us() == 60);
}

TEST_CASE("Lifeguard IV-B: the bounds grow with the logarithm of the members") {
  const Options options;
  const auto at = [&options](size_t live) { return Suspicion::Timing::of(options, live); };
  CHECK(at(3).min_us == 900'000);
  CHECK(at(10).min_us == 900'000);
  CHECK(at(100).min_us == 1'800'000);
  CHECK(at(1000).min_us == 2'700'000);
  CHECK(at(5).max_us == 6 * at(5).min_us);
}

TEST_CASE("Lifeguard IV-B: the confirmations needed are never more than there can be") {
  const Options options;
  const auto needed = [&options](size_t live) {
    return Suspicion::Timing::of(options, live).confirmations;
  };
  CHECK(needed(1) == 0);
  CHECK(needed(2) == 0);
  CHECK(needed(3) == 1);
  CHECK(needed(4) == 2);
  CHECK(needed(5) == 2);  // with two of five dead the other three are enough
  CHECK(needed(7) == 3);
  CHECK(needed(1000) == 3);
}

TEST_CASE("Lifeguard IV-B: a confirmation is news, and passed on") {
  LoneCore core(8);
  core.advance(5 * kSecond);
  core.tell(node(2), {LoneCore::opinion(5, 1, Health::suspect, {{.member = node(2)}})});
  core.advance(2 * kSecond / 5);
  core.clear();
  core.tell(node(3), {LoneCore::opinion(5, 1, Health::suspect, {{.member = node(3)}})});
  core.advance(Options{}.rumor_period_us);
  bool is_told = false;
  for (const auto& [to, rumors] : core.sent<Rumors>()) {
    for (const Opinion& opinion : rumors.piggyback.opinions) {
      is_told = is_told || (opinion.member == node(5) && opinion.accusers.size() == 2);
    }
  }
  CHECK(is_told);
}

TEST_CASE("Lifeguard IV-C: the ping tells a suspect that it is suspected") {
  LoneCore core(4);
  core.advance(5 * kSecond);
  core.silent() = {node(2)};
  core.clear();
  core.tell(node(3), {LoneCore::opinion(2, 1, Health::suspect, {{.member = node(3)}})});
  core.advance(kSecond / 2);
  bool was_pinged = false;
  for (const auto& [to, ping] : core.sent<Ping>()) {
    if (to != node(2)) continue;
    was_pinged = true;
    CHECK(ping.piggyback.yours.health == Health::suspect);
    CHECK(ping.piggyback.yours.incarnation == Incarnation{1});
  }
  CHECK(was_pinged);
}

TEST_CASE("Lifeguard IV-C: a suspect refutes in the very ack of that ping") {
  LoneCore core(4);
  core.advance(5 * kSecond);
  core.clear();
  Ping ping{.sequence = 5, .piggyback = LoneCore::piggyback()};
  ping.piggyback.yours.health = Health::suspect;
  core.step(node(2), ping);
  const auto acks = core.sent<Ack>();
  REQUIRE(acks.size() == 1);
  CHECK(acks[0].second.piggyback.mine.incarnation == Incarnation{2});
}

}  // namespace quoris::membership
