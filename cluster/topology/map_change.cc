#include "cluster/topology/map_change.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/field_codec.h"
#include "base/planted.h"
#include "cluster/topology/map_check.h"

namespace quoris::topology {

namespace {

using Outcome = Result<Applied, Refused>;

Refused refuse(Refusal why, std::string message) {
  return Refused{.why = why, .message = std::move(message)};
}

bool is_newcomer(const Newcomer& newcomer) {
  return is_id(newcomer.identity) && is_name(newcomer.name) && are_addresses(newcomer.addresses) &&
         (newcomer.rack.empty() || is_name(newcomer.rack)) && newcomer.weight > 0 &&
         newcomer.weight <= kWeightMax && newcomer.boot != BootNumber{0} &&
         is_program(newcomer.program);
}

Epoch next(Epoch epoch) { return static_cast<Epoch>(raw(epoch) + 1); }

NodeNumber next(NodeNumber number) { return static_cast<NodeNumber>(raw(number) + 1); }

// `leaving` is how up is called of one that departs.
MemberState as_it_stands(MemberState state, bool departs) {
  return state == MemberState::up && departs ? MemberState::leaving : state;
}

bool is_transition(MemberState from, MemberState to) {
  switch (from) {
    case MemberState::joining:
      return to == MemberState::up || to == MemberState::down;
    case MemberState::up:
    case MemberState::leaving:
      return to == MemberState::down || to == MemberState::stale;
    case MemberState::down:
      return to == MemberState::up || to == MemberState::stale;
    case MemberState::stale:
      return to == MemberState::up || to == MemberState::down;
  }
  return false;
}

// One change on its way. Each apply() first looks whether all is well, and only then changes.
class Applier {
 public:
  Applier(ClusterMap& map, LogIndex index) : map_(map), index_(index) {}

  Outcome apply(const FoundCluster& change);
  Outcome apply(const AddMember& change);
  Outcome apply(const ChangeState& change);
  Outcome apply(const UpdateAddresses& change);
  Outcome apply(const AnnounceBoot& change);
  Outcome apply(const SetDeparting& change);
  Outcome apply(const RemoveMember& change);
  Outcome apply(const SetSetting& change);
  Outcome apply(const SetReplicationFactor& change);
  Outcome apply(const SetReplicationInForce& change);
  Outcome apply(const SetPrimaries& change);
  Outcome apply(const BeginMoves& change);
  Outcome apply(const SwitchMoves& change);
  Outcome apply(const CancelMoves& change);
  Outcome apply(const PlaceEmpty& change);

 private:
  // The member, if it is as the proposer saw it.
  Result<Member*, Refused> find_seen(const SeenMember& seen);

  Member& admit(const Newcomer& newcomer, MemberState state);
  Outcome admit_again(Member& member, const Newcomer& newcomer);
  void pass_on_name(Member& holder);

  // A new life: what it was primary of begins a new epoch.
  void begin_life(Member& member, BootNumber boot);

  // The partition of a step, if it is in the step's epoch. Null else.
  Partition* find_in(PartitionIndex index, Epoch epoch);

  // These replicas may be given to a partition.
  [[nodiscard]] bool is_placement(const Partition& partition,
                                  const std::vector<NodeNumber>& nodes) const;

  // May be primary after a change of the partition's replicas: the present one always may.
  [[nodiscard]] bool may_stay_primary(const Partition& partition, NodeNumber node) const;

  void begin_epoch(Partition& partition, NodeNumber primary);

  // Runs do_step(step) for each; those for which it answers false are the refused ones.
  template <class Step, class Do>
  static Outcome each(const std::vector<Step>& steps, const Do& do_step) {
    Applied applied;
    for (const Step& step : steps) {
      if (!do_step(step)) applied.refused.push_back(step.partition);
    }
    return applied;
  }

