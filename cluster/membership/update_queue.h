// Members of whom there is something to tell, and how often it was told already.
//
// An update is told ceil(lambda * log2(n + 1)) times; those told least come first, so that in a
// storm the newest still get out; of equals who has waited longest. What is told of
// a member is looked up when a message is filled, so a newer state replaces an older one here by
// starting its count again.
// Invariant: a member is in the queue once. Limit: one entry per member. No step costs more with
// more entries.
// Used by: Gossip, one for opinions and one for notes. Pure.
// Source: SWIM (Das et al. 2002) 4.1; lambda log n as analysed there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
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

  [[nodiscard]] bool empty() const { return size_ == 0; }

  [[nodiscard]] size_t size() const { return size_; }

  // Hands members to `put` in their order until it says that there is no more room; counts those
  // that went in, and forgets those that were sent `sends_max` times. `skip`: the receiver.
  template <class Put>
  void take(NodeNumber skip, uint32_t sends_max, Put put) {
    taken_.clear();
    bool has_room = true;
    for (auto bucket = by_sent_.begin(); has_room && bucket != by_sent_.end(); ++bucket) {
      for (auto member = bucket->begin(); has_room && member != bucket->end(); ++member) {
        if (*member == skip) continue;
        has_room = put(*member);
        if (has_room) taken_.push_back(*member);
      }
    }
    for (const NodeNumber member : taken_) count_send(member, sends_max);
  }

 private:
  using Bucket = std::list<NodeNumber>;

  struct Place {
    bool is_in = false;
    uint32_t sent = 0;  // which bucket
    Bucket::iterator at;
  };

  [[nodiscard]] Place& place(NodeNumber member);
  [[nodiscard]] Bucket& bucket(uint32_t sent);
  void count_send(NodeNumber member, uint32_t sends_max);

  std::vector<Bucket> by_sent_;    // [n]: those sent n times
  std::vector<Place> places_;      // by number, as far as used
  std::vector<NodeNumber> taken_;  // scratch
  size_t size_ = 0;
};

}  // namespace quoris::membership
