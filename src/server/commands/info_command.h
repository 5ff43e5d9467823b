// Handler of INFO; its row stands in server_rows.cc.
//
// REQUIRES of each: the arity fits (the dispatcher checks it).
#pragma once

namespace quoris::server {

class NodeContext;

void handle_info(NodeContext& context);

}  // namespace quoris::server
