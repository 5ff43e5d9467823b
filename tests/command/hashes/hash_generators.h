// Random requests for the write commands on hashes.
#pragma once

#include <array>

#include "tests/command/draw.h"

namespace quoris::command::testing {

inline constexpr std::array<WriteGenerator, 0> kHashGenerators = {};

}  // namespace quoris::command::testing
