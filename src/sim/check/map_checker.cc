#include "sim/check/map_checker.h"

#include <fmt/format.h>

#include "cluster/topology/map_check.h"

namespace quoris::sim {

namespace {

// Nodes that lag further behind bring copies of their own.
constexpr uint64_t kMapsKept = 64;

}  // namespace

void MapChecker::on_turn(Machine& machine) {
  const control::Control* control = machine.control();
  if (control == nullptr || !control->map().is_founded()) return;
  const topology::ClusterMap& map = control->map();
  Seen& seen = seen_[machine.index()];
  const bool is_same_life = seen.life == machine.lives() && seen.map != nullptr;
  if (is_same_life && seen.map->version == map.version) return;
  const MapPtr before = is_same_life ? seen.map : nullptr;
  seen = {.life = machine.lives(), .map = take(machine, map, versions_[map.id])};
  if (before != nullptr) check_succession_of(machine, before, seen.map);
  note_newest(seen.map);
}

MapChecker::MapPtr MapChecker::take(Machine& machine, const topology::ClusterMap& map,
                                    Versions& versions) {
  const uint64_t hash = machine.control()->map_hash();
  const auto [known, is_new] =
      versions.try_emplace(map.version, Known{.hash = hash, .node = machine.index(), .map = {}});
  if (!is_new && known->second.hash != hash) {
    complain(fmt::format("{} us: {} and node {} have different maps of version {}",
                         world().now_us(), machine.name(), known->second.node + 1,
                         raw(map.version)));
  }
  if (!is_new && known->second.map != nullptr) return known->second.map;
  auto copy = std::make_shared<const topology::ClusterMap>(map);
  if (!is_new) return copy;
  if (const Status sound = topology::check(map); !sound) {
    complain(fmt::format("{} us: the map of {} at version {}: {}", world().now_us(), machine.name(),
                         raw(map.version), sound.error().message));
  }
  known->second.map = copy;
  const uint64_t last = raw(versions.rbegin()->first);
  if (last > kMapsKept) {
    const auto old = versions.lower_bound(LogIndex{last - kMapsKept});
    if (old != versions.begin()) std::prev(old)->second.map = nullptr;
  }
  return copy;
}

void MapChecker::check_succession_of(Machine& machine, const MapPtr& before, const MapPtr& after) {
  if (before->id == after->id && after->version < before->version) {
    complain(fmt::format("{} us: the map of {} went back from version {} to {}", world().now_us(),
                         machine.name(), raw(before->version), raw(after->version)));
    return;
  }
  if (!successions_.emplace(before->version, after->version).second) return;
  const Status sound = topology::check_succession(*before, *after);
  if (sound) return;
  complain(fmt::format("{} us: the map of {} after version {}, at {}: {}", world().now_us(),
                       machine.name(), raw(before->version), raw(after->version),
                       sound.error().message));
}

void MapChecker::note_newest(const MapPtr& map) {
  if (newest_ != nullptr && (newest_->id != map->id || newest_->version >= map->version)) return;
  if (newest_ != nullptr) {
    for (const topology::Member& member : map->members) {
      const topology::Member* before = newest_->find(member.number);
      if (before == nullptr) ++figures_.joins;
      const bool was_down = before != nullptr && before->state == topology::MemberState::down;
      if (member.state == topology::MemberState::down && !was_down) ++figures_.downs;
    }
    for (const topology::Member& member : newest_->members) {
      if (map->find(member.number) == nullptr) ++figures_.leaves;
    }
  }
  newest_ = map;
  figures_.versions = raw(map->version);
}

}  // namespace quoris::sim
