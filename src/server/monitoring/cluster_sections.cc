#include "server/monitoring/cluster_sections.h"

#include <fmt/format.h>

#include "cluster/control/control.h"
#include "server/monitoring/info_sections.h"
#include "server/node.h"

namespace quoris::server {
namespace {

using membership::Health;

constexpr uint64_t kUsPerMs = 1000;

std::string_view name_of(raft::Role role) {
  switch (role) {
    case raft::Role::follower:
      return "follower";
    case raft::Role::pre_candidate:
      return "pre-candidate";
    case raft::Role::candidate:
      return "candidate";
    case raft::Role::leader:
      return "leader";
    case raft::Role::stopped:
      return "stopped";
  }
  return "unknown";
}

std::string leader_name(const control::Control& control) {
  const topology::Member* leader = control.map().find(control.leader());
  return leader != nullptr ? leader->name : std::string();
}

// Whoever was removed is in no map.
std::string_view own_state(const ClusterView& view) {
  const topology::ClusterMap& map = view.map();
  const topology::Member* self = map.find(view.self);
  if (self == nullptr) return "REMOVED";
  return view.looks[static_cast<size_t>(self - map.members.data())].state;
}

size_t count_health(const membership::Gossip& gossip, Health health) {
  size_t count = 0;
  for (const membership::Member& member : gossip.members()) {
    count += member.standing.health == health ? 1 : 0;
  }
  return count;
}

}  // namespace

std::string format_numbers(const std::vector<NodeNumber>& numbers) {
  std::string text;
  for (const NodeNumber number : numbers) {
    if (!text.empty()) text += ',';
    text += fmt::format("{}", raw(number));
  }
  return text;
}

ChannelFigures channel_figures(Node& node) {
  ChannelFigures figures;
  if (node.cluster() == nullptr) return figures;
  for (const bus::PeerStatus& peer : node.cluster()->bus().peers()) {
    for (const bus::LinkCounters& link : peer.counters) {
      figures.sent += link.out.messages;
      figures.received += link.in.messages;
      figures.queue_full += link.queue_full;
    }
  }
  return figures;
}

size_t cluster_connections(Node& node) {
  if (node.cluster() == nullptr) return 0;
  return node.cluster()->bus().links().size() + node.cluster()->bus().strangers();
}

size_t cluster_link_memory(Node& node) {
  if (node.cluster() == nullptr) return 0;
  size_t bytes = 0;
  for (const bus::LinkStatus& link : node.cluster()->bus().links()) bytes += link.queued_bytes;
  return bytes;
}

void write_cluster_section(Node& node, InfoWriter& out) {
  const control::Control* control = node.cluster();
  out.add("cluster_enabled", control == nullptr ? 0 : 1);
  if (control == nullptr) return;
  const ClusterView view = cluster_view(node);
  const topology::ClusterMap& map = view.map();
  const ClusterFigures figures = cluster_figures(view);
  out.add("cluster_name", map.name);
  out.add("cluster_id", map.id);
  out.add("cluster_node_name", control->name());
  out.add("cluster_node_number", raw(control->number()));
  out.add("cluster_node_state", own_state(view));
  out.add("cluster_boot", raw(control->boot()));
  out.add("cluster_state", figures.is_ok ? "ok" : "fail");
  out.add("cluster_known_nodes", figures.known_nodes);
  out.add("cluster_size", figures.nodes_with_slots);
  out.add("cluster_map_version", raw(map.version));
  out.add("cluster_map_hash", fmt::format("{:016x}", control->map_hash()));
  out.add("cluster_current_epoch", raw(figures.current_epoch));
  out.add("cluster_my_epoch", raw(figures.own_epoch));
  out.add("cluster_partitions", map.partitions.size());
  size_t moving = 0;
  for (const topology::Partition& partition : map.partitions) {
    moving += partition.is_moving() ? 1 : 0;
  }
  out.add("cluster_partitions_moving", moving);
  out.add("cluster_replication_wanted", map.replication_wanted);
  out.add("cluster_replication_in_force", map.replication_in_force);
  const bus::LinkTroubles troubles = control->bus().troubles();
  out.add("cluster_frames_malformed", troubles.malformed);
  out.add("cluster_links_refused", troubles.refused);
  out.add("cluster_links_silent", troubles.silent);
}

void write_raft_section(Node& node, InfoWriter& out) {
  const control::Control* control = node.cluster();
  if (control == nullptr || control->raft() == nullptr) return;
  const raft::Raft& raft = *control->raft();
  const raft::Configuration& configuration = raft.configuration();
  const control::Control::Figures& figures = control->figures();
  out.add("raft_role", name_of(raft.role()));
  out.add("raft_term", raw(raft.term()));
  out.add("raft_leader", raw(raft.leader()));
  out.add("raft_leader_name", leader_name(*control));
  out.add("raft_commit_index", raw(raft.commit_index()));
  out.add("raft_applied_index", raw(raft.applied_index()));
  out.add("raft_durable_index", raw(raft.durable_index()));
  out.add("raft_last_index", raw(raft.last_index()));
  out.add("raft_log_bytes", control->storage() == nullptr ? 0 : control->storage()->log_bytes());
  out.add("raft_voters", format_numbers(configuration.voters));
  out.add("raft_learners", format_numbers(configuration.learners));
  out.add("raft_lease_left_ms", control->lease_left_us() / kUsPerMs);
  out.add("raft_elections_won", figures.elections_won);
  out.add("raft_leases_granted", figures.leases_granted);
  out.add("raft_leases_denied", figures.leases_denied);
  out.add("raft_proposals", figures.proposals);
  out.add("raft_proposals_refused", figures.proposals_refused);
}

void write_gossip_section(Node& node, InfoWriter& out) {
  const control::Control* control = node.cluster();
  if (control == nullptr || control->gossip() == nullptr) return;
  const membership::Gossip& gossip = *control->gossip();
  const membership::Gossip::Figures& figures = gossip.figures();
  out.add("gossip_members", gossip.members().size());
  out.add("gossip_alive", count_health(gossip, Health::alive));
  out.add("gossip_suspect", count_health(gossip, Health::suspect));
  out.add("gossip_down", count_health(gossip, Health::down));
  out.add("gossip_probes", figures.probes);
  out.add("gossip_probes_failed", figures.probes_failed);
  out.add("gossip_help_asked", figures.help_asked);
  out.add("gossip_accusations", figures.accusations);
  out.add("gossip_declared_down", figures.declared_down);
  out.add("gossip_refutations", figures.refutations);
  out.add("gossip_local_health", gossip.local_health());
  out.add("gossip_news", gossip.news());
  out.add("gossip_late", figures.late);
  out.add("gossip_late_usec_max", control->figures().late_us_max);
  out.add("gossip_malformed", figures.malformed + control->figures().malformed);
  out.add("gossip_strangers", figures.strangers);
  out.add("gossip_stale_lives", figures.stale_lives);
  out.add("gossip_dropped", figures.dropped);
}

}  // namespace quoris::server
