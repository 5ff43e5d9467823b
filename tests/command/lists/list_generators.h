// Random requests for the write commands on lists.
#pragma once

#include <array>

#include "tests/command/draw.h"

namespace quoris::command::testing {

inline constexpr std::array<WriteGenerator, 0> kListGenerators = {};

}  // namespace quoris::command::testing
