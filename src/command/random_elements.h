// What SRANDMEMBER, HRANDFIELD and ZRANDMEMBER have in common: the options, the bound of what they
// reply, and the choice of a few among many.
//
// Used by: their handlers.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/env.h"
#include "command/args.h"
#include "command/data_context.h"

namespace quoris::command {

struct RandomOptions {
  int64_t count = 0;        // negative: so many, and the same element may come again
  bool with_other = false;  // the values, the scores
};

// The words behind the key: a count and, unless `other` is empty, the word that asks for the
// values or scores.
[[nodiscard]] Parsed<RandomOptions> parse_random_options(std::span<const std::string_view> words,
                                                         std::string_view other);

// False, and an error is the reply, if so many draws among an entry's `size` elements would make a
// reply longer than proto-max-bulk-len, taking elements at their mean size: the count is the
// client's, and so are the elements' lengths. Redis goes on until it is out of memory.
[[nodiscard]] bool check_draws(DataContext& context, const store::Entry& entry, size_t size,
                               uint64_t count);

// Chooses `wanted` of `left` elements that pass by one after the other, every choice as likely as
// any other: each is taken with the likelihood that what is still wanted has among what is still
// to come.
class WalkSample {
 public:
  WalkSample(Rng& rng, size_t wanted, size_t left) : rng_(rng), wanted_(wanted), left_(left) {}

  // Whether the next one is chosen. REQUIRES: !done().
  [[nodiscard]] bool takes_next() {
    const bool all = wanted_ == left_;
    const bool taken = all || rng_.below(left_) < wanted_;
    --left_;
    if (taken) --wanted_;
    return taken;
  }

  [[nodiscard]] bool done() const { return wanted_ == 0; }

 private:
  Rng& rng_;
  size_t wanted_;
  size_t left_;
};

}  // namespace quoris::command
