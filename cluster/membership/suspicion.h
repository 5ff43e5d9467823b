// Suspicion timer of one member: how long it has to refute before it is taken for down.
//
// With C of K independent confirmations the timeout is
//   max(min, max - (max - min) * log(C + 1) / log(K + 1)),
// counted from the start: a lone accuser, who may be ill himself, waits longest. When K + 1
// accusers say that the member closed their links and takes no new ones, it is `closed_us`.
//
// Invariants: the deadline never grows but by delay(); an accuser counts once; accusers are at
// most K + 1; who began is no confirmation.
// Used by: Member, one per suspected member. Pure: time comes in as an argument.
// Sources: SWIM (Das et al. 2002) 4.2; Lifeguard (2017) IV-B, LHA-Suspicion.
#pragma once

#include <cstdint>
#include <vector>

#include "cluster/membership/messages.h"
#include "cluster/membership/options.h"

namespace quoris::membership {

class Suspicion {
 public:
  struct Timing {
    uint64_t min_us = 0;
    uint64_t max_us = 0;
    uint64_t closed_us = 0;
    uint32_t confirmations = 0;  // K in force

    // For `live` members that are not down, this one and the suspect among them.
    [[nodiscard]] static Timing of(const Options& options, size_t live);
  };

  Suspicion(Timing timing, uint64_t now_us) : timing_(timing), start_us_(now_us) {}

  // True when it is news: an accuser of whom nobody has told, or one whose link is now closed.
  bool accuse(Accuser accuser);

  [[nodiscard]] uint64_t deadline_us() const { return start_us_ + timeout_us(); }

  [[nodiscard]] const std::vector<Accuser>& accusers() const { return accusers_; }

  // Time that passed while nobody here could have heard a refutation. The first time the deadline
  // is at least `earliest_us` afterwards; only the first, or a loop that is always late would
  // never come to a verdict.
  void delay(uint64_t late_us, uint64_t earliest_us);

 private:
  [[nodiscard]] uint64_t timeout_us() const;

  Timing timing_;
  uint64_t start_us_;
  std::vector<Accuser> accusers_;
  bool was_deferred_ = false;
};

}  // namespace quoris::membership
