#include "sim/check/cluster_checker.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "cluster/topology/cluster_views.h"
#include "sim/cluster_looks.h"

namespace quoris::sim {

namespace {

using topology::MemberState;

// Of a clock that is this far off nobody can say on which side of the limit it is seen.
constexpr int64_t kClockSureUs = 350'000;

// REQUIRES: it has a Raft.
const raft::Configuration& configuration_of(Machine& machine) {
  return machine.control()->raft()->configuration();
}

}  // namespace

// --- at every moment ---------------------------------------------------------------------------

bool ClusterChecker::is_well(Machine& machine) {
  const uint64_t now_us = world().now_us();
  return machine.is_deployed() && machine.is_serving() && machine.control() != nullptr &&
         machine.control()->raft() != nullptr && !machine.has_lost_its_log() &&
         !faults_.disturbed(machine.index(), now_us, now_us);
}

bool ClusterChecker::majority_is_well() {
  if (faults_.network_disturbed(world().now_us(), world().now_us())) return false;
  // By the newest log there is; who votes in it may not know it yet.
  const raft::Raft* newest = nullptr;
  for (size_t i = 0; i < world().nodes(); ++i) {
    const control::Control* control = world().machine(i).control();
    if (control == nullptr || control->raft() == nullptr) continue;
    const raft::RaftLog& log = control->raft()->log();
    const bool is_newer =
        newest == nullptr || !log.is_covered_by(newest->last_index(), newest->log().last_term());
    if (is_newer) newest = control->raft();
  }
  if (newest == nullptr) return false;
  const raft::Configuration& configuration = newest->configuration();
  if (configuration.voters.empty()) return false;
  const auto well = std::ranges::count_if(configuration.voters, [this](NodeNumber voter) {
    Machine* machine = machine_of(world(), voter);
    return machine != nullptr && is_well(*machine);
  });
  return static_cast<size_t>(well) >= configuration.majority();
}

void ClusterChecker::on_turn(Machine& machine) {
  const uint64_t now_us = world().now_us();
  if (now_us < next_look_us_ || machine.control() == nullptr) return;
  next_look_us_ = now_us + kLookUs;
  look_at_whole();
  look_at_group();
  check_proposals();
}

// All voters, whoever of them is well: a majority has to lead on, though it be another one each
// time.
void ClusterChecker::look_at_whole() {
  const uint64_t now_us = world().now_us();
  if (!majority_is_well()) {
    well_since_us_ = kNever;
    node_well_since_.clear();
    return;
  }
  if (well_since_us_ == kNever) well_since_us_ = led_at_us_ = now_us;
  Machine* leader = leader_of(world());
  const bool is_led = leader != nullptr && leader->control()->is_settled_leader();
  if (is_led) {
    led_at_us_ = now_us;
    check_alive(leader->control()->map());
  } else if (now_us - led_at_us_ > kLeaderUs) {
    complain(
        fmt::format("{} us: a majority of the voters is well since {} us, and nobody leads "
                    "since {} us",
                    now_us, well_since_us_, led_at_us_));
    led_at_us_ = now_us;
  }
}

// --- while others are cut off ------------------------------------------------------------------

std::vector<size_t> ClusterChecker::group_around(size_t one, const std::vector<size_t>& machines,
                                                 const std::vector<size_t>& parts) {
  const raft::Configuration& configuration = configuration_of(world().machine(one));
  std::vector<size_t> group;
  for (const size_t other : machines) {
    Machine& machine = world().machine(other);
    const bool is_one_of_them = parts[other] == parts[one] &&
                                configuration_of(machine).voters == configuration.voters &&
                                configuration.is_voter(machine.control()->number());
    if (is_one_of_them) group.push_back(other);
  }
  if (group.size() < configuration.majority()) group.clear();
  return group;
}

std::vector<size_t> ClusterChecker::group_among(const std::vector<size_t>& machines) {
  const std::vector<size_t> parts = faults_.parts(world().now_us());
  if (parts.empty()) return {};
  std::vector<size_t> sound;
  for (const size_t each : machines) {
    Machine& machine = world().machine(each);
    const bool is_sound = is_well(machine) && machine.control()->is_member() &&
                          !machine.is_leaving() && clock_error_us(machine) < kClockSureUs;
    if (is_sound) sound.push_back(each);
  }
  for (const size_t each : sound) {
    std::vector<size_t> group = group_around(each, sound, parts);
    if (!group.empty()) return group;
  }
  return {};
}

// None of them knows of other voters by now.
bool ClusterChecker::group_agrees() {
  return std::ranges::all_of(group_.machines, [this](size_t each) {
    const control::Control* control = world().machine(each).control();
    return control == nullptr || control->raft() == nullptr ||
           control->raft()->configuration().voters == group_.voters;
  });
}

// It stays the same as long as it can do without those that it loses. Who is well again is not
// taken in: that could become a majority of whom each was away for a while.
void ClusterChecker::renew_group() {
  const std::vector<size_t> before = group_agrees() ? group_.machines : std::vector<size_t>();
  group_.machines = group_among(before);
  if (!group_.machines.empty()) return;
  std::vector<size_t> all(world().nodes());
  for (size_t i = 0; i < all.size(); ++i) all[i] = i;
  const uint64_t now_us = world().now_us();
  group_ = {.machines = group_among(all),
            .voters = {},
            .since_us = now_us,
            .led_at_us = now_us,
            .leader = std::nullopt,
            .term = Term{0},
            .leads_since_us = now_us};
  if (group_.machines.empty()) return;
  group_.voters = configuration_of(world().machine(group_.machines.front())).voters;
}

void ClusterChecker::look_at_group() {
  renew_group();
  if (group_.machines.empty()) return;
  const uint64_t now_us = world().now_us();
  Machine* leader = leader_of(world());
  if (leader == nullptr || !leader->control()->is_settled_leader()) {
    group_.leader.reset();
    if (now_us - group_.led_at_us <= kLeaderUs) return;
    std::string names;
    for (const size_t each : group_.machines) {
      names += (names.empty() ? "" : ", ") + world().machine(each).name();
    }
    complain(
        fmt::format("{} us: a majority of the voters ({}) is well since {} us, whoever is cut off, "
                    "and nobody leads since {} us",
                    now_us, names, group_.since_us, group_.led_at_us));
    group_.led_at_us = now_us;
    return;
  }
  group_.led_at_us = now_us;
  const Term term = leader->control()->raft()->term();
  const bool is_inside =
      std::ranges::find(group_.machines, leader->index()) != group_.machines.end();
  if (!is_inside) {
    group_.leader.reset();
  } else if (group_.leader != leader->index() || group_.term != term) {
    group_.leader = leader->index();
    group_.term = term;
    group_.leads_since_us = now_us;
  }
}

// --- nodes and proposals -----------------------------------------------------------------------

int64_t ClusterChecker::clock_error_us(Machine& machine) {
  std::vector<int64_t> errors;
  for (size_t i = 0; i < world().nodes(); ++i) {
    if (!world().machine(i).is_deployed()) continue;
    errors.push_back(world().machine(i).clock().wall_error_us());
  }
  std::ranges::sort(errors);
  // Of two in the middle: whichever is further away.
  const int64_t error = machine.clock().wall_error_us();
  return std::max(std::abs(error - errors[errors.size() / 2]),
                  std::abs(error - errors[(errors.size() - 1) / 2]));
}

void ClusterChecker::check_alive(const topology::ClusterMap& map) {
  const uint64_t now_us = world().now_us();
  for (size_t i = 0; i < world().nodes(); ++i) {
    Machine& machine = world().machine(i);
    const bool is_to_be_alive = is_well(machine) && machine.control()->is_member() &&
                                !machine.is_leaving() && clock_error_us(machine) < kClockSureUs;
    const topology::Member* member =
        is_to_be_alive ? map.find(machine.control()->number()) : nullptr;
    const bool is_alive = member != nullptr && (member->state == MemberState::up ||
                                                member->state == MemberState::leaving);
    if (!is_to_be_alive || is_alive) {
      node_well_since_.erase(i);
      continue;
    }
    const uint64_t since_us = node_well_since_.try_emplace(i, now_us).first->second;
    if (now_us - since_us <= kAliveUs) continue;
    complain(fmt::format("{} us: {} is well since {} us, and {} in the leader's map", now_us,
                         machine.name(), since_us,
                         member == nullptr ? "not" : topology::state_name(member->state)));
    node_well_since_[i] = now_us;
  }
}

void ClusterChecker::on_proposal(const Proposal& proposal) {
  if (!proposal.result) {
    pending_.emplace(proposal.id, proposal);
    return;
  }
  pending_.erase(proposal.id);
  using Kind = control::ProposalResult::Kind;
  switch (proposal.result->kind) {
    case Kind::applied:
      ++figures_.applied;
      return;
    case Kind::refused:
      ++figures_.refused;
      return complain(fmt::format("{} us: node {} refuses proposal {}: {}", proposal.ended_us,
                                  proposal.node + 1, proposal.id, proposal.result->message));
    case Kind::unreachable:
      ++figures_.unreachable;
      return;
  }
}

uint64_t ClusterChecker::answerable_since_us(const Proposal& proposal) const {
  uint64_t since_us = well_since_us_;
  const bool is_inside =
      group_.leader && std::ranges::find(group_.machines, proposal.node) != group_.machines.end();
  if (is_inside) since_us = std::min(since_us, group_.leads_since_us);
  return since_us;
}

void ClusterChecker::check_proposals() {
  const uint64_t now_us = world().now_us();
  for (auto it = pending_.begin(); it != pending_.end();) {
    const Proposal& proposal = it->second;
    Machine& machine = world().machine(proposal.node);
    const uint64_t well_us = answerable_since_us(proposal);
    const bool is_excused = machine.lives() != proposal.life || machine.control() == nullptr ||
                            machine.is_leaving() ||
                            faults_.disturbed(proposal.node, proposal.asked_us, now_us);
    const bool is_early =
        well_us == kNever || now_us - std::max(proposal.asked_us, well_us) <= kProposalUs;
    if (!is_excused && is_early) {
      ++it;
      continue;
    }
    if (!is_excused) {
      complain(
          fmt::format("{} us: proposal {}, made at node {} at {} us, has no answer, and a "
                      "majority of the voters is well since {} us",
                      now_us, proposal.id, proposal.node + 1, proposal.asked_us, well_us));
    }
    it = pending_.erase(it);
  }
}

// --- in the end --------------------------------------------------------------------------------

void ClusterChecker::on_rest() {
  for (std::string& wrong : unrest()) {
    complain(fmt::format("{} us, all is at rest: {}", world().now_us(), wrong));
  }
}

std::vector<std::string> ClusterChecker::unrest() {
  std::vector<std::string> wrong;
  Machine* leader = leader_of(world());
  if (leader == nullptr || !leader->control()->is_settled_leader()) {
    wrong.emplace_back("there is no settled leader");
    return wrong;
  }
  const topology::ClusterMap& map = leader->control()->map();
  size_t deployed = 0;
  for (size_t i = 0; i < world().nodes(); ++i) {
    Machine& machine = world().machine(i);
    if (!machine.is_deployed()) continue;
    ++deployed;
    if (machine.is_leaving()) {
      wrong.push_back(fmt::format("{} was let go, and is there", machine.name()));
      continue;
    }
    check_member(machine, map, wrong);
  }
  if (map.members.size() != deployed) {
    std::string names;
    for (const topology::Member& member : map.members) {
      names += fmt::format(" {} ({})", member.name, topology::state_name(member.state));
    }
    wrong.push_back(
        fmt::format("{} machines are there, and these are members:{}", deployed, names));
  }
  return wrong;
}

void ClusterChecker::check_member(Machine& machine, const topology::ClusterMap& map,
                                  std::vector<std::string>& wrong) {
  const control::Control* control = machine.control();
  if (control == nullptr || !control->is_member()) {
    wrong.push_back(fmt::format("{} is no member", machine.name()));
    return;
  }
  const topology::Member* member = map.find(control->number());
  if (member == nullptr || member->identity != control->identity()) {
    wrong.push_back(fmt::format("{} is not in the leader's map", machine.name()));
    return;
  }
  if (member->state != MemberState::up) {
    wrong.push_back(fmt::format("{} is {}", machine.name(), topology::state_name(member->state)));
  }
  const bool is_same = control->map().version == map.version && control->map() == map;
  if (!is_same) {
    wrong.push_back(fmt::format("{} has the map of version {}, the leader that of {}",
                                machine.name(), raw(control->map().version), raw(map.version)));
  }
  if (control->leader() != leader_of(world())->control()->number()) {
    wrong.push_back(fmt::format("{} takes node number {} for the leader", machine.name(),
                                raw(control->leader())));
  }
  if (machine.observe([](control::Control& it) { return it.lease_left_us(); }) == 0) {
    wrong.push_back(fmt::format("{} has no lease", machine.name()));
  }
  check_gossip(machine, map, wrong);
}

void ClusterChecker::check_gossip(Machine& machine, const topology::ClusterMap& map,
                                  std::vector<std::string>& wrong) {
  const membership::Gossip& gossip = *machine.control()->gossip();
  for (const topology::Member& member : map.members) {
    const membership::Member* seen = gossip.find(member.number);
    const bool is_same = seen != nullptr && seen->standing.health == membership::Health::alive &&
                         seen->standing.boot == member.boot;
    if (is_same || member.state != MemberState::up) continue;
    wrong.push_back(fmt::format("the gossip of {} doesn't take {} for alive in its present life",
                                machine.name(), member.name));
  }
}

}  // namespace quoris::sim
