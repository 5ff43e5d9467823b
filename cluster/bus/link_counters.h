// What is counted per peer and link, for FAULT STATUS and INFO.
//
// Kept over reconnects, as long as the peer is known. Used by: Connection, Bus (count), commands.
#pragma once

#include <cstdint>

namespace quoris::bus {

struct FlowCounters {
  uint64_t messages = 0;    // sent; or received and handed to the owner
  uint64_t bytes = 0;       // of the link, heartbeats and handshakes included
  uint64_t dropped = 0;     // by a fault rule
  uint64_t duplicated = 0;  // by a fault rule
  uint64_t delayed = 0;     // by a fault rule
};

struct LinkCounters {
  FlowCounters out;
  FlowCounters in;
  uint64_t queue_full = 0;  // messages that were not taken because too much waited
  uint64_t not_open = 0;    // messages that were not taken because the link was not open
  uint64_t too_large = 0;   // messages that were not taken because they exceed a frame
  uint64_t connects = 0;    // times that the link was opened; all but one are reconnects
  uint64_t failures = 0;    // attempts that came to nothing
  uint64_t silences = 0;    // closed because nothing was heard
  uint64_t refusals = 0;    // by either side
  uint64_t malformed = 0;   // closed because of what came
  uint64_t unknown = 0;     // messages of a newer version that we don't know
};

// Ends of links that people should hear of, summed up.
struct LinkTroubles {
  uint64_t malformed = 0;
  uint64_t refused = 0;
  uint64_t silent = 0;

  void add(const LinkCounters& link) {
    malformed += link.malformed;
    refused += link.refusals;
    silent += link.silences;
  }
};

}  // namespace quoris::bus
