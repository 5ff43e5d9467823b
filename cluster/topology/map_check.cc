#include "cluster/topology/map_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace quoris::topology {

namespace {

Error wrong(std::string what) { return Error{Errc::corrupt, "cluster map: " + std::move(what)}; }

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool consists_of(std::string_view text, std::string_view more) {
  return std::ranges::all_of(text, [more](char c) {
    return is_letter_or_digit(c) || c == '.' || c == '_' || c == '-' ||
           more.find(c) != std::string_view::npos;
  });
}

// Strictly ascending by a projection.
template <class Range, class Projection>
bool is_ascending(const Range& range, Projection projection) {
  return std::ranges::adjacent_find(range, std::greater_equal<>(), projection) == range.end();
}

// That which somebody else has taken bears the number of its holder.
bool is_member_name(const Member& member) {
  const std::string suffix = fmt::format("#{}", raw(member.number));
  const std::string_view name = member.name;
  return is_name(name) ||
         (name.ends_with(suffix) && is_name(name.substr(0, name.size() - suffix.size())));
}

bool is_departure_consistent(const Member& member) {
  switch (member.state) {
    case MemberState::joining:
    case MemberState::up:
      return !member.departs;
    case MemberState::leaving:
      return member.departs;
    case MemberState::down:
    case MemberState::stale:
      return true;
  }
  return false;
}

Status check_member(const ClusterMap& map, const Member& member) {
  const auto wrong_here = [&member](const char* what) {
    return wrong(fmt::format("{} of member {}", what, raw(member.number)));
  };
  if (member.number == kNoNode || member.number >= map.next_number) return wrong_here("the number");
  if (!is_id(member.identity)) return wrong_here("the identity");
  if (!is_member_name(member)) return wrong_here("the name");
  if (!are_addresses(member.addresses)) return wrong_here("an address");
  if (!member.rack.empty() && !is_name(member.rack)) return wrong_here("the rack");
  if (member.weight == 0 || member.weight > kWeightMax) return wrong_here("the weight");
  if (member.boot == BootNumber{0}) return wrong_here("the boot number");
  if (!is_state(member.state)) return wrong_here("the state");
  if (!is_departure_consistent(member)) return wrong_here("the departure");
  if (!is_program(member.program)) return wrong_here("the version of the program");
  if (member.changed == LogIndex{0} || member.changed > map.version) return wrong_here("the age");
  return ok();
}

Status check_members(const ClusterMap& map) {
  if (!is_ascending(map.members, &Member::number)) return wrong("members aren't sorted");
  for (const Member& member : map.members) {
    if (Status sound = check_member(map, member); !sound) return sound;
  }
  std::vector<std::string_view> names;
  std::vector<std::string_view> identities;
  for (const Member& member : map.members) {
    names.push_back(member.name);
    identities.push_back(member.identity);
  }
  std::ranges::sort(names);
  std::ranges::sort(identities);
  if (!is_ascending(names, std::identity())) return wrong("two members have one name");
  if (!is_ascending(identities, std::identity())) return wrong("two members have one identity");
  return ok();
}

Status check_node_set(const ClusterMap& map, const std::vector<NodeNumber>& nodes) {
  if (nodes.size() < map.replication_in_force) return wrong("fewer than the replication factor");
  if (nodes.size() > kReplicationFactorMax) return wrong("too many replicas");
  if (!is_node_set(nodes)) return wrong("replicas aren't sorted");
  const auto is_member = [&map](NodeNumber node) { return map.find(node) != nullptr; };
  if (!std::ranges::all_of(nodes, is_member)) return wrong("a replica is no member");
  return ok();
}

Status check_since(const Partition& partition) {
  std::vector<NodeNumber> all;
  std::ranges::set_union(partition.replicas, partition.future, std::back_inserter(all));
  if (!std::ranges::equal(partition.since, all, {}, &Since::node)) {
    return wrong("since covers others than the replicas");
  }
  const auto is_possible = [&partition](const Since& since) {
    return since.epoch > Epoch{0} && since.epoch <= partition.epoch;
  };
  if (!std::ranges::all_of(partition.since, is_possible)) return wrong("since after the epoch");
  return ok();
}

Status check_partition(const ClusterMap& map, const Partition& partition) {
  if (partition.epoch == Epoch{0}) return wrong("no epoch");
  if (Status sound = check_node_set(map, partition.replicas); !sound) return sound;
  if (partition.is_moving()) {
    if (Status sound = check_node_set(map, partition.future); !sound) return sound;
    if (partition.future == partition.replicas) return wrong("a move to where it is");
  }
  const Primary& primary = partition.primary;
  if (!contains(partition.replicas, primary.node) && !contains(partition.future, primary.node)) {
    return wrong("the primary is no replica");
  }
  if (primary.boot != map.find(primary.node)->boot) return wrong("a primary of an earlier life");
  return check_since(partition);
}

Status check_settings(const ClusterMap& map) {
  if (map.settings.size() > kSettingsMax) return wrong("too many settings");
  if (!is_ascending(map.settings, &Setting::name)) return wrong("settings aren't sorted");
  const auto is_sound = [](const Setting& setting) {
    return is_name(setting.name) && setting.value.size() <= kSettingValueMax;
  };
  if (!std::ranges::all_of(map.settings, is_sound)) return wrong("a setting");
  return ok();
}

// Before a cluster was founded only entries that aren't about the map may have been applied.
Status check_unfounded(const ClusterMap& map) {
  ClusterMap expected;
  expected.version = map.version;
  if (map != expected) return wrong("something stands in it before it was founded");
  return ok();
}

Status check_head(const ClusterMap& map) {
  const auto is_factor = [](uint8_t factor) {
    return factor > 0 && factor <= kReplicationFactorMax;
  };
  if (!is_id(map.id)) return wrong("the cluster's id");
  if (!is_name(map.name)) return wrong("the cluster's name");
  if (!is_factor(map.replication_wanted)) return wrong("the replication factor wanted");
  if (!is_factor(map.replication_in_force)) return wrong("the replication factor in force");
  if (raw(map.next_number) > kNodeNumberMax + 1) return wrong("the next number");
  if (map.members.empty()) return wrong("no members");
  if (!is_partition_count(static_cast<uint32_t>(map.partitions.size()))) {
    return wrong("the count of partitions");
  }
  return ok();
}

// What happened to a node that stands in both.
Status check_member_succession(const Member& before, const Member& after) {
  const uint16_t number = raw(before.number);
  if (before.identity != after.identity) {
    return wrong(fmt::format("number {} was given to another", number));
  }
  if (after.boot < before.boot) return wrong(fmt::format("a boot of {} went back", number));
  if (after.boot == before.boot && after.incarnation < before.incarnation) {
    return wrong(fmt::format("an incarnation of {} went back", number));
  }
  if (after.changed < before.changed) return wrong(fmt::format("{} became older", number));
  if (after.changed == before.changed && before != after) {
    return wrong(fmt::format("{} changed unnoticed", number));
  }
  return ok();
}

Status check_partition_succession(const Partition& before, const Partition& after) {
  if (after.epoch < before.epoch) return wrong("an epoch went back");
  if (after.epoch == before.epoch && before != after) {
    return wrong("a partition changed without a new epoch");
  }
  for (const Since& since : after.since) {
    const auto earlier = std::ranges::find(before.since, since.node, &Since::node);
    const bool stayed = earlier != before.since.end() && earlier->epoch == since.epoch;
    if (!stayed && since.epoch <= before.epoch) return wrong("a newcomer since before it came");
  }
  return ok();
}

}  // namespace

