// Handlers of SUBSCRIBE and its family.
//
// Used by: pubsub_rows.cc.
#pragma once

namespace quoris::server {

class NodeContext;

void handle_subscribe(NodeContext& context);
void handle_unsubscribe(NodeContext& context);
void handle_psubscribe(NodeContext& context);
void handle_punsubscribe(NodeContext& context);
void handle_ssubscribe(NodeContext& context);
void handle_sunsubscribe(NodeContext& context);
void handle_publish(NodeContext& context);
void handle_spublish(NodeContext& context);
void handle_pubsub_channels(NodeContext& context);
void handle_pubsub_numsub(NodeContext& context);
void handle_pubsub_numpat(NodeContext& context);
void handle_pubsub_shardchannels(NodeContext& context);
void handle_pubsub_shardnumsub(NodeContext& context);
void handle_pubsub_help(NodeContext& context);

}  // namespace quoris::server
