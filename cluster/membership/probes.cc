#include "cluster/membership/probes.h"

#include <utility>

#include "base/assert.h"

namespace quoris::membership {

void Probes::add(Probe probe) {
  QUORIS_ASSERT(!full());
  QUORIS_ASSERT(of(probe.target) == nullptr);
  list_.push_back(std::move(probe));
}

Probe* Probes::of(NodeNumber target) {
  const auto probe = std::ranges::find(list_, target, &Probe::target);
  return probe == list_.end() ? nullptr : &*probe;
}

std::optional<Probe> Probes::take_acked(uint64_t sequence, NodeNumber from) {
  return take(std::ranges::find_if(list_, [sequence, from](const Probe& probe) {
    return probe.sequence == sequence && probe.target == from;
  }));
}

std::optional<Probe> Probes::take_relayed(uint64_t sequence, NodeNumber from) {
  return take(std::ranges::find_if(list_, [sequence, from](const Probe& probe) {
    return probe.sequence == sequence &&
           std::ranges::find(probe.helpers, from) != probe.helpers.end();
  }));
}

void Probes::on_nack(uint64_t sequence, NodeNumber from) {
  const auto probe = std::ranges::find(list_, sequence, &Probe::sequence);
  if (probe != list_.end()) std::erase(probe->silent_helpers, from);
}

std::optional<Probe> Probes::take_failed(uint64_t now_us) {
  return take(std::ranges::find_if(
      list_, [now_us](const Probe& probe) { return probe.until_us <= now_us; }));
}

Probe* Probes::to_ask(uint64_t now_us) {
  const auto probe = std::ranges::find_if(
      list_, [now_us](const Probe& candidate) { return candidate.ask_at_us <= now_us; });
  return probe == list_.end() ? nullptr : &*probe;
}

void Probes::drop(NodeNumber target) {
  std::erase_if(list_, [target](const Probe& probe) { return probe.target == target; });
}

void Probes::delay(uint64_t late_us, uint64_t earliest_us) {
  for (Probe& probe : list_) {
    if (probe.ask_at_us != kNever) probe.ask_at_us += late_us;
    probe.until_us += late_us;
    if (probe.until_us >= earliest_us || probe.was_deferred) continue;
    probe.was_deferred = true;
    probe.until_us = earliest_us;
  }
}

uint64_t Probes::next_due_us() const {
  uint64_t due_us = kNever;
  for (const Probe& probe : list_) due_us = std::min({due_us, probe.ask_at_us, probe.until_us});
  return due_us;
}

std::optional<Probe> Probes::take(std::vector<Probe>::iterator probe) {
  if (probe == list_.end()) return std::nullopt;
  std::optional<Probe> taken = std::move(*probe);
  list_.erase(probe);
  return taken;
}

}  // namespace quoris::membership
