// The options of `quoris sim`, from a table: what they are called, what they mean, what is allowed.
//
// Used by: command.
#pragma once

#include <span>
#include <string>

#include "sim/simulation.h"

namespace quoris::sim {

// `--name value` or `--name=value`; `--trace` and `--demo` take none. The error names the option,
// what was given and what is allowed.
[[nodiscard]] Result<SimOptions> parse_sim_options(std::span<const std::string> arguments);

// As flags, every one of them: what a run prints first. A seed instead of the row of them makes it
// the way to replay that one.
[[nodiscard]] std::string format_sim_options(const SimOptions& options);
[[nodiscard]] std::string replay_command(const SimOptions& options, uint64_t seed);

[[nodiscard]] std::string sim_help();

}  // namespace quoris::sim
