// How well this node itself is doing: the multiplier of its probes' periods and timeouts.
//
// A node that gets no answers may be the one that is ill. Its score rises when its own loop ran
// late, probes fail without its helpers' nacks, or it has to refute a suspicion of itself, and
// falls with each probe that succeeds. At 0 periods are as set, at S they are S + 1 times as long.
// The paper counts every failed probe. Here one whose helpers all said Nack doesn't count: the
// nacks show that this node and its links are well, and else the first of two crashes would slow
// the detection of the second.
// Invariant: 0 <= score <= max. Used by: Gossip. Pure.
// Source: Lifeguard (2017) IV-A, local health multiplier.
#pragma once

#include <algorithm>
#include <cstdint>

namespace quoris::membership {

class LocalHealth {
 public:
  explicit LocalHealth(uint32_t max) : max_(max) {}

  void on_probe_succeeded() { score_ -= std::min<uint32_t>(score_, 1); }

  // REQUIRES: nacks_missed <= helpers_asked.
  void on_probe_failed(uint32_t helpers_asked, uint32_t nacks_missed) {
    worsen(helpers_asked == 0 ? 1 : nacks_missed);
  }

  void on_refuted() { worsen(1); }

  void on_late() { worsen(1); }

  // 0: well.
  [[nodiscard]] uint32_t score() const { return score_; }

  [[nodiscard]] uint64_t scale(uint64_t us) const { return us * (uint64_t{score_} + 1); }

 private:
  void worsen(uint32_t by) { score_ = std::min(max_, score_ + by); }

  uint32_t max_;
  uint32_t score_ = 0;
};

}  // namespace quoris::membership
