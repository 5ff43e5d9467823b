// Handlers of the commands on the caller's own connection; their rows stand in connection_rows.cc.
//
// REQUIRES of each: the arity fits (the dispatcher checks it).
#pragma once

namespace quoris::server {

class NodeContext;

void handle_ping(NodeContext& context);
void handle_echo(NodeContext& context);
void handle_auth(NodeContext& context);
void handle_hello(NodeContext& context);
void handle_quit(NodeContext& context);
void handle_reset(NodeContext& context);
void handle_select(NodeContext& context);

}  // namespace quoris::server
