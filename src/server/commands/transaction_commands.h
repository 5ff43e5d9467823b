// Handlers of MULTI and its family; their rows stand in transaction_rows.cc.
//
// REQUIRES of each: the arity fits (the dispatcher checks it).
#pragma once

namespace quoris::server {

class NodeContext;

void handle_multi(NodeContext& context);
void handle_exec(NodeContext& context);
void handle_discard(NodeContext& context);
void handle_watch(NodeContext& context);
void handle_unwatch(NodeContext& context);

}  // namespace quoris::server
