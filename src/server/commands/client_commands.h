// Handlers of CLIENT and its subcommands; their rows stand in client_rows.cc.
//
// REQUIRES of each: the arity fits (the dispatcher checks it).
#pragma once

namespace quoris::server {

class NodeContext;

// About the caller's own connection.
void handle_client_id(NodeContext& context);
void handle_client_info(NodeContext& context);
void handle_client_getname(NodeContext& context);
void handle_client_setname(NodeContext& context);
void handle_client_setinfo(NodeContext& context);
void handle_client_getredir(NodeContext& context);
void handle_client_reply(NodeContext& context);
void handle_client_no_evict(NodeContext& context);
void handle_client_no_touch(NodeContext& context);

// About other connections.
void handle_client_list(NodeContext& context);
void handle_client_kill(NodeContext& context);
void handle_client_pause(NodeContext& context);
void handle_client_unpause(NodeContext& context);
void handle_client_unblock(NodeContext& context);

void handle_client_help(NodeContext& context);

}  // namespace quoris::server
