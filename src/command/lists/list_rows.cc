// Rows of the list commands.
#include <array>

#include "command/lists/list_commands.h"
#include "command/row_parts.h"
#include "command/table.h"

namespace quoris::command {

namespace {

constexpr auto kKeyInserted = std::array{keys_at(1, key_rw | key_insert)};

constexpr auto kPushHistory = std::to_array<HistoryNote>({
    {"2.4.0", "Several items at once."},
});

constexpr auto kPushArguments = std::to_array<Argument>({
    key_argument(),
    {.name = "element", .flags = Argument::multiple},
});

constexpr auto kPushxHistory = std::to_array<HistoryNote>({
    {"4.0.0", "Several items at once."},
});

constexpr auto kPopHistory = std::to_array<HistoryNote>({
    {"6.2.0", "Argument `count`."},
});

constexpr auto kPopArguments = std::to_array<Argument>({
    key_argument(),
    {.name = "count", .type = ArgumentType::integer, .since = "6.2.0", .flags = Argument::optional},
});

constexpr auto kLindexArguments = std::to_array<Argument>({
    key_argument(),
    {.name = "index", .type = ArgumentType::integer},
});

constexpr auto kLsetArguments = std::to_array<Argument>({
    key_argument(),
    {.name = "index", .type = ArgumentType::integer},
    {.name = "element"},
});

constexpr auto kSides = std::to_array<Argument>({
    word("before", "BEFORE"),
    word("after", "AFTER"),
});

constexpr auto kLinsertArguments = std::to_array<Argument>({
    key_argument(),
    {.name = "where", .type = ArgumentType::oneof, .arguments = kSides},
    {.name = "pivot"},
    {.name = "element"},
});

constexpr auto kLrangeArguments = std::to_array<Argument>({
    key_argument(),
    {.name = "start", .type = ArgumentType::integer},
    {.name = "stop", .type = ArgumentType::integer},
});

constexpr auto kKeyShortened = std::array{keys_at(1, key_rw | key_delete)};

constexpr auto kLremArguments = std::to_array<Argument>({
    key_argument(),
    {.name = "count", .type = ArgumentType::integer},
    {.name = "element"},
});

constexpr auto kLposArguments = std::to_array<Argument>({
    key_argument(),
    {.name = "element"},
    {.name = "rank", .type = ArgumentType::integer, .token = "RANK", .flags = Argument::optional},
    {.name = "num-matches",
     .type = ArgumentType::integer,
     .token = "COUNT",
     .flags = Argument::optional},
    {.name = "len", .type = ArgumentType::integer, .token = "MAXLEN", .flags = Argument::optional},
});

constexpr auto kLmoveKeys =
    std::array{keys_at(1, key_rw | key_access | key_delete), keys_at(2, key_rw | key_insert)};

constexpr auto kEnds = std::to_array<Argument>({
    word("left", "LEFT"),
    word("right", "RIGHT"),
});

constexpr auto kLmoveArguments = std::to_array<Argument>({
    key_argument("source"),
    key_argument("destination", 1),
    {.name = "wherefrom", .type = ArgumentType::oneof, .arguments = kEnds},
    {.name = "whereto", .type = ArgumentType::oneof, .arguments = kEnds},
});

constexpr auto kRpoplpushArguments = std::to_array<Argument>({
    key_argument("source"),
    key_argument("destination", 1),
});

constexpr auto kLmpopKeys =
    std::array{KeySpec{.flags = key_rw | key_access | key_delete, .find = KeySpec::Find::keynum}};

constexpr auto kLmpopArguments = std::to_array<Argument>({
    {.name = "numkeys", .type = ArgumentType::integer},
    {.name = "key", .type = ArgumentType::key, .key_spec_index = 0, .flags = Argument::multiple},
    {.name = "where", .type = ArgumentType::oneof, .arguments = kEnds},
    {.name = "count", .type = ArgumentType::integer, .token = "COUNT", .flags = Argument::optional},
});

constexpr auto kKeysBeforeTimeout = std::array{keys_at(1, key_rw | key_access | key_delete, -2)};

constexpr auto kTimeoutHistory = std::to_array<HistoryNote>({
    {"6.0.0", "The timeout may have a fraction."},
});

constexpr auto kBlockingPopArguments = std::to_array<Argument>({
    {.name = "key", .type = ArgumentType::key, .key_spec_index = 0, .flags = Argument::multiple},
    {.name = "timeout", .type = ArgumentType::floating},
});

constexpr auto kBlmoveArguments = std::to_array<Argument>({
    key_argument("source"),
    key_argument("destination", 1),
    {.name = "wherefrom", .type = ArgumentType::oneof, .arguments = kEnds},
    {.name = "whereto", .type = ArgumentType::oneof, .arguments = kEnds},
    {.name = "timeout", .type = ArgumentType::floating},
});

constexpr auto kBrpoplpushArguments = std::to_array<Argument>({
    key_argument("source"),
    key_argument("destination", 1),
    {.name = "timeout", .type = ArgumentType::floating},
});

constexpr auto kBlmpopKeys = std::array{KeySpec{
    .flags = key_rw | key_access | key_delete, .begin_index = 2, .find = KeySpec::Find::keynum}};

constexpr auto kBlmpopArguments = std::to_array<Argument>({
    {.name = "timeout", .type = ArgumentType::floating},
    {.name = "numkeys", .type = ArgumentType::integer},
    {.name = "key", .type = ArgumentType::key, .key_spec_index = 0, .flags = Argument::multiple},
    {.name = "where", .type = ArgumentType::oneof, .arguments = kEnds},
    {.name = "count", .type = ArgumentType::integer, .token = "COUNT", .flags = Argument::optional},
});

constexpr auto kListCommandRows = std::to_array<CommandSpec>({
    {.name = "LPUSH",
     .arity = -3,
     .flags = write | denyoom | fast,
     .extra_categories = cat_list,
     .keys = kKeyInserted,
     .group = CommandGroup::list,
     .routing = Routing::one_slot,
     .since = "1.0.0",
     .complexity = "O(N), N being the items given",
     .summary = "Puts items in front of a list, one after the other.",
     .history = kPushHistory,
     .arguments = kPushArguments,
     .handler = &handle_lpush},
    {.name = "RPUSH",
     .arity = -3,
     .flags = write | denyoom | fast,
     .extra_categories = cat_list,
     .keys = kKeyInserted,
     .group = CommandGroup::list,
     .routing = Routing::one_slot,
     .since = "1.0.0",
     .complexity = "O(N), N being the items given",
     .summary = "Puts items behind the last one of a list.",
     .history = kPushHistory,
     .arguments = kPushArguments,
     .handler = &handle_rpush},
    {.name = "LPUSHX",
     .arity = -3,
     .flags = write | denyoom | fast,
     .extra_categories = cat_list,
     .keys = kKeyInserted,
     .group = CommandGroup::list,
     .routing = Routing::one_slot,
     .since = "2.2.0",
     .complexity = "O(N), N being the items given",
     .summary = "Puts items in front of a list, if there is one already.",
     .history = kPushxHistory,
     .arguments = kPushArguments,
     .handler = &handle_lpushx},
    {.name = "RPUSHX",
     .arity = -3,
     .flags = write | denyoom | fast,
     .extra_categories = cat_list,
     .keys = kKeyInserted,
     .group = CommandGroup::list,
     .routing = Routing::one_slot,
     .since = "2.2.0",
     .complexity = "O(N), N being the items given",
     .summary = "Puts items behind the last one of a list, if there is one already.",
     .history = kPushxHistory,
     .arguments = kPushArguments,
     .handler = &handle_rpushx},
    {.name = "LPOP",
     .arity = -2,
     .flags = write | fast,
     .extra_categories = cat_list,
     .keys = kKeyReadDeleted,
     .group = CommandGroup::list,
     .routing = Routing::one_slot,
     .since = "1.0.0",
     .complexity = "O(N), N being the items returned",
     .summary = "Takes items off the head of a list.",
     .history = kPopHistory,
     .arguments = kPopArguments,
     .handler = &handle_lpop},
    {.name = "RPOP",
     .arity = -2,
     .flags = write | fast,
     .extra_categories = cat_list,
     .keys = kKeyReadDeleted,
     .group = CommandGroup::list,
     .routing = Routing::one_slot,
     .since = "1.0.0",
     .complexity = "O(N), N being the items returned",
     .summary = "Takes items off the tail of a list.",
     .history = kPopHistory,
     .arguments = kPopArguments,
     .handler = &handle_rpop},
    {.name = "LLEN",
     .arity = 2,
     .flags = readonly | fast,
     .extra_categories = cat_list,
     .keys = kKeyLooked,
     .group = CommandGroup::list,
     .routing = Routing::one_slot,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Tells how many items a list has.",
     .arguments = kKeyArgument,
     .handler = &handle_llen},
    {.name = "LINDEX",
     .arity = 3,
     .flags = readonly,
     .extra_categories = cat_list,
     .keys = kKeyRead,
     .group = CommandGroup::list,
     .routing = Routing::one_slot,
     .since = "1.0.0",
     .complexity = "O(N), N being the items between the one asked for and the nearer end, whole "
                   "blocks counting as one",
     .summary = "Reads the item at an index.",
     .arguments = kLindexArguments,
     .handler = &handle_lindex},
    {.name = "LSET",
     .arity = 4,
     .flags = write | denyoom,
     .extra_categories = cat_list,
     .keys = kKeyUpdated,
     .group = CommandGroup::list,
     .routing = Routing::one_slot,
     .since = "1.0.0",
     .complexity = "O(N), N being the items between the place and the nearer end, whole blocks "
                   "counting as one",
     .summary = "Replaces the item at an index.",
     .arguments = kLsetArguments,
     .handler = &handle_lset},
    {.name = "LINSERT",
     .arity = 5,
     .flags = write | denyoom,
     .extra_categories = cat_list,
     .keys = kKeyInserted,
     .group = CommandGroup::list,
     .routing = Routing::one_slot,
     .since = "2.2.0",
     .complexity = "O(N), N being the items up to the one looked for",
     .summary = "Puts an item next to the first one that equals another.",
     .arguments = kLinsertArguments,
     .handler = &handle_linsert},
    {.name = "LRANGE",
     .arity = 4,
     .flags = readonly,
     .extra_categories = cat_list,
     .keys = kKeyRead,
     .group = CommandGroup::list,
     .routing = Routing::one_slot,
     .since = "1.0.0",
     .complexity =
         "O(S+N), S being the distance of the start from the nearer end, N the items returned",
     .summary = "Reads items by the indexes of the first and the last.",
     .arguments = kLrangeArguments,
     .handler = &handle_lrange},
    {.name = "LREM",
     .arity = 4,
     .flags = write,
     .extra_categories = cat_list,
     .keys = kKeyShortened,
     .group = CommandGroup::list,
     .routing = Routing::one_slot,
     .since = "1.0.0",
     .complexity = "O(N), N being the items of the list",
     .summary = "Removes items that equal the one given, from either end.",
     .arguments = kLremArguments,
     .handler = &handle_lrem},
    {.name = "LTRIM",
     .arity = 4,
     .flags = write,
     .extra_categories = cat_list,
     .keys = kKeyShortened,
     .group = CommandGroup::list,
     .routing = Routing::one_slot,
     .since = "1.0.0",
     .complexity = "O(N), N being the items removed",
     .summary = "Removes all items outside a range of indexes.",
     .arguments = kLrangeArguments,
     .handler = &handle_ltrim},
    {.name = "LPOS",
     .arity = -3,
     .flags = readonly,
     .extra_categories = cat_list,
     .keys = kKeyRead,
     .group = CommandGroup::list,
     .routing = Routing::one_slot,
     .since = "6.0.6",
     .complexity = "O(N), N being the items compared",
     .summary = "Tells at which indexes items stand that equal the one given.",
     .arguments = kLposArguments,
     .handler = &handle_lpos},
    {.name = "LMOVE",
     .arity = 5,
     .flags = write | denyoom,
     .extra_categories = cat_list,
     .keys = kLmoveKeys,
     .group = CommandGroup::list,
     .routing = Routing::one_slot,
     .since = "6.2.0",
     .complexity = "O(1)",
     .summary =
         "Takes an item off one end of a list and puts it to an end of another, or of the same.",
     .arguments = kLmoveArguments,
     .handler = &handle_lmove},
    {.name = "RPOPLPUSH",
     .arity = 3,
     .flags = write | denyoom,
     .extra_categories = cat_list,
     .keys = kLmoveKeys,
     .group = CommandGroup::list,
     .routing = Routing::one_slot,
     .since = "1.2.0",
     .complexity = "O(1)",
     .summary = "Takes an item off the tail of a list and puts it in front of another.",
     .deprecated_since = "6.2.0",
     .replaced_by = "`LMOVE` with the `RIGHT` and `LEFT` arguments",
     .arguments = kRpoplpushArguments,
     .handler = &handle_rpoplpush},
    {.name = "LMPOP",
     .arity = -4,
     .flags = write,
     .extra_categories = cat_list,
     .keys = kLmpopKeys,
     .group = CommandGroup::list,
     .routing = Routing::one_slot,
     .since = "7.0.0",
     .complexity = "O(N+M), N being the keys given and M the items returned",
     .summary = "Takes items off the first of several lists that has any.",
     .arguments = kLmpopArguments,
     .handler = &handle_lmpop},
    {.name = "BLPOP",
     .arity = -3,
     .flags = write | noscript | blocking,
     .extra_categories = cat_list,
     .keys = kKeysBeforeTimeout,
     .group = CommandGroup::list,
     .routing = Routing::one_slot,
     .since = "2.0.0",
     .complexity = "O(N), N being the keys given",
     .summary = "Takes an item off the head of the first list that has any, and waits for one if "
                "none has.",
     .history = kTimeoutHistory,
     .arguments = kBlockingPopArguments,
     .handler = &handle_blpop},
    {.name = "BRPOP",
     .arity = -3,
     .flags = write | noscript | blocking,
     .extra_categories = cat_list,
     .keys = kKeysBeforeTimeout,
     .group = CommandGroup::list,
     .routing = Routing::one_slot,
     .since = "2.0.0",
     .complexity = "O(N), N being the keys given",
     .summary = "Takes an item off the tail of the first list that has any, and waits for one if "
                "none has.",
     .history = kTimeoutHistory,
     .arguments = kBlockingPopArguments,
     .handler = &handle_brpop},
    {.name = "BLMOVE",
     .arity = 6,
     .flags = write | denyoom | noscript | blocking,
     .extra_categories = cat_list,
     .keys = kLmoveKeys,
     .group = CommandGroup::list,
     .routing = Routing::one_slot,
     .since = "6.2.0",
     .complexity = "O(1)",
     .summary = "Moves an item from an end of one list to an end of another, and waits for one if "
                "there is none.",
     .arguments = kBlmoveArguments,
     .handler = &handle_blmove},
    {.name = "BRPOPLPUSH",
     .arity = 4,
     .flags = write | denyoom | noscript | blocking,
     .extra_categories = cat_list,
     .keys = kLmoveKeys,
     .group = CommandGroup::list,
     .routing = Routing::one_slot,
     .since = "2.2.0",
     .complexity = "O(1)",
     .summary = "Moves an item from the tail of one list to the head of another, and waits for one "
                "if there is none.",
     .deprecated_since = "6.2.0",
     .replaced_by = "`BLMOVE` with the `RIGHT` and `LEFT` arguments",
     .history = kTimeoutHistory,
     .arguments = kBrpoplpushArguments,
     .handler = &handle_brpoplpush},
    {.name = "BLMPOP",
     .arity = -5,
     .flags = write | blocking,
     .extra_categories = cat_list,
     .keys = kBlmpopKeys,
     .group = CommandGroup::list,
     .routing = Routing::one_slot,
     .since = "7.0.0",
     .complexity = "O(N+M), N being the keys given and M the items returned",
     .summary = "Takes items off the first of several lists that has any, and waits if none has.",
     .arguments = kBlmpopArguments,
     .handler = &handle_blmpop},
});

}  // namespace

std::span<const CommandSpec> list_command_rows() { return kListCommandRows; }

}  // namespace quoris::command
