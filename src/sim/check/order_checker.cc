#include "sim/check/order_checker.h"

#include <fmt/format.h>

#include "sim/check/register_checker.h"
#include "sim/clients/workload.h"
#include "sim/world.h"

namespace quoris::sim {

namespace {

std::string shown(const std::optional<std::string>& value) {
  return value ? "'" + *value + "'" : "nothing";
}

}  // namespace

void OrderChecker::on_operation(const Operation& operation) {
  if (!operation.complaint.empty()) {
    complain(fmt::format("{} us: client {} asked node {} for {} and got {}", operation.ended_us,
                         operation.client, operation.node + 1, operation.command,
                         operation.complaint));
  }
  if (operation.outcome != Outcome::ok || operation.actions.size() < 2) return;
  const Action& first = operation.actions[0];
  const Action& second = operation.actions[1];
  const bool reads = first.kind == ActionKind::read && second.kind == ActionKind::read;
  if (reads && partner_of(first.target) == second.target && first.text != second.text) {
    complain(fmt::format("{} us: client {} read {} as {} and {} as {}, which are written together",
                         operation.ended_us, operation.client, first.target, shown(first.text),
                         second.target, shown(second.text)));
  }
}

void OrderChecker::on_process(Machine& machine, ProcessEvent event) {
  if (event != ProcessEvent::ready) return;
  for (int pair = 0; pair < 3; ++pair) {
    const std::string first = fmt::format("p:{}:a", pair);
    const auto one = stored_value(machine, first);
    const auto other = stored_value(machine, partner_of(first));
    if (one == other) continue;
    complain(fmt::format("{} us: {} recovered {} as {} and {} as {}, which are written together",
                         world().now_us(), machine.name(), first, shown(one), partner_of(first),
                         shown(other)));
  }
}

}  // namespace quoris::sim
