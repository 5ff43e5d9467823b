// FaultDriver: what only a cluster knows: groups of nodes, leaders, members.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sim/cluster_looks.h"
#include "sim/faults/fault_driver.h"

namespace quoris::sim {

namespace {

using enum FaultKind;

constexpr uint64_t kMs = 1'000;
constexpr uint64_t kSecond = 1'000 * kMs;

// Steps of Raft's files until the power goes: within one batch and the next.
constexpr uint64_t kRaftStepsMax = 8;
constexpr uint64_t kAimedUs = 5 * kSecond;

// A clean stop, and the supervisor.
constexpr uint64_t kRestartUs = 2 * kSecond + Machine::kSupervisorUs;

// Who sees a node off looks and asks so often; and turns its machine off when it has not found out
// by itself that it is no member any more.
constexpr uint64_t kSeeOffUs = 300 * kMs;
constexpr uint64_t kFindOutUs = 5 * kSecond;

// An operator notices that a node has lost its log.
constexpr uint64_t kLookUs = 2'500 * kMs;
constexpr uint64_t kOperatorRestartUs = 200 * kMs;

// Fewer are no cluster any more.
constexpr size_t kMembersMin = 2;

}  // namespace

// --- links between nodes
// --------------------------------------------------------------------------

void FaultDriver::cut_links(const Links& links, uint64_t lasts_us) {
  for (const auto& [from, to] : links) world_.network().cut(from, to);
  const uint64_t mended_us = std::min(world_.now_us() + lasts_us, until_us_);
  world_.queue().schedule_at(mended_us, [this, links] {
    for (const auto& [from, to] : links) world_.network().mend(from, to);
  });
}

void FaultDriver::split_nodes(const Planned& planned) {
  Links links;
  std::string group;
  std::vector<size_t> groups(world_.nodes());
  for (size_t a = 0; a < world_.nodes(); ++a) {
    groups[a] = (planned.strength >> (a % 64)) % 2;
    if (groups[a] != 0) group += fmt::format(" {}", a + 1);
    for (size_t b = 0; b < world_.nodes(); ++b) {
      if (groups[a] == (planned.strength >> (b % 64)) % 2) continue;
      links.emplace_back(world_.machine(a).host(), world_.machine(b).host());
    }
  }
  disturb_network(std::min(world_.now_us() + planned.lasts_us, until_us_), std::move(groups));
  tell(planned, true, fmt::format("the group{} for {} ms", group, planned.lasts_us / kMs));
  cut_links(links, planned.lasts_us);
}

void FaultDriver::cut_a_pair(const Planned& planned) {
  const size_t step = 1 + planned.strength % std::max<size_t>(world_.nodes() - 1, 1);
  const size_t other = (planned.node + step) % world_.nodes();
  const HostId a = world_.machine(planned.node).host();
  const HostId b = world_.machine(other).host();
  Links links = {{a, b}};
  const bool both_ways = (planned.strength >> 32) % 2 == 0;
  if (both_ways) links.emplace_back(b, a);
  tell(planned, true,
       fmt::format("{} node {} for {} ms", both_ways ? "and" : "does not reach", other + 1,
                   planned.lasts_us / kMs));
  cut_links(links, planned.lasts_us);
}

void FaultDriver::spoil_channel(const Planned& planned) {
  using fault::FaultCommand;
  const auto share = [](uint64_t permille) {
    return fault::Share{static_cast<uint32_t>(permille * (fault::kWhole / 1'000))};
  };
  const uint64_t dropped = planned.strength % 200;
  const uint64_t doubled = (planned.strength >> 16) % 200;
  const uint64_t late_ms = (planned.strength >> 32) % 150;
  tell(planned, true,
       fmt::format("{} and {} of a thousand messages lost and doubled, up to {} ms late", dropped,
                   doubled, late_ms));
  if (world_.machine(planned.node).control() == nullptr) return;
  fault::FaultRules& rules = world_.machine(planned.node).control()->bus().faults();
  rules.apply({.kind = FaultCommand::Kind::drop, .share = share(dropped)});
  rules.apply({.kind = FaultCommand::Kind::duplicate, .share = share(doubled)});
  rules.apply({.kind = FaultCommand::Kind::delay, .delay = {.ms = 0, .jitter_ms = late_ms}});
}

// --- processes
// ------------------------------------------------------------------------------------

void FaultDriver::hand_over_leadership(const Planned& planned) {
  Machine* leader = leader_of(world_);
  if (leader == nullptr) return;
  const control::Control* other = world_.machine(planned.strength % world_.nodes()).control();
  const bool says_to_whom = other != nullptr && (planned.strength >> 32) % 2 == 0;
  const NodeNumber to = says_to_whom ? other->number() : topology::kNoNode;
  tell(planned, true, fmt::format("from node {}", leader->index() + 1));
  // Who can't take over is refused, which is as good.
  leader->post([to](control::Control& control) { static_cast<void>(control.hand_over(to)); });
}

void FaultDriver::begin_on_cluster(const Planned& planned) {
  Machine& machine = world_.machine(planned.node);
  const size_t node = planned.node;
  const uint64_t ends_us = std::min(world_.now_us() + planned.lasts_us, until_us_);
  switch (planned.kind) {
    case split:
      split_nodes(planned);
      return end_later(planned, [] {});
    case cut_pair:
      disturb_network(ends_us);
      cut_a_pair(planned);
      return end_later(planned, [] {});
    case channel:
      disturb_network(ends_us);
      spoil_channel(planned);
      return end_later(planned, [this, &machine] {
        if (machine.control() == nullptr) return;
        machine.control()->bus().faults().apply({.kind = fault::FaultCommand::Kind::clear});
      });
    case restart:
      tell(planned, true);
      disturb(node, world_.now_us(), world_.now_us() + kRestartUs);
      return machine.stop_cleanly();
    case pause_past_lease:
      tell(planned, true, fmt::format("for {} ms", planned.lasts_us / kMs));
      machine.pause();
      return end_later(planned, [&machine] { machine.resume(); });
    case power_cut_leader_at_step:
      tell(planned, true);
      down_us_[node] = planned.lasts_us;
      raft_steps_left_[node] = 1 + planned.strength % kRaftStepsMax;
      world_.queue().schedule(kAimedUs, [this, node] { raft_steps_left_[node] = 0; });
      return;
    case cut_new_leader:
      if (machine.control() == nullptr || machine.control()->raft() == nullptr) return;
      tell(planned, true, fmt::format("for {} ms", planned.lasts_us / kMs));
      cut_new_leader_us_ = planned.lasts_us;
      cut_after_term_ = machine.control()->raft()->term();
      down_us_[node] = planned.lasts_us;
      world_.queue().schedule(kAimedUs, [this] { cut_new_leader_us_ = 0; });
      return machine.kill();
    case blackout:
      tell(planned, true);
      blackout_us_ = std::max<uint64_t>(planned.lasts_us, 1);
      world_.queue().schedule(kAimedUs, [this] { blackout_us_ = 0; });
      return;
    default:
      return hand_over_leadership(planned);
  }
}

// They come back one after the other, in an order that changes.
void FaultDriver::on_proposal(const Proposal& proposal) {
  using Kind = control::ProposalResult::Kind;
  if (blackout_us_ == 0 || !proposal.result || proposal.result->kind != Kind::applied) return;
  // Elsewhere it is a little later, and the disks have had that time.
  const Machine* leader = leader_of(world_);
  if (leader == nullptr || leader->index() != proposal.node) return;
  const uint64_t lasts_us = std::exchange(blackout_us_, 0);
  for (size_t node = 0; node < world_.nodes(); ++node) {
    Machine& machine = world_.machine(node);
    if (!machine.is_deployed()) continue;
    down_us_[node] = 1 + lasts_us * ((node + proposal.id) % world_.nodes()) / 2;
    machine.cut_power();
  }
}

void FaultDriver::on_turn(Machine& machine) {
  if (cut_new_leader_us_ == 0 || machine.control() == nullptr) return;
  const raft::Raft* raft = machine.control()->raft();
  if (raft == nullptr || !raft->is_leader() || raft->term() <= cut_after_term_) return;
  const uint64_t lasts_us = std::exchange(cut_new_leader_us_, 0);
  const uint64_t ends_us = std::min(world_.now_us() + lasts_us, until_us_);
  cut(machine.index(), true, true, lasts_us);
  disturb_network(ends_us, apart(machine.index()));
  disturb(machine.index(), world_.now_us(), ends_us);
}

// --- members
// --------------------------------------------------------------------------------------

void FaultDriver::note_absence(size_t node) {
  disturbed_[node].push_back({.from_us = world_.now_us(), .to_us = kOpen});
}

void FaultDriver::note_presence(size_t node) {
  for (Span& span : disturbed_[node]) {
    if (span.to_us == kOpen) span.to_us = world_.now_us();
  }
  disturb(node, world_.now_us(), world_.now_us());
}

size_t FaultDriver::members_that_stay() {
  size_t count = 0;
  for (size_t node = 0; node < world_.nodes(); ++node) {
    const Machine& machine = world_.machine(node);
    if (machine.is_deployed() && !machine.is_leaving()) ++count;
  }
  return count;
}

bool FaultDriver::leaves_clients_a_node(size_t leaving) {
  for (size_t node = 0; node < world_.nodes(); ++node) {
    const Machine& machine = world_.machine(node);
    const bool stays = node != leaving && machine.is_deployed() && !machine.is_leaving();
    if (stays && !clients_[node].empty()) return true;
  }
  return clients_[leaving].empty();
}

void FaultDriver::begin_on_members(const Planned& planned) {
  switch (planned.kind) {
    case join:
      return bring_in(planned);
    case leave:
      return let_go(planned);
    default:
      return empty_disk(planned);
  }
}

// The first machine in store, from the one that is named on.
void FaultDriver::bring_in(const Planned& planned) {
  for (size_t i = 0; i < world_.nodes(); ++i) {
    const size_t node = (planned.node + i) % world_.nodes();
    if (world_.machine(node).is_deployed()) continue;
    ++played_[static_cast<size_t>(planned.kind)];
    Planned found = planned;
    found.node = node;
    tell(found, true);
    note_presence(node);
    return world_.machine(node).deploy();
  }
}

void FaultDriver::let_go(const Planned& planned) {
  Machine& machine = world_.machine(planned.node);
  const topology::ClusterMap* map = newest_map(world_);
  if (map == nullptr || !machine.is_deployed() || machine.is_leaving()) return;
  const topology::Member* member = member_of(machine, *map);
  if (member == nullptr || member->state != topology::MemberState::up) return;
  if (members_that_stay() <= std::max(kMembersMin, nodes_at_start_ - 1)) return;
  if (!leaves_clients_a_node(planned.node)) return;
  ++played_[static_cast<size_t>(planned.kind)];
  tell(planned, true);
  note_absence(planned.node);
  machine.expect_removal();
  see_off(planned.node, machine.keyspace());
}

// `keyspace`: of the machine as long as it is the one that was let go.
void FaultDriver::see_off(size_t node, uint64_t keyspace) {
  Machine& machine = world_.machine(node);
  if (!machine.is_deployed() || machine.keyspace() != keyspace) return;
  const topology::ClusterMap* map = newest_map(world_);
  const topology::Member* member = map == nullptr ? nullptr : map->find_name(machine.node_name());
  if (map != nullptr && member == nullptr) {
    world_.queue().schedule(kFindOutUs, [&machine, keyspace] {
      if (machine.keyspace() == keyspace) machine.retire();
    });
    return;
  }
  Machine* leader = leader_of(world_);
  if (member != nullptr && !member->departs && leader != nullptr) {
    const topology::SetDeparting change{
        .member = {.number = member->number, .boot = member->boot, .version = map->version},
        .departs = true};
    leader->post([change](control::Control& control) {
      control.propose(change, [](const control::ProposalResult& /*result*/) {});
    });
  }
  world_.queue().schedule(kSeeOffUs, [this, node, keyspace] { see_off(node, keyspace); });
}

void FaultDriver::empty_disk(const Planned& planned) {
  Machine& machine = world_.machine(planned.node);
  if (!machine.is_deployed() || machine.is_leaving() || !machine.is_serving()) return;
  const topology::ClusterMap* map = newest_map(world_);
  if (map == nullptr || member_of(machine, *map) == nullptr) return;
  const Machine* leader = leader_of(world_);
  if (leader == nullptr || !all_voters_are_sound(world_)) return;
  constexpr size_t kVotersMin = 3;
  const raft::Raft& raft = *world_.machine(leader->index()).control()->raft();
  if (raft.configuration().voters.size() < kVotersMin) return;
  ++played_[static_cast<size_t>(planned.kind)];
  tell(planned, true);
  down_us_[planned.node] = planned.lasts_us;
  machine.kill();
  machine.wipe();
}

// A node whose disk has failed takes no part until it is started again, which somebody has to see.
void FaultDriver::look_after_logs() {
  for (size_t node = 0; node < world_.nodes(); ++node) {
    Machine& machine = world_.machine(node);
    if (machine.state() != Machine::State::running || !machine.has_lost_its_log()) continue;
    down_us_[node] = kOperatorRestartUs;
    machine.kill();
  }
  world_.queue().schedule(kLookUs, [this] { look_after_logs(); });
}

}  // namespace quoris::sim
