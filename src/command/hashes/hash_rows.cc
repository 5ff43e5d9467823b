// Rows of the hash commands.
#include <array>

#include "command/hashes/hash_commands.h"
#include "command/row_parts.h"
#include "command/table.h"

namespace quoris::command {

namespace {

constexpr auto kHsetHistory = std::to_array<HistoryNote>({
    {"4.0.0", "Several fields at once."},
});

constexpr auto kFieldAndValue = std::to_array<Argument>({
    {.name = "field"},
    {.name = "value"},
});

constexpr auto kFieldsAndValuesArguments = std::to_array<Argument>({
    key_argument(),
    {.name = "field_value",
     .type = ArgumentType::block,
     .flags = Argument::multiple,
     .arguments = kFieldAndValue},
});

constexpr auto kHsetnxKeys = std::array{keys_at(1, key_rw | key_insert)};

constexpr auto kFieldAndValueArguments = std::to_array<Argument>({
    key_argument(),
    {.name = "field"},
    {.name = "value"},
});

constexpr auto kFieldArguments = std::to_array<Argument>({
    key_argument(),
    {.name = "field"},
});

constexpr auto kFieldsArguments = std::to_array<Argument>({
    key_argument(),
    {.name = "field", .flags = Argument::multiple},
});

constexpr auto kHdelKeys = std::array{keys_at(1, key_rw | key_delete)};

constexpr auto kHdelHistory = std::to_array<HistoryNote>({
    {"2.4.0", "Several fields at once."},
});

constexpr auto kHincrbyArguments = std::to_array<Argument>({
    key_argument(),
    {.name = "field"},
    {.name = "increment", .type = ArgumentType::integer},
});

constexpr auto kHincrbyfloatArguments = std::to_array<Argument>({
    key_argument(),
    {.name = "field"},
    {.name = "increment", .type = ArgumentType::floating},
});

constexpr auto kRandomOptions = std::to_array<Argument>({
    {.name = "count", .type = ArgumentType::integer},
    optional_word("withvalues", "WITHVALUES"),
});

constexpr auto kHrandfieldArguments = std::to_array<Argument>({
    key_argument(),
    {.name = "options",
     .type = ArgumentType::block,
     .flags = Argument::optional,
     .arguments = kRandomOptions},
});

constexpr auto kHscanArguments = std::to_array<Argument>({
    key_argument(),
    {.name = "cursor", .type = ArgumentType::integer},
    {.name = "pattern",
     .type = ArgumentType::pattern,
     .token = "MATCH",
     .flags = Argument::optional},
    {.name = "count", .type = ArgumentType::integer, .token = "COUNT", .flags = Argument::optional},
});

constexpr auto kHashCommandRows = std::to_array<CommandSpec>({
    {.name = "HSET",
     .arity = -4,
     .flags = write | denyoom | fast,
     .extra_categories = cat_hash,
     .keys = kKeyUpdated,
     .group = CommandGroup::hash,
     .routing = Routing::one_slot,
     .since = "2.0.0",
     .complexity = "O(N), N being the fields set",
     .summary = "Sets fields of a hash.",
     .history = kHsetHistory,
     .arguments = kFieldsAndValuesArguments,
     .handler = &handle_hset},
    {.name = "HMSET",
     .arity = -4,
     .flags = write | denyoom | fast,
     .extra_categories = cat_hash,
     .keys = kKeyUpdated,
     .group = CommandGroup::hash,
     .routing = Routing::one_slot,
     .since = "2.0.0",
     .complexity = "O(N), N being the fields set",
     .summary = "Sets fields of a hash, and answers OK.",
     .deprecated_since = "4.0.0",
     .replaced_by = "`HSET` with multiple field-value pairs",
     .arguments = kFieldsAndValuesArguments,
     .handler = &handle_hmset},
    {.name = "HSETNX",
     .arity = 4,
     .flags = write | denyoom | fast,
     .extra_categories = cat_hash,
     .keys = kHsetnxKeys,
     .group = CommandGroup::hash,
     .routing = Routing::one_slot,
     .since = "2.0.0",
     .complexity = "O(1)",
     .summary = "Sets a field that is not there yet.",
     .arguments = kFieldAndValueArguments,
     .handler = &handle_hsetnx},
    {.name = "HGET",
     .arity = 3,
     .flags = readonly | fast,
     .extra_categories = cat_hash,
     .keys = kKeyRead,
     .group = CommandGroup::hash,
     .routing = Routing::one_slot,
     .since = "2.0.0",
     .complexity = "O(1)",
     .summary = "Reads one field.",
     .arguments = kFieldArguments,
     .handler = &handle_hget},
    {.name = "HMGET",
     .arity = -3,
     .flags = readonly | fast,
     .extra_categories = cat_hash,
     .keys = kKeyRead,
     .group = CommandGroup::hash,
     .routing = Routing::one_slot,
     .since = "2.0.0",
     .complexity = "O(N), N being the fields asked for",
     .summary = "Reads several fields.",
     .arguments = kFieldsArguments,
     .handler = &handle_hmget},
    {.name = "HDEL",
     .arity = -3,
     .flags = write | fast,
     .extra_categories = cat_hash,
     .keys = kHdelKeys,
     .group = CommandGroup::hash,
     .routing = Routing::one_slot,
     .since = "2.0.0",
     .complexity = "O(N), N being the fields named",
     .summary = "Removes fields; a hash without any is gone.",
     .history = kHdelHistory,
     .arguments = kFieldsArguments,
     .handler = &handle_hdel},
    {.name = "HEXISTS",
     .arity = 3,
     .flags = readonly | fast,
     .extra_categories = cat_hash,
     .keys = kKeyLooked,
     .group = CommandGroup::hash,
     .routing = Routing::one_slot,
     .since = "2.0.0",
     .complexity = "O(1)",
     .summary = "Tells whether a hash has a field.",
     .arguments = kFieldArguments,
     .handler = &handle_hexists},
    {.name = "HLEN",
     .arity = 2,
     .flags = readonly | fast,
     .extra_categories = cat_hash,
     .keys = kKeyLooked,
     .group = CommandGroup::hash,
     .routing = Routing::one_slot,
     .since = "2.0.0",
     .complexity = "O(1)",
     .summary = "Counts the fields of a hash.",
     .arguments = kKeyArgument,
     .handler = &handle_hlen},
    {.name = "HSTRLEN",
     .arity = 3,
     .flags = readonly | fast,
     .extra_categories = cat_hash,
     .keys = kKeyLooked,
     .group = CommandGroup::hash,
     .routing = Routing::one_slot,
     .since = "3.2.0",
     .complexity = "O(1)",
     .summary = "Tells how long a field's value is.",
     .arguments = kFieldArguments,
     .handler = &handle_hstrlen},
    {.name = "HKEYS",
     .arity = 2,
     .flags = readonly,
     .extra_categories = cat_hash,
     .keys = kKeyRead,
     .tips = kNondeterministicOrderTips,
     .group = CommandGroup::hash,
     .routing = Routing::one_slot,
     .since = "2.0.0",
     .complexity = "O(N), N being the fields of the hash",
     .summary = "Lists the names of all fields.",
     .arguments = kKeyArgument,
     .handler = &handle_hkeys},
    {.name = "HVALS",
     .arity = 2,
     .flags = readonly,
     .extra_categories = cat_hash,
     .keys = kKeyRead,
     .tips = kNondeterministicOrderTips,
     .group = CommandGroup::hash,
     .routing = Routing::one_slot,
     .since = "2.0.0",
     .complexity = "O(N), N being the fields of the hash",
     .summary = "Lists the values of all fields.",
     .arguments = kKeyArgument,
     .handler = &handle_hvals},
    {.name = "HGETALL",
     .arity = 2,
     .flags = readonly,
     .extra_categories = cat_hash,
     .keys = kKeyRead,
     .tips = kNondeterministicOrderTips,
     .group = CommandGroup::hash,
     .routing = Routing::one_slot,
     .since = "2.0.0",
     .complexity = "O(N), N being the fields of the hash",
     .summary = "Reads a whole hash.",
     .arguments = kKeyArgument,
     .handler = &handle_hgetall},
    {.name = "HINCRBY",
     .arity = 4,
     .flags = write | denyoom | fast,
     .extra_categories = cat_hash,
     .keys = kKeyReadUpdated,
     .group = CommandGroup::hash,
     .routing = Routing::one_slot,
     .since = "2.0.0",
     .complexity = "O(1)",
     .summary = "Adds an integer to a field.",
     .arguments = kHincrbyArguments,
     .handler = &handle_hincrby},
    {.name = "HINCRBYFLOAT",
     .arity = 4,
     .flags = write | denyoom | fast,
     .extra_categories = cat_hash,
     .keys = kKeyReadUpdated,
     .group = CommandGroup::hash,
     .routing = Routing::one_slot,
     .since = "2.6.0",
     .complexity = "O(1)",
     .summary = "Adds a number with a fraction to a field.",
     .arguments = kHincrbyfloatArguments,
     .handler = &handle_hincrbyfloat},
    {.name = "HRANDFIELD",
     .arity = -2,
     .flags = readonly,
     .extra_categories = cat_hash,
     .keys = kKeyRead,
     .tips = kNondeterministicTips,
     .group = CommandGroup::hash,
     .routing = Routing::one_slot,
     .since = "6.2.0",
     .complexity = "O(N), N being the fields returned",
     .summary = "Picks fields by chance.",
     .arguments = kHrandfieldArguments,
     .handler = &handle_hrandfield},
    {.name = "HSCAN",
     .arity = -3,
     .flags = readonly,
     .extra_categories = cat_hash,
     .keys = kKeyRead,
     .tips = kNondeterministicTips,
     .group = CommandGroup::hash,
     .routing = Routing::one_slot,
     .since = "2.8.0",
     .complexity = "O(1) per call, O(N) for a whole walk, N being the fields of the hash",
     .summary = "Walks over the fields of a hash, some at a time.",
     .arguments = kHscanArguments,
     .handler = &handle_hscan},
});

}  // namespace

std::span<const CommandSpec> hash_command_rows() { return kHashCommandRows; }

}  // namespace quoris::command
