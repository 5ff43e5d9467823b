// OrderChecker: replies answer requests in order, each with what can be an answer to it; and what
// is written together is there wholly or not at all.
//
// Used by: Simulation. The first half is found by clients (Operation::complaint).
#pragma once

#include "sim/observer.h"

namespace quoris::sim {

class OrderChecker final : public Checker {
 public:
  using Checker::Checker;

  [[nodiscard]] std::string_view name() const override { return "replies"; }

 private:
  void on_operation(const Operation& operation) override;
  void on_process(Machine& machine, ProcessEvent event) override;
};

}  // namespace quoris::sim