  ClusterMap& map_;
  const LogIndex index_;
};

Outcome Applier::apply(const FoundCluster& change) {
  if (map_.is_founded()) return refuse(Refusal::already_founded, "the cluster was founded before");
  const bool is_valid = is_id(change.id) && is_name(change.name) &&
                        is_partition_count(change.partitions) && change.replication_factor > 0 &&
                        change.replication_factor <= kReplicationFactorMax &&
                        is_newcomer(change.founder);
  if (!is_valid) return refuse(Refusal::invalid, "not a cluster that can be founded");
  map_.name = change.name;
  map_.id = change.id;
  map_.hash_seed = change.hash_seed;
  map_.replication_wanted = change.replication_factor;
  map_.replication_in_force = 1;
  const Member& founder = admit(change.founder, MemberState::up);
  const Partition partition{.epoch = Epoch{1},
                            .replicas = {founder.number},
                            .future = {},
                            .primary = {.node = founder.number, .boot = founder.boot},
                            .since = {{.node = founder.number, .epoch = Epoch{1}}}};
  map_.partitions.assign(change.partitions, partition);
  return Applied{.number = founder.number, .refused = {}};
}

Outcome Applier::apply(const AddMember& change) {
  const Newcomer& newcomer = change.newcomer;
  if (!is_newcomer(newcomer)) return refuse(Refusal::invalid, "not a node that can be let in");
  if (const Member* known = map_.find_identity(newcomer.identity); known != nullptr) {
    return admit_again(*map_.find(known->number), newcomer);
  }
  const Member* holder = map_.find_name(newcomer.name);
  if (holder != nullptr && holder->state != MemberState::down) {
    return refuse(Refusal::name_taken,
                  fmt::format("{} is another node, number {}, which is not down", newcomer.name,
                              raw(holder->number)));
  }
  if (raw(map_.next_number) > kNodeNumberMax) {
    return refuse(Refusal::no_number, "all node numbers were given");
  }
  if (holder != nullptr) pass_on_name(*map_.find(holder->number));
  return Applied{.number = admit(newcomer, MemberState::joining).number, .refused = {}};
}

Outcome Applier::apply(const ChangeState& change) {
  const Result<Member*, Refused> found = find_seen(change.member);
  if (!found) return found.error();
  Member& member = **found;
  if (member.state != change.from || change.incarnation < member.incarnation) {
    return refuse(Refusal::late, fmt::format("node {} is in another state", raw(member.number)));
  }
  if (!is_transition(change.from, change.to)) {
    return refuse(Refusal::transition, "no state that a member can go to from there");
  }
  member.state = as_it_stands(change.to, member.departs);
  member.incarnation = change.incarnation;
  member.changed = index_;
  return Applied{};
}

Outcome Applier::apply(const UpdateAddresses& change) {
  const Result<Member*, Refused> found = find_seen(change.member);
  if (!found) return found.error();
  if (!are_addresses(change.addresses)) return refuse(Refusal::invalid, "not addresses of a node");
  Member& member = **found;
  member.addresses = change.addresses;
  member.changed = index_;
  return Applied{};
}

Outcome Applier::apply(const AnnounceBoot& change) {
  Member* member = map_.find(change.number);
  if (member == nullptr) return refuse(Refusal::unknown_member, "no such member");
  if (!is_program(change.program)) return refuse(Refusal::invalid, "not a version of the program");
  if (change.boot < member->boot) {
    return refuse(Refusal::late,
                  fmt::format("node {} has started again since", raw(change.number)));
  }
  if (change.boot == member->boot) return Applied{.number = change.number, .refused = {}};
  begin_life(*member, change.boot);
  member->program = change.program;
  return Applied{.number = change.number, .refused = {}};
}

Outcome Applier::apply(const SetDeparting& change) {
  const Result<Member*, Refused> found = find_seen(change.member);
  if (!found) return found.error();
  Member& member = **found;
  if (member.state == MemberState::joining) {
    return refuse(Refusal::transition, fmt::format("node {} is joining", raw(member.number)));
  }
  const auto stays = [&member](const Member& other) {
    return !other.departs && other.number != member.number;
  };
  if (change.departs && std::ranges::none_of(map_.members, stays)) {
    return refuse(Refusal::still_needed, "no other member stays");
  }
  if (!change.departs && !is_name(member.name)) {
    return refuse(Refusal::name_taken, "its name has passed to another node");
  }
  if (member.state == MemberState::leaving) member.state = MemberState::up;
  member.departs = change.departs;
  member.state = as_it_stands(member.state, member.departs);
  member.changed = index_;
  return Applied{};
}

Outcome Applier::apply(const RemoveMember& change) {
  const Result<Member*, Refused> found = find_seen(change.member);
  if (!found) return found.error();
  const NodeNumber number = (*found)->number;
  const auto holds = [number](const Partition& partition) {
    return contains(partition.replicas, number) || contains(partition.future, number);
  };
  if (!(*found)->departs || std::ranges::any_of(map_.partitions, holds)) {
    return refuse(Refusal::still_needed, fmt::format("node {} is in service", raw(number)));
  }
  std::erase_if(map_.members, [number](const Member& member) { return member.number == number; });
  return Applied{};
}

Outcome Applier::apply(const SetSetting& change) {
  if (!is_name(change.name) || (change.value && change.value->size() > kSettingValueMax)) {
    return refuse(Refusal::invalid, "not a setting");
  }
  std::vector<Setting>& settings = map_.settings;
  const auto at = std::ranges::lower_bound(settings, change.name, {}, &Setting::name);
  const bool is_set = at != settings.end() && at->name == change.name;
  if (!change.value) {
    if (is_set) settings.erase(at);
  } else if (is_set) {
    at->value = *change.value;
  } else if (settings.size() == kSettingsMax) {
    return refuse(Refusal::too_many, "too many cluster settings");
  } else {
    settings.insert(at, Setting{.name = change.name, .value = *change.value});
  }
  return Applied{};
}

Outcome Applier::apply(const SetReplicationFactor& change) {
  if (change.wanted == 0 || change.wanted > kReplicationFactorMax) {
    return refuse(Refusal::invalid, "not a replication factor");
  }
  map_.replication_wanted = change.wanted;
  return Applied{};
}

Outcome Applier::apply(const SetReplicationInForce& change) {
  if (change.from != map_.replication_in_force) {
    return refuse(Refusal::late, "another replication factor is in force");
  }
  if (change.to == 0 || change.to > kReplicationFactorMax) {
    return refuse(Refusal::invalid, "not a replication factor");
  }
  const auto has_fewer = [&change](const Partition& partition) {
    return partition.replicas.size() < change.to ||
           (partition.is_moving() && partition.future.size() < change.to);
  };
  if (std::ranges::any_of(map_.partitions, has_fewer)) {
    return refuse(Refusal::too_few, "a partition has fewer replicas");
  }
  map_.replication_in_force = change.to;
  return Applied{};
}

Outcome Applier::apply(const SetPrimaries& change) {
  return each(change.steps, [this](const PrimaryStep& step) {
    Partition* partition = find_in(step.partition, step.epoch);
    if (partition == nullptr || !can_be_primary(map_, step.primary)) return false;
    if (!contains(partition->replicas, step.primary) &&
        !contains(partition->future, step.primary)) {
      return false;
    }
    begin_epoch(*partition, step.primary);
    return true;
  });
}

Outcome Applier::apply(const BeginMoves& change) {
  return each(change.steps, [this](const PlaceStep& step) {
    Partition* partition = find_in(step.partition, step.epoch);
    if (partition == nullptr || !is_placement(*partition, step.replicas)) return false;
    partition->future = step.replicas;
    begin_epoch(*partition, partition->primary.node);
    return true;
  });
}

Outcome Applier::apply(const SwitchMoves& change) {
  return each(change.steps, [this](const PrimaryStep& step) {
    Partition* partition = find_in(step.partition, step.epoch);
    if (partition == nullptr || !contains(partition->future, step.primary)) return false;
    if (!may_stay_primary(*partition, step.primary)) return false;
    partition->replicas = std::exchange(partition->future, {});
    begin_epoch(*partition, step.primary);
    return true;
  });
}

Outcome Applier::apply(const CancelMoves& change) {
  return each(change.steps, [this](const PrimaryStep& step) {
    Partition* partition = find_in(step.partition, step.epoch);
    if (partition == nullptr || !partition->is_moving()) return false;
    if (!contains(partition->replicas, step.primary)) return false;
    if (!may_stay_primary(*partition, step.primary)) return false;
    partition->future.clear();
    begin_epoch(*partition, step.primary);
    return true;
  });
}

Outcome Applier::apply(const PlaceEmpty& change) {
  return each(change.steps, [this](const PlaceStep& step) {
    Partition* partition = find_in(step.partition, step.epoch);
    if (partition == nullptr || !is_placement(*partition, step.replicas)) return false;
    if (!contains(step.replicas, step.primary)) return false;
    if (!may_stay_primary(*partition, step.primary)) return false;
    partition->replicas = step.replicas;
    begin_epoch(*partition, step.primary);
    return true;
  });
}

Result<Member*, Refused> Applier::find_seen(const SeenMember& seen) {
  Member* member = map_.find(seen.number);
  if (member == nullptr) return refuse(Refusal::unknown_member, "no such member");
  const bool has_changed = member->boot != seen.boot || member->changed > seen.version;
  if (has_changed && !QUORIS_PLANTED("topology: a late change is applied")) {
    return refuse(Refusal::late, fmt::format("node {} has changed since", raw(seen.number)));
  }
  return member;
}

Member& Applier::admit(const Newcomer& newcomer, MemberState state) {
  NodeNumber number = map_.next_number;
  map_.next_number = next(number);
  if (QUORIS_PLANTED("topology: a number is used twice")) {
    number = NodeNumber{1};
    while (map_.find(number) != nullptr) number = next(number);
  }
  const auto at = std::ranges::lower_bound(map_.members, number, {}, &Member::number);
  return *map_.members.insert(at, Member{.number = number,
                                         .identity = newcomer.identity,
                                         .name = newcomer.name,
                                         .addresses = newcomer.addresses,
                                         .rack = newcomer.rack,
                                         .weight = newcomer.weight,
                                         .boot = newcomer.boot,
                                         .state = state,
                                         .incarnation = Incarnation{0},
                                         .departs = false,
                                         .program = newcomer.program,
                                         .changed = index_});
}

Outcome Applier::admit_again(Member& member, const Newcomer& newcomer) {
  if (member.name != newcomer.name) {
    return refuse(Refusal::name_taken,
                  fmt::format("node {} is called {}", raw(member.number), member.name));
  }
  if (newcomer.boot < member.boot) {
    return refuse(Refusal::late,
                  fmt::format("node {} has started again since", raw(member.number)));
  }
  if (newcomer.boot > member.boot) {
    begin_life(member, newcomer.boot);
    member.program = newcomer.program;
    member.addresses = newcomer.addresses;
  }
  return Applied{.number = member.number, .refused = {}};
}

void Applier::pass_on_name(Member& holder) {
  holder.name = fmt::format("{}#{}", holder.name, raw(holder.number));
  holder.departs = true;
  holder.changed = index_;
}

void Applier::begin_life(Member& member, BootNumber boot) {
  member.boot = boot;
  member.incarnation = Incarnation{0};
  member.changed = index_;
  for (Partition& partition : map_.partitions) {
    if (partition.primary.node != member.number) continue;
    if (QUORIS_PLANTED("topology: a restart keeps the epoch")) {
      partition.primary.boot = boot;
    } else {
      begin_epoch(partition, member.number);
    }
  }
}

Partition* Applier::find_in(PartitionIndex index, Epoch epoch) {
  Partition* partition = map_.find(index);
  if (partition == nullptr) return nullptr;
  if (partition->epoch != epoch && !QUORIS_PLANTED("topology: a step of another epoch is done")) {
    return nullptr;
  }
  return partition;
}

bool Applier::is_placement(const Partition& partition, const std::vector<NodeNumber>& nodes) const {
  if (partition.is_moving() || nodes == partition.replicas || !is_node_set(nodes)) return false;
  if (nodes.size() < map_.replication_in_force || nodes.size() > kReplicationFactorMax)
    return false;
  return std::ranges::all_of(nodes, [&](NodeNumber node) {
    const Member* member = map_.find(node);
    return member != nullptr && (contains(partition.replicas, node) || can_take_data(*member));
  });
}

bool Applier::may_stay_primary(const Partition& partition, NodeNumber node) const {
  return node == partition.primary.node || can_be_primary(map_, node);
}

void Applier::begin_epoch(Partition& partition, NodeNumber primary) {
  partition.epoch = next(partition.epoch);
  partition.primary = {.node = primary, .boot = map_.find(primary)->boot};
  std::vector<NodeNumber> all;
  std::ranges::set_union(partition.replicas, partition.future, std::back_inserter(all));
  std::vector<Since> since;
  for (const NodeNumber node : all) {
    const auto before = std::ranges::lower_bound(partition.since, node, {}, &Since::node);
    const bool stays = before != partition.since.end() && before->node == node;
    since.push_back(stays ? *before : Since{.node = node, .epoch = partition.epoch});
  }
  partition.since = std::move(since);
}

}  // namespace

std::string encode_change(const MapChange& change) { return encode_fields(change); }

std::optional<MapChange> decode_change(std::string_view bytes) {
  return decode_fields<MapChange>(bytes);
}

std::string_view to_string(Refusal refusal) {
  switch (refusal) {
    case Refusal::late:
      return "late";
    case Refusal::not_founded:
      return "not founded";
    case Refusal::already_founded:
      return "already founded";
    case Refusal::invalid:
      return "invalid";
    case Refusal::unknown_member:
      return "unknown member";
    case Refusal::name_taken:
      return "name taken";
    case Refusal::no_number:
      return "no number";
    case Refusal::transition:
      return "no such transition";
    case Refusal::still_needed:
      return "still needed";
    case Refusal::too_few:
      return "too few replicas";
    case Refusal::too_many:
      return "too many";
  }
  return "unknown";
}

Result<Applied, Refused> apply(ClusterMap& map, LogIndex index, const MapChange& change) {
  QUORIS_ASSERT(index > map.version);
  map.version = index;
  if (!map.is_founded() && !std::holds_alternative<FoundCluster>(change)) {
    return refuse(Refusal::not_founded, "there is no cluster yet");
  }
  Applier applier(map, index);
  return std::visit([&applier](const auto& alternative) { return applier.apply(alternative); },
                    change);
}

void skip(ClusterMap& map, LogIndex index) {
  QUORIS_ASSERT(index > map.version);
  map.version = index;
}

}  // namespace quoris::topology
