// A cluster of whole nodes, by hand: how machines become members, go, and come back; and what the
// checkers make of it.
#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/planted.h"
#include "sim/check/cluster_checker.h"
#include "sim/check/lease_checker.h"
#include "sim/check/map_checker.h"
#include "sim/check/raft_checker.h"
#include "sim/clients/cluster_operator.h"
#include "sim/cluster_looks.h"
#include "sim/faults/fault_driver.h"
#include "sim/world.h"

namespace quoris::sim {
namespace {

constexpr uint64_t kMs = 1'000;
constexpr uint64_t kSecond = 1'000 * kMs;

struct Bench {
  explicit Bench(size_t nodes, uint64_t seed = 7, std::vector<FaultDriver::Planned> plan = {})
      : world({.seed = seed,
               .nodes = nodes,
               .spares = 1,
               .is_cluster = true,
               .settings = {{"protected-mode", "no"}, {"save", ""}}}),
        faults(world, {.kinds = {},
                       .until_us = 100 * kSecond,
                       .nodes_at_start = nodes,
                       .plan = std::move(plan)}) {
    for (Checker* checker : checkers) world.add_observer(*checker);
    world.start();
    faults.start();
  }

  void run(uint64_t us) { world.queue().run_until(world.now_us() + us); }

  template <class Holds>
  [[nodiscard]] bool until(uint64_t us_max, Holds holds) {
    const uint64_t end_us = world.now_us() + us_max;
    while (!holds()) {
      if (world.now_us() >= end_us) return false;
      run(10 * kMs);
    }
    return true;
  }

  [[nodiscard]] bool comes_to_rest(uint64_t us_max = ClusterChecker::kRestUs) {
    const bool is_at_rest = until(us_max, [this] { return cluster.unrest().empty(); });
    for (const std::string& wrong : cluster.unrest()) UNSCOPED_INFO(wrong);
    for (const Checker* checker : checkers) {
      for (const std::string& complaint : checker->complaints()) UNSCOPED_INFO(complaint);
    }
    return is_at_rest;
  }

  [[nodiscard]] size_t complaints() const {
    size_t count = 0;
    for (const Checker* checker : checkers) count += checker->complaints().size();
    return count;
  }

  // Who leads, when it has settled.
  Machine& leader() {
    REQUIRE(until(10 * kSecond, [this] {
      return leader_of(world) != nullptr && leader_of(world)->control()->is_settled_leader();
    }));
    return *leader_of(world);
  }

  const topology::Member& member(size_t machine) {
    const topology::Member* found = member_of(world.machine(machine), *newest_map(world));
    REQUIRE(found != nullptr);
    return *found;
  }

