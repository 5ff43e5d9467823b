#include "server/monitoring/cluster_replies.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace quoris::server {
namespace {

using topology::ClusterMap;
using topology::Member;
using topology::MemberState;
using topology::OwnedRange;
using topology::SlotRange;

bool is_host_name(const std::string& host) { return !host.empty() && !is_ip_address(host); }

// The highest epoch among the partitions of each member's own, in the order of members.
std::vector<Epoch> epochs_by_member(const ClusterMap& map) {
  std::vector<Epoch> epochs(map.members.size(), Epoch{0});
  for (const topology::Partition& partition : map.partitions) {
    const Member* primary = map.find(partition.primary.node);
    if (primary == nullptr) continue;
    Epoch& epoch = epochs[static_cast<size_t>(primary - map.members.data())];
    epoch = std::max(epoch, partition.epoch);
  }
  return epochs;
}

std::string_view failure_flag(const Member& member, const MemberLook& look) {
  if (member.state == MemberState::down) return ",fail";
  return look.is_suspect() ? ",fail?" : "";
}

// --- SLOTS --------------------------------------------------------------------------------------

void write_slots_node(resp::ReplyWriter& reply, const Member& member) {
  const std::string& host = topology::client_host(member);
  reply.array(4);
  reply.bulk(host);
  reply.integer(member.addresses.client_port);
  reply.bulk(member.identity);
  // Where else it is known: the address behind a name.
  const bool has_address = is_host_name(host) && is_ip_address(member.addresses.host);
  reply.map(has_address ? 1 : 0);
  if (!has_address) return;
  reply.bulk("ip");
  reply.bulk(member.addresses.host);
}

// As Redis, SLOTS names a replica only while it is not taken for down.
std::vector<const Member*> shown_replicas(const ClusterMap& map, const OwnedRange& owned) {
  std::vector<const Member*> shown;
  for (const NodeNumber number : owned.replicas) {
    const Member* member = map.find(number);
    if (member != nullptr && member->state != MemberState::down) shown.push_back(member);
  }
  return shown;
}

void write_slots_row(resp::ReplyWriter& reply, const SlotRange& slots, const Member& primary,
                     const std::vector<const Member*>& replicas) {
  reply.array(3 + replicas.size());
  reply.integer(raw(slots.first));
  reply.integer(raw(slots.last));
  write_slots_node(reply, primary);
  for (const Member* replica : replicas) write_slots_node(reply, *replica);
}

void write_primary_slots(resp::ReplyWriter& reply, const ClusterMap& map) {
  struct Row {
    SlotRange slots;
    const Member* primary;
  };

  std::vector<Row> rows;
  const std::vector<std::vector<SlotRange>> slots = slots_by_member(map);
  for (size_t i = 0; i < map.members.size(); ++i) {
    for (const SlotRange& range : slots[i]) {
      rows.push_back({.slots = range, .primary = &map.members[i]});
    }
  }
  std::ranges::sort(rows, {}, [](const Row& row) { return raw(row.slots.first); });
  reply.array(rows.size());
  for (const Row& row : rows) write_slots_row(reply, row.slots, *row.primary, {});
}

// --- SHARDS -------------------------------------------------------------------------------------

std::string_view health_of(const Member& member) {
  switch (member.state) {
    case MemberState::down:
      return "fail";
    case MemberState::joining:
      return "loading";
    default:
      return "online";
  }
}

void write_shards_node(resp::ReplyWriter& reply, const Member& member) {
  const std::string& host = topology::client_host(member);
  const bool has_name = is_host_name(host);
  const auto field = [&reply](std::string_view name, std::string_view value) {
    reply.bulk(name);
    reply.bulk(value);
  };
  reply.map(has_name ? 8 : 7);
  field("id", member.identity);
  reply.bulk("port");
  reply.integer(member.addresses.client_port);
  field("ip", has_name && is_ip_address(member.addresses.host) ? member.addresses.host : host);
  field("endpoint", host);
  if (has_name) field("hostname", host);
  field("role", "master");
  reply.bulk("replication-offset");
  reply.integer(0);
  field("health", health_of(member));
}

}  // namespace

// --- NODES --------------------------------------------------------------------------------------

std::string cluster_nodes_text(const ClusterView& view) {
  const ClusterMap& map = view.map();
  const std::vector<std::vector<SlotRange>> slots = slots_by_member(map);
  const std::vector<Epoch> epochs = epochs_by_member(map);
  std::string text;
  const auto out = std::back_inserter(text);
  for (size_t i = 0; i < map.members.size(); ++i) {
    const Member& member = map.members[i];
    const std::string& host = topology::client_host(member);
    fmt::format_to(out, "{} {}:{}@{}", member.identity, host, member.addresses.client_port,
                   member.addresses.cluster_port);
    if (is_host_name(host)) fmt::format_to(out, ",{}", host);
    fmt::format_to(out, " {}master{} - 0 0 {} {}", member.number == view.self ? "myself," : "",
                   failure_flag(member, view.looks[i]), raw(epochs[i]),
                   view.looks[i].is_linked ? "connected" : "disconnected");
    if (!slots[i].empty()) fmt::format_to(out, " {}", topology::format_ranges(slots[i]));
    text += '\n';
  }
  return text;
}

