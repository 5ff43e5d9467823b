// A point in time as the owner of a pure core hands it in.
//
// Used by: all of this room. Deadlines and round trips are measured by the monotonic clock alone;
// the wall clock is only compared with those of others.
#pragma once

#include <cstdint>

namespace quoris::membership {

struct Moment {
  uint64_t monotonic_us = 0;  // since an arbitrary start; never goes back
  int64_t wall_us = 0;        // since 1970; may jump
};

}  // namespace quoris::membership
