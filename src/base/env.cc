#include "base/env.h"

#include "base/assert.h"

namespace quoris {

uint64_t Rng::below(uint64_t bound) {
  QUORIS_ASSERT(bound > 0);
  // Lemire's multiply-shift without the rejection step: the bias is below 2^-32 for every bound
  // that is used here (list lengths, delays), and one draw per call keeps simulations replayable.
  __extension__ using Wide = unsigned __int128;
  return static_cast<uint64_t>((static_cast<Wide>(next()) * bound) >> 64);
}

}  // namespace quoris
