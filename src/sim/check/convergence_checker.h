// ConvergenceChecker: a node that is stopped and started again holds what it held.
//
// At the end of a run, when clients are through and the log had its time to become durable, each
// node is killed, later cut off from power, and started again each time; what it has then is
// compared entry by entry, versions included, with what it had. (Entries with an expiry are left
// out.) A power cut is not tried under `appendfsync no`, which promises nothing about it.
// Used by: Simulation, which drives it: the one checker whose moments are made for it.
#pragma once

#include <map>
#include <string>

#include "sim/observer.h"

namespace quoris::sim {

class ConvergenceChecker final : public Checker {
 public:
  using Checker::Checker;

  [[nodiscard]] std::string_view name() const override { return "convergence"; }

  // Remembers what every node holds.
  void remember();

  // Compares with that. `what` was done to them: "a killed process".
  void compare(std::string_view what);

 private:
  // By node and key: value and version as text.
  std::map<size_t, std::map<std::string, std::string>> held_;
};

}  // namespace quoris::sim
