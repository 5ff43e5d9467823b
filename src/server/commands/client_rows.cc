// Rows of CLIENT and its subcommands.
#include <array>

#include "command/row_parts.h"
#include "server/commands/client_commands.h"
#include "server/commands/rows.h"

namespace quoris::server {

using namespace command;  // a row is made of its names: flags, categories, row_parts.h

namespace {

constexpr auto kClientListHistory = std::to_array<HistoryNote>({
    {"2.8.12", "Lines begin with the field `id`."},
    {"5.0.0", "`TYPE` picks connections of one kind."},
    {"6.0.0", "Lines show the field `user`."},
    {"6.2.0",
     "Lines show `argv-mem`, `tot-mem`, `laddr` and `redir`; `ID` picks connections by number."},
    {"7.0.0", "Lines show `resp`, `multi-mem`, `rbs` and `rbp`."},
    {"7.0.3", "Lines show the field `ssub`."},
});

constexpr auto kClientListNormalMasterReplicaPubsub = std::to_array<Argument>({
    word("normal", "NORMAL"),
    word("master", "MASTER"),
    word("replica", "REPLICA"),
    word("pubsub", "PUBSUB"),
});

constexpr auto kClientListId = std::to_array<Argument>({
    {.name = "client-id", .type = ArgumentType::integer, .flags = Argument::multiple},
});

constexpr auto kClientListArguments = std::to_array<Argument>({
    {.name = "normal_master_replica_pubsub",
     .type = ArgumentType::oneof,
     .token = "TYPE",
     .since = "5.0.0",
     .flags = Argument::optional,
     .arguments = kClientListNormalMasterReplicaPubsub},
    {.name = "id",
     .type = ArgumentType::block,
     .token = "ID",
     .since = "6.2.0",
     .flags = Argument::optional,
     .arguments = kClientListId},
});

constexpr auto kClientKillHistory = std::to_array<HistoryNote>({
    {"2.8.12", "Filters can be given and combined."},
    {"2.8.12", "Filter `ID`."},
    {"3.2.0", "`TYPE` knows `master`."},
    {"5.0.0", "`TYPE` says `replica`; `slave` keeps working."},
    {"6.2.0", "Filter `LADDR`."},
});

constexpr auto kClientKillFilterNewFormatNormalMasterSlavePubsub = std::to_array<Argument>({
    word("normal", "NORMAL"),
    word("master", "MASTER", "3.2.0"),
    word("slave", "SLAVE"),
    word("replica", "REPLICA", "5.0.0"),
    word("pubsub", "PUBSUB"),
});

constexpr auto kClientKillFilterNewFormat = std::to_array<Argument>({
    {.name = "client-id",
     .type = ArgumentType::integer,
     .token = "ID",
     .since = "2.8.12",
     .flags = Argument::optional},
    {.name = "normal_master_slave_pubsub",
     .type = ArgumentType::oneof,
     .token = "TYPE",
     .since = "2.8.12",
     .flags = Argument::optional,
     .arguments = kClientKillFilterNewFormatNormalMasterSlavePubsub},
    {.name = "username", .token = "USER", .flags = Argument::optional},
    {.name = "ip:port", .token = "ADDR", .flags = Argument::optional},
    {.name = "ip:port", .token = "LADDR", .since = "6.2.0", .flags = Argument::optional},
    {.name = "yes/no", .token = "SKIPME", .flags = Argument::optional},
});

constexpr auto kClientKillFilter = std::to_array<Argument>({
    {.name = "ip:port", .deprecated_since = "2.8.12"},
    {.name = "new-format",
     .type = ArgumentType::oneof,
     .flags = Argument::multiple,
     .arguments = kClientKillFilterNewFormat},
});

constexpr auto kClientKillArguments = std::to_array<Argument>({
    {.name = "filter", .type = ArgumentType::oneof, .arguments = kClientKillFilter},
});

constexpr auto kClientSetnameArguments = std::to_array<Argument>({
    {.name = "connection-name"},
});

constexpr auto kClientSetinfoAttr = std::to_array<Argument>({
    {.name = "libname", .token = "lib-name"},
    {.name = "libver", .token = "lib-ver"},
});

constexpr auto kClientSetinfoArguments = std::to_array<Argument>({
    {.name = "attr", .type = ArgumentType::oneof, .arguments = kClientSetinfoAttr},
});

constexpr auto kClientPauseHistory = std::to_array<HistoryNote>({
    {"6.2.0", "A mode can be given: `WRITE` or `ALL`."},
});

constexpr auto kClientPauseMode = std::to_array<Argument>({
    word("write", "WRITE"),
    word("all", "ALL"),
});

constexpr auto kClientPauseArguments = std::to_array<Argument>({
    {.name = "timeout", .type = ArgumentType::integer},
    {.name = "mode",
     .type = ArgumentType::oneof,
     .since = "6.2.0",
     .flags = Argument::optional,
     .arguments = kClientPauseMode},
});

constexpr auto kClientReplyOnOffSkip = std::to_array<Argument>({
    word("on", "ON"),
    word("off", "OFF"),
    word("skip", "SKIP"),
});

constexpr auto kClientReplyArguments = std::to_array<Argument>({
    {.name = "on_off_skip", .type = ArgumentType::oneof, .arguments = kClientReplyOnOffSkip},
});

constexpr auto kClientNoEvictArguments = std::to_array<Argument>({
    {.name = "enabled", .type = ArgumentType::oneof, .arguments = kOnOff},
});

constexpr auto kClientUnblockTimeoutError = std::to_array<Argument>({
    word("timeout", "TIMEOUT"),
    word("error", "ERROR"),
});

constexpr auto kClientUnblockArguments = std::to_array<Argument>({
    {.name = "client-id", .type = ArgumentType::integer},
    {.name = "timeout_error",
     .type = ArgumentType::oneof,
     .flags = Argument::optional,
     .arguments = kClientUnblockTimeoutError},
});

constexpr auto kClientSubcommands = std::to_array<CommandSpec>({
    {.name = "ID",
     .arity = 2,
     .flags = noscript | loading | stale,
     .extra_categories = cat_connection,
     .group = CommandGroup::connection,
     .since = "5.0.0",
     .complexity = "O(1)",
     .summary = "Tells this connection's number.",
     .node_handler = &handle_client_id},
    {.name = "INFO",
     .arity = 2,
     .flags = noscript | loading | stale,
     .extra_categories = cat_connection,
     .tips = kNondeterministicTips,
     .group = CommandGroup::connection,
     .since = "6.2.0",
     .complexity = "O(1)",
     .summary = "Describes this connection in one line.",
     .node_handler = &handle_client_info},
    {.name = "LIST",
     .arity = -2,
     .flags = admin | noscript | loading | stale,
     .extra_categories = cat_connection,
     .tips = kNondeterministicTips,
     .group = CommandGroup::connection,
     .since = "2.4.0",
     .complexity = "O(N), N being the open connections",
     .summary = "Describes open connections, one line each.",
     .history = kClientListHistory,
     .arguments = kClientListArguments,
     .node_handler = &handle_client_list},
    {.name = "KILL",
     .arity = -3,
     .flags = admin | noscript | loading | stale,
     .extra_categories = cat_connection,
     .group = CommandGroup::connection,
     .since = "2.4.0",
     .complexity = "O(N), N being the open connections",
     .summary = "Closes connections, chosen by address or by filters.",
     .history = kClientKillHistory,
     .arguments = kClientKillArguments,
     .node_handler = &handle_client_kill},
    {.name = "GETNAME",
     .arity = 2,
     .flags = noscript | loading | stale,
     .extra_categories = cat_connection,
     .group = CommandGroup::connection,
     .since = "2.6.9",
     .complexity = "O(1)",
     .summary = "Tells the name given to this connection.",
     .node_handler = &handle_client_getname},
    {.name = "SETNAME",
     .arity = 3,
     .flags = noscript | loading | stale,
     .extra_categories = cat_connection,
     .group = CommandGroup::connection,
     .since = "2.6.9",
     .complexity = "O(1)",
     .summary = "Gives this connection a name.",
     .arguments = kClientSetnameArguments,
     .node_handler = &handle_client_setname},
    {.name = "SETINFO",
     .arity = 4,
     .flags = noscript | loading | stale,
     .extra_categories = cat_connection,
     .tips = kEveryNodeTips,
     .group = CommandGroup::connection,
     .since = "7.2.0",
     .complexity = "O(1)",
     .summary = "Notes the client library's name or version for CLIENT LIST.",
     .arguments = kClientSetinfoArguments,
     .node_handler = &handle_client_setinfo},
    {.name = "PAUSE",
     .arity = -3,
     .flags = admin | noscript | loading | stale,
     .extra_categories = cat_connection,
     .group = CommandGroup::connection,
     .since = "2.9.50",
     .complexity = "O(1)",
     .summary = "Holds back the commands of all clients, or only those that write, for a while.",
     .history = kClientPauseHistory,
     .arguments = kClientPauseArguments,
     .node_handler = &handle_client_pause},
    {.name = "UNPAUSE",
     .arity = 2,
     .flags = admin | noscript | loading | stale,
     .extra_categories = cat_connection,
     .group = CommandGroup::connection,
     .since = "6.2.0",
     .complexity = "O(N), N being the clients that were held back",
     .summary = "Ends a CLIENT PAUSE early.",
     .node_handler = &handle_client_unpause},
    {.name = "REPLY",
     .arity = 3,
     .flags = noscript | loading | stale,
     .extra_categories = cat_connection,
     .group = CommandGroup::connection,
     .since = "3.2.0",
     .complexity = "O(1)",
     .summary = "Turns the replies on this connection off and on, or suppresses the next one.",
     .arguments = kClientReplyArguments,
     .node_handler = &handle_client_reply},
    {.name = "NO-EVICT",
     .arity = 3,
     .flags = admin | noscript | loading | stale,
     .extra_categories = cat_connection,
     .group = CommandGroup::connection,
     .since = "7.0.0",
     .complexity = "O(1)",
     .summary = "Exempts this connection from being closed when clients take too much memory.",
     .arguments = kClientNoEvictArguments,
     .node_handler = &handle_client_no_evict},
    {.name = "NO-TOUCH",
     .arity = 3,
     .flags = noscript | loading | stale,
     .extra_categories = cat_connection,
     .group = CommandGroup::connection,
     .since = "7.2.0",
     .complexity = "O(1)",
     .summary = "Lets reads on this connection leave the access clocks of keys alone.",
     .arguments = kClientNoEvictArguments,
     .node_handler = &handle_client_no_touch},
    {.name = "GETREDIR",
     .arity = 2,
     .flags = noscript | loading | stale,
     .extra_categories = cat_connection,
     .group = CommandGroup::connection,
     .since = "6.0.0",
     .complexity = "O(1)",
     .summary = "Tells which connection gets the invalidation messages of this one.",
     .node_handler = &handle_client_getredir},
    {.name = "UNBLOCK",
     .arity = -3,
     .flags = admin | noscript | loading | stale,
     .extra_categories = cat_connection,
     .group = CommandGroup::connection,
     .since = "5.0.0",
     .complexity = "O(log N), N being the open connections",
     .summary = "Wakes another client out of a command that blocks.",
     .arguments = kClientUnblockArguments,
     .node_handler = &handle_client_unblock},
    {.name = "HELP",
     .arity = 2,
     .flags = loading | stale,
     .extra_categories = cat_connection,
     .group = CommandGroup::connection,
     .since = "5.0.0",
     .complexity = "O(1)",
     .summary = "Explains the subcommands.",
     .node_handler = &handle_client_help},
});

constexpr auto kClientRows = std::to_array<CommandSpec>({
    {.name = "CLIENT",
     .arity = -2,
     .group = CommandGroup::connection,
     .since = "2.4.0",
     .complexity = "Depends on the subcommand",
     .summary = "Commands on connections.",
     .subcommands = kClientSubcommands},
});

}  // namespace

std::span<const CommandSpec> client_rows() { return kClientRows; }

}  // namespace quoris::server
