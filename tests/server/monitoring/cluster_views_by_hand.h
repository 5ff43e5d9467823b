// A view of a cluster made by hand, and replies of formatters as bytes.
//
// Used by: tests of CLUSTER, NODES, RING.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "resp/reply_writer.h"
#include "server/monitoring/cluster_view.h"
#include "tests/cluster/topology/test_cluster.h"

namespace quoris::server::testing {

// As `self` sees it, who knows that `leader` leads; all are as the map says, and linked.
inline ClusterView view_of(const topology::ClusterMap& map, uint16_t self = 1,
                           uint16_t leader = 1) {
  ClusterView view;
  view.shared = &map;
  view.self = NodeNumber{self};
  view.leader = NodeNumber{leader};
  for (const topology::Member& member : map.members) {
    view.looks.push_back({.state = topology::state_name(member.state)});
  }
  return view;
}

inline std::string bytes_of(resp::Protocol protocol,
                            const std::function<void(resp::ReplyWriter&)>& write) {
  ByteChain chain;
  resp::ReplyWriter reply(chain, protocol);
  write(reply);
  std::vector<std::string_view> pieces;
  chain.pieces(pieces, SIZE_MAX);
  std::string bytes;
  for (const std::string_view piece : pieces) bytes += piece;
  return bytes;
}

inline std::string id(uint64_t number) { return topology::testing::identity_of(number); }

}  // namespace quoris::server::testing
