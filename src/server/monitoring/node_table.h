// What NODES and RING show.
//
// NODES and RING without arguments are for eyes: a table with aligned columns, one simple string
// per line. redis-cli shows those as they are in RESP2 and RESP3, each behind its number; it would
// quote a bulk string and print its line ends as \n, at least in RESP2, and a map per node takes
// four lines or eight. Whatever reads the answer by program asks for NODES FULL and RING KEY: maps
// (RESP2: names and values in turn), whose fields may grow in number.
// Pure, over ClusterView and plain figures. Used by: NODES, RING.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "resp/reply_writer.h"
#include "server/monitoring/cluster_view.h"

namespace quoris::server {

// Rows of equally many words, the heads first. Every column is as wide as its widest word; the
// first `texts` of them begin at the left, those behind, numbers, end at the right. What can't
// stand in a line of a reply is shown as '?'.
[[nodiscard]] std::vector<std::string> align_columns(
    const std::vector<std::vector<std::string>>& rows, size_t texts);

void write_lines(resp::ReplyWriter& reply, const std::vector<std::string>& lines);

// NODE ID, ADDRESS, ROLE, STATE of every member, by number.
[[nodiscard]] std::vector<std::string> node_table(const ClusterView& view);

// LEADER or FOLLOWER. A node that runs alone leads itself.
[[nodiscard]] std::string_view role_of(const ClusterView& view, const topology::Member& member);

// What NODES FULL knows of a member beside the map. Nothing: not known here.
struct NodeDetails {
  std::optional<uint64_t> incarnation{};
  std::optional<uint64_t> lease_left_ms{};   // its own; of others the leader knows it
  std::optional<int64_t> clock_offset_us{};  // its wall clock less this node's
  std::optional<uint64_t> round_trip_us{};
  std::optional<uint64_t> map_version{};  // that it has applied
  std::optional<uint64_t> keys{};         // that it holds
  std::string_view raft = "none";         // voter, learner
};

// `details`: of the view's members, in their order. partitions-replica counts all copies, also
// those that it is primary of.
void write_nodes_full(resp::ReplyWriter& reply, const ClusterView& view,
                      const std::vector<NodeDetails>& details);

// By member: partitions that it is primary of, copies that it holds (primary or not), copies that
// are on their way to it, its share of all copies, keys. `keys`: of the view's members, in their
// order, as each has counted them; nothing: it was not heard.
[[nodiscard]] std::vector<std::string> ring_table(const ClusterView& view,
                                                  const std::vector<std::optional<uint64_t>>& keys);

// Where a key lives. REQUIRES: the map is founded.
void write_ring_key(resp::ReplyWriter& reply, const topology::ClusterMap& map,
                    std::string_view key);

}  // namespace quoris::server
