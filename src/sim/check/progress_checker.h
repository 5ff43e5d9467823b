// ProgressChecker: work got done. Of the operations that no fault excuses at least 95 % are
// answered as they should be, and once all faults are over every one is; nobody waits for ever, and
// every node serves again.
//
// Used by: Simulation.
#pragma once

#include "sim/faults/fault_driver.h"
#include "sim/observer.h"

namespace quoris::sim {

class ProgressChecker final : public Checker {
 public:
  static constexpr uint64_t kPromisedPercent = 95;
  // Fewer say nothing.
  static constexpr uint64_t kOperationsMin = 50;

  ProgressChecker(World& world, const FaultDriver& faults) : Checker(world), faults_(faults) {}

  [[nodiscard]] std::string_view name() const override { return "progress"; }

  [[nodiscard]] uint64_t promised() const { return promised_; }

  [[nodiscard]] uint64_t kept() const { return kept_; }

 private:
  void on_operation(const Operation& operation) override;
  void on_process(Machine& machine, ProcessEvent event) override;
  void on_node_log(Machine& machine, LogLevel level, std::string_view line) override;

  void on_quiet() override { is_quiet_ = true; }

  void on_end() override;

  const FaultDriver& faults_;
  uint64_t promised_ = 0;
  uint64_t kept_ = 0;
  uint64_t kept_in_quiet_ = 0;
  bool is_quiet_ = false;
};

}  // namespace quoris::sim
