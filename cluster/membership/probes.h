// Probes that this node has under way, each of one member: ping, after a while the help of others,
// and at its end a verdict.
//
// Invariants: a member is probed once at a time; an ack or nack counts only with the sequence that
// was sent to its sender, and once, so those that come late, twice or from another life do nothing.
// Limit: kProbesMax. Used by: Gossip. Pure.
// Sources: SWIM (Das et al. 2002) 3.1; Lifeguard (2017) IV-A, nacks.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "base/ids.h"

namespace quoris::membership {

// No deadline.
inline constexpr uint64_t kNever = std::numeric_limits<uint64_t>::max();

struct Probe {
  uint64_t sequence = 0;
  NodeNumber target{};
  uint64_t sent_us = 0;
  uint64_t ask_at_us = 0;  // when others are asked; kNever once they are
  uint64_t until_us = 0;   // no answer by then: failed
  bool was_deferred = false;
  std::vector<NodeNumber> helpers;         // asked to ping the target
  std::vector<NodeNumber> silent_helpers;  // of them those that said no nack
};

class Probes {
 public:
  static constexpr size_t kProbesMax = 64;

  [[nodiscard]] bool full() const { return list_.size() == kProbesMax; }

  // REQUIRES: not full, and no probe of its target.
  void add(Probe probe);

  // Null when it is not probed. Valid until the next call that is not const.
  [[nodiscard]] Probe* of(NodeNumber target);

  // `from` has acknowledged its ping.
  [[nodiscard]] std::optional<Probe> take_acked(uint64_t sequence, NodeNumber from);

  // `from`, asked to help, got an answer.
  [[nodiscard]] std::optional<Probe> take_relayed(uint64_t sequence, NodeNumber from);

  void on_nack(uint64_t sequence, NodeNumber from);

  // One whose time is over; oldest first.
  [[nodiscard]] std::optional<Probe> take_failed(uint64_t now_us);

  // One for which others are to be asked now; null when there is none.
  [[nodiscard]] Probe* to_ask(uint64_t now_us);

  void drop(NodeNumber target);

  // Deadlines move by `late_us`, and are at least at `earliest_us` then; the latter once per probe,
  // or a loop that is always late would never come to a verdict.
  void delay(uint64_t late_us, uint64_t earliest_us);

  [[nodiscard]] uint64_t next_due_us() const;

 private:
  [[nodiscard]] std::optional<Probe> take(std::vector<Probe>::iterator probe);

  std::vector<Probe> list_;  // oldest first
};

}  // namespace quoris::membership
