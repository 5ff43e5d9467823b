// Rows of the commands that only Quoris has.
#include <array>

#include "command/row_parts.h"
#include "command/table.h"
#include "server/commands/cluster_commands.h"
#include "server/commands/quoris_commands.h"
#include "server/commands/rows.h"
#include "server/consistency.h"

namespace quoris::server {

using namespace command;  // a row is made of its names: flags, categories, row_parts.h

namespace {

// CONSISTENCY <level> <command ...> has the keys of the command that it runs. It never runs
// itself, so a request cannot nest the search.
bool find_consistency_keys(const CommandTable& table, std::span<const std::string_view> arguments,
                           std::vector<FoundKey>& keys) {
  constexpr uint32_t kInnerAt = 2;
  if (arguments.size() <= kInnerAt || !parse_level(arguments[1])) return true;
  const auto request = arguments.subspan(kInnerAt);
  const Command* inner = table.find_request(request);
  if (inner == nullptr || inner->spec->key_finder == &find_consistency_keys) return false;
  if (!inner->arity_fits(request.size())) return false;
  const auto found = find_keys(*inner, request);
  if (!found) return false;
  for (const FoundKey& key : *found) {
    keys.push_back({.position = key.position + kInnerAt, .flags = key.flags});
  }
  return true;
}

constexpr auto kConsistencyKeys =
    std::to_array<KeySpec>({{.notes = "The keys are those of the command that follows the level",
                             .flags = key_rw | key_access | key_update | key_variable_flags,
                             .begin = KeySpec::Begin::unknown,
                             .find = KeySpec::Find::unknown}});

constexpr auto kLevels = std::to_array<Argument>({
    word("any", "ANY"),
    word("one", "ONE"),
    word("quorum", "QUORUM"),
    word("all", "ALL"),
    word("strong", "STRONG"),
});

constexpr auto kOneRequest = std::to_array<Argument>({
    {.name = "command"},
    {.name = "argument", .flags = Argument::optional | Argument::multiple},
});

constexpr auto kBothLevels = std::to_array<Argument>({
    {.name = "level", .type = ArgumentType::oneof, .arguments = kLevels},
    {.name = "request",
     .type = ArgumentType::block,
     .flags = Argument::optional,
     .arguments = kOneRequest},
});

constexpr auto kEachLevel = std::to_array<Argument>({
    {.name = "read",
     .type = ArgumentType::oneof,
     .token = "READ",
     .flags = Argument::optional,
     .arguments = kLevels},
    {.name = "write",
     .type = ArgumentType::oneof,
     .token = "WRITE",
     .flags = Argument::optional,
     .arguments = kLevels},
});

constexpr auto kConsistencyForms = std::to_array<Argument>({
    {.name = "both", .type = ArgumentType::block, .arguments = kBothLevels},
    {.name = "each", .type = ArgumentType::block, .arguments = kEachLevel},
});

constexpr auto kConsistencyArguments = std::to_array<Argument>({
    {.name = "levels",
     .type = ArgumentType::oneof,
     .flags = Argument::optional,
     .arguments = kConsistencyForms},
});

constexpr auto kNodesArguments = std::array{optional_word("full", "FULL")};

// The key is looked at, not looked up: it routes nothing.
constexpr auto kRingArguments =
    std::to_array<Argument>({{.name = "key", .token = "KEY", .flags = Argument::optional}});

constexpr auto kDelayOptions = std::to_array<Argument>({
    {.name = "milliseconds", .type = ArgumentType::integer, .token = "DELAY"},
    {.name = "jitter", .type = ArgumentType::integer, .flags = Argument::optional},
    {.name = "which", .flags = Argument::optional | Argument::multiple},
});

constexpr auto kDropOptions = std::to_array<Argument>({
    {.name = "percent", .type = ArgumentType::floating, .token = "DROP"},
    {.name = "which", .flags = Argument::optional | Argument::multiple},
});

constexpr auto kDuplicateOptions = std::to_array<Argument>({
    {.name = "percent", .type = ArgumentType::floating, .token = "DUPLICATE"},
    {.name = "which", .flags = Argument::optional | Argument::multiple},
});

constexpr auto kFaultForms = std::to_array<Argument>({
    word("enable", "ENABLE"),
    word("disable", "DISABLE"),
    {.name = "delay", .type = ArgumentType::block, .arguments = kDelayOptions},
    {.name = "drop", .type = ArgumentType::block, .arguments = kDropOptions},
    {.name = "duplicate", .type = ArgumentType::block, .arguments = kDuplicateOptions},
    {.name = "which", .token = "PARTITION", .flags = Argument::multiple},
    word("fail", "FAIL"),
    word("recover", "RECOVER"),
    word("clear", "CLEAR"),
    word("status", "STATUS"),
    word("help", "HELP"),
});

constexpr auto kFaultArguments = std::to_array<Argument>(
    {{.name = "action", .type = ArgumentType::oneof, .arguments = kFaultForms}});

// `since` names releases of Quoris here.
constexpr auto kQuorisRows = std::to_array<CommandSpec>({
    {.name = "NODES",
     .arity = -1,
     .flags = loading | stale,
     .extra_categories = cat_connection,
     .tips = kNondeterministicTips,
     .group = CommandGroup::cluster,
     .since = "0.1.0",
     .complexity = "O(N), N being the nodes; FULL also by the partitions",
     .summary = "Shows who is there as a table, or all that is known of each node as a map.",
     .arguments = kNodesArguments,
     .node_handler = &handle_nodes},
    {.name = "RING",
     .arity = -1,
     .flags = loading | stale,
     .extra_categories = cat_connection,
     .tips = kNondeterministicTips,
     .group = CommandGroup::cluster,
     .since = "0.1.0",
     .complexity = "O(N), N being nodes times partitions; O(1) with KEY",
     .summary = "Shows how much each node holds as a table, or where a key lives as a map.",
     .arguments = kRingArguments,
     .node_handler = &handle_ring},
    {.name = "FAULT",
     .arity = -2,
     .flags = admin | noscript | loading | stale,
     .tips = kNondeterministicTips,
     .group = CommandGroup::cluster,
     .since = "0.1.0",
     .complexity = "O(N), N being the nodes",
     .summary = "Makes links between nodes fail in chosen ways, and shows what became of messages.",
     .arguments = kFaultArguments,
     .node_handler = &handle_fault},
    {.name = "CONSISTENCY",
     .arity = -1,
     .flags = noscript | loading | stale | may_replicate | no_mandatory_keys,
     .extra_categories = cat_connection,
     .keys = kConsistencyKeys,
     .group = CommandGroup::connection,
     .since = "0.1.0",
     .complexity = "O(1), or that of the command it runs",
     .summary =
         "Shows or sets this connection's consistency levels, or runs one command at a level.",
     .arguments = kConsistencyArguments,
     .key_finder = &find_consistency_keys,
     .node_handler = &handle_consistency},
});

}  // namespace

std::span<const CommandSpec> quoris_rows() { return kQuorisRows; }

}  // namespace quoris::server
