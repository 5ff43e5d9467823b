#include "cluster/control/proposals.h"

#include <algorithm>
#include <limits>

namespace quoris::control {

void Proposals::add(std::string change, ProposalDone done, uint64_t now_us, uint64_t timeout_us) {
  pending_.emplace(++last_request_, Pending{.change = std::move(change),
                                            .done = std::move(done),
                                            .send_at_us = now_us,
                                            .give_up_at_us = now_us + timeout_us});
}

std::vector<Propose> Proposals::take_due(uint64_t now_us, uint64_t retry_us) {
  std::vector<Propose> due;
  for (auto& [request, pending] : pending_) {
    if (pending.awaited != LogIndex{0} || pending.send_at_us > now_us) continue;
    pending.send_at_us = now_us + retry_us;
    due.push_back({.request = request, .change = pending.change});
  }
  return due;
}

uint64_t Proposals::next_due_us() const {
  uint64_t next = std::numeric_limits<uint64_t>::max();
  for (const auto& [request, pending] : pending_) {
    next = std::min(next, pending.give_up_at_us);
    if (pending.awaited == LogIndex{0}) next = std::min(next, pending.send_at_us);
  }
  return next;
}

void Proposals::send_again(uint64_t now_us) {
  for (auto& [request, pending] : pending_) pending.send_at_us = now_us;
}

void Proposals::on_answer(const ProposeAnswer& answer, LogIndex applied, uint64_t now_us,
                          uint64_t retry_us) {
  const auto found = pending_.find(answer.request);
  if (found == pending_.end() || found->second.awaited != LogIndex{0}) return;
  Pending& pending = found->second;
  if (answer.index == LogIndex{0}) {
    pending.send_at_us = now_us + retry_us / 4;
    return;
  }
  pending.awaited = answer.index;
  pending.result.kind =
      answer.is_refused ? ProposalResult::Kind::refused : ProposalResult::Kind::applied;
  pending.result.applied.number = answer.number;
  pending.result.why = static_cast<topology::Refusal>(answer.why);
  pending.result.message = answer.message;
  if (applied >= answer.index) settle(answer.request);
}

void Proposals::on_applied(LogIndex index) {
  std::vector<uint64_t> settled;
  for (const auto& [request, pending] : pending_) {
    if (pending.awaited != LogIndex{0} && pending.awaited <= index) settled.push_back(request);
  }
  for (const uint64_t request : settled) settle(request);
}

void Proposals::give_up(uint64_t now_us) {
  std::vector<uint64_t> late;
  for (auto& [request, pending] : pending_) {
    if (pending.give_up_at_us > now_us) continue;
    pending.result = {.message = "no leader of the cluster answered in time"};
    late.push_back(request);
  }
  for (const uint64_t request : late) settle(request);
}

void Proposals::settle(uint64_t request) {
  const auto found = pending_.find(request);
  ready_.emplace_back(std::move(found->second.done), std::move(found->second.result));
  pending_.erase(found);
}

bool Requests::has(NodeNumber from, uint64_t request) const {
  return std::ranges::any_of(by_index_, [&](const auto& entry) {
    return entry.second.from == from && entry.second.request == request;
  });
}

std::vector<std::pair<LogIndex, Requests::Request>> Requests::take(LogIndex index) {
  std::vector<std::pair<LogIndex, Request>> taken;
  const auto end = by_index_.upper_bound(index);
  for (auto it = by_index_.begin(); it != end; ++it) taken.emplace_back(it->first, it->second);
  by_index_.erase(by_index_.begin(), end);
  return taken;
}

}  // namespace quoris::control
