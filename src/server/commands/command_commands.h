// Handlers of COMMAND and its subcommands, over command/introspection.h; their rows stand in
// server_rows.cc.
//
// REQUIRES of each: the arity fits (the dispatcher checks it).
#pragma once

namespace quoris::server {

class NodeContext;

void handle_command(NodeContext& context);
void handle_command_count(NodeContext& context);
void handle_command_list(NodeContext& context);
void handle_command_info(NodeContext& context);
void handle_command_docs(NodeContext& context);
void handle_command_getkeys(NodeContext& context);
void handle_command_getkeysandflags(NodeContext& context);
void handle_command_help(NodeContext& context);

}  // namespace quoris::server
