#include "cluster/fault/fault_rules.h"

#include "base/assert.h"

namespace quoris::fault {

namespace {

using Kind = FaultCommand::Kind;

constexpr uint64_t kUsPerMs = 1000;

bool happens(const std::optional<Share>& share, Rng& rng) {
  return share && rng.below(kWhole) < raw(*share);
}

uint64_t draw_us(const std::optional<Delay>& delay, Rng& rng) {
  if (!delay) return 0;
  const uint64_t jitter_us = delay->jitter_ms == 0 ? 0 : rng.below(delay->jitter_ms * kUsPerMs + 1);
  return delay->ms * kUsPerMs + jitter_us;
}

}  // namespace

void FaultRules::set(Rule& rule, const FaultCommand& command) {
  switch (command.kind) {
    case Kind::delay:
      rule.delay = command.delay;
      break;
    case Kind::drop:
      rule.drop = command.share;
      break;
    case Kind::duplicate:
      rule.duplicate = command.share;
      break;
    default:
      QUORIS_ASSERT(command.kind == Kind::partition);
      rule.partitioned = true;
  }
}

void FaultRules::apply(const FaultCommand& command) {
  switch (command.kind) {
    case Kind::enable:
    case Kind::disable:
      enabled_ = command.kind == Kind::enable;
      return;
    case Kind::fail:
    case Kind::recover:
      failed_ = command.kind == Kind::fail;
      return;
    case Kind::clear:
      sides_ = {};
      failed_ = false;
      has_rules_ = false;
      return;
    default:
      QUORIS_ASSERT(command.kind != Kind::status);
  }
  has_rules_ = true;
  for (const Way way : {Way::outgoing, Way::incoming}) {
    if (command.way != Way::both && command.way != way) continue;
    Side& side = sides_[way == Way::incoming ? 1 : 0];
    if (command.nodes.empty()) {
      // The last word counts, for each node.
      set(side.all, command);
      for (auto& [node, rule] : side.nodes) set(rule, command);
    }
    for (const NodeNumber node : command.nodes) {
      set(side.nodes.try_emplace(node, side.all).first->second, command);
    }
  }
}

const FaultRules::Rule* FaultRules::find(const Side& side, NodeNumber peer) {
  const auto found = side.nodes.find(peer);
  return found == side.nodes.end() ? &side.all : &found->second;
}

bool FaultRules::is_cut(NodeNumber peer, Way way) const {
  if (!enabled_) return false;
  if (failed_ && way == Way::incoming) return true;
  return find(side(way), peer)->partitioned;
}

Verdict FaultRules::judge(NodeNumber peer, Way way, Rng& rng) const {
  Verdict verdict;
  if (!is_active()) return verdict;
  const Rule& rule = *find(side(way), peer);
  if (is_cut(peer, way) || happens(rule.drop, rng)) {
    verdict.copies = 0;
    return verdict;
  }
  if (happens(rule.duplicate, rng)) verdict.copies = 2;
  for (uint32_t copy = 0; copy < verdict.copies; ++copy) {
    verdict.delay_us[copy] = draw_us(rule.delay, rng);
  }
  return verdict;
}

void FaultRules::list(const Rule& rule, Way way, std::optional<NodeNumber> node,
                      std::vector<FaultCommand>& out) {
  FaultCommand command;
  command.way = way;
  if (node) command.nodes.push_back(*node);
  if (rule.delay) {
    command.kind = Kind::delay;
    command.delay = *rule.delay;
    out.push_back(command);
    command.delay = {};
  }
  if (rule.drop) {
    command.kind = Kind::drop;
    command.share = *rule.drop;
    out.push_back(command);
  }
  if (rule.duplicate) {
    command.kind = Kind::duplicate;
    command.share = *rule.duplicate;
    out.push_back(command);
  }
  command.share = Share{0};
  if (rule.partitioned) {
    command.kind = Kind::partition;
    out.push_back(command);
  }
}

std::vector<FaultCommand> FaultRules::commands() const {
  std::vector<FaultCommand> listed;
  for (const Way way : {Way::outgoing, Way::incoming}) {
    list(side(way).all, way, std::nullopt, listed);
    for (const auto& [node, rule] : side(way).nodes) list(rule, way, node, listed);
  }
  if (failed_) listed.push_back({.kind = Kind::fail});
  if (!enabled_) listed.push_back({.kind = Kind::disable});
  return listed;
}

}  // namespace quoris::fault