  World world;
  FaultDriver faults;
  RaftChecker raft{world};
  MapChecker maps{world};
  LeaseChecker leases{world, maps};
  ClusterChecker cluster{world, faults};
  std::vector<Checker*> checkers = {&raft, &maps, &leases, &cluster};
};

// From the other two, or from none any more.
void cut_off(Bench& bench, const Machine& machine, bool is_cut) {
  for (size_t i = 0; i < 3; ++i) {
    const HostId other = bench.world.machine(i).host();
    if (i == machine.index()) continue;
    for (const auto& [from, to] :
         {std::pair(machine.host(), other), std::pair(other, machine.host())}) {
      is_cut ? bench.world.network().cut(from, to) : bench.world.network().mend(from, to);
    }
  }
}

TEST_CASE("cluster: three machines that start at once become one cluster", "[sim]") {
  Bench bench(3);
  REQUIRE(bench.comes_to_rest(5 * kSecond));
  CHECK(bench.leader().control()->raft()->configuration().voters.size() == 3);
  CHECK(newest_map(bench.world)->members.size() == 3);
  CHECK(bench.leases.renewed() > 3);
  CHECK(bench.complaints() == 0);
}

TEST_CASE("cluster: when its leader dies another one leads within two seconds", "[sim]") {
  Bench bench(3);
  REQUIRE(bench.comes_to_rest());
  Machine& old = bench.leader();
  const Term term = old.control()->raft()->term();
  old.cut_power();
  CHECK(bench.until(2 * kSecond, [&] {
    const Machine* now = leader_of(bench.world);
    return now != nullptr && now != &old && leader_of(bench.world)->control()->is_settled_leader();
  }));
  CHECK(bench.leader().control()->raft()->term() > term);
  CHECK(bench.comes_to_rest());
  CHECK(bench.complaints() == 0);
}

TEST_CASE("cluster: a machine joins, another one leaves and goes", "[sim]") {
  using enum FaultKind;
  Bench bench(3, 7,
              {{.kind = join, .node = 3, .at_us = 5 * kSecond},
               {.kind = leave, .node = 1, .at_us = 10 * kSecond}});
  bench.run(9 * kSecond);
  CHECK(bench.world.machine(3).is_deployed());
  CHECK(newest_map(bench.world)->members.size() == 4);
  bench.run(2 * kSecond);
  REQUIRE(bench.comes_to_rest());
  CHECK_FALSE(bench.world.machine(1).is_deployed());
  CHECK(newest_map(bench.world)->members.size() == 3);
  CHECK(newest_map(bench.world)->find_name("n2") == nullptr);
  CHECK(bench.maps.figures().leaves == 1);
  CHECK(bench.complaints() == 0);
}

TEST_CASE("cluster: who lost its disk comes back under its name with another number", "[sim]") {
  // The founder too: it is told where the others are.
  const size_t node = GENERATE(0, 2);
  Bench bench(
      3, 7, {{.kind = FaultKind::wipe, .node = node, .at_us = 5 * kSecond, .lasts_us = 200 * kMs}});
  bench.run(4 * kSecond);
  const NodeNumber before = bench.member(node).number;
  const std::string name = bench.member(node).name;
  bench.run(2 * kSecond);
  REQUIRE(bench.comes_to_rest());
  CHECK(bench.member(node).number != before);
  CHECK(bench.member(node).name == name);
  CHECK(newest_map(bench.world)->members.size() == 3);
  CHECK(bench.complaints() == 0);
}

TEST_CASE("cluster: a clean stop hands leadership over, and the node is back", "[sim]") {
  Bench bench(3);
  REQUIRE(bench.comes_to_rest());
  Machine& old = bench.leader();
  const uint64_t lives = old.lives();
  old.stop_cleanly();
  CHECK(bench.until(5 * kSecond, [&] { return old.lives() > lives; }));
  CHECK(bench.comes_to_rest());
  CHECK(bench.leader().index() != old.index());
  CHECK(bench.complaints() == 0);
}

TEST_CASE("cluster: one that is cut off is down for the others, and back when it is not", "[sim]") {
  Bench bench(3);
  REQUIRE(bench.comes_to_rest());
  Machine& old = bench.leader();
  cut_off(bench, old, true);
  CHECK(bench.until(5 * kSecond, [&] {
    const topology::Member* seen = newest_map(bench.world)->find(old.control()->number());
    return seen->state == topology::MemberState::down;
  }));
  CHECK(old.observe([](control::Control& it) { return it.lease_left_us(); }) == 0);
  cut_off(bench, old, false);
  CHECK(bench.comes_to_rest());
  CHECK(bench.complaints() == 0);
}

// Somebody asks for changes all the time.
TEST_CASE("cluster: who are left have a leader and make changes while others are cut off",
          "[sim]") {
  using enum FaultKind;
  const auto kind = GENERATE(partition, partition_inbound, partition_outbound, split);
  const size_t node = GENERATE(0, 2);
  Bench bench(3, 7,
              {{.kind = kind,
                .node = node,
                .at_us = 5 * kSecond,
                .lasts_us = 12 * kSecond,
                .strength = uint64_t{1} << node}});
  ClusterOperator asker(bench.world);
  asker.start();
  bench.run(5 * kSecond + 1);
  // The machine in store is with the others.
  const std::vector<size_t> parts = bench.faults.parts(bench.world.now_us());
  REQUIRE(parts.size() == 4);
  for (size_t i = 0; i < 4; ++i) CHECK((parts[i] == parts[node]) == (i == node));
  bench.run(20 * kSecond);
  CHECK(bench.faults.parts(bench.world.now_us()) == std::vector<size_t>(4));
  asker.finish();
  CHECK(bench.comes_to_rest());
  CHECK(bench.cluster.figures().applied > 40);
  CHECK(bench.complaints() == 0);
}

TEST_CASE("cluster: of two faults of the network the parts are known, or that nobody can tell",
          "[sim]") {
  using enum FaultKind;
  Bench bench(4, 7,
              {{.kind = split, .at_us = kSecond, .lasts_us = 4 * kSecond, .strength = 0b0011},
               {.kind = partition, .node = 1, .at_us = 2 * kSecond, .lasts_us = kSecond},
               {.kind = slow_link, .node = 3, .at_us = 3 * kSecond, .lasts_us = kSecond}});
  const auto parts_at = [&bench](uint64_t at_us) {
    bench.run(at_us - bench.world.now_us());
    return bench.faults.parts(at_us);
  };
  CHECK(parts_at(kSecond / 2) == std::vector<size_t>{0, 0, 0, 0, 0});
  CHECK(parts_at(kSecond * 3 / 2) == std::vector<size_t>{0, 0, 1, 1, 1});
  CHECK(parts_at(kSecond * 5 / 2) == std::vector<size_t>{0, 1, 2, 2, 2});
  CHECK(parts_at(kSecond * 7 / 2).empty());
  // The slow link is over, and so is the time that is given to what it has left behind.
  CHECK(parts_at(kSecond * 15 / 2) == std::vector<size_t>{0, 0, 1, 1, 1});
  CHECK(parts_at(kSecond * 9) == std::vector<size_t>{0, 0, 0, 0, 0});
}

// --- what checkers say of what can't be
// ------------------------------------------------------------

Proposal ended_proposal(control::ProposalResult::Kind kind) {
  return {.id = 1,
          .node = 0,
          .life = 1,
          .change = topology::encode_change(topology::SetSetting{.name = "a", .value = "b"}),
          .asked_us = 1,
          .ended_us = 2,
          .result = control::ProposalResult{.kind = kind, .message = "no"}};
}

TEST_CASE("cluster: a change that is refused, or that no entry tells of, is complained of",
          "[sim]") {
  using Kind = control::ProposalResult::Kind;
  Bench bench(1);
  REQUIRE(bench.comes_to_rest());
  static_cast<Observer&>(bench.cluster).on_proposal(ended_proposal(Kind::refused));
  REQUIRE(bench.cluster.complaints().size() == 1);
  CHECK(bench.cluster.complaints()[0].find("refuses proposal 1: no") != std::string::npos);
  static_cast<Observer&>(bench.raft).on_proposal(ended_proposal(Kind::applied));
  REQUIRE(bench.raft.complaints().size() == 1);
  CHECK(bench.raft.complaints()[0].find("no entry says so") != std::string::npos);
}

// --- planted bugs
// ----------------------------------------------------------------------------------

class Planted {
 public:
  explicit Planted(std::string_view name) { plant_bug(name); }

