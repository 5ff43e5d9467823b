// Handlers of CONFIG's subcommands; their rows stand in server_rows.cc.
//
// REQUIRES of each: the arity fits (the dispatcher checks it).
#pragma once

namespace quoris::server {

class NodeContext;

void handle_config_get(NodeContext& context);
void handle_config_set(NodeContext& context);
void handle_config_resetstat(NodeContext& context);
void handle_config_rewrite(NodeContext& context);
void handle_config_help(NodeContext& context);

}  // namespace quoris::server
