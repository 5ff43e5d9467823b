#include "sim/check/register_checker.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "sim/clients/workload.h"
#include "sim/world.h"
#include "store/hash_value.h"

namespace quoris::sim {

std::optional<std::string> stored_value(Machine& machine, const std::string& target) {
  const size_t slash = std::min(target.find('/'), target.size());
  store::Keyspace& keyspace = machine.node()->store().db(DbIndex{0});
  const store::Entry* entry = keyspace.find(keyspace.hashed(target.substr(0, slash)));
  if (entry == nullptr) return std::nullopt;
  char scratch[21];
  if (slash == target.size()) {
    if (entry->type() != store::Type::string) return std::nullopt;
    return std::string(entry->string().text(scratch));
  }
  if (entry->type() != store::Type::hash) return std::nullopt;
  const auto value = store::HashView(*entry).find(target.substr(slash + 1));
  if (!value) return std::nullopt;
  return std::string(value->text(scratch));
}

void RegisterChecker::on_operation(const Operation& operation) {
  if (!operation.complaint.empty() || operation.outcome == Outcome::refused) return;
  const bool is_ok = operation.outcome == Outcome::ok;
  for (const Action& action : operation.actions) {
    if (!is_ok && action.kind == ActionKind::read) continue;
    History& history = histories_[{operation.keyspace, action.target}];
    history.entries.push_back({.action = action,
                               .invoked_us = operation.invoked_us,
                               .returned_us = operation.returned_us,
                               .has_result = is_ok});
  }
}

void RegisterChecker::on_process(Machine& machine, ProcessEvent event) {
  if (event == ProcessEvent::ready) return look_at_recovered(machine);
  if (event != ProcessEvent::power_cut || options_.policy == server::AppendFsync::always) return;
  const uint64_t since_us = options_.policy == server::AppendFsync::everysec
                                ? machine.served_since_us(kEverysecUs)
                                : machine.ready_at_us();
  // A second cut before the recovery is through: what the first one lost stays lost.
  Recovery& cut =
      cuts_.try_emplace(machine.keyspace(), Recovery{.lost_since_us = since_us}).first->second;
  cut.may_have_lost = true;
  cut.cut_us = world().now_us();
}

void RegisterChecker::look_at_recovered(Machine& machine) {
  std::vector<Recovery>& recoveries = recoveries_[machine.keyspace()];
  const auto cut = cuts_.find(machine.keyspace());
  recoveries.push_back(cut == cuts_.end() ? Recovery{} : cut->second);
  recoveries.back().at_us = world().now_us();
  cuts_.erase(machine.keyspace());
  for (auto& [name, history] : histories_) {
    if (name.first != machine.keyspace() || is_volatile(name.second)) continue;
    history.recovered[recoveries.size() - 1] = stored_value(machine, name.second);
  }
}

void RegisterChecker::check_history(const Name& name, History& history) {
  Part part{.entries = std::move(history.entries), .initial = {}};
  const std::vector<Recovery>& recoveries = recoveries_[name.first];
  for (size_t i = 0; i < recoveries.size(); ++i) {
    const auto found = history.recovered.find(i);
    const auto* value = found == history.recovered.end() ? nullptr : &found->second;
    if (recoveries[i].may_have_lost) {
      close_part(name, recoveries[i], value, part);
    } else if (value != nullptr) {
      part.entries.push_back(seen_at(recoveries[i].at_us, name.second, *value));
    }
  }
  check(name, part.entries, part.initial, "");
}

RegisterChecker::Entry RegisterChecker::seen_at(uint64_t at_us, const std::string& target,
                                                const std::optional<std::string>& value) {
  return {.action = {.kind = ActionKind::read, .target = target, .text = value},
          .invoked_us = at_us,
          .returned_us = at_us,
          .has_result = true};
}

void RegisterChecker::close_part(const Name& name, const Recovery& recovery,
                                 const std::optional<std::string>* value, Part& part) {
  std::vector<Entry> before;
  std::vector<Entry> later;
  for (Entry& entry : part.entries) {
    (entry.invoked_us > recovery.cut_us ? later : before).push_back(std::move(entry));
  }
  check(name, before, part.initial, "");
  std::erase_if(before, [&](Entry& entry) {
    if (entry.has_result && entry.returned_us < recovery.lost_since_us) return false;
    entry.has_result = false;
    return entry.action.kind == ActionKind::read;
  });
  if (value == nullptr) {
    // Nobody has looked: the history goes on from all that may be.
    std::ranges::move(later, std::back_inserter(before));
    part.entries = std::move(before);
    return;
  }
  before.push_back(seen_at(recovery.at_us, name.second, *value));
  check(name, before, part.initial,
        "recovered after a power cut (answers of the time that it may cost count as unknown): ");
  part.initial = RegisterState{.value = *value};
  part.entries = std::move(later);
}

void RegisterChecker::check(const Name& name, const std::vector<Entry>& entries,
                            const RegisterState& initial, std::string_view what) {
  std::vector<Call> calls;
  for (const Entry& entry : entries) {
    calls.push_back({.action = &entry.action,
                     .invoked_us = entry.invoked_us,
                     .returned_us = entry.returned_us,
                     .has_result = entry.has_result});
  }
  LinearizabilityOptions options{.configurations_max = options_.configurations_max};
  if (options_.clocks_are_wrong) options.expiry_slack_us = RegisterState::kNever;
  const LinearizabilityVerdict verdict = check_register(calls, initial, options);
  configurations_ += verdict.configurations;
  if (verdict.outcome == Linearizability::undecided) return note_undecided();
  if (verdict.outcome == Linearizability::holds) return;
  complain(fmt::format("node {}, {}: {}{}", Machine::index_of_keyspace(name.first) + 1, name.second,
                       what, verdict.explanation));
}

void RegisterChecker::on_end() {
  for (auto& [name, history] : histories_) check_history(name, history);
}

}  // namespace quoris::sim
