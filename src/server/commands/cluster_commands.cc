#include "server/commands/cluster_commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cluster/control/control.h"
#include "command/args.h"
#include "command/data_context.h"
#include "command/errors.h"
#include "command/help.h"
#include "server/monitoring/cluster_replies.h"
#include "server/monitoring/cluster_sections.h"
#include "server/node.h"
#include "server/node_context.h"

namespace quoris::server {
namespace {

namespace errors = command::errors;
using command::is;

void reply_kept(NodeContext& context, ClusterReplies::Kind kind) {
  if (clustered(context) == nullptr) return;
  Node& node = context.node();
  node.cluster_replies().write(kind, cluster_view(node), context.reply());
}

// --- keys of a slot
// -------------------------------------------------------------------------------

// This node's own keys in a slot, in the order of the walk, until `visit` answers false. There is
// no index by slot: all keys are walked and hashed, about 50 ns each and more where they are not in
// the cache; the control link is served meanwhile.
template <class Visit>
void for_each_in_slot(Node& node, Slot slot, Visit visit) {
  uint32_t steps = 0;
  node.store().db(DbIndex{0}).for_each([&](store::Entry& entry) {
    if (++steps == command::DataContext::kStepsPerBreath) {
      steps = 0;
      node.breather().breathe();
    }
    if (topology::slot_of(entry.key()) != slot || entry.is_expired(node.now_ms())) return true;
    return visit(entry.key());
  });
}

bool is_slot(int64_t number) { return number >= 0 && number < int64_t{topology::kSlots}; }

// --- what Redis has and we have not
// ---------------------------------------------------------------

struct NotOurs {
  std::string_view name;
  std::string_view instead;
};

constexpr std::string_view kPlacedByPlan =
    "slots are placed by the cluster itself: see RING, CLUSTER JOIN and CLUSTER LEAVE";
constexpr std::string_view kNoReplicaNodes =
    "no node is a replica of another, partitions have replicas: see RING and RING KEY";
constexpr std::string_view kEpochsOfPartitions =
    "epochs belong to partitions and are given by the cluster map: see RING KEY";

constexpr auto kNotOurs = std::to_array<NotOurs>({
    {"ADDSLOTS", kPlacedByPlan},
    {"ADDSLOTSRANGE", kPlacedByPlan},
    {"BUMPEPOCH", kEpochsOfPartitions},
    {"COUNT-FAILURE-REPORTS", "who suspects whom is gossip's: see NODES and INFO gossip"},
    {"DELSLOTS", kPlacedByPlan},
    {"DELSLOTSRANGE", kPlacedByPlan},
    {"FLUSHSLOTS", kPlacedByPlan},
    {"FORGET", "use CLUSTER LEAVE, or CLUSTER REMOVE for a node that is down"},
    {"MEET", "use CLUSTER JOIN on the node that is to come in"},
    {"REPLICAS", kNoReplicaNodes},
    {"REPLICATE", kNoReplicaNodes},
    {"RESET", "use CLUSTER LEAVE"},
    {"SAVECONFIG", "the cluster map is on disk before it counts: see INFO cluster"},
    {"SET-CONFIG-EPOCH", kEpochsOfPartitions},
    {"SETSLOT", kPlacedByPlan},
    {"SLAVES", kNoReplicaNodes},
});

}  // namespace

control::Control* clustered(NodeContext& context) {
  control::Control* control = context.node().cluster();
  if (control == nullptr) context.reply().error(errors::kNoCluster);
  return control;
}

void handle_cluster_info(NodeContext& context) {
  if (clustered(context) == nullptr) return;
  Node& node = context.node();
  const ClusterFigures figures = cluster_figures(cluster_view(node));
  context.reply().verbatim("txt", cluster_info_text(figures, channel_figures(node)));
}

void handle_cluster_nodes(NodeContext& context) {
  reply_kept(context, ClusterReplies::Kind::nodes);
}

void handle_cluster_slots(NodeContext& context) {
  const bool with_replicas = context.node().values().cluster_client_mode == ClusterClientMode::any;
  reply_kept(context, with_replicas ? ClusterReplies::Kind::slots
                                    : ClusterReplies::Kind::slots_of_primaries);
}

void handle_cluster_shards(NodeContext& context) {
  reply_kept(context, ClusterReplies::Kind::shards);
}

void handle_cluster_myid(NodeContext& context) {
  const control::Control* control = clustered(context);
  if (control != nullptr) context.reply().bulk(control->identity());
}

void handle_cluster_keyslot(NodeContext& context) {
  if (clustered(context) == nullptr) return;
  context.reply().integer(raw(topology::slot_of(context.argument(2))));
}

void handle_cluster_countkeysinslot(NodeContext& context) {
  if (clustered(context) == nullptr) return;
  const auto slot = command::integer_argument(context.argument(2));
  if (!slot) return context.reply().error(slot.error());
  if (!is_slot(*slot)) return context.reply().error(errors::kInvalidSlot);
  int64_t count = 0;
  for_each_in_slot(context.node(), static_cast<Slot>(*slot), [&count](std::string_view) {
    ++count;
    return true;
  });
  context.reply().integer(count);
}

void handle_cluster_getkeysinslot(NodeContext& context) {
  if (clustered(context) == nullptr) return;
  const auto slot = command::integer_argument(context.argument(2));
  if (!slot) return context.reply().error(slot.error());
  const auto count_max = command::integer_argument(context.argument(3));
  if (!count_max) return context.reply().error(count_max.error());
  if (!is_slot(*slot) || *count_max < 0) return context.reply().error(errors::kInvalidSlotOrCount);
  if (*count_max == 0) return context.reply().array(0);
  resp::ReplyWriter& reply = context.reply();
  const auto deferred = reply.open();
  int64_t count = 0;
  for_each_in_slot(context.node(), static_cast<Slot>(*slot), [&](std::string_view key) {
    reply.bulk(key);
    return ++count < *count_max;
  });
  reply.close_array(deferred, static_cast<size_t>(count));
}

// Each of a peer's links has its own entry, as each of Redis's two connections has.
void handle_cluster_links(NodeContext& context) {
  control::Control* control = clustered(context);
  if (control == nullptr) return;
  resp::ReplyWriter& reply = context.reply();
  constexpr int64_t kUsPerMs = 1000;
  const int64_t now_ms = context.node().env().clock.wall_us() / kUsPerMs;
  const auto deferred = reply.open();
  size_t count = 0;
  for (const bus::LinkStatus& link : control->bus().links()) {
    if (link.state != bus::Connection::State::open) continue;
    ++count;
    reply.map(6);
    reply.bulk("direction");
    reply.bulk(link.began_here ? "to" : "from");
    reply.bulk("node");
    reply.bulk(link.identity);
    reply.bulk("create-time");
    reply.integer(now_ms - static_cast<int64_t>(link.open_for_us / kUsPerMs));
    reply.bulk("events");
    reply.bulk(link.queued_bytes > 0 ? "rw" : "r");
    reply.bulk("send-buffer-allocated");
    reply.integer(static_cast<int64_t>(link.queued_bytes));
    reply.bulk("send-buffer-used");
    reply.integer(static_cast<int64_t>(link.queued_bytes));
  }
  reply.close_array(deferred, count);
}

void handle_cluster_not_ours(NodeContext& context) {
  if (clustered(context) == nullptr) return;
  const auto row = std::ranges::find_if(
      kNotOurs, [&](const NotOurs& entry) { return entry.name == context.command().spec->name; });
  QUORIS_ASSERT(row != kNotOurs.end());
  context.reply().error(errors::cluster_not_ours(row->name, row->instead));
}

void handle_cluster_mode(NodeContext& context) {
  if (clustered(context) != nullptr) context.reply().ok();
}

void handle_cluster_help(NodeContext& context) {
  if (clustered(context) == nullptr) return;
  static constexpr auto kLines = std::to_array<std::string_view>({
      "COUNTKEYSINSLOT <slot>",
      "    How many keys of a slot this node holds itself. Looks at every key.",
      "FAILOVER [<node>]",
      "    Hands Raft's leadership from this node to another voter.",
      "GETKEYSINSLOT <slot> <count>",
      "    Up to so many of them. Looks at every key.",
      "INFO",
      "    State and figures; INFO cluster, raft and gossip have more.",
      "JOIN [<host>:<port>|<host> <port>]",
      "    Come in by a member's cluster port, or stay after all after LEAVE.",
      "KEYSLOT <key>",
      "    The slot of a key.",
      "LEAVE [<node>]",
      "    This node, or another, goes once it holds nothing any more.",
      "LINKS",
      "    The open connections from and to other nodes.",
      "MYID",
      "    This node's id.",
      "NODES",
      "    A line per node: id, address, flags, epoch, link, slots. Command NODES reads better.",
      "REMOVE <node>",
      "    A node that is down won't come back: others take over what it held.",
      "SHARDS",
      "    The nodes with the slots that each is primary of.",
      "SLOTS",
      "    The slots with their primaries, and replicas where cluster-client-mode is any.",
  });
  command::reply_help(context.reply(), "CLUSTER", kLines);
}

}  // namespace quoris::server
