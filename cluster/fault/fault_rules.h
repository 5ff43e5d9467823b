// Fault rules: what the command FAULT makes go wrong on the real channel.
//
// Rules are about messages, not bytes: each message between this node and another is judged once
// where it is sent and once where it is received, by the rules for that direction. A rule for a
// node takes the place of the one for all nodes. Who is partitioned, and FAIL (this node ignores
// all that it hears), cuts everything, heartbeats and handshakes too, so that links break as if the
// network had; the other rules spare those. Jitter is drawn per message, so a delay with
// jitter reorders.
//
// While disabled the rules stay but do nothing. Deterministic: the same rules, calls and Rng give
// the same verdicts; where no rule applies, nothing is drawn.
// Used by: Bus (judges), the command FAULT (sets and shows). Pure.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/env.h"
#include "base/ids.h"
#include "cluster/fault/fault_command.h"

namespace quoris::fault {

// What is to become of one message.
struct Verdict {
  uint32_t copies = 1;                 // 0: dropped
  std::array<uint64_t, 2> delay_us{};  // of each copy
};

class FaultRules {
 public:
  // Does what the command says. REQUIRES: it is none of those that only ask (STATUS).
  void apply(const FaultCommand& command);

  // `way` is outgoing or incoming.
  [[nodiscard]] Verdict judge(NodeNumber peer, Way way, Rng& rng) const;

  // Nothing at all gets through, heartbeats included.
  [[nodiscard]] bool is_cut(NodeNumber peer, Way way) const;

  // Some rule is in force: messages have to be judged.
  [[nodiscard]] bool is_active() const { return enabled_ && (failed_ || has_rules_); }

  [[nodiscard]] bool is_enabled() const { return enabled_; }

  [[nodiscard]] bool is_failed() const { return failed_; }

  // Commands that would bring about these rules, for FAULT STATUS; in the order of nodes.
  [[nodiscard]] std::vector<FaultCommand> commands() const;

 private:
  struct Rule {
    std::optional<Delay> delay;
    std::optional<Share> drop;
    std::optional<Share> duplicate;
    bool partitioned = false;
  };

  struct Side {
    Rule all;
    std::map<NodeNumber, Rule> nodes;
  };

  [[nodiscard]] const Side& side(Way way) const { return sides_[way == Way::incoming ? 1 : 0]; }

  [[nodiscard]] static const Rule* find(const Side& side, NodeNumber peer);
  static void set(Rule& rule, const FaultCommand& command);
  static void list(const Rule& rule, Way way, std::optional<NodeNumber> node,
                   std::vector<FaultCommand>& out);

  std::array<Side, 2> sides_;  // outgoing, incoming
  bool enabled_ = true;
  bool failed_ = false;
  bool has_rules_ = false;
};

}  // namespace quoris::fault
