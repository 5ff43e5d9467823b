// What is claimed of gossip, as scenarios that return figures: the benchmark prints them at full
// size, a test holds a slice of them.
//
// Times are in microseconds of simulated time. Used by: figures_test.cc,
// tests/bench/gossip_bench.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tests/cluster/membership/swarm.h"

namespace quoris::membership {

struct Load {
  double messages = 0;  // per node and second
  double bytes = 0;     // per node and second
};

// Of one kind of news: when each node knew it, counted from when it happened.
class Times {
 public:
  void add(uint64_t us) { all_us_.push_back(us); }

  void add_unknown() { unknown_++; }

  // Trials times nodes that never knew it in the time given.
  [[nodiscard]] size_t unknown() const { return unknown_; }

  [[nodiscard]] uint64_t median_us() const;
  [[nodiscard]] uint64_t max_us() const;

 private:
  std::vector<uint64_t> all_us_;
  size_t unknown_ = 0;
};

// How a cluster in which nobody is dead fared.
struct Calm {
  size_t suspected = 0;  // suspicions that members had to refute
  size_t seen_down = 0;  // times that any node took a member for down
  // Longest from the beginning of a stall until all were rid of the suspicion; all but those who
  // stalled themselves at that time, for they hear of nothing.
  uint64_t back_us = 0;
  bool all_well = false;  // in the end
};

struct Stalls {
  uint64_t gap_us = 60'000'000;  // between those of one node, on average
  uint64_t min_us = 0;
  uint64_t max_us = 500'000;
};

[[nodiscard]] Load idle_load(size_t nodes, uint64_t seed, uint64_t us);

struct ChangeTimes {
  Times join;
  Times crash;         // the process dies, its links close
  Times silent_crash;  // power or network
  Times recovery;      // of both
};

[[nodiscard]] ChangeTimes change_times(size_t nodes, uint64_t seed, size_t trials);

[[nodiscard]] Calm with_loss(size_t nodes, uint64_t seed, uint64_t us, const SwarmNetwork& network);

[[nodiscard]] Calm with_stalls(size_t nodes, uint64_t seed, uint64_t us, const Stalls& stalls);

}  // namespace quoris::membership
