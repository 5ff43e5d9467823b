// Members of whom there is something to tell, and how often it was told already.
//
// An update is told ceil(lambda * log2(n + 1)) times; those told least come first, so that in a
// storm the newest still get out; equals in the order in which they came. What is told of
// a member is looked up when a message is filled, so a newer state replaces an older one here by
// starting its count again.
// Invariant: a member is in the queue once. Limit: one entry per member.
// Used by: Gossip, one for opinions and one for notes. Pure.
// Source: SWIM (Das et al. 2002) 4.1; lambda log n as analysed there.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "base/ids.h"

namespace quoris::membership {

class UpdateQueue {
 public:
  // How often an update is sent where there are `members`, this node among them.
  [[nodiscard]] static uint32_t sends(uint32_t retransmit_factor, size_t members);

  // News of this member: begins, or begins again.
  void push(NodeNumber member);

  // Nothing to tell of it any more.
  void drop(NodeNumber member);

  [[nodiscard]] bool empty() const { return entries_.empty(); }

  [[nodiscard]] size_t size() const { return entries_.size(); }

  // Hands members to `put` in their order until it says that there is no more room; counts those
  // that went in, and forgets those that were sent `sends_max` times. `skip`: the receiver.
  template <class Put>
  void take(NodeNumber skip, uint32_t sends_max, Put put) {
    taken_.clear();
    for (const Entry& entry : entries_) {
      if (entry.member == skip) continue;
      if (!put(entry.member)) break;
      taken_.push_back(entry);
    }
    for (const Entry& entry : taken_) count_send(entry, sends_max);
  }

 private:
  struct Entry {
    uint32_t sent = 0;
    uint64_t order = 0;
    NodeNumber member{};

    auto operator<=>(const Entry&) const = default;
  };

  void count_send(const Entry& entry, uint32_t sends_max);

  std::set<Entry> entries_;
  std::map<NodeNumber, Entry> by_member_;
  std::vector<Entry> taken_;  // scratch
  uint64_t next_order_ = 0;
};

}  // namespace quoris::membership
