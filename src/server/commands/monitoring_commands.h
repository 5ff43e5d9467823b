// Handlers of the commands that say how the node fares; their rows stand in monitoring_rows.cc.
//
// REQUIRES of each: the arity fits (the dispatcher checks it).
#pragma once

namespace quoris::server {

class NodeContext;

void handle_slowlog_get(NodeContext& context);
void handle_slowlog_len(NodeContext& context);
void handle_slowlog_reset(NodeContext& context);
void handle_slowlog_help(NodeContext& context);

void handle_latency_latest(NodeContext& context);
void handle_latency_history(NodeContext& context);
void handle_latency_reset(NodeContext& context);
void handle_latency_graph(NodeContext& context);
void handle_latency_doctor(NodeContext& context);
void handle_latency_histogram(NodeContext& context);
void handle_latency_loop(NodeContext& context);
void handle_latency_help(NodeContext& context);

void handle_memory_usage(NodeContext& context);
void handle_memory_stats(NodeContext& context);
void handle_memory_doctor(NodeContext& context);
void handle_memory_malloc_stats(NodeContext& context);
void handle_memory_purge(NodeContext& context);
void handle_memory_help(NodeContext& context);

void handle_monitor(NodeContext& context);

}  // namespace quoris::server
