// The settings of gossip: each period and bound with its formula and what either direction costs.
//
// All members of a cluster should use the same; nothing breaks when they differ, but figures
// become those of the slowest. What the defaults give is measured by quoris_gossip_bench, see
// docs/cluster.md. Invariants between settings stand in check().
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/assert.h"
#include "cluster/membership/messages.h"

namespace quoris::membership {

struct Options {
  // --- probes (SWIM 3.1, Lifeguard IV-A) ----------------------------------------------------

  // SWIM's protocol period T': one probe begins per period and ends without an answer after it.
  // A member is probed once per period by somebody on average, each target by a node every
  // (n - 1) periods. Multiplied by (local health + 1). Shorter: crashes are found sooner, 2 more
  // messages per node and period, and stalls shorter than it become suspicions.
  uint64_t probe_period_us = 200'000;

  // Until the ack of a ping, before others are asked to try; times (local health + 1). Shorter:
  // needless indirect probes whenever a loop is busy. Longer: less of the period is left to them.
  uint64_t ping_timeout_us = 75'000;

  // SWIM's k: members asked to ping the target. A probe over sound ways fails by loss p with
  // (2p) * (4p)^k. More: fewer false suspicions, 4k messages per probe that was not answered.
  uint32_t indirect_probes = 3;

  // A helper says Nack after this share of ping_timeout_us, in percent (Lifeguard: 80). Lower:
  // more nacks that an ack overtakes. Higher: nacks come too late and count as missed.
  uint32_t nack_percent = 80;

  // Probes out of turn, expected in the whole cluster, after a hint: a link broke or came back, a
  // suspicion was heard. Each node takes part with chance min(1, hint_probes / n). More: sooner
  // confirmed or refuted, and so many pings to one node at once.
  uint32_t hint_probes = 8;

  // Members that are down get a probe of their own so often, one of them per period: that is how
  // a member that was cut off learns of it. Expected wait for it is period / (nodes that are up)
  // * (members that are down). Shorter: back sooner, one more message per node and period.
  uint64_t down_probe_period_us = 1'000'000;

  // --- suspicion (SWIM 4.2, Lifeguard IV-B) -------------------------------------------------

  // Shortest suspicion: min = this * max(1, log10(n)) * probe_period_us, in tenths (Lifeguard's
  // alpha, 5 there). A node that is silent for less than probe_period_us + min is never declared
  // down: 1.1 s by default. Lower: silent crashes are found sooner, shorter stalls become failures.
  uint32_t suspicion_min_tenths = 45;

  // A suspicion that nobody confirms: max = this * min (Lifeguard's beta). Lower: a node that
  // cannot hear accuses the others sooner. Higher: when a majority is gone, the rest learns later.
  uint32_t suspicion_max_factor = 6;

  // Lifeguard's K: independent confirmations that bring the timeout from max to min; in force is
  // min(K, n - 2, majority - 1), so that a majority is always enough. More: slower with few
  // nodes, safer against accusers that are themselves ill.
  uint32_t confirmations = 3;

  // Suspicion when all the accusers needed say that their link was closed by the other side and
  // could not be made anew: this * max(1, log10(n)) * probe_period_us, in tenths. A process that
  // died is found in probe_period_us + this. Lower: a restart of all of a node's links may be
  // taken for a failure. Higher: failovers take longer.
  uint32_t suspicion_closed_tenths = 15;

  // Lifeguard's S: highest local health score. Higher: an ill node accuses more slowly, and is
  // slower for longer once it is well.
  uint32_t local_health_max = 8;

  // The owner's loop ran later than that: counts against local health. Deadlines move however
  // late it was. Lower: a busy machine makes all its nodes slow accusers.
  uint64_t late_threshold_us = 75'000;

  // --- news (SWIM 4.1) ----------------------------------------------------------------------

  // SWIM's lambda: an update is sent ceil(lambda * log2(n + 1)) times by each node that learns
  // it; it misses a node with a chance of about n^-(2 * lambda - 2). Higher: more bytes per update.
  uint32_t retransmit_factor = 3;

  // News per message, in bytes on the channel (wire_bytes.h). Larger: storms of news are over
  // sooner, and each message takes longer to parse.
  size_t piggyback_bytes = 1400;

  // While there are opinions to tell they don't wait for pings: every period to `fanout` random
  // members, at once if the last time is longer ago. Known to all after about log_fanout(n)
  // messages in a row. Shorter period, larger fanout: faster, fanout / period messages a second
  // per node while there is news, none else.
  uint64_t rumor_period_us = 50'000;
  uint32_t rumor_fanout = 3;

  // --- clocks -------------------------------------------------------------------------------

  // Samples per member; the one with the shortest round trip counts. More: a better offset
  // on a busy network, 24 bytes each per member, and drift of the clocks is followed later.
  uint32_t clock_samples = 8;

  // Older samples don't count: a drift of 100 ppm is 60 ms in ten minutes. A node probes each
  // member every (n - 1) periods, 200 s at 1000 nodes. Shorter: large clusters know less.
  uint64_t clock_sample_age_us = 600'000'000;

  // What the periods and bounds promise each other.
  void check() const {
    QUORIS_ASSERT(probe_period_us > 0);
    QUORIS_ASSERT(ping_timeout_us * 2 <= probe_period_us);  // time for the indirect probes
    QUORIS_ASSERT(nack_percent > 0 && nack_percent <= 100);
    QUORIS_ASSERT(down_probe_period_us > 0);
    QUORIS_ASSERT(suspicion_max_factor >= 1);
    QUORIS_ASSERT(suspicion_closed_tenths <= suspicion_min_tenths);
    QUORIS_ASSERT(confirmations < kAccusersMax);
    QUORIS_ASSERT(retransmit_factor > 0);
    QUORIS_ASSERT(rumor_period_us > 0 && rumor_fanout > 0);
    QUORIS_ASSERT(clock_samples > 0);
    QUORIS_ASSERT(piggyback_bytes >= kPiggybackBytesMin);
  }

  // Room for the largest single update, or it would wait forever.
  static constexpr size_t kPiggybackBytesMin = 1000;
};

}  // namespace quoris::membership
