// Handlers of the commands on the node as a whole; their rows stand in server_rows.cc.
//
// REQUIRES of each: the arity fits (the dispatcher checks it).
#pragma once

namespace quoris::server {

class Node;
class NodeContext;
class Session;

void handle_time(NodeContext& context);
void handle_role(NodeContext& context);
void handle_wait(NodeContext& context);
void handle_shutdown(NodeContext& context);
void handle_lolwut(NodeContext& context);
void handle_debug(NodeContext& context);

// Whether enable-debug-command lets this client use DEBUG. The dispatcher asks before it queues or
// runs it: a refusal counts as a rejected call and breaks a MULTI.
[[nodiscard]] bool debug_allowed(Node& node, Session& session);

}  // namespace quoris::server
