#include "sim/check/lease_checker.h"

#include <fmt/format.h>

#include <algorithm>

#include "sim/cluster_looks.h"

namespace quoris::sim {

namespace {

constexpr uint64_t kNsPerUs = 1'000;

// What rounding to microseconds makes of two clocks.
constexpr uint64_t kRoundingUs = 5;

// When so much of the machine's clock will have passed, in true time.
uint64_t end_of(Machine& machine, uint64_t left_us) {
  return left_us == 0 ? 0 : machine.clock().now_us() + machine.clock().to_true_us(left_us);
}

uint64_t lease_end_us(Machine& machine) {
  if (machine.control() == nullptr) return 0;
  return end_of(machine, machine.observe([](control::Control& it) { return it.lease_left_us(); }));
}

uint64_t local_us(Machine& machine) {
  return machine.observe(
      [&machine](control::Control&) { return machine.clock().monotonic_ns() / kNsPerUs; });
}

}  // namespace

void LeaseChecker::on_turn(Machine& machine) {
  if (machine.control() == nullptr) return;
  const topology::ClusterMap* map = maps_.newest();
  if (map != nullptr && map->version != checked_) check_map_against_all(*map);
  look_at_leader(machine);
  const uint64_t end_us = lease_end_us(machine);
  Seen& seen = seen_[machine.index()];
  const bool is_longer = seen.life != machine.lives() || end_us > seen.end_us + kRoundingUs;
  seen = {.life = machine.lives(), .end_us = end_us};
  if (end_us == 0 || !is_longer) return;
  ++renewed_;
  if (map != nullptr) check_map(machine, *map, end_us);
  Machine& actor = world().machine(actor_);
  if (acting_ != Term{0}) check_grant(actor, machine, end_us);
}

void LeaseChecker::once(std::string what, std::string text) {
  if (std::exchange(last_, std::move(what)) != last_) complain(std::move(text));
}

// --- the map
// ----------------------------------------------------------------------------------------

void LeaseChecker::check_map_against_all(const topology::ClusterMap& map) {
  checked_ = map.version;
  for (size_t i = 0; i < world().nodes(); ++i) {
    Machine& machine = world().machine(i);
    const uint64_t end_us = lease_end_us(machine);
    if (end_us > 0) check_map(machine, map, end_us);
  }
}

void LeaseChecker::check_map(Machine& machine, const topology::ClusterMap& map, uint64_t end_us) {
  const control::Control& control = *machine.control();
  const topology::Member* member = map.find(control.number());
  if (member == nullptr || map.id != control.map().id) return;
  const bool is_over = end_us <= machine.clock().now_us() + kRoundingUs;
  if (is_over) return;
  const bool is_down = member->state == topology::MemberState::down;
  if (!is_down && member->boot <= control.boot()) return;
  once(fmt::format("map {} {}", machine.index(), machine.lives()),
       fmt::format("{} us: {} (boot {}) believes its lease for another {} us, and is {} (boot {}) "
                   "in the map of version {}",
                   machine.clock().now_us(), machine.name(), raw(control.boot()),
                   end_us - machine.clock().now_us(), is_down ? "down" : "not in that life",
                   raw(member->boot), raw(map.version)));
}

// --- the leader
// -------------------------------------------------------------------------------------

void LeaseChecker::look_at_leader(Machine& machine) {
  const raft::Raft* raft = machine.control()->raft();
  if (raft == nullptr || !raft->is_leader() || raft->term() < acting_) return;
  if (local_us(machine) < raft->may_act_from_us()) return check_early(machine, *raft);
  acting_ = raft->term();
  actor_ = machine.index();
  actor_life_ = machine.lives();
  for (size_t i = 0; i < world().nodes(); ++i) {
    Machine& holder = world().machine(i);
    const uint64_t end_us = lease_end_us(holder);
    if (end_us > 0) check_grant(machine, holder, end_us);
  }
}

void LeaseChecker::check_early(Machine& machine, const raft::Raft& raft) {
  const raft::RaftLog& log = raft.log();
  using raft::operator-;
  for (LogIndex index = log.last_index(); index > log.base().index; index = index - 1) {
    const raft::LogEntry& entry = log.at(index);
    if (entry.term != raft.term()) return;
    if (entry.kind == raft::EntryKind::no_op) continue;
    return once(fmt::format("early {}", raw(raft.term())),
                fmt::format("{} us: {} has proposed something in term {}, though leases of the "
                            "leader before it may live",
                            machine.clock().now_us(), machine.name(), raw(raft.term())));
  }
}

// REQUIRES: `leader` led last of all that might act.
void LeaseChecker::check_grant(Machine& leader, Machine& holder, uint64_t end_us) {
  if (leader.control() == nullptr || leader.lives() != actor_life_) return;
  const raft::Raft* raft = leader.control()->raft();
  const bool still_leads = raft != nullptr && raft->is_leader() && raft->term() == acting_;
  if (!still_leads || holder.control()->map().id != leader.control()->map().id) return;
  uint64_t granted_until_us = 0;
  if (&leader == &holder) {
    const uint64_t until_us = raft->lease_until_us();
    // It hands over: who comes next was told what is left.
    if (until_us == 0) return;
    const uint64_t now_us = local_us(leader);
    granted_until_us = end_of(leader, until_us - std::min(now_us, until_us));
  } else {
    const NodeNumber number = holder.control()->number();
    granted_until_us = end_of(leader, leader.observe([number](control::Control& it) {
      return it.granted_left_us(number).value_or(0);
    }));
  }
  const uint64_t now_us = std::max(leader.clock().now_us(), holder.clock().now_us());
  const uint64_t over_us = std::max(granted_until_us, now_us);
  if (end_us <= over_us + kRoundingUs) return;
  once(fmt::format("grant {} {}", holder.index(), raw(acting_)),
       fmt::format("{} us: {} believes its lease for another {} us; {}, which leads in term {}, "
                   "takes it for over {} us before",
                   now_us, holder.name(), end_us - now_us, leader.name(), raw(acting_),
                   end_us - over_us));
}

}  // namespace quoris::sim
