// Leases: for how long a node may act on the map that it has (PROTOCOL "Reads" 2, "Fences" 3).
//
// The holder asks the leader, and counts from when it *sent* the request; the leader counts from
// when it answered, which is later. Each allows for the drift of the two clocks, so the holder's
// lease ends first. The leader grants nothing beyond its own lease (raft.h), nor to a member that
// it is about to declare down; and it declares nobody down before what it granted has run out.
// A new leader knows nothing of the grants of the old one: Raft::may_act_from_us() says when they
// are over.
//
// Times are this node's monotonic clock, microseconds. Pure. Used by: Control.
// Sources: Gray and Cheriton 1989, "Leases"; DESIGN section 5 (docs/architecture.md).
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "base/ids.h"
#include "cluster/control/messages.h"

namespace quoris::control {

// By so many thousandths one clock may outrun another, both ways together (raft::Options).
[[nodiscard]] constexpr uint64_t shortened(uint64_t duration_us, uint64_t drift_permille) {
  return duration_us - duration_us * drift_permille / 1000;
}

class LeaseHolder {
 public:
  // The request to send now.
  [[nodiscard]] uint64_t ask(uint64_t now_us);

  // What is no answer to one of the last requests is passed over. A grant of an older term than
  // one that was seen counts for nothing.
  void on_grant(const LeaseGrant& grant, uint64_t drift_permille);

  // The node grants to itself, as the leader.
  void take(Term term, uint64_t until_us, LogIndex map_version);

  // Of the lease that counts with this map; 0: none.
  [[nodiscard]] uint64_t until_us(LogIndex applied) const;

  void drop() { until_us_ = 0; }

 private:
  static constexpr size_t kAskedMax = 32;

  std::map<uint64_t, uint64_t> asked_;  // sequence -> when
  uint64_t last_sequence_ = 0;
  Term term_{0};
  uint64_t until_us_ = 0;
  LogIndex needs_{0};
};

class LeaseGrants {
 public:
  // How long a node's lease may be that asks now; 0: none. `own_until_us` is the leader's.
  [[nodiscard]] uint64_t grant(NodeNumber node, uint64_t now_us, uint64_t own_until_us);

  // It gets none any more, until allow().
  void withhold(NodeNumber node) { grants_[node].is_withheld = true; }

  void allow(NodeNumber node) { grants_[node].is_withheld = false; }

  [[nodiscard]] bool is_withheld(NodeNumber node) const;

  // What was granted has surely run out.
  [[nodiscard]] bool is_over(NodeNumber node, uint64_t now_us) const;
  [[nodiscard]] uint64_t left_us(NodeNumber node, uint64_t now_us) const;

  // Leadership begins, or is gone.
  void clear() { grants_.clear(); }

 private:
  struct Grant {
    uint64_t until_us = 0;
    bool is_withheld = false;
  };

  std::map<NodeNumber, Grant> grants_;
};

}  // namespace quoris::control
