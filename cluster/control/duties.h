// What a settled leader has to do next: a pure look at the map, at what gossip says of its members,
// and at Raft's configuration.
//
//  - Members: who has caught up with the map is up; who is not there any more is down, who can't
//    be trusted with a stamp or a disk is stale - both only after the last lease has run out, so
//    nothing more is granted meanwhile (withhold). Whose clock nobody knows yet stays what it is.
//  - Raft: every member learns, an odd number of up to seven votes (two of two); one change at a
//    time. A voter's place is never given up because it is down or its disk fails, only to
//    somebody else.
//  - Partitions: who is without a primary gets one; the planner's next steps. Partitions hold no
//    data that others would have to fetch yet, so they are placed at once.
//
// Pure: the same view gives the same orders. Orders that were given are not given again before what
// was proposed is applied; that is the caller's duty. Used by: Control.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "cluster/membership/gossip.h"
#include "cluster/raft/configuration.h"
#include "cluster/topology/cluster_map.h"
#include "cluster/topology/map_change.h"

namespace quoris::control {

// A member as the leader sees it.
struct MemberView {
  membership::Health health = membership::Health::alive;
  bool was_heard = false;  // in the life that `boot` says
  BootNumber boot{0};
  Incarnation incarnation{0};
  uint32_t flags = 0;  // membership::Notes
  // To a majority's clock, as it says. Nothing: it doesn't know, in this life.
  std::optional<int64_t> clock_offset_us{};
  std::optional<int64_t> clock_to_leader_us{};  // as the leader has measured it
  bool has_caught_up = false;  // its Raft answers, and its log is near the leader's end
  bool is_lease_over = false;
  uint64_t down_us = 0;    // since when gossip takes it for down; 0: it doesn't
  uint64_t silent_us = 0;  // since when its Raft has not been heard
};

class ClusterView {
 public:
  virtual ~ClusterView() = default;
  [[nodiscard]] virtual MemberView look(NodeNumber node) const = 0;
};

struct DutyLimits {
  int64_t clock_limit_us = 0;
  uint64_t voter_away_us = 0;
};

struct Orders {
  std::vector<topology::MapChange> changes;
  std::optional<raft::Change> configuration;
  std::vector<NodeNumber> withhold;  // leases; of all others they may be granted
  bool hand_over = false;            // this node is not to lead any more
};

class Duties {
 public:
  // `self` leads.
  [[nodiscard]] Orders decide(const topology::ClusterMap& map,
                              const raft::Configuration& configuration, const ClusterView& view,
                              NodeNumber self, const DutyLimits& limits);

  // Leadership begins.
  void reset() { planned_ = LogIndex{0}; }

 private:
  // The version of the map for which there was nothing to plan.
  LogIndex planned_{0};
};

// The number of voters for so many members that stay: all of two, else an odd number, so that one
// more is never needed for nothing.
[[nodiscard]] size_t voters_wanted(size_t members);

}  // namespace quoris::control
