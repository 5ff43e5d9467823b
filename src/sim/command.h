// `quoris sim`: reads its options, runs the seeds, prints what came of them.
//
// Used by: main.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/env.h"

namespace quoris::sim {

struct CommandEdge {
  Clock& clock;                                 // the real one, for events per second and progress
  std::function<void(std::string_view)> print;  // a line, without its end
  std::function<void(std::string_view)> complain;
};

// The exit status: 0 all is well, 1 a seed failed, 2 an option is wrong.
[[nodiscard]] int run_command(std::span<const std::string> arguments, const CommandEdge& edge);

}  // namespace quoris::sim