  ~Planted() { plant_bug({}); }

  Planted(const Planted&) = delete;
  Planted& operator=(const Planted&) = delete;
};

// Holds without the bug, and does not with it.
template <class Holds>
void require_found_by(std::string_view bug, Holds holds) {
  if (!kHasPlantedBugs) return;
  INFO(bug);
  CHECK(holds());
  const Planted planted(bug);
  CHECK_FALSE(holds());
}

// The leader is cut off, and a second node votes for the third. As soon as that one leads it is cut
// off, and the power of its voter goes; back again, the voter and the first leader, who has heard
// nothing of all that, elect somebody.
bool terms_have_one_leader() {
  size_t tried = 0;
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    Bench bench(3, seed);
    REQUIRE(bench.comes_to_rest());
    Machine& first = bench.leader();
    const Term term = first.control()->raft()->term();
    Machine& voter = bench.world.machine((first.index() + 1) % 3);
    Machine& third = bench.world.machine((first.index() + 2) % 3);
    voter.slow_disk_down(100 * kMs);
    cut_off(bench, first, true);
    const auto leads = [term](Machine& machine) {
      const raft::Raft& raft = *machine.control()->raft();
      return raft.is_leader() && raft.term() > term;
    };
    const uint64_t end_us = bench.world.now_us() + 5 * kSecond;
    while (!leads(third) && !leads(voter) && bench.world.queue().run_next(end_us)) {
    }
    if (!leads(third)) continue;
    ++tried;
    voter.cut_power();
    cut_off(bench, third, true);
    cut_off(bench, first, false);
    bench.run(1);
    voter.slow_disk_down(0);
    bench.run(5 * kSecond);
    if (!bench.raft.complaints().empty()) return false;
  }
  REQUIRE(tried > 2);
  return true;
}

// Who has a wrong clock asks for leases all the time; it is to be left without one, and then is
// stale.
bool wrong_clocks_are_stale() {
  Bench bench(3);
  REQUIRE(bench.comes_to_rest());
  Machine& wrong = bench.world.machine((bench.leader().index() + 1) % 3);
  wrong.clock().jump_wall_us(5 * static_cast<int64_t>(kSecond));
  const bool is_stale = bench.until(20 * kSecond, [&] {
    return bench.member(wrong.index()).state == topology::MemberState::stale;
  });
  return is_stale && bench.leases.complaints().empty();
}

// A bug that acts in a settled cluster, at which somebody asks for changes, and the checker that is
// to find it.
struct CheckersBug {
  const char* name;
  const char* checker;
  const char* words;  // of its complaint
  std::vector<FaultDriver::Planned> plan;
  uint64_t until_us = 0;
  std::function<void(Bench&)> deed = {};  // when all is settled
};

// How many of the checker's complaints have these words.
size_t complaints_about(const CheckersBug& bug, std::string_view planted) {
  Bench bench(3, 7, bug.plan);
  REQUIRE(bench.comes_to_rest(5 * kSecond));
  const Planted planting(planted);
  ClusterOperator asker(bench.world);
  asker.start();
  if (bug.deed) bug.deed(bench);
  bench.run(bug.until_us - bench.world.now_us());
  size_t count = 0;
  for (const Checker* checker : bench.checkers) {
    for (const std::string& complaint : checker->complaints()) {
      UNSCOPED_INFO(checker->name() << ": " << complaint);
      const bool is_it =
          checker->name() == bug.checker && complaint.find(bug.words) != std::string::npos;
      if (is_it || planted.empty()) ++count;
    }
  }
  return count;
}

void check_found(const CheckersBug& bug) {
  if (!kHasPlantedBugs) return;
  INFO(bug.name);
  CHECK(complaints_about(bug, {}) == 0);
  CHECK(complaints_about(bug, bug.name) > 0);
}

TEST_CASE("cluster: a change that a follower skips is found", "[sim]") {
  check_found({.name = "control: a follower skips a change",
               .checker = "maps",
               .words = "have different maps of version",
               .plan = {},
               .until_us = 10 * kSecond});
}

TEST_CASE("cluster: that nobody can be elected is found", "[sim]") {
  check_found({.name = "raft: a pre-vote is never granted",
               .checker = "cluster",
               .words = "us, and nobody leads since",
               .plan = {},
               .until_us = 14 * kSecond,
               .deed = [](Bench& bench) { bench.leader().kill(); }});
}

TEST_CASE("cluster: that nobody can be elected is found while the leader is cut off", "[sim]") {
  using enum FaultKind;
  const auto kind = GENERATE(partition, partition_inbound, partition_outbound);
  check_found({.name = "raft: a pre-vote is never granted",
               .checker = "cluster",
               .words = "whoever is cut off",
               .plan = {{.kind = kind,
                         .node = FaultDriver::kLeader,
                         .at_us = 6 * kSecond,
                         .lasts_us = 12 * kSecond}},
               .until_us = 16 * kSecond});
}

TEST_CASE("cluster: proposals without an answer are found, while others are cut off too", "[sim]") {
  const bool is_cut = GENERATE(false, true);
  std::vector<FaultDriver::Planned> plan;
  if (is_cut) {
    plan.push_back(
        {.kind = FaultKind::partition, .node = 2, .at_us = 5 * kSecond, .lasts_us = 12 * kSecond});
  }
  check_found({.name = "control: a proposal is not answered",
               .checker = "cluster",
               .words = "has no answer",
               .plan = plan,
               .until_us = 16 * kSecond});
}

TEST_CASE("cluster: one that stays down though it is well is found", "[sim]") {
  check_found(
      {.name = "control: who is back stays down",
       .checker = "cluster",
       .words = "in the leader's map",
       .plan =
           {{.kind = FaultKind::kill, .node = 1, .at_us = 6 * kSecond, .lasts_us = 8 * kSecond}},
       .until_us = 35 * kSecond});
}

TEST_CASE("cluster: what is applied before it is durable is found", "[sim]") {
  check_found({.name = "raft: what is not durable here is applied",
               .checker = "raft",
               .words = "is durable there",
               .plan = {},
               .until_us = 8 * kSecond,
               .deed = [](Bench& bench) { bench.leader().slow_disk_down(50 * kMs); }});
}

TEST_CASE("cluster: a vote that is sent before it is durable is found", "[sim]") {
  require_found_by("raft: a vote is sent before it is durable", terms_have_one_leader);
}

TEST_CASE("cluster: a lease that goes on for who is to lose it is found", "[sim]") {
  require_found_by("control: a lease goes on while a node is declared down",
                   wrong_clocks_are_stale);
}

}  // namespace
}  // namespace quoris::sim
