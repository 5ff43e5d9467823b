// Trace: a line per event of a run, for who wants to know what happened: `quoris sim --trace`.
//
// Used by: command.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "sim/observer.h"

namespace quoris::sim {

// Takes a line, without its end.
using PrintLine = std::function<void(std::string_view)>;

[[nodiscard]] std::unique_ptr<Observer> make_trace(World& world, PrintLine print);

}  // namespace quoris::sim
