// Handlers of MULTI and its family; their rows stand in transaction_rows.cc.
//
// REQUIRES of each: the arity fits (the dispatcher checks it).
#pragma once

namespace quoris::server {

class Node;
class NodeContext;
class Session;

// True if a key that the session watches has changed since: its EXEC will fail. Also tells CLIENT
// LIST; counts as no access to the keys.
[[nodiscard]] bool watched_keys_changed(Node& node, Session& session);

void handle_multi(NodeContext& context);
void handle_exec(NodeContext& context);
void handle_discard(NodeContext& context);
void handle_watch(NodeContext& context);
void handle_unwatch(NodeContext& context);

}  // namespace quoris::server
