// NODES and RING: who is there, and who holds what.
#include <fmt/format.h>

#include "cluster/control/control.h"
#include "command/args.h"
#include "command/errors.h"
#include "server/commands/cluster_commands.h"
#include "server/monitoring/node_table.h"
#include "server/node.h"
#include "server/node_context.h"

namespace quoris::server {
namespace {

namespace errors = command::errors;
using command::is;
using topology::Member;

constexpr uint64_t kUsPerMs = 1000;

// What this node's own lines show of its address if it has not been told one: where the caller has
// reached it.
void fill_own_address(NodeContext& context, ClusterView& view) {
  if (view.shared != nullptr || view.lone.members.empty()) return;
  const Stream& stream = context.session().stream();
  std::string host = "127.0.0.1";
  if (!stream.is_unix()) {
    const std::string local = stream.local_address();
    const std::string text = local.substr(0, local.rfind(':'));
    host = text.starts_with('[') ? text.substr(1, text.size() - 2) : text;
  }
  view.lone.members.front().addresses.announce_host = host;
}

std::string_view raft_part(const control::Control& control, NodeNumber number) {
  if (control.raft() == nullptr) return "none";
  const raft::Configuration& configuration = control.raft()->configuration();
  if (configuration.is_voter(number)) return "voter";
  return configuration.is_learner(number) ? "learner" : "none";
}

uint64_t own_keys(NodeContext& context) { return context.node().store().db(DbIndex{0}).size(); }

NodeDetails details_of(NodeContext& context, const ClusterView& view, const Member& member) {
  if (view.shared == nullptr) return {.keys = own_keys(context)};
  const control::Control& control = *context.node().cluster();
  NodeDetails details{.raft = raft_part(control, member.number)};
  const bool is_self = member.number == control.number();
  const membership::Member* heard =
      control.gossip() == nullptr ? nullptr : control.gossip()->find(member.number);
  if (heard != nullptr) details.incarnation = raw(heard->standing.incarnation);
  if (is_self) {
    details.lease_left_ms = control.lease_left_us() / kUsPerMs;
    details.clock_offset_us = 0;
    details.round_trip_us = 0;
    details.map_version = raw(control.map().version);
    details.keys = own_keys(context);
    return details;
  }
  if (const auto left_us = control.granted_left_us(member.number)) {
    details.lease_left_ms = *left_us / kUsPerMs;
  }
  if (const auto clock = control.clock_of(member.number)) {
    details.clock_offset_us = clock->offset_us;
    details.round_trip_us = clock->rtt_us;
  }
  if (heard != nullptr && heard->notes_version > 0) {
    details.map_version = heard->notes.map_version;
    details.keys = heard->notes.keys;
  }
  return details;
}

void reply_full(NodeContext& context, const ClusterView& view) {
  std::vector<NodeDetails> details;
  for (const Member& member : view.map().members) {
    details.push_back(details_of(context, view, member));
  }
  write_nodes_full(context.reply(), view, details);
}

}  // namespace

void handle_nodes(NodeContext& context) {
  ClusterView view = cluster_view(context.node());
  fill_own_address(context, view);
  if (context.count() == 1) return write_lines(context.reply(), node_table(view));
  if (context.count() > 2 || !is(context.argument(1), "FULL")) {
    return context.reply().error(errors::kSyntax);
  }
  reply_full(context, view);
}

void handle_ring(NodeContext& context) {
  Node& node = context.node();
  const ClusterView view = cluster_view(node);
  if (context.count() == 1) {
    if (!view.map().is_founded()) return context.reply().error(errors::kNoRing);
    std::vector<std::optional<uint64_t>> keys;
    for (const Member& member : view.map().members) {
      keys.push_back(details_of(context, view, member).keys);
    }
    return write_lines(context.reply(), ring_table(view, keys));
  }
  if (context.count() != 3 || !is(context.argument(1), "KEY")) {
    return context.reply().error(errors::kSyntax);
  }
  if (!view.map().is_founded()) return context.reply().error(errors::kNoRing);
  write_ring_key(context.reply(), view.map(), context.argument(2));
}

}  // namespace quoris::server
