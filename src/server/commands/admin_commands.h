// Handlers of the commands on the node as a whole; their rows stand in server_rows.cc.
//
// REQUIRES of each: the arity fits (the dispatcher checks it).
#pragma once

#include "server/settings/settings.h"

namespace quoris::server {

class NodeContext;
class Session;

void handle_time(NodeContext& context);
void handle_role(NodeContext& context);
void handle_wait(NodeContext& context);
void handle_shutdown(NodeContext& context);
void handle_lolwut(NodeContext& context);
void handle_debug(NodeContext& context);

// Whether a setting as enable-debug-command lets this client use its command. The dispatcher asks
// before it queues or runs one: a refusal counts as a rejected call and breaks a MULTI.
[[nodiscard]] bool is_allowed(AccessLevel level, Session& session);

}  // namespace quoris::server
