#include "server/commands/monitoring_commands.h"

#include "command/errors.h"
#include "server/node.h"
#include "server/node_context.h"

namespace quoris::server {

void handle_monitor(NodeContext& context) {
  // A stream of lines has no end that EXEC could wait for.
  if (!context.may_block()) return context.reply().error(command::errors::kMonitorMayNotBlock);
  if (context.session().monitor) return;  // Redis, too, does not answer a second time
  context.node().add_monitor(context.session());
  context.reply().ok();
}

}  // namespace quoris::server
