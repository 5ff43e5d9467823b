#include "sim/check/progress_checker.h"

#include <fmt/format.h>

#include "sim/world.h"

namespace quoris::sim {

void ProgressChecker::on_operation(const Operation& operation) {
  if (faults_.disturbed(operation.node, operation.invoked_us, operation.ended_us)) return;
  ++promised_;
  if (operation.outcome == Outcome::ok || operation.command == "BGSAVE") {
    ++kept_;
    if (is_quiet_) ++kept_in_quiet_;
    return;
  }
  if (!is_quiet_) return;
  complain(
      fmt::format("{} us: nothing is wrong any more, but client {} got no good answer from "
                  "node {} to {}, asked at {} us: {} ({})",
                  operation.ended_us, operation.client, operation.node + 1, operation.command,
                  operation.invoked_us, name_of(operation.outcome), operation.error));
}

void ProgressChecker::on_process(Machine& machine, ProcessEvent event) {
  if (event != ProcessEvent::start_failed || !is_quiet_) return;
  complain(fmt::format("{} us: {} does not start, though nothing is wrong any more",
                       world().now_us(), machine.name()));
}

// No fault here rots what is durable, so a start never finds damage.
void ProgressChecker::on_node_log(Machine& machine, LogLevel /*level*/, std::string_view line) {
  const bool is_damage = line.find("damage") != std::string_view::npos &&
                         line.find("cannot be read") != std::string_view::npos;
  if (is_damage) {
    complain(fmt::format("{} us: {} takes its data for damaged: {}", world().now_us(),
                         machine.name(), line));
  }
}

void ProgressChecker::on_end() {
  for (size_t i = 0; i < world().nodes(); ++i) {
    if (world().machine(i).is_deployed() && !world().machine(i).is_serving()) {
      complain(fmt::format("{} does not serve at the end", world().machine(i).name()));
    }
  }
  if (promised_ >= kOperationsMin && kept_ * 100 < promised_ * kPromisedPercent) {
    complain(fmt::format("only {} of {} operations that nothing stood in the way of were done",
                         kept_, promised_));
  }
  if (kept_in_quiet_ == 0) complain("nothing at all was done after the faults had ended");
}

}  // namespace quoris::sim
