// Rows of the commands on the node as a whole: what it knows, its settings, its end.
#include <array>

#include "command/row_parts.h"
#include "server/commands/admin_commands.h"
#include "server/commands/command_commands.h"
#include "server/commands/config_commands.h"
#include "server/commands/info_command.h"
#include "server/commands/persistence_commands.h"
#include "server/commands/rows.h"

namespace quoris::server {

using namespace command;  // a row is made of its names: flags, categories, row_parts.h

namespace {

constexpr auto kInfoHistory = std::to_array<HistoryNote>({
    {"7.0.0", "Several sections can be asked for."},
});

constexpr auto kInfoArguments = std::to_array<Argument>({
    {.name = "section", .flags = Argument::optional | Argument::multiple},
});

constexpr auto kCommandNames = std::to_array<Argument>({
    {.name = "command-name", .flags = Argument::optional | Argument::multiple},
});

constexpr auto kCommandInfoHistory = std::to_array<HistoryNote>({
    {"7.0.0", "Without names it describes all commands."},
});

constexpr auto kCommandListFilterby = std::to_array<Argument>({
    {.name = "module-name", .token = "MODULE"},
    {.name = "category", .token = "ACLCAT"},
    {.name = "pattern", .type = ArgumentType::pattern, .token = "PATTERN"},
});

constexpr auto kCommandListArguments = std::to_array<Argument>({
    {.name = "filterby",
     .type = ArgumentType::oneof,
     .token = "FILTERBY",
     .flags = Argument::optional,
     .arguments = kCommandListFilterby},
});

constexpr auto kCommandSubcommands = std::to_array<CommandSpec>({
    {.name = "COUNT",
     .arity = 2,
     .flags = loading | stale,
     .extra_categories = cat_connection,
     .group = CommandGroup::server,
     .since = "2.8.13",
     .complexity = "O(1)",
     .summary = "Counts the commands.",
     .node_handler = &handle_command_count},
    {.name = "DOCS",
     .arity = -2,
     .flags = loading | stale,
     .extra_categories = cat_connection,
     .tips = kNondeterministicOrderTips,
     .group = CommandGroup::server,
     .since = "7.0.0",
     .complexity = "O(N), N being the commands asked for",
     .summary = "Documents the given commands, or all.",
     .arguments = kCommandNames,
     .node_handler = &handle_command_docs},
    {.name = "GETKEYS",
     .arity = -4,
     .flags = loading | stale,
     .extra_categories = cat_connection,
     .group = CommandGroup::server,
     .since = "2.8.13",
     .complexity = "O(N), N being the arguments of that command",
     .summary = "Lists the keys in a whole command.",
     .node_handler = &handle_command_getkeys},
    {.name = "GETKEYSANDFLAGS",
     .arity = -4,
     .flags = loading | stale,
     .extra_categories = cat_connection,
     .group = CommandGroup::server,
     .since = "7.0.0",
     .complexity = "O(N), N being the arguments of that command",
     .summary = "Lists the keys in a whole command with what it does to each.",
     .node_handler = &handle_command_getkeysandflags},
    {.name = "INFO",
     .arity = -2,
     .flags = loading | stale,
     .extra_categories = cat_connection,
     .tips = kNondeterministicOrderTips,
     .group = CommandGroup::server,
     .since = "2.8.13",
     .complexity = "O(N), N being the commands asked for",
     .summary = "Describes the given commands, or all.",
     .history = kCommandInfoHistory,
     .arguments = kCommandNames,
     .node_handler = &handle_command_info},
    {.name = "LIST",
     .arity = -2,
     .flags = loading | stale,
     .extra_categories = cat_connection,
     .tips = kNondeterministicOrderTips,
     .group = CommandGroup::server,
     .since = "7.0.0",
     .complexity = "O(N), N being the commands",
     .summary = "Names the commands, all or those that a filter leaves.",
     .arguments = kCommandListArguments,
     .node_handler = &handle_command_list},
    {.name = "HELP",
     .arity = 2,
     .flags = loading | stale,
     .extra_categories = cat_connection,
     .group = CommandGroup::server,
     .since = "5.0.0",
     .complexity = "O(1)",
     .summary = "Explains the subcommands.",
     .node_handler = &handle_command_help},
});

constexpr auto kConfigGetHistory = std::to_array<HistoryNote>({
    {"7.0.0", "Several patterns can be given."},
});

constexpr auto kConfigGetParameter = std::to_array<Argument>({
    {.name = "parameter"},
});

constexpr auto kConfigGetArguments = std::to_array<Argument>({
    {.name = "parameter",
     .type = ArgumentType::block,
     .flags = Argument::multiple,
     .arguments = kConfigGetParameter},
});

constexpr auto kConfigSetHistory = std::to_array<HistoryNote>({
    {"7.0.0", "Several settings can be given."},
});

constexpr auto kConfigSetParameterValue = std::to_array<Argument>({
    {.name = "parameter"},
    {.name = "value"},
});

constexpr auto kConfigSetArguments = std::to_array<Argument>({
    {.name = "parameter_value",
     .type = ArgumentType::block,
     .flags = Argument::multiple,
     .arguments = kConfigSetParameterValue},
});

constexpr auto kConfigSubcommands = std::to_array<CommandSpec>({
    {.name = "GET",
     .arity = -3,
     .flags = admin | noscript | loading | stale,
     .group = CommandGroup::server,
     .since = "2.0.0",
     .complexity = "O(N), N being the patterns",
     .summary = "Shows the settings whose names match the patterns.",
     .history = kConfigGetHistory,
     .arguments = kConfigGetArguments,
     .node_handler = &handle_config_get},
    {.name = "SET",
     .arity = -4,
     .flags = admin | noscript | loading | stale,
     .tips = kEveryNodeTips,
     .group = CommandGroup::server,
     .since = "2.0.0",
     .complexity = "O(N), N being the settings given",
     .summary = "Changes settings: all of them, or none when one is refused.",
     .history = kConfigSetHistory,
     .arguments = kConfigSetArguments,
     .node_handler = &handle_config_set},
    {.name = "RESETSTAT",
     .arity = 2,
     .flags = admin | noscript | loading | stale,
     .group = CommandGroup::server,
     .since = "2.0.0",
     .complexity = "O(1)",
     .summary = "Sets the counters that INFO shows back to zero.",
     .node_handler = &handle_config_resetstat},
    {.name = "REWRITE",
     .arity = 2,
     .flags = admin | noscript | loading | stale,
     .group = CommandGroup::server,
     .since = "2.8.0",
     .complexity = "O(1)",
     .summary = "Writes the settings in force into the configuration file.",
     .node_handler = &handle_config_rewrite},
    {.name = "HELP",
     .arity = 2,
     .flags = loading | stale,
     .group = CommandGroup::server,
     .since = "5.0.0",
     .complexity = "O(1)",
     .summary = "Explains the subcommands.",
     .node_handler = &handle_config_help},
});

constexpr auto kWaitTips = std::array{kAllShards, kMinimum};

constexpr auto kWaitArguments = std::to_array<Argument>({
    {.name = "numreplicas", .type = ArgumentType::integer},
    {.name = "timeout", .type = ArgumentType::integer},
});

constexpr auto kShutdownHistory = std::to_array<HistoryNote>({
    {"7.0.0", "Options `NOW`, `FORCE` and `ABORT`."},
});

constexpr auto kShutdownNosaveSave = std::to_array<Argument>({
    word("nosave", "NOSAVE"),
    word("save", "SAVE"),
});

constexpr auto kShutdownArguments = std::to_array<Argument>({
    {.name = "nosave_save",
     .type = ArgumentType::oneof,
     .flags = Argument::optional,
     .arguments = kShutdownNosaveSave},
    optional_word("now", "NOW", "7.0.0"),
    optional_word("force", "FORCE", "7.0.0"),
    optional_word("abort", "ABORT", "7.0.0"),
});

constexpr auto kLolwutArguments = std::to_array<Argument>({
    {.name = "version",
     .type = ArgumentType::integer,
     .token = "VERSION",
     .flags = Argument::optional},
});

constexpr auto kBgsaveHistory = std::to_array<HistoryNote>({
    {"3.2.2", "Option `SCHEDULE`."},
});

constexpr auto kBgsaveArguments = std::to_array<Argument>({
    optional_word("schedule", "SCHEDULE", "3.2.2"),
});

constexpr auto kServerRows = std::to_array<CommandSpec>({
    {.name = "INFO",
     .arity = -1,
     .flags = loading | stale,
     .extra_categories = cat_dangerous,
     .tips = kShardReportTips,
     .group = CommandGroup::server,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Reports figures on the server, by sections.",
     .history = kInfoHistory,
     .arguments = kInfoArguments,
     .node_handler = &handle_info},
    {.name = "COMMAND",
     .arity = -1,
     .flags = loading | stale,
     .extra_categories = cat_connection,
     .tips = kNondeterministicOrderTips,
     .group = CommandGroup::server,
     .since = "2.8.13",
     .complexity = "O(N), N being the commands",
     .summary = "Describes all commands, and has subcommands that tell more.",
     .subcommands = kCommandSubcommands,
     .node_handler = &handle_command},
    {.name = "CONFIG",
     .arity = -2,
     .group = CommandGroup::server,
     .since = "2.0.0",
     .complexity = "Depends on the subcommand",
     .summary = "Commands on the settings of a running server.",
     .subcommands = kConfigSubcommands},
    {.name = "TIME",
     .arity = 1,
     .flags = loading | stale | fast,
     .tips = kNondeterministicTips,
     .group = CommandGroup::server,
     .since = "2.6.0",
     .complexity = "O(1)",
     .summary = "Tells the server's time: Unix seconds and the microseconds within them.",
     .node_handler = &handle_time},
    {.name = "ROLE",
     .arity = 1,
     .flags = noscript | loading | stale | fast,
     .extra_categories = cat_admin | cat_dangerous,
     .group = CommandGroup::server,
     .since = "2.8.12",
     .complexity = "O(1)",
     .summary = "Tells which part the node plays in replication.",
     .node_handler = &handle_role},
    {.name = "SAVE",
     .arity = 1,
     .flags = admin | noscript | no_async_loading | no_multi,
     .group = CommandGroup::server,
     .since = "1.0.0",
     .complexity = "O(N), N being the number of all keys",
     .summary = "Writes a snapshot and answers when it is durable; others are served meanwhile.",
     .node_handler = &handle_save},
    {.name = "BGSAVE",
     .arity = -1,
     .flags = admin | noscript | no_async_loading,
     .group = CommandGroup::server,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Begins to write a snapshot.",
     .history = kBgsaveHistory,
     .arguments = kBgsaveArguments,
     .node_handler = &handle_bgsave},
    {.name = "BGREWRITEAOF",
     .arity = 1,
     .flags = admin | noscript | no_async_loading,
     .group = CommandGroup::server,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Begins to write a snapshot, which lets the older part of the log go.",
     .node_handler = &handle_bgrewriteaof},
    {.name = "LASTSAVE",
     .arity = 1,
     .flags = loading | stale | fast,
     .extra_categories = cat_admin | cat_dangerous,
     .tips = kNondeterministicTips,
     .group = CommandGroup::server,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Tells the Unix time of the last snapshot that succeeded.",
     .node_handler = &handle_lastsave},
    {.name = "WAIT",
     .arity = 3,
     .flags = noscript,
     .extra_categories = cat_connection,
     .tips = kWaitTips,
     .group = CommandGroup::generic,
     .since = "3.0.0",
     .complexity = "O(1)",
     .summary = "Waits until so many replicas have this connection's writes, or the time is up.",
     .arguments = kWaitArguments,
     .node_handler = &handle_wait},
    {.name = "SHUTDOWN",
     .arity = -1,
     .flags = admin | noscript | loading | stale | no_multi | allow_busy,
     .group = CommandGroup::server,
     .since = "1.0.0",
     .complexity = "O(N) with a snapshot, N being all keys; else O(1)",
     .summary = "Stops the server, with or without a last snapshot.",
     .history = kShutdownHistory,
     .arguments = kShutdownArguments,
     .node_handler = &handle_shutdown},
    {.name = "LOLWUT",
     .arity = -1,
     .flags = readonly | fast,
     .group = CommandGroup::server,
     .since = "5.0.0",
     .summary = "Draws a picture and tells the version.",
     .arguments = kLolwutArguments,
     .node_handler = &handle_lolwut},
    {.name = "DEBUG",
     .arity = -2,
     .flags = admin | noscript | loading | stale,
     .group = CommandGroup::server,
     .since = "1.0.0",
     .complexity = "Depends on the subcommand",
     .summary = "Tools for tests and for the hunt for faults.",
     .is_syscmd = true,
     .node_handler = &handle_debug},
});

}  // namespace

std::span<const CommandSpec> server_rows() { return kServerRows; }

}  // namespace quoris::server
