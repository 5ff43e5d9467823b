// Handlers of the commands that only Quoris has; their rows stand in quoris_rows.cc.
//
// REQUIRES of each: the arity fits (the dispatcher checks it).
#pragma once

namespace quoris::server {

class NodeContext;

void handle_consistency(NodeContext& context);

}  // namespace quoris::server
