// ClusterView: the cluster as one node sees it now: the map, and of each member what the map can't
// know (a suspicion, whether there is a link).
//
// A look at the moment, made for one command and not kept: while a long command breathes, the map
// may change under it. A node that nobody has let in yet sees itself alone, without slots.
// Used by: CLUSTER, NODES, RING, INFO. cluster_view() reads Control; all else here is plain data,
// so that tests make views by hand.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/topology/cluster_views.h"

namespace quoris::server {

class Node;

struct MemberLook {
  std::string_view state = "ALIVE";  // as NODES shows it
  bool is_linked = true;             // messages can be sent there; this node: always

  [[nodiscard]] bool is_suspect() const { return state == "SUSPECT"; }

  bool operator==(const MemberLook&) const = default;
};

struct ClusterView {
  const topology::ClusterMap* shared = nullptr;  // null: `lone` it is
  topology::ClusterMap lone;                     // of a node that is no member: it alone
  NodeNumber self = topology::kNoNode;
  NodeNumber leader = topology::kNoNode;  // none is known
  std::vector<MemberLook> looks;          // of map().members, in their order

  [[nodiscard]] const topology::ClusterMap& map() const {
    return shared != nullptr ? *shared : lone;
  }
};

// Of a node in a cluster, or of one that runs alone and leads itself.
[[nodiscard]] ClusterView cluster_view(Node& node);

// Nobody, or whoever goes by that name, number (1 to 1023) or 40-digit id. A name comes first.
[[nodiscard]] const topology::Member* find_member(const topology::ClusterMap& map,
                                                  std::string_view word);

// "host:port", "[v6]:port".
[[nodiscard]] std::string address_text(const std::string& host, uint16_t port);
[[nodiscard]] std::string client_address(const topology::Member& member);

// An address and no name: letters stand for digits of IPv6 only.
[[nodiscard]] bool is_ip_address(std::string_view host);

// The slots that each member is primary of, in the order of members.
[[nodiscard]] std::vector<std::vector<topology::SlotRange>> slots_by_member(
    const topology::ClusterMap& map);

}  // namespace quoris::server
