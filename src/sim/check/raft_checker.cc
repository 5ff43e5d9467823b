#include "sim/check/raft_checker.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/hash.h"

namespace quoris::sim {

namespace {

uint64_t digest_of(raft::EntryKind kind, std::string_view payload) {
  return hash_bytes(payload, {.seed = static_cast<uint64_t>(kind) + 1});
}

}  // namespace

std::string RaftChecker::at(Machine& machine) const {
  return fmt::format("{} us: {}", machine.clock().now_us(), machine.name());
}

void RaftChecker::on_turn(Machine& machine) {
  const control::Control* control = machine.control();
  if (control == nullptr || control->raft() == nullptr || !control->map().is_founded()) return;
  const raft::Raft& raft = *control->raft();
  Seen& seen = seen_[machine.index()];
  if (seen.life != machine.lives()) {
    seen = {.life = machine.lives(), .cluster = &clusters_[control->map().id]};
  }
  if (raft.is_leader() && raft.term() != seen.led) note_leader(machine, raft, seen);
  if (raft.applied_index() > seen.checked) check_applied(machine, raft, seen);
}

void RaftChecker::note_leader(Machine& machine, const raft::Raft& raft, Seen& seen) {
  seen.led = raft.term();
  ++elections_;
  const NodeNumber self = machine.control()->number();
  const auto [known, is_first] = seen.cluster->leaders.try_emplace(raft.term(), self);
  if (known->second != self) {
    complain(fmt::format("{} leads in term {}, in which node number {} led", at(machine),
                         raw(raft.term()), raw(known->second)));
  }
  const raft::RaftLog& log = raft.log();
  auto entry = seen.cluster->entries.upper_bound(log.base().index);
  for (; entry != seen.cluster->entries.end(); ++entry) {
    // A leader of an older term, that late votes have made, is none for long.
    if (entry->second.seen_in > raft.term()) continue;
    if (log.term_at(entry->first) == entry->second.term) continue;
    complain(fmt::format("{} leads in term {} without entry {} of term {}, which node {} applied",
                         at(machine), raw(raft.term()), raw(entry->first), raw(entry->second.term),
                         entry->second.node + 1));
    return;
  }
}

void RaftChecker::check_applied(Machine& machine, const raft::Raft& raft, Seen& seen) {
  const raft::RaftLog& log = raft.log();
  if (raft.applied_index() > raft.durable_index() && raft.role() != raft::Role::stopped) {
    complain(fmt::format("{} has applied up to {}, but only {} is durable there", at(machine),
                         raw(raft.applied_index()), raw(raft.durable_index())));
  }
  using raft::operator+;
  LogIndex index = std::max(seen.checked, log.base().index);
  seen.checked = raft.applied_index();
  while (index < std::min(raft.applied_index(), log.last_index())) {
    index = index + 1;
    const raft::LogEntry& entry = log.at(index);
    const Entry found{.term = entry.term,
                      .digest = digest_of(entry.kind, entry.payload),
                      .node = machine.index(),
                      .seen_in = raft.term()};
    const auto [known, is_first] = seen.cluster->entries.try_emplace(index, found);
    if (is_first) {
      ++entries_;
      seen.cluster->changes.insert(found.digest);
      continue;
    }
    const bool is_same = known->second.term == found.term && known->second.digest == found.digest;
    if (is_same) continue;
    complain(fmt::format("{} applied at {} an entry of term {}, and node {} another one of term {}",
                         at(machine), raw(index), raw(found.term), known->second.node + 1,
                         raw(known->second.term)));
    return;
  }
}

void RaftChecker::on_proposal(const Proposal& proposal) {
  if (!proposal.result || proposal.result->kind != control::ProposalResult::Kind::applied) return;
  Machine& machine = world().machine(proposal.node);
  // The turn in which it was applied is not over yet.
  if (machine.control() == nullptr || machine.lives() != proposal.life) return;
  on_turn(machine);
  const Seen& seen = seen_[proposal.node];
  const uint64_t digest = digest_of(raft::EntryKind::command, proposal.change);
  if (seen.cluster != nullptr && seen.cluster->changes.contains(digest)) return;
  complain(fmt::format("{} says that proposal {} was applied, and no entry says so", at(machine),
                       proposal.id));
}

}  // namespace quoris::sim
