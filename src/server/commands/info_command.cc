#include "server/commands/info_command.h"

#include "server/monitoring/info_sections.h"
#include "server/node.h"
#include "server/node_context.h"

namespace quoris::server {

void handle_info(NodeContext& context) {
  context.reply().verbatim("txt", info_text(context.node(), context.arguments().subspan(1)));
}

}  // namespace quoris::server
