// Handlers of CLUSTER and of what belongs to it; their rows stand in cluster_rows.cc.
//
// On a node that runs alone all of CLUSTER answers as a redis-server does whose cluster mode is
// off. What a client reads stands in cluster_commands.cc, what changes who is a member in
// membership_commands.cc.
// REQUIRES of each: the arity fits (the dispatcher checks it).
#pragma once

#include "server/session.h"

namespace quoris::control {
class Control;
}

namespace quoris::server {

class Node;
class NodeContext;

void handle_cluster_countkeysinslot(NodeContext& context);
void handle_cluster_getkeysinslot(NodeContext& context);
void handle_cluster_help(NodeContext& context);
void handle_cluster_info(NodeContext& context);
void handle_cluster_keyslot(NodeContext& context);
void handle_cluster_links(NodeContext& context);
void handle_cluster_myid(NodeContext& context);
void handle_cluster_nodes(NodeContext& context);
void handle_cluster_shards(NodeContext& context);
void handle_cluster_slots(NodeContext& context);
// What Redis Cluster has and this one has not: an error that names what to use instead.
void handle_cluster_not_ours(NodeContext& context);

void handle_cluster_failover(NodeContext& context);
void handle_cluster_join(NodeContext& context);
void handle_cluster_leave(NodeContext& context);
void handle_cluster_remove(NodeContext& context);

// READONLY, READWRITE, ASKING: nothing to switch, for any node serves any client.
void handle_cluster_mode(NodeContext& context);

void handle_nodes(NodeContext& context);
void handle_ring(NodeContext& context);

void handle_fault(NodeContext& context);

// Null, and the reply is written: this node runs alone.
[[nodiscard]] control::Control* clustered(NodeContext& context);

}  // namespace quoris::server
