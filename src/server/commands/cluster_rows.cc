// Rows of CLUSTER, and of what Redis Cluster's clients send beside it.
//
// Flags, arities and arguments are Redis's also of what does not apply here, so that a client
// learns that from the error and not from its own parser. FAILOVER alone takes something else.
#include <array>

#include "command/row_parts.h"
#include "server/commands/cluster_commands.h"
#include "server/commands/rows.h"

namespace quoris::server {

using namespace command;  // a row is made of its names: flags, categories, row_parts.h

namespace {

constexpr auto kSlotArgument =
    std::to_array<Argument>({{.name = "slot", .type = ArgumentType::integer}});

constexpr auto kSlotsArgument = std::to_array<Argument>(
    {{.name = "slot", .type = ArgumentType::integer, .flags = Argument::multiple}});

constexpr auto kSlotRange = std::to_array<Argument>({
    {.name = "start-slot", .type = ArgumentType::integer},
    {.name = "end-slot", .type = ArgumentType::integer},
});

constexpr auto kSlotRangesArgument = std::to_array<Argument>({{.name = "start-slot_end-slot",
                                                               .type = ArgumentType::block,
                                                               .flags = Argument::multiple,
                                                               .arguments = kSlotRange}});

constexpr auto kSlotAndCount = std::to_array<Argument>({
    {.name = "slot", .type = ArgumentType::integer},
    {.name = "count", .type = ArgumentType::integer},
});

// No key in the sense of the table: nothing is looked up.
constexpr auto kKeyText = std::to_array<Argument>({{.name = "key"}});

constexpr auto kNodeIdArgument = std::to_array<Argument>({{.name = "node-id"}});

constexpr auto kEpochArgument =
    std::to_array<Argument>({{.name = "config-epoch", .type = ArgumentType::integer}});

constexpr auto kMeetHistory = std::to_array<HistoryNote>({
    {"4.0.0", "Takes the port of the bus."},
});

constexpr auto kMeetArguments = std::to_array<Argument>({
    {.name = "ip"},
    {.name = "port", .type = ArgumentType::integer},
    {.name = "cluster_bus_port",
     .type = ArgumentType::integer,
     .since = "4.0.0",
     .flags = Argument::optional},
});

constexpr auto kHardOrSoft = std::array{word("hard", "HARD"), word("soft", "SOFT")};

constexpr auto kResetArguments = std::to_array<Argument>({{.name = "hard_soft",
                                                           .type = ArgumentType::oneof,
                                                           .flags = Argument::optional,
                                                           .arguments = kHardOrSoft}});

constexpr auto kSetslotForms = std::to_array<Argument>({
    {.name = "node-id", .token = "IMPORTING"},
    {.name = "node-id", .token = "MIGRATING"},
    {.name = "node-id", .token = "NODE"},
    word("stable", "STABLE"),
});

constexpr auto kSetslotArguments = std::to_array<Argument>({
    {.name = "slot", .type = ArgumentType::integer},
    {.name = "subcommand", .type = ArgumentType::oneof, .arguments = kSetslotForms},
});

constexpr auto kSlotsHistory = std::to_array<HistoryNote>({
    {"4.0.0", "Rows have the nodes' ids."},
    {"7.0.0", "Rows have a map of other addresses."},
});

// --- our own ------------------------------------------------------------------------------------

constexpr auto kNodeArgument = std::to_array<Argument>({{.name = "node"}});

constexpr auto kOptionalNode =
    std::to_array<Argument>({{.name = "node", .flags = Argument::optional}});

constexpr auto kHostAndPort = std::to_array<Argument>({
    {.name = "host"},
    {.name = "port", .type = ArgumentType::integer},
});

constexpr auto kJoinForms = std::to_array<Argument>({
    {.name = "host:port"},
    {.name = "address", .type = ArgumentType::block, .arguments = kHostAndPort},
});

constexpr auto kJoinArguments = std::to_array<Argument>({{.name = "member",
                                                          .type = ArgumentType::oneof,
                                                          .flags = Argument::optional,
                                                          .arguments = kJoinForms}});

constexpr uint32_t kChanges = admin | stale | no_async_loading;

// Redis's, answered with an error that names ours.
constexpr CommandSpec not_ours(std::string_view name, int16_t arity,
                               std::span<const Argument> arguments, std::string_view since) {
  CommandSpec row;
  row.name = name;
  row.arity = arity;
  row.flags = kChanges;
  row.group = CommandGroup::cluster;
  row.since = since;
  row.complexity = "O(1)";
  row.summary = "Does not apply here: the error says what does.";
  row.arguments = arguments;
  row.node_handler = &handle_cluster_not_ours;
  return row;
}

constexpr CommandSpec not_ours_report(std::string_view name, std::span<const Argument> arguments,
                                      std::string_view since) {
  CommandSpec row = not_ours(name, 3, arguments, since);
  row.flags = admin | stale;
  row.tips = kNondeterministicTips;
  return row;
}

constexpr CommandSpec bumpepoch() {
  CommandSpec row = not_ours("BUMPEPOCH", 2, {}, "3.0.0");
  row.tips = kNondeterministicTips;
  return row;
}

constexpr CommandSpec meet() {
  CommandSpec row = not_ours("MEET", -4, kMeetArguments, "3.0.0");
  row.history = kMeetHistory;
  return row;
}

constexpr CommandSpec reset() {
  CommandSpec row = not_ours("RESET", -2, kResetArguments, "3.0.0");
  row.flags = admin | noscript | stale;
  return row;
}

constexpr CommandSpec slaves() {
  CommandSpec row = not_ours_report("SLAVES", kNodeIdArgument, "3.0.0");
  row.deprecated_since = "5.0.0";
  row.replaced_by = "`CLUSTER REPLICAS`";
  return row;
}

// What only tells. All but HELP are refused while data is loaded.
constexpr CommandSpec report(std::string_view name, std::string_view summary,
                             void (*handler)(NodeContext&)) {
  CommandSpec row;
  row.name = name;
  row.arity = 2;
  row.flags = stale;
  row.tips = kNondeterministicTips;
  row.group = CommandGroup::cluster;
  row.since = "3.0.0";
  row.complexity = "O(N), N being the nodes";
  row.summary = summary;
  row.node_handler = handler;
  return row;
}

constexpr CommandSpec slots() {
  CommandSpec row = report("SLOTS", "Lists runs of slots with their primaries and replicas.",
                           &handle_cluster_slots);
  row.complexity = "O(N), N being the partitions; kept until the map changes";
  row.deprecated_since = "7.0.0";
  row.replaced_by = "`CLUSTER SHARDS`";
  row.history = kSlotsHistory;
  return row;
}

constexpr CommandSpec since_7(CommandSpec row) {
  row.since = "7.0.0";
  return row;
}

constexpr auto kClusterSubcommands = std::to_array<CommandSpec>({
    not_ours("ADDSLOTS", -3, kSlotsArgument, "3.0.0"),
    not_ours("ADDSLOTSRANGE", -4, kSlotRangesArgument, "7.0.0"),
    bumpepoch(),
    not_ours_report("COUNT-FAILURE-REPORTS", kNodeIdArgument, "3.0.0"),
    {.name = "COUNTKEYSINSLOT",
     .arity = 3,
     .flags = stale,
     .group = CommandGroup::cluster,
     .since = "3.0.0",
     .complexity = "O(N), N being the keys of this node",
     .summary = "Counts this node's own keys in a slot.",
     .arguments = kSlotArgument,
     .node_handler = &handle_cluster_countkeysinslot},
    not_ours("DELSLOTS", -3, kSlotsArgument, "3.0.0"),
    not_ours("DELSLOTSRANGE", -4, kSlotRangesArgument, "7.0.0"),
    {.name = "FAILOVER",
     .arity = -2,
     .flags = kChanges,
     .group = CommandGroup::cluster,
     .since = "3.0.0",
     .complexity = "O(1)",
     .summary = "Hands Raft's leadership from this node to another voter, or to the best one.",
     .arguments = kOptionalNode,
     .node_handler = &handle_cluster_failover},
    not_ours("FLUSHSLOTS", 2, {}, "3.0.0"),
    not_ours("FORGET", 3, kNodeIdArgument, "3.0.0"),
    {.name = "GETKEYSINSLOT",
     .arity = 4,
     .flags = stale,
     .tips = kNondeterministicTips,
     .group = CommandGroup::cluster,
     .since = "3.0.0",
     .complexity = "O(N), N being the keys of this node",
     .summary = "Lists up to so many of this node's own keys in a slot.",
     .arguments = kSlotAndCount,
     .node_handler = &handle_cluster_getkeysinslot},
    {.name = "HELP",
     .arity = 2,
     .flags = loading | stale,
     .group = CommandGroup::cluster,
     .since = "5.0.0",
     .complexity = "O(1)",
     .summary = "Explains the subcommands.",
     .node_handler = &handle_cluster_help},
    report("INFO", "Tells how the cluster fares, as this node sees it.", &handle_cluster_info),
    {.name = "JOIN",
     .arity = -2,
     .flags = kChanges | noscript | no_multi,
     .group = CommandGroup::cluster,
     .since = "0.1.0",
     .complexity = "O(1); the answer of a member that stays comes once the map says so",
     .summary = "Comes into a cluster by one of its members, or takes LEAVE back.",
     .arguments = kJoinArguments,
     .node_handler = &handle_cluster_join},
    {.name = "KEYSLOT",
     .arity = 3,
     .flags = stale,
     .group = CommandGroup::cluster,
     .since = "3.0.0",
     .complexity = "O(N), N being the bytes of the key",
     .summary = "Tells the slot of a key.",
     .arguments = kKeyText,
     .node_handler = &handle_cluster_keyslot},
    {.name = "LEAVE",
     .arity = -2,
     .flags = kChanges | noscript | no_multi,
     .group = CommandGroup::cluster,
     .since = "0.1.0",
     .complexity = "O(1); the answer comes once the map says so",
     .summary = "Lets this node or another go, once others hold what it holds.",
     .arguments = kOptionalNode,
     .node_handler = &handle_cluster_leave},
    since_7(report("LINKS", "Lists the open connections with other nodes.", &handle_cluster_links)),
    meet(),
    {.name = "MYID",
     .arity = 2,
     .flags = stale,
     .group = CommandGroup::cluster,
     .since = "3.0.0",
     .complexity = "O(1)",
     .summary = "Tells this node's id.",
     .node_handler = &handle_cluster_myid},
    report("NODES", "Lists the nodes with their slots, a line each.", &handle_cluster_nodes),
    {.name = "REMOVE",
     .arity = 3,
     .flags = kChanges | noscript | no_multi,
     .group = CommandGroup::cluster,
     .since = "0.1.0",
     .complexity = "O(1); the answer comes once the map says so",
     .summary = "Gives up a node that is down: others take over what it held.",
     .arguments = kNodeArgument,
     .node_handler = &handle_cluster_remove},
    not_ours_report("REPLICAS", kNodeIdArgument, "5.0.0"),
    not_ours("REPLICATE", 3, kNodeIdArgument, "3.0.0"),
    reset(),
    not_ours("SAVECONFIG", 2, {}, "3.0.0"),
    not_ours("SET-CONFIG-EPOCH", 3, kEpochArgument, "3.0.0"),
    not_ours("SETSLOT", -4, kSetslotArguments, "3.0.0"),
    since_7(report("SHARDS", "Lists the nodes with the slots that each is primary of.",
                   &handle_cluster_shards)),
    slaves(),
    slots(),
});

constexpr auto kClusterRows = std::to_array<CommandSpec>({
    {.name = "CLUSTER",
     .arity = -2,
     .group = CommandGroup::cluster,
     .since = "3.0.0",
     .complexity = "That of the subcommand",
     .summary = "Tells of the cluster and changes who belongs to it.",
     .subcommands = kClusterSubcommands},
    {.name = "ASKING",
     .arity = 1,
     .flags = fast,
     .extra_categories = cat_connection,
     .group = CommandGroup::cluster,
     .since = "3.0.0",
     .complexity = "O(1)",
     .summary = "Accepted from cluster clients: requests are never sent elsewhere by ASK.",
     .node_handler = &handle_cluster_mode},
    {.name = "READONLY",
     .arity = 1,
     .flags = loading | stale | fast,
     .extra_categories = cat_connection,
     .group = CommandGroup::cluster,
     .since = "3.0.0",
     .complexity = "O(1)",
     .summary = "Accepted from cluster clients, and changes nothing.",
     .node_handler = &handle_cluster_mode},
    {.name = "READWRITE",
     .arity = 1,
     .flags = loading | stale | fast,
     .extra_categories = cat_connection,
     .group = CommandGroup::cluster,
     .since = "3.0.0",
     .complexity = "O(1)",
     .summary = "Accepted from cluster clients: takes READONLY back, which changed nothing.",
     .node_handler = &handle_cluster_mode},
});

}  // namespace

std::span<const CommandSpec> cluster_rows() { return kClusterRows; }

}  // namespace quoris::server
