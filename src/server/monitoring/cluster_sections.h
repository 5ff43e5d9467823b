// The sections of INFO that tell of the cluster: cluster, raft, gossip.
//
// Used by: info_sections.cc. All but `cluster_enabled` are our own; raft and gossip are there only
// where there is a cluster.
#pragma once

#include <string>
#include <vector>

#include "base/ids.h"
#include "server/monitoring/cluster_replies.h"

namespace quoris::server {

class InfoWriter;
class Node;

void write_cluster_section(Node& node, InfoWriter& out);
void write_raft_section(Node& node, InfoWriter& out);
void write_gossip_section(Node& node, InfoWriter& out);

// What CLUSTER INFO and INFO say of the channel.
[[nodiscard]] ChannelFigures channel_figures(Node& node);

// Connections between nodes that there are, and bytes that wait in them; 0 without a cluster.
[[nodiscard]] size_t cluster_connections(Node& node);
[[nodiscard]] size_t cluster_link_memory(Node& node);

// "1,2,7"; empty for none.
[[nodiscard]] std::string format_numbers(const std::vector<NodeNumber>& numbers);

}  // namespace quoris::server
