#include "cluster/control/duties.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>

#include "tests/cluster/topology/test_cluster.h"

namespace quoris::control {
namespace {

using membership::Health;
using membership::Notes;
using topology::MemberState;
using topology::testing::node;
using topology::testing::nodes;
using topology::testing::TestCluster;

constexpr DutyLimits kLimits{.clock_limit_us = 500'000, .voter_away_us = 10'000'000};

// A cluster in which all is well until a test says otherwise; node 1 leads.
struct Scene final : ClusterView {
  explicit Scene(uint16_t members) {
    while (cluster.map.members.size() < members) static_cast<void>(cluster.join());
    static_cast<void>(cluster.settle());
    for (const topology::Member& member : cluster.map.members) {
      seen[member.number] = {.was_heard = true,
                             .boot = member.boot,
                             .incarnation = Incarnation{1},
                             .clock_offset_us = 0,
                             .has_caught_up = true,
                             .is_lease_over = false};
      configuration.voters.push_back(member.number);
    }
  }

  [[nodiscard]] MemberView look(NodeNumber number) const override {
    const auto found = seen.find(number);
    return found == seen.end() ? MemberView{} : found->second;
  }

  [[nodiscard]] Orders decide() {
    return duties.decide(cluster.map, configuration, *this, node(1), kLimits);
  }

  void gone(uint16_t number, bool is_lease_over, uint64_t down_us = 1) {
    MemberView& view = seen[node(number)];
    view.health = Health::down;
    view.is_lease_over = is_lease_over;
    view.down_us = down_us;
  }

  TestCluster cluster;
  raft::Configuration configuration;
  std::map<NodeNumber, MemberView> seen;
  Duties duties;
};

const topology::ChangeState& only_state_change(const Orders& orders) {
  REQUIRE(orders.changes.size() == 1);
  const auto* change = std::get_if<topology::ChangeState>(&orders.changes[0]);
  REQUIRE(change != nullptr);
  return *change;
}

bool is_empty(const Orders& orders) {
  return orders.changes.empty() && !orders.configuration && orders.withhold.empty() &&
         !orders.hand_over;
}

bool is_change(const Orders& orders, raft::ChangeKind kind, uint16_t number) {
  return orders.configuration && orders.configuration->kind == kind &&
         orders.configuration->node == node(number);
}

}  // namespace

TEST_CASE("duties: there is nothing to do when all is well", "[control]") {
  Scene scene(3);
  CHECK(is_empty(scene.decide()));
}

TEST_CASE("duties: who is gone is down only after its last lease", "[control]") {
  Scene scene(3);
  scene.gone(2, false);
  Orders orders = scene.decide();
  CHECK(orders.changes.empty());
  CHECK(orders.withhold == nodes({2}));
  scene.gone(2, true);
  orders = scene.decide();
  CHECK(orders.withhold == nodes({2}));
  CHECK(only_state_change(orders).member.number == node(2));
  CHECK(only_state_change(orders).to == MemberState::down);
}

TEST_CASE("duties: an earlier life that is gone says nothing of the present one", "[control]") {
  Scene scene(3);
  scene.cluster.restart(node(2));
  scene.gone(2, true);
  CHECK(is_empty(scene.decide()));
}

TEST_CASE(
    "duties: a later life that is gone, and that the map never heard of, ends the one it knows",
    "[control]") {
  Scene scene(3);
  scene.seen[node(2)].boot = BootNumber{9};
  scene.gone(2, true);
  CHECK(only_state_change(scene.decide()).to == MemberState::down);
}

TEST_CASE("duties: of seven voters one that is long away is replaced, too", "[control]") {
  Scene scene(8);
  scene.configuration = {.voters = nodes({1, 2, 3, 4, 5, 6, 7}), .learners = nodes({8})};
  scene.cluster.set_state(node(4), MemberState::down);
  scene.gone(4, true, 20'000'000);
  CHECK(is_change(scene.decide(), raft::ChangeKind::demote, 4));
  scene.configuration = {.voters = nodes({1, 2, 3, 5, 6, 7}), .learners = nodes({4, 8})};
  CHECK(is_change(scene.decide(), raft::ChangeKind::promote, 8));
}

TEST_CASE("duties: the last voter stays one, whoever departs", "[control]") {
  Scene scene(2);
  scene.configuration = {.voters = nodes({1}), .learners = nodes({2})};
  scene.cluster.depart(node(1));
  scene.seen[node(2)].has_caught_up = false;
  CHECK_FALSE(scene.decide().configuration);
}

TEST_CASE("duties: a founder that departs early leaves its vote to the second node", "[control]") {
  Scene scene(2);
  scene.configuration = {.voters = nodes({1}), .learners = nodes({2})};
  scene.cluster.depart(node(1));
  Orders orders = scene.decide();
  CHECK(is_change(orders, raft::ChangeKind::promote, 2));
  CHECK(orders.hand_over);
  scene.configuration = {.voters = nodes({1, 2}), .learners = {}};
  orders = scene.decide();
  CHECK(orders.hand_over);
  CHECK_FALSE(orders.configuration);
}

TEST_CASE("duties: a voter that lives without a disk is no part of a majority, and loses its place",
          "[control]") {
  Scene scene(4);
  scene.configuration = {.voters = nodes({1, 2, 3}), .learners = nodes({4})};
  scene.cluster.set_state(node(2), MemberState::stale);
  scene.seen[node(2)].flags = Notes::kDiskFailing;
  SECTION("for a while: neither it nor another one is let go") {
    scene.seen[node(2)].silent_us = 1'000'000;
    scene.seen[node(4)].has_caught_up = false;
    CHECK_FALSE(scene.decide().configuration);
    scene.cluster.depart(node(3));
    CHECK_FALSE(scene.decide().configuration);
  }
  SECTION("for long: another one votes in its place") {
    scene.seen[node(2)].silent_us = 20'000'000;
    CHECK(is_change(scene.decide(), raft::ChangeKind::promote, 4));
    scene.configuration = {.voters = nodes({1, 2, 3, 4}), .learners = {}};
    CHECK(is_change(scene.decide(), raft::ChangeKind::demote, 2));
  }
}

TEST_CASE("duties: nobody is let back in before his clock is known", "[control]") {
  Scene scene(3);
  MemberView& view = scene.seen[node(3)];
  view.clock_offset_us.reset();
  const auto has_state_change = [&] {
    const Orders orders = scene.decide();
    return std::ranges::any_of(orders.changes, [](const topology::MapChange& change) {
      return std::holds_alternative<topology::ChangeState>(change);
    });
  };
  SECTION("up: it stays so, without a lease") {
    CHECK_FALSE(has_state_change());
    CHECK(scene.decide().withhold == nodes({3}));
    view.clock_to_leader_us = 100'000;
    CHECK(scene.decide().withhold.empty());
    view.clock_to_leader_us = 900'000;
    CHECK_FALSE(has_state_change());
    CHECK(scene.decide().withhold == nodes({3}));
  }
  SECTION("down or stale: what the leader sees counts as long as nothing else does") {
    const MemberState state = GENERATE(MemberState::down, MemberState::stale);
    scene.cluster.set_state(node(3), state);
    scene.cluster.fail_over();
    static_cast<void>(scene.cluster.settle());
    CHECK_FALSE(has_state_change());
    view.clock_to_leader_us = 900'000;
    if (state == MemberState::stale) {
      CHECK_FALSE(has_state_change());
    } else {
      CHECK(only_state_change(scene.decide()).to == MemberState::stale);
    }
    view.clock_to_leader_us = 100'000;
    CHECK(only_state_change(scene.decide()).to == MemberState::up);
    view.clock_offset_us = 900'000;
    if (state == MemberState::stale) {
      CHECK_FALSE(has_state_change());
    } else {
      CHECK(only_state_change(scene.decide()).to == MemberState::stale);
    }
  }
  SECTION("a leader that was stale does not trust its own clock") {
    scene.cluster.set_state(node(1), MemberState::stale);
    scene.seen[node(1)].clock_offset_us.reset();
    CHECK_FALSE(has_state_change());
    CHECK(scene.decide().hand_over);
  }
}

TEST_CASE("duties: who is being replaced stays until the other one is there", "[control]") {
  Scene scene(3);
  scene.cluster.set_state(node(2), MemberState::down);
  scene.cluster.fail_over();
  static_cast<void>(scene.cluster.settle());
  scene.gone(2, true);
  const std::string name = scene.cluster.map.find(node(2))->name;
  topology::Newcomer newcomer = topology::testing::newcomer(9);
  newcomer.name = name;
  scene.cluster.must(topology::AddMember{.newcomer = std::move(newcomer)});
  const topology::Member* second = scene.cluster.map.find_name(name);
  REQUIRE(second != nullptr);
  REQUIRE(second->state == MemberState::joining);
  REQUIRE(topology::successor_of(scene.cluster.map, *scene.cluster.map.find(node(2))) == second);
  scene.configuration.learners = {second->number};
  CHECK(scene.decide().changes.empty());
  scene.cluster.set_state(second->number, MemberState::up);
  CHECK_FALSE(scene.decide().changes.empty());
}

TEST_CASE("duties: a leader that departs takes no voter's place, nor itself out of the map",
          "[control]") {
  Scene scene(3);
  scene.cluster.set_state(node(2), MemberState::down);
  scene.gone(2, true, 1'000'000);
  scene.cluster.depart(node(1));
  for (int round = 0; round < 10; ++round) {
    const Orders orders = scene.decide();
    CHECK(orders.hand_over);
    CHECK_FALSE(orders.configuration);
    for (const topology::MapChange& change : orders.changes) {
      CHECK_FALSE(std::holds_alternative<topology::RemoveMember>(change));
      static_cast<void>(scene.cluster.propose(change));
    }
  }
}

TEST_CASE("duties: a voter is not let go while the others are no majority without it",
          "[control]") {
  Scene scene(3);
  scene.cluster.set_state(node(2), MemberState::down);
  scene.gone(2, true, 60'000'000);
  scene.cluster.depart(node(3));
  CHECK_FALSE(scene.decide().configuration);
}

TEST_CASE("duties: one that stops is let go at once", "[control]") {
  Scene scene(3);
  scene.seen[node(2)].flags = Notes::kLeaving;
  scene.seen[node(2)].is_lease_over = true;
  CHECK(only_state_change(scene.decide()).to == MemberState::down);
}

TEST_CASE("duties: a bad clock or disk makes a member stale, and being well again ends it",
          "[control]") {
  Scene scene(3);
  MemberView& view = scene.seen[node(3)];
  SECTION("clock") { view.clock_offset_us = -600'000; }
  SECTION("disk") { view.flags = Notes::kDiskFailing; }
  CHECK(scene.decide().changes.empty());
  view.is_lease_over = true;
  CHECK(only_state_change(scene.decide()).to == MemberState::stale);
  scene.cluster.set_state(node(3), MemberState::stale);
  const Orders stale = scene.decide();
  CHECK(stale.withhold == nodes({3}));
  CHECK(std::ranges::none_of(stale.changes, [](const topology::MapChange& change) {
    return std::holds_alternative<topology::ChangeState>(change);
  }));
  view.clock_offset_us = 450'000;  // near the limit: not yet
  view.flags = 0;
  CHECK(scene.decide().withhold == nodes({3}));
  view.clock_offset_us = 10'000;
  scene.cluster.fail_over();
  CHECK(only_state_change(scene.decide()).to == MemberState::up);
}

TEST_CASE("duties: one that is back is up once it has caught up", "[control]") {
  Scene scene(3);
  scene.cluster.set_state(node(2), MemberState::down);
  scene.cluster.fail_over();
  static_cast<void>(scene.cluster.settle());
  scene.seen[node(2)].has_caught_up = false;
  CHECK(is_empty(scene.decide()));
  scene.seen[node(2)].has_caught_up = true;
  CHECK(only_state_change(scene.decide()).to == MemberState::up);
}

TEST_CASE("duties: partitions of a node that is down get another primary", "[control]") {
  Scene scene(3);
  scene.cluster.set_state(node(2), MemberState::down);
  scene.gone(2, true);
  const Orders orders = scene.decide();
  REQUIRE(orders.changes.size() == 1);
  const auto* primaries = std::get_if<topology::SetPrimaries>(&orders.changes[0]);
  REQUIRE(primaries != nullptr);
  CHECK(primaries->steps.size() == topology::without_primary(scene.cluster.map).size());
}

TEST_CASE("duties: a leader that isn't fit, or departs, hands over", "[control]") {
  Scene scene(3);
  SECTION("its clock is off") { scene.seen[node(1)].clock_offset_us = 700'000; }
  SECTION("it stops") { scene.seen[node(1)].flags = Notes::kLeaving; }
  SECTION("it departs") { scene.cluster.depart(node(1)); }
  CHECK(scene.decide().hand_over);
}

TEST_CASE("duties: every member learns, and an odd number votes", "[control]") {
  CHECK(voters_wanted(1) == 1);
  CHECK(voters_wanted(2) == 2);
  CHECK(voters_wanted(3) == 3);
  CHECK(voters_wanted(4) == 3);
  CHECK(voters_wanted(5) == 5);
  CHECK(voters_wanted(100) == 7);
  Scene scene(3);
  SECTION("a member that Raft doesn't know") {
    scene.configuration = {.voters = nodes({1, 2}), .learners = {}};
    CHECK(is_change(scene.decide(), raft::ChangeKind::add_learner, 3));
  }
  SECTION("a learner that has caught up") {
    scene.configuration = {.voters = nodes({1, 2}), .learners = nodes({3})};
    CHECK(is_change(scene.decide(), raft::ChangeKind::promote, 3));
    scene.seen[node(3)].has_caught_up = false;
    CHECK(is_empty(scene.decide()));
  }
  SECTION("one that is no member any more") {
    scene.configuration = {.voters = nodes({1, 2, 3}), .learners = nodes({9})};
    CHECK(is_change(scene.decide(), raft::ChangeKind::remove, 9));
  }
}

TEST_CASE("duties: a fourth member doesn't vote until a voter departs or is long away",
          "[control]") {
  Scene scene(4);
  scene.configuration = {.voters = nodes({1, 2, 3}), .learners = nodes({4})};
  CHECK(is_empty(scene.decide()));
  SECTION("away for a moment: it keeps its place") {
    scene.cluster.set_state(node(2), MemberState::down);
    scene.gone(2, true, 1'000'000);
    CHECK_FALSE(scene.decide().configuration);
  }
  SECTION("long away: first the other one votes, then it doesn't any more") {
    scene.cluster.set_state(node(2), MemberState::down);
    scene.gone(2, true, 20'000'000);
    CHECK(is_change(scene.decide(), raft::ChangeKind::promote, 4));
    scene.configuration = {.voters = nodes({1, 2, 3, 4}), .learners = {}};
    CHECK(is_change(scene.decide(), raft::ChangeKind::demote, 2));
  }
  SECTION("departing") {
    scene.cluster.depart(node(3));
    CHECK(is_change(scene.decide(), raft::ChangeKind::promote, 4));
    scene.configuration = {.voters = nodes({1, 2, 3, 4}), .learners = {}};
    CHECK(is_change(scene.decide(), raft::ChangeKind::demote, 3));
  }
}

TEST_CASE("duties: a voter that is down keeps its place when nobody can take it", "[control]") {
  Scene scene(3);
  scene.cluster.set_state(node(2), MemberState::down);
  scene.gone(2, true, 60'000'000);
  CHECK_FALSE(scene.decide().configuration);
}

TEST_CASE("duties: an even number with one that is long away loses that one", "[control]") {
  Scene scene(5);
  for (const uint16_t away : {uint16_t{2}, uint16_t{3}}) {
    scene.cluster.set_state(node(away), MemberState::down);
    scene.gone(away, true, 60'000'000);
  }
  scene.configuration = {.voters = nodes({1, 2, 4, 5}), .learners = nodes({3})};
  CHECK(is_change(scene.decide(), raft::ChangeKind::demote, 2));
  scene.configuration = {.voters = nodes({1, 4, 5}), .learners = nodes({2, 3})};
  CHECK_FALSE(scene.decide().configuration);
}

TEST_CASE("duties: a learner of another rack votes first", "[control]") {
  Scene scene(2);
  const NodeNumber same = scene.cluster.join("");
  const NodeNumber other = scene.cluster.join("b");
  static_cast<void>(scene.cluster.settle());
  for (const NodeNumber number : {same, other}) {
    scene.seen[number] = {
        .was_heard = true, .boot = BootNumber{1}, .clock_offset_us = 0, .has_caught_up = true};
    scene.configuration.learners.push_back(number);
  }
  CHECK(is_change(scene.decide(), raft::ChangeKind::promote, raw(other)));
}

}  // namespace quoris::control
