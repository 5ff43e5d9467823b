// Rows of the commands that say how the node fares: slow commands, latency, memory, MONITOR.
#include <array>

#include "command/row_parts.h"
#include "server/commands/monitoring_commands.h"
#include "server/commands/rows.h"

namespace quoris::server {

using namespace command;  // a row is made of its names: flags, categories, row_parts.h

namespace {

constexpr auto kSlowlogGetTips = std::array{kAllNodes, kNondeterministic};

constexpr auto kSlowlogGetHistory = std::to_array<HistoryNote>({
    {"4.0.0", "Entries show the client's address and name."},
});

constexpr auto kSlowlogGetArguments = std::to_array<Argument>({
    {.name = "count", .type = ArgumentType::integer, .flags = Argument::optional},
});

constexpr auto kSlowlogLenTips = std::array{kAllNodes, kSum, kNondeterministic};

constexpr auto kSlowlogSubcommands = std::to_array<CommandSpec>({
    {.name = "GET",
     .arity = -2,
     .flags = admin | loading | stale,
     .tips = kSlowlogGetTips,
     .group = CommandGroup::server,
     .since = "2.2.12",
     .complexity = "O(N), N being the entries shown",
     .summary = "Shows the latest entries of the slow log.",
     .history = kSlowlogGetHistory,
     .arguments = kSlowlogGetArguments,
     .node_handler = &handle_slowlog_get},
    {.name = "LEN",
     .arity = 2,
     .flags = admin | loading | stale,
     .tips = kSlowlogLenTips,
     .group = CommandGroup::server,
     .since = "2.2.12",
     .complexity = "O(1)",
     .summary = "Counts the entries of the slow log.",
     .node_handler = &handle_slowlog_len},
    {.name = "RESET",
     .arity = 2,
     .flags = admin | loading | stale,
     .tips = kEveryNodeTips,
     .group = CommandGroup::server,
     .since = "2.2.12",
     .complexity = "O(N), N being the entries",
     .summary = "Empties the slow log.",
     .node_handler = &handle_slowlog_reset},
    {.name = "HELP",
     .arity = 2,
     .flags = loading | stale,
     .group = CommandGroup::server,
     .since = "6.2.0",
     .complexity = "O(1)",
     .summary = "Explains the subcommands.",
     .node_handler = &handle_slowlog_help},
});

constexpr auto kEventArgument = std::to_array<Argument>({
    {.name = "event"},
});

constexpr auto kLatencyResetArguments = std::to_array<Argument>({
    {.name = "event", .flags = Argument::optional | Argument::multiple},
});

constexpr auto kLatencyHistogramArguments = std::to_array<Argument>({
    {.name = "command", .flags = Argument::optional | Argument::multiple},
});

constexpr auto kLatencyLoopArguments = std::to_array<Argument>({
    {.name = "reset",
     .type = ArgumentType::pure_token,
     .token = "RESET",
     .flags = Argument::optional},
});

constexpr auto kLatencySubcommands = std::to_array<CommandSpec>({
    {.name = "LATEST",
     .arity = 2,
     .flags = admin | noscript | loading | stale,
     .tips = kNodeReportTips,
     .group = CommandGroup::server,
     .since = "2.8.13",
     .complexity = "O(1)",
     .summary = "Shows the last spike and the worst of every event.",
     .node_handler = &handle_latency_latest},
    {.name = "HISTORY",
     .arity = 3,
     .flags = admin | noscript | loading | stale,
     .tips = kNodeReportTips,
     .group = CommandGroup::server,
     .since = "2.8.13",
     .complexity = "O(1)",
     .summary = "Lists an event's spikes with their times.",
     .arguments = kEventArgument,
     .node_handler = &handle_latency_history},
    {.name = "RESET",
     .arity = -2,
     .flags = admin | noscript | loading | stale,
     .tips = kEveryNodeTips,
     .group = CommandGroup::server,
     .since = "2.8.13",
     .complexity = "O(1)",
     .summary = "Forgets the spikes of the given events, or all.",
     .arguments = kLatencyResetArguments,
     .node_handler = &handle_latency_reset},
    {.name = "GRAPH",
     .arity = 3,
     .flags = admin | noscript | loading | stale,
     .tips = kNodeReportTips,
     .group = CommandGroup::server,
     .since = "2.8.13",
     .complexity = "O(1)",
     .summary = "Draws an event's spikes with characters.",
     .arguments = kEventArgument,
     .node_handler = &handle_latency_graph},
    {.name = "DOCTOR",
     .arity = 2,
     .flags = admin | noscript | loading | stale,
     .tips = kNodeReportTips,
     .group = CommandGroup::server,
     .since = "2.8.13",
     .complexity = "O(1)",
     .summary = "Explains in plain words what the spikes point to.",
     .node_handler = &handle_latency_doctor},
    {.name = "HISTOGRAM",
     .arity = -2,
     .flags = admin | noscript | loading | stale,
     .tips = kNodeReportTips,
     .group = CommandGroup::server,
     .since = "7.0.0",
     .complexity = "O(N), N being the commands shown",
     .summary = "Shows how the run times of commands are distributed.",
     .arguments = kLatencyHistogramArguments,
     .node_handler = &handle_latency_histogram},
    {.name = "LOOP",
     .arity = -2,
     .flags = admin | noscript | loading | stale,
     .tips = kNodeReportTips,
     .group = CommandGroup::server,
     .since = "0.1.0",
     .complexity = "O(1)",
     .summary =
         "Shows how the CPU times of the event loop's turns are distributed, in microseconds.",
     .arguments = kLatencyLoopArguments,
     .node_handler = &handle_latency_loop},
    {.name = "HELP",
     .arity = 2,
     .flags = loading | stale,
     .group = CommandGroup::server,
     .since = "2.8.13",
     .complexity = "O(1)",
     .summary = "Explains the subcommands.",
     .node_handler = &handle_latency_help},
});

constexpr auto kMemoryUsageArguments = std::to_array<Argument>({
    key_argument(),
    {.name = "count",
     .type = ArgumentType::integer,
     .token = "SAMPLES",
     .flags = Argument::optional},
});

constexpr auto kMemorySubcommands = std::to_array<CommandSpec>({
    {.name = "USAGE",
     .arity = -3,
     .flags = readonly,
     .keys = kSecondKeyLooked,
     .group = CommandGroup::server,
     .routing = Routing::one_slot,
     .since = "4.0.0",
     .complexity = "O(N), N being the elements sampled",
     .summary = "Tells about how many bytes a key and its value take.",
     .arguments = kMemoryUsageArguments,
     .node_handler = &handle_memory_usage},
    {.name = "STATS",
     .arity = 2,
     .tips = kShardReportTips,
     .group = CommandGroup::server,
     .since = "4.0.0",
     .complexity = "O(1)",
     .summary = "Breaks the memory in use down by purpose.",
     .node_handler = &handle_memory_stats},
    {.name = "DOCTOR",
     .arity = 2,
     .tips = kShardReportTips,
     .group = CommandGroup::server,
     .since = "4.0.0",
     .complexity = "O(1)",
     .summary = "Explains in plain words what is unusual about the use of memory.",
     .node_handler = &handle_memory_doctor},
    {.name = "MALLOC-STATS",
     .arity = 2,
     .tips = kShardReportTips,
     .group = CommandGroup::server,
     .since = "4.0.0",
     .complexity = "Depends on the allocator",
     .summary = "Shows the figures of the memory allocator.",
     .node_handler = &handle_memory_malloc_stats},
    {.name = "PURGE",
     .arity = 2,
     .tips = kEveryShardTips,
     .group = CommandGroup::server,
     .since = "4.0.0",
     .complexity = "Depends on the memory that the allocator holds",
     .summary = "Has the allocator hand unused memory back to the system.",
     .node_handler = &handle_memory_purge},
    {.name = "HELP",
     .arity = 2,
     .flags = loading | stale,
     .group = CommandGroup::server,
     .since = "4.0.0",
     .complexity = "O(1)",
     .summary = "Explains the subcommands.",
     .node_handler = &handle_memory_help},
});

constexpr auto kMonitoringRows = std::to_array<CommandSpec>({
    {.name = "SLOWLOG",
     .arity = -2,
     .group = CommandGroup::server,
     .since = "2.2.12",
     .complexity = "Depends on the subcommand",
     .summary = "Commands on the log of slow commands.",
     .subcommands = kSlowlogSubcommands},
    {.name = "LATENCY",
     .arity = -2,
     .group = CommandGroup::server,
     .since = "2.8.13",
     .complexity = "Depends on the subcommand",
     .summary = "Commands on the record of latency spikes.",
     .subcommands = kLatencySubcommands},
    {.name = "MEMORY",
     .arity = -2,
     .group = CommandGroup::server,
     .since = "4.0.0",
     .complexity = "Depends on the subcommand",
     .summary = "Commands on the use of memory.",
     .subcommands = kMemorySubcommands},
    {.name = "MONITOR",
     .arity = 1,
     .flags = admin | noscript | loading | stale,
     .group = CommandGroup::server,
     .since = "1.0.0",
     .summary = "Shows the commands of all clients as they are run.",
     .node_handler = &handle_monitor},
});

}  // namespace

std::span<const CommandSpec> monitoring_rows() { return kMonitoringRows; }

}  // namespace quoris::server
