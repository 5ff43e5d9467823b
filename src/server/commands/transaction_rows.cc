// Rows of MULTI and its family.
#include <array>

#include "command/row_parts.h"
#include "server/commands/rows.h"
#include "server/commands/transaction_commands.h"

namespace quoris::server {

using namespace command;  // a row is made of its names: flags, categories, row_parts.h

namespace {

constexpr auto kTransactionRows = std::to_array<CommandSpec>({
    {.name = "MULTI",
     .arity = 1,
     .flags = noscript | loading | stale | fast | allow_busy | immediate_in_multi,
     .extra_categories = cat_transaction,
     .group = CommandGroup::transactions,
     .since = "1.2.0",
     .complexity = "O(1)",
     .summary = "Opens a transaction: the commands that follow are queued.",
     .node_handler = &handle_multi},
    {.name = "EXEC",
     .arity = 1,
     .flags = noscript | loading | stale | skip_slowlog | immediate_in_multi,
     .extra_categories = cat_transaction,
     .group = CommandGroup::transactions,
     .since = "1.2.0",
     .complexity = "That of the queued commands",
     .summary = "Runs the queued commands as one, unless a watched key has changed.",
     .node_handler = &handle_exec},
    {.name = "DISCARD",
     .arity = 1,
     .flags = noscript | loading | stale | fast | allow_busy | immediate_in_multi,
     .extra_categories = cat_transaction,
     .group = CommandGroup::transactions,
     .since = "2.0.0",
     .complexity = "O(N), N being the queued commands",
     .summary = "Drops the queued commands and ends the transaction.",
     .node_handler = &handle_discard},
    {.name = "WATCH",
     .arity = -2,
     .flags = noscript | loading | stale | fast | allow_busy | immediate_in_multi,
     .extra_categories = cat_transaction,
     .keys = kAllKeysLooked,
     .group = CommandGroup::transactions,
     .routing = Routing::one_slot,
     .since = "2.2.0",
     .complexity = "O(1) per key",
     .summary = "Makes the next EXEC fail if one of these keys changes before it.",
     .arguments = kKeysArgument,
     .node_handler = &handle_watch},
    {.name = "UNWATCH",
     .arity = 1,
     .flags = noscript | loading | stale | fast | allow_busy,
     .extra_categories = cat_transaction,
     .group = CommandGroup::transactions,
     .since = "2.2.0",
     .complexity = "O(1)",
     .summary = "Forgets the keys watched by this connection.",
     .node_handler = &handle_unwatch},
});

}  // namespace

std::span<const CommandSpec> transaction_rows() { return kTransactionRows; }

}  // namespace quoris::server
