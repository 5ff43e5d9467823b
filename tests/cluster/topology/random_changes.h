// Random changes of a cluster map, sensible and not, in time and late, and what has to hold of
// each.
//
// A proposer looks at the present map or at one of the last few, so that many changes come late.
// Used by: map_property_test.cc.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "cluster/topology/map_codec.h"
#include "sim/env/sim_env.h"
#include "tests/cluster/topology/test_cluster.h"

namespace quoris::topology::testing {

class RandomChanges {
 public:
  explicit RandomChanges(uint64_t seed) : rng_(seed) {
    const std::optional<std::string> violation =
        apply_to_all(found_cluster(kPartitions, static_cast<uint8_t>(1 + rng_.below(4))));
    QUORIS_ASSERT(!violation);
  }

  // Applies a random change. What doesn't hold afterwards; nothing: all is well.
  std::optional<std::string> step() {
    const ClusterMap& view = pick_view();
    return apply_to_all(draw(view));
  }

  [[nodiscard]] const ClusterMap& map() const { return map_; }

  // Of each alternative of MapChange: how often it was applied, and refused.
  std::map<size_t, std::pair<size_t, size_t>> counts;

 private:
  static constexpr uint16_t kPartitions = 8;
  static constexpr size_t kViewsMax = 6;

  const ClusterMap& pick_view() {
    return views_[rng_.below(3) > 0 ? views_.size() - 1 : rng_.below(views_.size())];
  }

  bool chance(uint64_t percent) { return rng_.below(100) < percent; }

  NodeNumber draw_node(const ClusterMap& view) {
    if (chance(3)) return static_cast<NodeNumber>(rng_.below(30));
    return view.members[rng_.below(view.members.size())].number;
  }

  SeenMember draw_member(const ClusterMap& view) {
    const NodeNumber number = draw_node(view);
    const Member* member = view.find(number);
    return {.number = number,
            .boot = member != nullptr ? member->boot : BootNumber{1},
            .version = view.version};
  }

  std::vector<NodeNumber> draw_set(const ClusterMap& view, const Partition& partition) {
    std::vector<NodeNumber> drawn = partition.replicas;
    if (chance(60)) drawn.erase(drawn.begin() + static_cast<ptrdiff_t>(rng_.below(drawn.size())));
    for (uint64_t i = rng_.below(3); i > 0; --i) drawn.push_back(draw_node(view));
    if (chance(95)) {
      std::ranges::sort(drawn);
      drawn.erase(std::unique(drawn.begin(), drawn.end()), drawn.end());
    }
    return drawn;
  }

  NodeNumber draw_of(const ClusterMap& view, const std::vector<NodeNumber>& nodes) {
    return nodes.empty() || chance(5) ? draw_node(view) : nodes[rng_.below(nodes.size())];
  }

  template <class Step>
  std::vector<Step> draw_steps(const ClusterMap& view, bool in_motion) {
    std::vector<Step> steps;
    for (uint64_t i = 1 + rng_.below(4); i > 0; --i) {
      const auto index = static_cast<PartitionIndex>(rng_.below(kPartitions + (chance(2) ? 1 : 0)));
      const Partition& partition = view.partitions[raw(index) % kPartitions];
      if (partition.is_moving() != in_motion && chance(80)) continue;
      Step step;
      step.partition = index;
      step.epoch = partition.epoch;
      if constexpr (std::is_same_v<Step, PlaceStep>) {
        step.replicas = draw_set(view, partition);
        step.primary = draw_of(view, step.replicas);
      } else {
        step.primary = draw_of(view, chance(50) ? partition.settled() : partition.replicas);
      }
      steps.push_back(std::move(step));
    }
    return steps;
  }

  AddMember draw_newcomer() {
    const uint64_t who = 1 + rng_.below(12);
    Newcomer drawn = newcomer(who, chance(50) ? "a" : "b", static_cast<uint8_t>(1 + rng_.below(3)));
    if (chance(30)) drawn.identity = identity_of(100 + rng_.below(20));
    drawn.boot = static_cast<BootNumber>(1 + rng_.below(5));
    if (chance(2)) drawn.name = "no name";
    return {.newcomer = drawn};
  }

  ChangeState draw_state(const ClusterMap& view) {
    const SeenMember seen = draw_member(view);
    const Member* member = view.find(seen.number);
    const MemberState from = member != nullptr ? member->state : MemberState::up;
    return {.member = seen,
            .from = from,
            .to = static_cast<MemberState>(rng_.below(7)),
            .incarnation = static_cast<Incarnation>(rng_.below(4))};
  }

