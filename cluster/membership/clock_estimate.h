// How far another member's wall clock is from ours, and how long a round trip to it takes.
//
// An ack tells the peer's wall clock at a moment between ping and ack; taken for the middle, it is
// off by half the round trip at most. Of the recent samples the one with the shortest round trip
// counts, since what made the others longer (queues, busy loops) is what made them wrong. Samples
// are kept against our monotonic clock, so a jump of our wall clock shows at once. A sample that
// contradicts older ones by more than their errors says that the peer's clock jumped: those go.
//
// Precision: half of the shortest round trip, and the drift since that sample.
// Used by: Member; the owner for the limit on a node's clock. Pure.
// Sources: Cristian 1989 (probabilistic clock synchronization), 4; the clock filter of NTP
// (RFC 5905, 10), of which only the minimum is taken; Marzullo 1984 for intervals that must meet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "cluster/membership/moment.h"
#include "cluster/membership/options.h"

namespace quoris::membership {

class ClockEstimate {
 public:
  struct Reading {
    int64_t offset_us = 0;  // their wall clock less ours
    uint64_t rtt_us = 0;    // of the sample that counts
  };

  // An ack has come now that says `their_wall_us`, for a ping sent at `sent_us` (monotonic).
  // REQUIRES: sent_us <= now.monotonic_us.
  void add(uint64_t sent_us, int64_t their_wall_us, Moment now, const Options& options);

  // Nothing without a sample that is young enough.
  [[nodiscard]] std::optional<Reading> read(Moment now, const Options& options) const;

  void clear() { samples_.clear(); }

 private:
  struct Sample {
    uint64_t taken_us = 0;     // our monotonic clock at the middle of the round trip
    uint64_t rtt_us = 0;       //
    int64_t wall_at_zero = 0;  // their wall clock less our monotonic clock
  };

  [[nodiscard]] static bool contradicts(const Sample& a, const Sample& b);

  std::vector<Sample> samples_;  // oldest first
};

// The middle of `offsets_us` and our own 0: how far our clock is from what most others show. Of
// two middle values the one nearer to 0; nothing if they are farther apart than `doubt_us`, for two
// clocks that differ don't say whose is wrong. Nothing either unless they are, with us, a majority
// of `members`.
[[nodiscard]] std::optional<int64_t> median_offset_us(std::vector<int64_t> offsets_us,
                                                      size_t members, uint64_t doubt_us);

}  // namespace quoris::membership
