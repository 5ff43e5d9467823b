// The periods and limits of control, each with what either direction costs.
//
// Used by: Control, whoever makes one.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cluster/bus/bus_options.h"
#include "cluster/membership/options.h"
#include "cluster/raft/raft.h"

namespace quoris::control {

struct Options {
  bus::BusOptions bus;
  raft::Options raft;  // `self` is filled in
  membership::Options gossip;

  // A holder asks whenever the leader's heartbeat has come, in the packet that answers it, and is
  // answered with the next one; if none comes it asks so often. A lease lasts no longer than the
  // leader's own (raft.h), a bit less than an election timeout: several heartbeats fit, for one may
  // be lost.
  uint64_t lease_renew_us = 200'000;

  // A member whose wall clock is further off than that from a majority's is stale: it stamps no
  // writes. Smaller: clocks that NTP would set right cost a node its primacy. Larger: versions of
  // different nodes say less about what came first.
  int64_t clock_limit_us = 500'000;

  // The leader looks at what there is to do at least so often, on the clock's multiples of it (the
  // bus' ticks fall on the same ones); changes make it look at once.
  uint64_t duty_us = 50'000;

  // How many keys a node holds is told to the others so often at most, for every hundred members:
  // where all change all the time it is the larger part of what gossip carries.
  uint64_t keys_us = 1'000'000;

  // A forwarded proposal without an answer is sent again, to whoever leads then.
  uint64_t proposal_retry_us = 250'000;
  // ... and given up.
  uint64_t proposal_timeout_us = 10'000'000;
  size_t proposals_max = 1'000;

  // A newcomer asks again.
  uint64_t join_retry_us = 200'000;
  // ... after a refusal that only people can do something about.
  uint64_t join_refused_us = 2'000'000;

  // A voter that is down for so long gives its place to a learner. Shorter: a majority of those
  // that are there sooner. Longer: no entries for a node that only starts anew.
  uint64_t voter_away_us = 10'000'000;

  // So long after a change of the map at the latest a node notes on its disk that it is committed,
  // so that a restart without a majority shows it. Shorter: less is missing then. Longer: many
  // changes in a row cost fewer writes.
  uint64_t note_commit_us = 1'000'000;

  // The log is made short when it has outgrown that, and the map by so many times.
  uint64_t log_bytes_min = uint64_t{1} << 20;
  uint64_t log_times_map = 4;
};

}  // namespace quoris::control
