#include "cluster/topology/map_change.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>
#include <utility>

#include "tests/cluster/topology/test_cluster.h"

namespace quoris::topology {

namespace {

using testing::identity_of;
using testing::newcomer;
using testing::node;
using testing::nodes;
using testing::TestCluster;

constexpr PartitionIndex kFirst{0};

// Refused for this reason, and nothing but the version has changed.
void require_refused(TestCluster& cluster, const MapChange& change, Refusal why) {
  ClusterMap expected = cluster.map;
  const Result<Applied, Refused> result = cluster.propose(change);
  REQUIRE_FALSE(result.has_value());
  CAPTURE(result.error().message);
  REQUIRE(to_string(result.error().why) == to_string(why));
  REQUIRE_FALSE(result.error().message.empty());
  skip(expected, cluster.map.version);
  REQUIRE(cluster.map == expected);
}

// The one step of this change is refused, and nothing but the version has changed.
void require_step_refused(TestCluster& cluster, const MapChange& change) {
  ClusterMap expected = cluster.map;
  const Result<Applied, Refused> result = cluster.propose(change);
  REQUIRE(result.has_value());
  REQUIRE(result->refused.size() == 1);
  skip(expected, cluster.map.version);
  REQUIRE(cluster.map == expected);
}

Epoch epoch_of(const TestCluster& cluster, PartitionIndex partition = kFirst) {
  return cluster.map.find(partition)->epoch;
}

PrimaryStep step_to(const TestCluster& cluster, uint16_t primary) {
  return {.partition = kFirst, .epoch = epoch_of(cluster), .primary = node(primary)};
}

PlaceStep place_on(const TestCluster& cluster, std::initializer_list<uint16_t> numbers,
                   uint16_t primary = 0) {
  return {.partition = kFirst,
          .epoch = epoch_of(cluster),
          .replicas = nodes(numbers),
          .primary = node(primary)};
}

// Four nodes; every partition on 1 and 2.
TestCluster two_of_four() {
  TestCluster cluster(4, 2);
  cluster.join();
  cluster.settle();
  cluster.join();
  cluster.join();
  for (uint16_t i = 0; i < 4; ++i) {
    const auto partition = static_cast<PartitionIndex>(i);
    cluster.must(SetPrimaries{
        .steps = {
            {.partition = partition, .epoch = epoch_of(cluster, partition), .primary = node(1)}}});
  }
  return cluster;
}

}  // namespace

TEST_CASE("map change: a founder holds everything", "[topology]") {
  const TestCluster cluster(8, 3);
  REQUIRE(cluster.map.members.size() == 1);
  REQUIRE(cluster.map.members[0].state == MemberState::up);
  REQUIRE(cluster.map.replication_wanted == 3);
  REQUIRE(cluster.map.replication_in_force == 1);
  REQUIRE(cluster.map.partitions.size() == 8);
  for (const Partition& partition : cluster.map.partitions) {
    REQUIRE(partition.epoch == Epoch{1});
    REQUIRE(partition.replicas == nodes({1}));
    REQUIRE(partition.primary == Primary{.node = node(1), .boot = BootNumber{1}});
  }
}

TEST_CASE("map change: a cluster is founded once, and comes first", "[topology]") {
  TestCluster cluster(8, 3);
  require_refused(cluster, testing::found_cluster(8, 3), Refusal::already_founded);

  ClusterMap empty;
  const auto early = apply(empty, LogIndex{4}, AddMember{.newcomer = newcomer(1)});
  REQUIRE(early.error().why == Refusal::not_founded);
  REQUIRE(empty.version == LogIndex{4});
  REQUIRE_FALSE(empty.is_founded());
  for (const uint16_t partitions : std::initializer_list<uint16_t>{0, 3, 20'000}) {
    const LogIndex next = static_cast<LogIndex>(raw(empty.version) + 1);
    const auto result = apply(empty, next, testing::found_cluster(partitions, 3));
    REQUIRE(result.error().why == Refusal::invalid);
  }
}

TEST_CASE("map change: newcomers get the lowest number that was never given", "[topology]") {
  TestCluster cluster(8, 1);
  REQUIRE(cluster.must(AddMember{.newcomer = newcomer(2)}).number == node(2));
  REQUIRE(cluster.must(AddMember{.newcomer = newcomer(3)}).number == node(3));
  REQUIRE(cluster.map.find(node(3))->state == MemberState::joining);
  cluster.set_state(node(3), MemberState::up);
  cluster.depart(node(3));
  cluster.must(RemoveMember{.member = cluster.seen(node(3))});
  REQUIRE(cluster.must(AddMember{.newcomer = newcomer(3)}).number == node(4));
}

TEST_CASE("map change: numbers end at 1023", "[topology]") {
  TestCluster cluster(1, 1);
  for (uint64_t i = 2; i <= kNodeNumberMax; ++i) {
    ClusterMap& map = cluster.map;
    const LogIndex next = static_cast<LogIndex>(raw(map.version) + 1);
    REQUIRE(apply(map, next, AddMember{.newcomer = newcomer(i)}).has_value());
  }
  REQUIRE(cluster.map.members.back().number == node(kNodeNumberMax));
  require_refused(cluster, AddMember{.newcomer = newcomer(5000)}, Refusal::no_number);
}

TEST_CASE("map change: a newcomer with a field beyond its limits is refused", "[topology]") {
  TestCluster cluster(8, 3);
  const auto refused = [&cluster](const std::function<void(Newcomer&)>& spoil) {
    Newcomer who = newcomer(2);
    spoil(who);
    require_refused(cluster, AddMember{.newcomer = who}, Refusal::invalid);
  };
  refused([](Newcomer& who) { who.identity += "0"; });
  refused([](Newcomer& who) { who.name = "node#2"; });
  refused([](Newcomer& who) { who.name = std::string(kNameMax + 1, 'n'); });
  refused([](Newcomer& who) { who.addresses.host = "a b"; });
  refused([](Newcomer& who) { who.addresses.cluster_port = 0; });
  refused([](Newcomer& who) { who.rack = "{}"; });
  refused([](Newcomer& who) { who.weight = 0; });
  refused([](Newcomer& who) { who.weight = kWeightMax + 1; });
  refused([](Newcomer& who) { who.boot = BootNumber{0}; });
  refused([](Newcomer& who) { who.program = "v 1"; });
}

TEST_CASE("map change: a known identity keeps its number and brings new addresses", "[topology]") {
  TestCluster cluster(8, 3);
  cluster.join("rack-a", 2);
  cluster.settle();
  Newcomer again = newcomer(2);
  again.boot = BootNumber{5};
  again.addresses.host = "moved";
  REQUIRE(cluster.must(AddMember{.newcomer = again}).number == node(2));
  const Member& member = *cluster.map.find(node(2));
  REQUIRE(member.addresses.host == "moved");
  REQUIRE(member.boot == BootNumber{5});
  REQUIRE(member.rack == "rack-a");
  REQUIRE(member.weight == 2);
  for (const Partition& partition : cluster.map.partitions) {
    if (partition.primary.node == node(2)) REQUIRE(partition.primary.boot == BootNumber{5});
  }

  const ClusterMap once = cluster.map;
  REQUIRE(cluster.must(AddMember{.newcomer = again}).number == node(2));
  REQUIRE(cluster.map.members == once.members);
  REQUIRE(cluster.map.partitions == once.partitions);

  again.boot = BootNumber{4};
  require_refused(cluster, AddMember{.newcomer = again}, Refusal::late);
  again.boot = BootNumber{6};
  again.name = "other";
  require_refused(cluster, AddMember{.newcomer = again}, Refusal::name_taken);
}

TEST_CASE("map change: a name is taken over from one that is down only", "[topology]") {
  TestCluster cluster(8, 2);
  cluster.join();
  cluster.settle();
  Newcomer wiped = newcomer(2);
  wiped.identity = identity_of(0xABC);
  require_refused(cluster, AddMember{.newcomer = wiped}, Refusal::name_taken);
  cluster.set_state(node(2), MemberState::stale);
  require_refused(cluster, AddMember{.newcomer = wiped}, Refusal::name_taken);

  cluster.set_state(node(2), MemberState::down);
  REQUIRE(cluster.must(AddMember{.newcomer = wiped}).number == node(3));
  REQUIRE(cluster.map.find(node(3))->name == "node2");
  const Member& old = *cluster.map.find(node(2));
  REQUIRE(old.name == "node2#2");
  REQUIRE(old.state == MemberState::down);
  REQUIRE(old.departs);
  for (const Partition& partition : cluster.map.partitions) {
    REQUIRE(partition.replicas == nodes({1, 2}));
  }

  // The old disk comes back: its name has passed on, and it doesn't stay.
  Newcomer back = newcomer(2);
  back.boot = BootNumber{9};
  require_refused(cluster, AddMember{.newcomer = back}, Refusal::name_taken);
  require_refused(cluster, SetDeparting{.member = cluster.seen(node(2)), .departs = false},
                  Refusal::name_taken);

  // A plan replaces it, and it goes.
  cluster.set_state(node(3), MemberState::up);
  cluster.fail_over();
  cluster.settle();
  REQUIRE(cluster.map.find(node(2)) == nullptr);
  for (const Partition& partition : cluster.map.partitions) {
    REQUIRE(partition.replicas == nodes({1, 3}));
  }
}

TEST_CASE("map change: states go the ways that there are", "[topology]") {
  using State = MemberState;
  const auto reach = [](State state) {
    TestCluster cluster(8, 1);
    cluster.must(AddMember{.newcomer = newcomer(2)});
    if (state != State::joining) cluster.set_state(node(2), State::up);
    if (state == State::leaving) cluster.depart(node(2));
    if (state == State::down || state == State::stale) cluster.set_state(node(2), state);
    REQUIRE(cluster.map.find(node(2))->state == state);
    return cluster;
  };
  const std::vector<std::pair<State, std::vector<State>>> ways = {
      {State::joining, {State::up, State::down}},    {State::up, {State::down, State::stale}},
      {State::down, {State::up, State::stale}},      {State::stale, {State::up, State::down}},
      {State::leaving, {State::down, State::stale}},
  };
  for (const auto& [from, tos] : ways) {
    for (const State to : {State::joining, State::up, State::down, State::stale, State::leaving,
                           State{0}, State{77}}) {
      CAPTURE(static_cast<int>(from), static_cast<int>(to));
      TestCluster cluster = reach(from);
      const ChangeState change{
          .member = cluster.seen(node(2)), .from = from, .to = to, .incarnation = Incarnation{3}};
      if (std::ranges::find(tos, to) == tos.end()) {
        require_refused(cluster, change, Refusal::transition);
      } else {
        cluster.must(change);
        REQUIRE(cluster.map.find(node(2))->state == to);
        REQUIRE(cluster.map.find(node(2))->incarnation == Incarnation{3});
      }
    }
  }
}

TEST_CASE("map change: what was seen before the last change is late", "[topology]") {
  TestCluster cluster(8, 1);
  cluster.join();
  const SeenMember seen = cluster.seen(node(2));
  const auto changes = [](const SeenMember& member) {
    return std::vector<MapChange>{
        ChangeState{.member = member,
                    .from = MemberState::up,
                    .to = MemberState::down,
                    .incarnation = Incarnation{0}},
        UpdateAddresses{.member = member, .addresses = newcomer(9).addresses},
        SetDeparting{.member = member, .departs = true}, RemoveMember{.member = member}};
  };
  // It went down and came back; a leader that heard of the first only is too late.
  cluster.set_state(node(2), MemberState::down);
  cluster.set_state(node(2), MemberState::up);
  for (const MapChange& change : changes(seen)) require_refused(cluster, change, Refusal::late);

  // It has started again; its state is the same.
  const SeenMember before_boot = cluster.seen(node(2));
  cluster.restart(node(2));
  for (const MapChange& change : changes(before_boot)) {
    require_refused(cluster, change, Refusal::late);
  }
  // A boot that the map doesn't know yet.
  SeenMember of_next_boot = cluster.seen(node(2));
  of_next_boot.boot = BootNumber{99};
  for (const MapChange& change : changes(of_next_boot)) {
    require_refused(cluster, change, Refusal::late);
  }
  SeenMember nobody = cluster.seen(node(2));
  nobody.number = node(3);
  for (const MapChange& change : changes(nobody)) {
    require_refused(cluster, change, Refusal::unknown_member);
  }
}

TEST_CASE("map change: a state of another kind or of an older incarnation is late", "[topology]") {
  TestCluster cluster(8, 1);
  cluster.join();
  ChangeState change{.member = cluster.seen(node(2)),
                     .from = MemberState::stale,
                     .to = MemberState::down,
                     .incarnation = Incarnation{5}};
  require_refused(cluster, change, Refusal::late);
  change.from = MemberState::up;
  cluster.must(change);
  change = {.member = cluster.seen(node(2)),
            .from = MemberState::down,
            .to = MemberState::up,
            .incarnation = Incarnation{4}};
  require_refused(cluster, change, Refusal::late);
  // A new life counts from the beginning.
  cluster.restart(node(2));
  change.member = cluster.seen(node(2));
  change.incarnation = Incarnation{0};
  cluster.must(change);
}

TEST_CASE("map change: a restart begins an epoch where the node was primary", "[topology]") {
  TestCluster cluster = two_of_four();
  cluster.must(SetPrimaries{.steps = {step_to(cluster, 2)}});
  const ClusterMap before = cluster.map;
  cluster.restart(node(1));
  for (size_t i = 0; i < 4; ++i) {
    const Partition& partition = cluster.map.partitions[i];
    const Partition& old = before.partitions[i];
    if (i == 0) {
      REQUIRE(partition == old);
    } else {
      REQUIRE(raw(partition.epoch) == raw(old.epoch) + 1);
      REQUIRE(partition.primary == Primary{.node = node(1), .boot = BootNumber{2}});
      REQUIRE(partition.since == old.since);
    }
  }

  const ClusterMap once = cluster.map;
  const AnnounceBoot again{.number = node(1), .boot = BootNumber{2}, .program = "0.1.0"};
  cluster.must(again);
  REQUIRE(cluster.map.partitions == once.partitions);
  require_refused(cluster,
                  AnnounceBoot{.number = node(1), .boot = BootNumber{1}, .program = "0.1.0"},
                  Refusal::late);
  require_refused(cluster,
                  AnnounceBoot{.number = node(7), .boot = BootNumber{1}, .program = "0.1.0"},
                  Refusal::unknown_member);
  require_refused(cluster, AnnounceBoot{.number = node(1), .boot = BootNumber{3}, .program = "\n"},
                  Refusal::invalid);
}

TEST_CASE("map change: who departs goes when nothing is left on it", "[topology]") {
  TestCluster cluster = two_of_four();
  require_refused(cluster, RemoveMember{.member = cluster.seen(node(3))}, Refusal::still_needed);
  cluster.depart(node(2));
  REQUIRE(cluster.map.find(node(2))->state == MemberState::leaving);
  require_refused(cluster, RemoveMember{.member = cluster.seen(node(2))}, Refusal::still_needed);
  // A crash doesn't make it forget.
  cluster.set_state(node(2), MemberState::down);
  REQUIRE(cluster.map.find(node(2))->departs);
  cluster.set_state(node(2), MemberState::up);
  REQUIRE(cluster.map.find(node(2))->state == MemberState::leaving);
  cluster.must(SetDeparting{.member = cluster.seen(node(2)), .departs = false});
  REQUIRE(cluster.map.find(node(2))->state == MemberState::up);

  cluster.depart(node(2));
  cluster.settle();
  REQUIRE(cluster.map.find(node(2)) == nullptr);
}

TEST_CASE("map change: a joining member doesn't depart, and the last one stays", "[topology]") {
  TestCluster cluster(8, 1);
  require_refused(cluster, SetDeparting{.member = cluster.seen(node(1)), .departs = true},
                  Refusal::still_needed);
  cluster.must(AddMember{.newcomer = newcomer(2)});
  require_refused(cluster, SetDeparting{.member = cluster.seen(node(2)), .departs = true},
                  Refusal::transition);
}

TEST_CASE("map change: addresses are replaced", "[topology]") {
  TestCluster cluster(8, 1);
  Addresses addresses = newcomer(77).addresses;
  cluster.must(UpdateAddresses{.member = cluster.seen(node(1)), .addresses = addresses});
  REQUIRE(cluster.map.find(node(1))->addresses == addresses);
  addresses.host.clear();
  require_refused(cluster, UpdateAddresses{.member = cluster.seen(node(1)), .addresses = addresses},
                  Refusal::invalid);
}

TEST_CASE("map change: settings are set, replaced and unset", "[topology]") {
  TestCluster cluster(8, 1);
  cluster.must(SetSetting{.name = "b", .value = "1"});
  cluster.must(SetSetting{.name = "a", .value = "2"});
  cluster.must(SetSetting{.name = "b", .value = ""});
  REQUIRE(*cluster.map.find_setting("a") == "2");
  REQUIRE(cluster.map.find_setting("b")->empty());
  cluster.must(SetSetting{.name = "b", .value = std::nullopt});
  cluster.must(SetSetting{.name = "c", .value = std::nullopt});
  REQUIRE(cluster.map.find_setting("b") == nullptr);
  REQUIRE(cluster.map.settings.size() == 1);
  require_refused(cluster, SetSetting{.name = "", .value = "1"}, Refusal::invalid);
  require_refused(cluster, SetSetting{.name = "a", .value = std::string(5000, 'x')},
                  Refusal::invalid);
  for (size_t i = 1; i < kSettingsMax; ++i) {
    cluster.must(SetSetting{.name = "x" + std::to_string(i), .value = "1"});
  }
  require_refused(cluster, SetSetting{.name = "y", .value = "1"}, Refusal::too_many);
  cluster.must(SetSetting{.name = "a", .value = "3"});
}

TEST_CASE("map change: the replication factor in force is what every partition has", "[topology]") {
  TestCluster cluster = two_of_four();
  require_refused(cluster, SetReplicationInForce{.from = 2, .to = 3}, Refusal::too_few);
  require_refused(cluster, SetReplicationInForce{.from = 3, .to = 2}, Refusal::late);
  require_refused(cluster, SetReplicationInForce{.from = 2, .to = 0}, Refusal::invalid);
  require_refused(cluster, SetReplicationFactor{.wanted = 0}, Refusal::invalid);
  require_refused(cluster, SetReplicationFactor{.wanted = 8}, Refusal::invalid);
  require_step_refused(cluster, PlaceEmpty{.steps = {place_on(cluster, {1}, 1)}});
  cluster.must(SetReplicationInForce{.from = 2, .to = 1});
  cluster.must(BeginMoves{.steps = {place_on(cluster, {1})}});
  require_refused(cluster, SetReplicationInForce{.from = 1, .to = 2}, Refusal::too_few);
}

TEST_CASE("map change: a primary is set in the epoch that its proposer knew", "[topology]") {
  TestCluster cluster = two_of_four();
  const PrimaryStep late = step_to(cluster, 2);
  cluster.must(SetPrimaries{.steps = {late}});
  REQUIRE(cluster.map.partitions[0].primary.node == node(2));
  REQUIRE(raw(epoch_of(cluster)) == raw(late.epoch) + 1);
  require_step_refused(cluster, SetPrimaries{.steps = {late}});
  require_step_refused(cluster, SetPrimaries{.steps = {step_to(cluster, 3)}});
  PrimaryStep beyond = step_to(cluster, 1);
  beyond.partition = PartitionIndex{4};
  require_step_refused(cluster, SetPrimaries{.steps = {beyond}});
  // The same again is a new epoch.
  const Epoch before = epoch_of(cluster);
  cluster.must(SetPrimaries{.steps = {step_to(cluster, 2)}});
  REQUIRE(raw(epoch_of(cluster)) == raw(before) + 1);
  cluster.set_state(node(1), MemberState::stale);
  require_step_refused(cluster, SetPrimaries{.steps = {step_to(cluster, 1)}});
  cluster.set_state(node(1), MemberState::down);
  require_step_refused(cluster, SetPrimaries{.steps = {step_to(cluster, 1)}});
}

TEST_CASE("map change: steps are done or refused each by itself", "[topology]") {
  TestCluster cluster = two_of_four();
  PrimaryStep late = step_to(cluster, 2);
  late.partition = PartitionIndex{1};
  late.epoch = Epoch{1};
  const PrimaryStep good = step_to(cluster, 2);
  const auto result = cluster.propose(SetPrimaries{.steps = {late, good, good}});
  REQUIRE(result->refused == std::vector<PartitionIndex>{PartitionIndex{1}, kFirst});
  REQUIRE(cluster.map.partitions[0].primary.node == node(2));
  REQUIRE(cluster.map.partitions[1].primary.node == node(1));
}

TEST_CASE("map change: a move begins, and is switched", "[topology]") {
  TestCluster cluster = two_of_four();
  const Partition before = cluster.map.partitions[0];
  cluster.must(BeginMoves{.steps = {place_on(cluster, {2, 3})}});
  const Partition joint = cluster.map.partitions[0];
  REQUIRE(joint.replicas == nodes({1, 2}));
  REQUIRE(joint.future == nodes({2, 3}));
  REQUIRE(joint.primary == before.primary);
  REQUIRE(raw(joint.epoch) == raw(before.epoch) + 1);
  REQUIRE(joint.since.size() == 3);
  REQUIRE(joint.since[0] == before.since[0]);
  REQUIRE(joint.since[1] == before.since[1]);
  REQUIRE(joint.since[2] == Since{.node = node(3), .epoch = joint.epoch});

  require_step_refused(cluster, BeginMoves{.steps = {place_on(cluster, {2, 4})}});
  require_step_refused(cluster, PlaceEmpty{.steps = {place_on(cluster, {2, 4}, 2)}});
  require_step_refused(cluster, SwitchMoves{.steps = {step_to(cluster, 1)}});
  PrimaryStep late = step_to(cluster, 2);
  late.epoch = before.epoch;
  require_step_refused(cluster, SwitchMoves{.steps = {late}});

  cluster.must(SwitchMoves{.steps = {step_to(cluster, 3)}});
  const Partition after = cluster.map.partitions[0];
  REQUIRE(after.replicas == nodes({2, 3}));
  REQUIRE_FALSE(after.is_moving());
  REQUIRE(after.primary.node == node(3));
  REQUIRE(after.since == std::vector<Since>{joint.since[1], joint.since[2]});
  require_step_refused(cluster, SwitchMoves{.steps = {step_to(cluster, 3)}});
  require_step_refused(cluster, CancelMoves{.steps = {step_to(cluster, 3)}});
}

TEST_CASE("map change: a move is cancelled, and who comes again is a newcomer", "[topology]") {
  TestCluster cluster = two_of_four();
  const Partition before = cluster.map.partitions[0];
  cluster.must(BeginMoves{.steps = {place_on(cluster, {2, 3})}});
  const Epoch first_since = cluster.map.partitions[0].since[2].epoch;
  cluster.must(SetPrimaries{.steps = {step_to(cluster, 3)}});
  REQUIRE(cluster.map.partitions[0].since[2].epoch == first_since);
  require_step_refused(cluster, CancelMoves{.steps = {step_to(cluster, 3)}});
  cluster.must(CancelMoves{.steps = {step_to(cluster, 2)}});
  REQUIRE(cluster.map.partitions[0].replicas == before.replicas);
  REQUIRE(cluster.map.partitions[0].since == before.since);
  cluster.must(BeginMoves{.steps = {place_on(cluster, {2, 3})}});
  REQUIRE(cluster.map.partitions[0].since[2].epoch > first_since);
}

TEST_CASE("map change: copies go to members that are up", "[topology]") {
  TestCluster cluster = two_of_four();
  const auto refused = [&cluster](std::initializer_list<uint16_t> numbers) {
    require_step_refused(cluster, BeginMoves{.steps = {place_on(cluster, numbers)}});
    require_step_refused(cluster, PlaceEmpty{.steps = {place_on(cluster, numbers, 2)}});
  };
  refused({2, 9});
  refused({3, 2});
  refused({2, 2});
  refused({2});
  refused({1, 2});
  cluster.set_state(node(3), MemberState::stale);
  refused({2, 3});
  cluster.set_state(node(3), MemberState::down);
  refused({2, 3});
  cluster.depart(node(4));
  refused({2, 4});
  // One that holds it already may be down.
  cluster.set_state(node(3), MemberState::up);
  cluster.set_state(node(2), MemberState::down);
  cluster.must(BeginMoves{.steps = {place_on(cluster, {2, 3})}});
}

TEST_CASE("map change: a partition without data is placed at once", "[topology]") {
  TestCluster cluster = two_of_four();
  const Partition before = cluster.map.partitions[0];
  require_step_refused(cluster, PlaceEmpty{.steps = {place_on(cluster, {3, 4}, 1)}});
  PlaceStep late = place_on(cluster, {3, 4}, 3);
  late.epoch = Epoch{1};
  require_step_refused(cluster, PlaceEmpty{.steps = {late}});
  cluster.must(PlaceEmpty{.steps = {place_on(cluster, {2, 4}, 4)}});
  const Partition& after = cluster.map.partitions[0];
  REQUIRE(after.replicas == nodes({2, 4}));
  REQUIRE(after.primary.node == node(4));
  REQUIRE(raw(after.epoch) == raw(before.epoch) + 1);
  REQUIRE(after.since == std::vector<Since>{before.since[1], {node(4), after.epoch}});
}

TEST_CASE("map change: a move may end with its primary as it is, down or not", "[topology]") {
  TestCluster cluster = two_of_four();
  cluster.must(BeginMoves{.steps = {place_on(cluster, {1, 3})}});
  cluster.set_state(node(1), MemberState::down);
  cluster.must(SwitchMoves{.steps = {step_to(cluster, 1)}});
  REQUIRE(cluster.map.partitions[0].primary.node == node(1));
}

TEST_CASE("map change: what is decoded is what was encoded", "[topology]") {
  const TestCluster cluster = two_of_four();
  const SeenMember seen = cluster.seen(node(2));
  const std::vector<MapChange> changes = {
      testing::found_cluster(512, 3),
      AddMember{.newcomer = newcomer(7, "rack", 3)},
      ChangeState{.member = seen,
                  .from = MemberState::up,
                  .to = MemberState::down,
                  .incarnation = Incarnation{300}},
      UpdateAddresses{.member = seen, .addresses = newcomer(3).addresses},
      AnnounceBoot{.number = node(2), .boot = BootNumber{1000}, .program = "1"},
      SetDeparting{.member = seen, .departs = true},
      RemoveMember{.member = seen},
      SetSetting{.name = "a", .value = std::nullopt},
      SetReplicationFactor{.wanted = 5},
      SetReplicationInForce{.from = 1, .to = 2},
      SetPrimaries{.steps = {step_to(cluster, 2)}},
      BeginMoves{.steps = {place_on(cluster, {2, 3})}},
      SwitchMoves{.steps = {step_to(cluster, 2)}},
      CancelMoves{.steps = {step_to(cluster, 2)}},
      PlaceEmpty{.steps = {place_on(cluster, {2, 3}, 2)}}};
  REQUIRE(changes.size() == std::variant_size_v<MapChange>);
  for (size_t i = 0; i < changes.size(); ++i) {
    CAPTURE(i);
    REQUIRE(changes[i].index() == i);
    const std::string bytes = encode_change(changes[i]);
    const std::optional<MapChange> decoded = decode_change(bytes);
    REQUIRE(decoded.has_value());
    REQUIRE(encode_change(*decoded) == bytes);
    for (size_t size = 0; size < bytes.size(); ++size) {
      REQUIRE_FALSE(decode_change(bytes.substr(0, size)).has_value());
    }
    REQUIRE_FALSE(decode_change(bytes + "x").has_value());
  }
}

}  // namespace quoris::topology