void write_cluster_slots(resp::ReplyWriter& reply, const ClusterView& view, bool with_replicas) {
  const ClusterMap& map = view.map();
  if (!with_replicas) return write_primary_slots(reply, map);
  const auto deferred = reply.open();
  size_t rows = 0;
  for (const OwnedRange& owned : topology::owned_ranges(map)) {
    const Member* primary = map.find(owned.primary);
    if (primary == nullptr) continue;
    write_slots_row(reply, owned.slots, *primary, shown_replicas(map, owned));
    ++rows;
  }
  reply.close_array(deferred, rows);
}

void write_cluster_shards(resp::ReplyWriter& reply, const ClusterView& view) {
  const ClusterMap& map = view.map();
  const std::vector<std::vector<SlotRange>> slots = slots_by_member(map);
  reply.array(map.members.size());
  for (size_t i = 0; i < map.members.size(); ++i) {
    reply.map(2);
    reply.bulk("slots");
    reply.array(2 * slots[i].size());
    for (const SlotRange& range : slots[i]) {
      reply.integer(raw(range.first));
      reply.integer(raw(range.last));
    }
    reply.bulk("nodes");
    reply.array(1);
    write_shards_node(reply, map.members[i]);
  }
}

// --- INFO ---------------------------------------------------------------------------------------

ClusterFigures cluster_figures(const ClusterView& view) {
  const ClusterMap& map = view.map();
  ClusterFigures figures;
  const std::vector<std::vector<SlotRange>> slots = slots_by_member(map);
  const std::vector<Epoch> epochs = epochs_by_member(map);
  figures.known_nodes = map.members.size();
  for (size_t i = 0; i < map.members.size(); ++i) {
    uint32_t count = 0;
    for (const SlotRange& range : slots[i]) count += raw(range.last) - raw(range.first) + 1U;
    figures.slots_assigned += count;
    figures.nodes_with_slots += count > 0 ? 1 : 0;
    if (map.members[i].state == MemberState::down) {
      figures.slots_down += count;
    } else if (view.looks[i].is_suspect()) {
      figures.slots_suspect += count;
    } else {
      figures.slots_ok += count;
    }
    figures.current_epoch = std::max(figures.current_epoch, epochs[i]);
    if (map.members[i].number == view.self) figures.own_epoch = epochs[i];
  }
  figures.is_ok = view.leader != topology::kNoNode && figures.slots_down == 0 &&
                  figures.slots_assigned == topology::kSlots;
  return figures;
}

std::string cluster_info_text(const ClusterFigures& figures, const ChannelFigures& channel) {
  return fmt::format(
      "cluster_state:{}\r\ncluster_slots_assigned:{}\r\ncluster_slots_ok:{}\r\n"
      "cluster_slots_pfail:{}\r\ncluster_slots_fail:{}\r\ncluster_known_nodes:{}\r\n"
      "cluster_size:{}\r\ncluster_current_epoch:{}\r\ncluster_my_epoch:{}\r\n"
      "cluster_stats_messages_sent:{}\r\ncluster_stats_messages_received:{}\r\n"
      "total_cluster_links_buffer_limit_exceeded:{}\r\n",
      figures.is_ok ? "ok" : "fail", figures.slots_assigned, figures.slots_ok,
      figures.slots_suspect, figures.slots_down, figures.known_nodes, figures.nodes_with_slots,
      raw(figures.current_epoch), raw(figures.own_epoch), channel.sent, channel.received,
      channel.queue_full);
}

// --- kept replies -------------------------------------------------------------------------------

void ClusterReplies::write(Kind kind, const ClusterView& view, resp::ReplyWriter& reply) {
  const size_t protocol = reply.protocol() == resp::Protocol::resp2 ? 0 : 1;
  Kept& kept = kept_[static_cast<size_t>(kind)][protocol];
  Key key{.version = view.map().version, .self = view.self, .looks = view.looks};
  if (kept.bytes.empty() || kept.key != key) {
    ByteChain bytes;
    resp::ReplyWriter writer(bytes, reply.protocol());
    switch (kind) {
      case Kind::nodes:
        writer.verbatim("txt", cluster_nodes_text(view));
        break;
      case Kind::slots:
        write_cluster_slots(writer, view, true);
        break;
      case Kind::slots_of_primaries:
        write_cluster_slots(writer, view, false);
        break;
      case Kind::shards:
        write_cluster_shards(writer, view);
        break;
    }
    std::vector<std::string_view> pieces;
    bytes.pieces(pieces, SIZE_MAX);
    kept.bytes.clear();
    for (const std::string_view piece : pieces) kept.bytes += piece;
    kept.key = std::move(key);
    ++made_;
  }
  reply.raw(kept.bytes);
}

}  // namespace quoris::server
