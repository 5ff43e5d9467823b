// FAULT: what is to go wrong between this node and others, and what has.
#include <fmt/format.h>

#include <array>

#include "cluster/control/control.h"
#include "command/args.h"
#include "command/errors.h"
#include "command/help.h"
#include "server/commands/cluster_commands.h"
#include "server/monitoring/cluster_view.h"
#include "server/monitoring/fault_status.h"
#include "server/node.h"
#include "server/node_context.h"

namespace quoris::server {
namespace {

namespace errors = command::errors;
using fault::FaultCommand;

void fault_help(resp::ReplyWriter& reply) {
  static constexpr auto kLines = std::to_array<std::string_view>({
      "CLEAR",
      "    Takes all rules back, FAIL too.",
      "DELAY <milliseconds> [<jitter>] [<which>]",
      "    Each message comes later, by as much as jitter more, drawn per message.",
      "DROP <percent> [<which>]",
      "    So many messages are lost. 0 takes the rule back, as with DELAY and DUPLICATE.",
      "DUPLICATE <percent> [<which>]",
      "    So many come twice.",
      "ENABLE | DISABLE",
      "    Whether the rules are in force. They are until DISABLE.",
      "FAIL | RECOVER",
      "    This node ignores all that it hears, until RECOVER or CLEAR.",
      "PARTITION <node> [<node> ...] | <which>",
      "    Nothing gets through, heartbeats neither, until CLEAR.",
      "STATUS",
      "    The rules, and per peer and link what was sent, delivered, dropped, doubled, delayed.",
      "<which>: WITH <node> ..., TO <node> ..., FROM <node> ..., ALL",
      "    Nodes go by name, number or id; ALL is every node. Without: WITH ALL.",
  });
  command::reply_help(reply, "FAULT", kLines);
}

}  // namespace

void handle_fault(NodeContext& context) {
  if (context.count() == 2 && command::is(context.argument(1), "HELP")) {
    return fault_help(context.reply());
  }
  control::Control* control = context.node().cluster();
  if (control == nullptr) return context.reply().error(errors::kNoLinks);
  const auto resolve = [control](std::string_view word) -> std::optional<NodeNumber> {
    const topology::Member* member = find_member(control->map(), word);
    if (member == nullptr) return std::nullopt;
    return member->number;
  };
  const fault::NodeNamer namer = [control](NodeNumber node) {
    const topology::Member* member = control->map().find(node);
    return member == nullptr ? std::string() : member->name;
  };
  const Result<FaultCommand> command =
      fault::parse_fault(context.arguments().subspan(1), resolve, control->number());
  if (!command) return context.reply().error(errors::change_refused(command.error().message));
  fault::FaultRules& rules = control->bus().faults();
  if (command->kind == FaultCommand::Kind::status) {
    return write_fault_status(context.reply(), rules, namer, control->bus().peers(),
                              control->bus().links());
  }
  rules.apply(*command);
  context.node().log().write(LogLevel::warning, "FAULT {} by client {}",
                             fault::format_fault(*command, namer),
                             context.session().stream().peer_address());
  context.reply().ok();
}

}  // namespace quoris::server
