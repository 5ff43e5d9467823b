// Random requests for the write commands on sorted sets.
#pragma once

#include <array>

#include "tests/command/draw.h"

namespace quoris::command::testing {

inline constexpr std::array<WriteGenerator, 0> kSortedSetGenerators = {};

}  // namespace quoris::command::testing
