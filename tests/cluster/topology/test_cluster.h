// A cluster map with a hand that proposes what the leader would: nodes join and leave, plans are
// carried out. After every change the map is checked, by itself and against the one before.
//
// Used by: tests of cluster/topology, tests/bench/ring_bench.cc.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/assert.h"
#include "cluster/topology/map_change.h"
#include "cluster/topology/map_check.h"
#include "cluster/topology/planner.h"
#include "cluster/topology/primaries.h"

namespace quoris::topology::testing {

inline NodeNumber node(uint16_t number) { return NodeNumber{number}; }

inline std::vector<NodeNumber> nodes(std::initializer_list<uint16_t> numbers) {
  std::vector<NodeNumber> result;
  for (const uint16_t number : numbers) result.push_back(NodeNumber{number});
  return result;
}

// 40 hexadecimal digits that differ for each number.
inline std::string identity_of(uint64_t number) {
  std::string text(kIdSize, '0');
  for (size_t i = kIdSize; number > 0; number /= 16) text[--i] = "0123456789abcdef"[number % 16];
  return text;
}

inline Newcomer newcomer(uint64_t number, std::string rack = "", uint8_t weight = 1) {
  return {.identity = identity_of(number),
          .name = "node" + std::to_string(number),
          .addresses = {.host = "10.0.0." + std::to_string(number),
                        .client_port = 7001,
                        .cluster_port = 8001,
                        .announce_host = ""},
          .rack = std::move(rack),
          .weight = weight,
          .boot = BootNumber{1},
          .program = "0.1.0"};
}

inline FoundCluster found_cluster(uint16_t partitions, uint8_t replication_factor,
                                  Newcomer founder = newcomer(1)) {
  return {.name = "test",
          .id = identity_of(0xC1),
          .hash_seed = 42,
          .partitions = partitions,
          .replication_factor = replication_factor,
          .founder = std::move(founder)};
}

class TestCluster {
 public:
  explicit TestCluster(uint16_t partitions = kPartitionsDefault,
                       uint8_t replication_factor = kReplicationFactorDefault,
                       Newcomer founder = newcomer(1)) {
    must(found_cluster(partitions, replication_factor, std::move(founder)));
  }

  ClusterMap map;

  // Proposes a change that may be refused.
  Result<Applied, Refused> propose(const MapChange& change) {
    const ClusterMap before = map;
    const LogIndex index = static_cast<LogIndex>(raw(map.version) + 1);
    Result<Applied, Refused> result = apply(map, index, change);
    expect(check(map));
    expect(check_succession(before, map));
    return result;
  }

  // Proposes one that may not, in no part.
  Applied must(const MapChange& change) {
    Result<Applied, Refused> result = propose(change);
    if (!result) std::fprintf(stderr, "refused: %s\n", result.error().message.c_str());
    QUORIS_ASSERT(result.has_value());
    QUORIS_ASSERT(result->refused.empty());
    return *std::move(result);
  }

  [[nodiscard]] SeenMember seen(NodeNumber number) const {
    return {.number = number, .boot = map.find(number)->boot, .version = map.version};
  }

  // A new node, up. Its plan is not carried out.
  NodeNumber join(std::string rack = "", uint8_t weight = 1) {
    const Newcomer who = newcomer(raw(map.next_number), std::move(rack), weight);
    const NodeNumber number = must(AddMember{.newcomer = who}).number;
    set_state(number, MemberState::up);
    return number;
  }

  void set_state(NodeNumber number, MemberState state) {
    const Member& member = *map.find(number);
    must(ChangeState{.member = seen(number),
                     .from = member.state,
                     .to = state,
                     .incarnation = member.incarnation});
  }

  void depart(NodeNumber number) { must(SetDeparting{.member = seen(number), .departs = true}); }

  void restart(NodeNumber number) {
    const auto boot = static_cast<BootNumber>(raw(map.find(number)->boot) + 1);
    must(AnnounceBoot{.number = number, .boot = boot, .program = "0.1.0"});
  }

  // What control does when a node is down.
  void fail_over() {
    std::vector<PrimaryChoice> choices;
    for (const PartitionIndex partition : without_primary(map)) {
      choices.push_back({.partition = partition, .synced = {}});
    }
    if (!choices.empty()) must(SetPrimaries{.steps = choose_primaries(map, Among::all, choices)});
  }

  // Carries out plans of a cluster without data until there is nothing to do, or nothing can be
  // done. Returns the rounds.
  size_t settle() {
    size_t rounds = 0;
    for (Plan plan = make_plan(map);; plan = make_plan(map)) {
      const std::vector<MapChange> changes = changes_without_data(plan);
      if (changes.empty()) return rounds;
      for (const MapChange& change : changes) must(change);
      QUORIS_ASSERT(++rounds < kRoundsMax);
    }
  }

  // The same through joint epochs: in each round all moves that were begun end.
  size_t settle_with_data(size_t at_once) {
    size_t rounds = 0;
    for (Plan plan = make_plan(map, at_once);; plan = make_plan(map, at_once)) {
      const std::vector<MapChange> changes = changes_of(plan);
      if (changes.empty() && plan.moving == 0) return rounds;
      for (const MapChange& change : changes) must(change);
      most_at_once = std::max(most_at_once, count_moving());
      end_moves();
      QUORIS_ASSERT(++rounds < kRoundsMax);
    }
  }

  void end_moves() {
    std::vector<PrimaryChoice> ended;
    for (size_t i = 0; i < map.partitions.size(); ++i) {
      if (!map.partitions[i].is_moving()) continue;
      ended.push_back({.partition = static_cast<PartitionIndex>(i), .synced = {}});
    }
    if (!ended.empty()) must(SwitchMoves{.steps = choose_primaries(map, Among::future, ended)});
  }

  [[nodiscard]] size_t count_moving() const {
    size_t count = 0;
    for (const Partition& partition : map.partitions) count += partition.is_moving() ? 1 : 0;
    return count;
  }

  size_t most_at_once = 0;

 private:
  static constexpr size_t kRoundsMax = 10'000;

  static void expect(const Status& status) {
    if (!status) std::fprintf(stderr, "%s\n", status.error().message.c_str());
    QUORIS_ASSERT(status.has_value());
  }
};

}  // namespace quoris::topology::testing
