// Whom to probe next: round-robin over a shuffled list.
//
// The list is walked from end to end and then shuffled anew; a newcomer gets a random place. So
// each member is probed at least once in 2 * size - 1 turns: a crash is found within a bound, not
// only on average.
// Used by: Gossip, one for members that are up, one for those that are down.
// Source: SWIM (Das et al. 2002) 4.3.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "base/env.h"
#include "base/ids.h"

namespace quoris::membership {

class ProbeOrder {
 public:
  // REQUIRES: not in the list.
  void add(NodeNumber member, Rng& rng);

  // REQUIRES: in the list.
  void remove(NodeNumber member);

  // The next member that is `wanted`; nothing when none is.
  template <class Wanted>
  [[nodiscard]] std::optional<NodeNumber> next(Rng& rng, Wanted wanted) {
    // What is left of this walk, and all of the next.
    for (size_t turns = list_.size() - next_ + list_.size(); turns > 0; --turns) {
      if (next_ == list_.size()) reshuffle(rng);
      const NodeNumber member = list_[next_++];
      if (wanted(member)) return member;
    }
    return std::nullopt;
  }

 private:
  void reshuffle(Rng& rng);

  std::vector<NodeNumber> list_;
  size_t next_ = 0;
};

}  // namespace quoris::membership
