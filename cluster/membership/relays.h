// Pings that this node sends for others: an ack goes back to who asked; a Nack does when it takes
// long, so that who asked can tell a dead target from an ill helper or link.
//
// Limit: kRelaysMax; a request beyond it gets its Nack at once. A request that comes twice is
// served once. Used by: Gossip. Pure.
// Sources: SWIM (Das et al. 2002) 3.1, ping-req; Lifeguard (2017) IV-A, nacks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/ids.h"

namespace quoris::membership {

struct Relay {
  NodeNumber origin{};
  uint64_t origin_sequence = 0;
  NodeNumber target{};
  uint64_t sequence = 0;    // of our ping to the target
  uint64_t nack_at_us = 0;  // kNever once it was said
  uint64_t until_us = 0;    // an ack after that is of no use any more
};

class Relays {
 public:
  static constexpr size_t kRelaysMax = 256;

  [[nodiscard]] bool full() const { return list_.size() == kRelaysMax; }

  [[nodiscard]] bool has(NodeNumber origin, uint64_t origin_sequence) const;

  // REQUIRES: not full.
  void add(Relay relay);

  // `from` has acknowledged such a ping.
  [[nodiscard]] std::optional<Relay> take_acked(uint64_t sequence, NodeNumber from);

  // One that is to be answered with a Nack now; stays for an ack that comes later.
  [[nodiscard]] std::optional<Relay> to_nack(uint64_t now_us);

  void expire(uint64_t now_us);

  // All from or to a member that is no more.
  void drop(NodeNumber member);

  [[nodiscard]] uint64_t next_due_us() const;

 private:
  std::vector<Relay> list_;
};

}  // namespace quoris::membership