  MapChange draw(const ClusterMap& view) {
    switch (rng_.below(20)) {
      case 0:
        return found_cluster(kPartitions, 1);
      case 1:
      case 2:
        return draw_newcomer();
      case 3:
      case 4:
      case 5:
      case 6:
      case 7:
        return draw_state(view);
      case 8:
        return UpdateAddresses{.member = draw_member(view), .addresses = newcomer(3).addresses};
      case 9:
        return AnnounceBoot{.number = draw_node(view),
                            .boot = static_cast<BootNumber>(1 + rng_.below(8)),
                            .program = "2"};
      case 10:
        return SetDeparting{.member = draw_member(view), .departs = chance(70)};
      case 11:
        return RemoveMember{.member = draw_member(view)};
      case 12:
        return SetSetting{.name = chance(50) ? "a" : "b",
                          .value = chance(50) ? std::optional<std::string>("v") : std::nullopt};
      case 13:
        return SetReplicationFactor{.wanted = static_cast<uint8_t>(rng_.below(9))};
      case 14:
        return SetReplicationInForce{.from = view.replication_in_force,
                                     .to = static_cast<uint8_t>(rng_.below(4))};
      case 15:
        return SetPrimaries{.steps = draw_steps<PrimaryStep>(view, chance(50))};
      case 16:
        return BeginMoves{.steps = draw_steps<PlaceStep>(view, false)};
      case 17:
        return SwitchMoves{.steps = draw_steps<PrimaryStep>(view, true)};
      case 18:
        return CancelMoves{.steps = draw_steps<PrimaryStep>(view, true)};
      default:
        return PlaceEmpty{.steps = draw_steps<PlaceStep>(view, false)};
    }
  }

  // What the change relies on doesn't hold any more, by comparison of the maps that there were.
  bool is_late(const MapChange& change) const {
    const SeenMember* seen = nullptr;
    std::visit(
        [&seen](const auto& alternative) {
          if constexpr (requires { alternative.member.version; }) seen = &alternative.member;
        },
        change);
    if (seen == nullptr) return false;
    const auto changed = last_change_.find(seen->number);
    return changed != last_change_.end() && changed->second > seen->version;
  }

  template <class Steps>
  static void find_late_steps(const Steps& steps, const ClusterMap& before,
                              std::vector<PartitionIndex>& late) {
    for (const auto& step : steps) {
      const Partition* partition = before.find(step.partition);
      if (partition != nullptr && partition->epoch != step.epoch) late.push_back(step.partition);
    }
  }

  static std::vector<PartitionIndex> late_steps(const MapChange& change, const ClusterMap& before) {
    std::vector<PartitionIndex> late;
    std::visit(
        [&](const auto& alternative) {
          if constexpr (requires { alternative.steps; }) {
            find_late_steps(alternative.steps, before, late);
          }
        },
        change);
    return late;
  }

  void note_changes(const ClusterMap& before) {
    for (const Member& member : map_.members) {
      const Member* old = before.find(member.number);
      if (old == nullptr || !is_same(*old, member)) last_change_[member.number] = map_.version;
    }
  }

  // But for the note of when it changed, which is under test.
  static bool is_same(Member a, const Member& b) {
    a.changed = b.changed;
    return a == b;
  }

  std::optional<std::string> apply_to_all(const MapChange& change) {
    const ClusterMap before = map_;
    const auto index = static_cast<LogIndex>(raw(map_.version) + 1 + rng_.below(3));
    const std::optional<MapChange> decoded = decode_change(encode_change(change));
    if (!decoded) return "a change wasn't decoded";
    const auto result = apply(map_, index, change);
    const auto twin_result = apply(twin_, index, *decoded);
    auto& [applied, refused] = counts[change.index()];
    (result ? applied : refused) += 1;

    if (result.has_value() != twin_result.has_value() || encode_map(map_) != encode_map(twin_)) {
      return "two came to different maps";
    }
    if (Status sound = check(map_); !sound) return sound.error().message;
    if (Status sound = check_succession(before, map_); !sound) return sound.error().message;
    if (const auto copy = decode_map(encode_map(map_)); !copy || *copy != map_) {
      return "it isn't decoded as it was encoded";
    }
    if (result && is_late(change)) return "a late change was applied";
    if (!result && !is_unchanged_but_for_version(before)) return "a refused change was applied";
    if (result) {
      for (const PartitionIndex late : late_steps(change, before)) {
        if (std::ranges::find(result->refused, late) == result->refused.end()) {
          return "a late step was done";
        }
      }
    }
    note_changes(before);
    views_.push_back(map_);
    if (views_.size() > kViewsMax) views_.pop_front();
    return std::nullopt;
  }

  [[nodiscard]] bool is_unchanged_but_for_version(ClusterMap before) const {
    before.version = map_.version;
    return before == map_;
  }

  sim::SimRng rng_;
  ClusterMap map_;
  ClusterMap twin_;
  std::deque<ClusterMap> views_;
  std::map<NodeNumber, LogIndex> last_change_;
};

}  // namespace quoris::topology::testing