bool is_id(std::string_view text) {
  return text.size() == kIdSize && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kNameMax && consists_of(text, "");
}

bool is_host(std::string_view text) {
  return !text.empty() && text.size() <= kHostMax && consists_of(text, ":%");
}

bool is_program(std::string_view text) {
  return text.size() <= kProgramMax && consists_of(text, "+~");
}

bool is_state(MemberState state) {
  return state >= MemberState::joining && state <= MemberState::leaving;
}

bool are_addresses(const Addresses& addresses) {
  return is_host(addresses.host) && addresses.cluster_port != 0 &&
         (addresses.announce_host.empty() || is_host(addresses.announce_host));
}

Status check(const ClusterMap& map) {
  if (!map.is_founded()) return check_unfounded(map);
  if (Status sound = check_head(map); !sound) return sound;
  if (Status sound = check_members(map); !sound) return sound;
  for (size_t i = 0; i < map.partitions.size(); ++i) {
    const Status sound = check_partition(map, map.partitions[i]);
    if (!sound)
      return Error{Errc::corrupt, fmt::format("{}: partition {}", sound.error().message, i)};
  }
  return check_settings(map);
}

Status check_succession(const ClusterMap& before, const ClusterMap& after) {
  if (after.version < before.version) return wrong("the version went back");
  if (!before.is_founded()) return ok();
  if (before.id != after.id || before.name != after.name || before.hash_seed != after.hash_seed) {
    return wrong("another cluster's");
  }
  if (after.version == before.version && before != after) return wrong("two with one version");
  if (after.next_number < before.next_number) return wrong("numbers went back");
  for (const Member& member : after.members) {
    if (const Member* earlier = before.find(member.number); earlier != nullptr) {
      if (Status sound = check_member_succession(*earlier, member); !sound) return sound;
    } else if (member.number < before.next_number) {
      return wrong(fmt::format("number {} was used twice", raw(member.number)));
    }
  }
  if (after.partitions.size() != before.partitions.size()) return wrong("the count of partitions");
  for (size_t i = 0; i < after.partitions.size(); ++i) {
    const Status sound = check_partition_succession(before.partitions[i], after.partitions[i]);
    if (!sound)
      return Error{Errc::corrupt, fmt::format("{}: partition {}", sound.error().message, i)};
  }
  return ok();
}

}  // namespace quoris::topology
