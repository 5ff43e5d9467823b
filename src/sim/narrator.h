// Narrator: tells a run in sentences, for `quoris sim --demo`; and the script of that run.
//
// Used by: command.
#pragma once

#include <memory>
#include <vector>

#include "sim/faults/fault_driver.h"
#include "sim/simulation.h"
#include "sim/trace.h"

namespace quoris::sim {

[[nodiscard]] std::unique_ptr<Observer> make_narrator(World& world, PrintLine print);

// The demo's options, with the seed and the policy that were asked for.
[[nodiscard]] SimOptions demo_options(const SimOptions& asked);

// What goes wrong in it.
[[nodiscard]] std::vector<FaultDriver::Planned> demo_plan();

}  // namespace quoris::sim
