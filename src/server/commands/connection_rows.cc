// Rows of the commands on the caller's own connection.
#include <array>

#include "command/row_parts.h"
#include "server/commands/connection_commands.h"
#include "server/commands/rows.h"

namespace quoris::server {

using namespace command;  // a row is made of its names: flags, categories, row_parts.h

namespace {

constexpr auto kPingArguments = std::to_array<Argument>({
    {.name = "message", .flags = Argument::optional},
});

constexpr auto kEchoArguments = std::to_array<Argument>({
    {.name = "message"},
});

constexpr auto kAuthHistory = std::to_array<HistoryNote>({
    {"6.0.0", "A user name may come before the password."},
});

constexpr auto kAuthArguments = std::to_array<Argument>({
    {.name = "username", .since = "6.0.0", .flags = Argument::optional},
    {.name = "password"},
});

constexpr auto kHelloHistory = std::to_array<HistoryNote>({
    {"6.2.0",
     "The version may be left out: then nothing changes and the reply describes the connection."},
});

constexpr auto kHelloUsernamePassword = std::to_array<Argument>({
    {.name = "username"},
    {.name = "password"},
});

constexpr auto kHelloArguments = std::to_array<Argument>({
    {.name = "protover", .type = ArgumentType::integer},
    {.name = "username_password",
     .type = ArgumentType::block,
     .token = "AUTH",
     .flags = Argument::optional,
     .arguments = kHelloUsernamePassword},
    {.name = "clientname", .token = "SETNAME", .flags = Argument::optional},
});

constexpr auto kHelloArguments2 = std::to_array<Argument>({
    {.name = "arguments",
     .type = ArgumentType::block,
     .flags = Argument::optional,
     .arguments = kHelloArguments},
});

constexpr auto kSelectArguments = std::to_array<Argument>({
    {.name = "index", .type = ArgumentType::integer},
});

constexpr auto kConnectionRows = std::to_array<CommandSpec>({
    {.name = "PING",
     .arity = -1,
     .flags = fast | while_subscribed,
     .extra_categories = cat_connection,
     .tips = kEveryShardTips,
     .group = CommandGroup::connection,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Answers PONG, or with the given message.",
     .arguments = kPingArguments,
     .node_handler = &handle_ping},
    {.name = "ECHO",
     .arity = 2,
     .flags = loading | stale | fast,
     .extra_categories = cat_connection,
     .group = CommandGroup::connection,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Sends the message back.",
     .arguments = kEchoArguments,
     .node_handler = &handle_echo},
    {.name = "AUTH",
     .arity = -2,
     .flags = noscript | loading | stale | fast | no_auth | allow_busy,
     .extra_categories = cat_connection,
     .group = CommandGroup::connection,
     .since = "1.0.0",
     .complexity = "O(N), N being the passwords that the user has",
     .summary = "Proves who the client is, by a password or by a user name and its password.",
     .history = kAuthHistory,
     .arguments = kAuthArguments,
     .node_handler = &handle_auth},
    {.name = "HELLO",
     .arity = -1,
     .flags = noscript | loading | stale | fast | no_auth | allow_busy,
     .extra_categories = cat_connection,
     .group = CommandGroup::connection,
     .since = "6.0.0",
     .complexity = "O(1)",
     .summary = "Chooses the protocol version, can log in and name the connection on the way, and "
                "tells what the server is.",
     .history = kHelloHistory,
     .arguments = kHelloArguments2,
     .node_handler = &handle_hello},
    {.name = "SELECT",
     .arity = 2,
     .flags = loading | stale | fast,
     .extra_categories = cat_connection,
     .group = CommandGroup::connection,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Makes another database the current one of this connection.",
     .arguments = kSelectArguments,
     .node_handler = &handle_select},
    {.name = "RESET",
     .arity = 1,
     .flags = noscript | loading | stale | fast | no_auth | allow_busy | immediate_in_multi |
              while_subscribed,
     .extra_categories = cat_connection,
     .group = CommandGroup::connection,
     .since = "6.2.0",
     .complexity = "O(1)",
     .summary = "Puts the connection back into the state it had when it was opened.",
     .node_handler = &handle_reset},
    {.name = "QUIT",
     .arity = -1,
     .flags = noscript | loading | stale | fast | no_auth | allow_busy | immediate_in_multi |
              while_subscribed,
     .extra_categories = cat_connection,
     .group = CommandGroup::connection,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Says goodbye: the server answers OK and closes the connection.",
     .node_handler = &handle_quit},
});

}  // namespace

std::span<const CommandSpec> connection_rows() { return kConnectionRows; }

}  // namespace quoris::server
