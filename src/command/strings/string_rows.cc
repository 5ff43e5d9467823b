// Rows of the string commands.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "command/row_parts.h"
#include "command/strings/string_commands.h"
#include "command/table.h"

namespace quoris::command {

namespace {

// SET reads the key only with GET among its options.
bool find_set_key(const CommandTable&, std::span<const std::string_view> arguments,
                  std::vector<FoundKey>& keys) {
  const bool reads = std::ranges::any_of(arguments.subspan(3), [](std::string_view option) {
    return equals_ignoring_case(option, "GET");
  });
  const int flags = reads ? key_rw | key_access | key_update : key_ow | key_update;
  keys.push_back({.position = 1, .flags = static_cast<uint16_t>(flags)});
  return true;
}

constexpr auto kSetKey =
    std::to_array<KeySpec>({{.notes = "RW and ACCESS due to the optional `GET` argument",
                             .flags = key_rw | key_access | key_update | key_variable_flags}});

constexpr auto kSetHistory = std::to_array<HistoryNote>({
    {"2.6.12", "Options `EX`, `PX`, `NX` and `XX`."},
    {"6.0.0", "Option `KEEPTTL`."},
    {"6.2.0", "Options `GET`, `EXAT` and `PXAT`."},
    {"7.0.0", "`NX` and `GET` go together."},
});

constexpr auto kExistence = std::to_array<Argument>({
    word("nx", "NX"),
    word("xx", "XX"),
});

constexpr auto kSetExpiration = std::to_array<Argument>({
    {.name = "seconds", .type = ArgumentType::integer, .token = "EX", .since = "2.6.12"},
    {.name = "milliseconds", .type = ArgumentType::integer, .token = "PX", .since = "2.6.12"},
    {.name = "unix-time-seconds",
     .type = ArgumentType::unix_time,
     .token = "EXAT",
     .since = "6.2.0"},
    {.name = "unix-time-milliseconds",
     .type = ArgumentType::unix_time,
     .token = "PXAT",
     .since = "6.2.0"},
    word("keepttl", "KEEPTTL", "6.0.0"),
});

constexpr auto kSetArguments = std::to_array<Argument>({
    key_argument(),
    {.name = "value"},
    {.name = "condition",
     .type = ArgumentType::oneof,
     .since = "2.6.12",
     .flags = Argument::optional,
     .arguments = kExistence},
    optional_word("get", "GET", "6.2.0"),
    {.name = "expiration",
     .type = ArgumentType::oneof,
     .flags = Argument::optional,
     .arguments = kSetExpiration},
});

constexpr auto kValueArguments = std::to_array<Argument>({
    key_argument(),
    {.name = "value"},
});

constexpr auto kGetexKey =
    std::to_array<KeySpec>({{.notes = "RW and UPDATE because it changes the TTL",
                             .flags = key_rw | key_access | key_update}});

constexpr auto kGetexExpiration = std::to_array<Argument>({
    {.name = "seconds", .type = ArgumentType::integer, .token = "EX"},
    {.name = "milliseconds", .type = ArgumentType::integer, .token = "PX"},
    {.name = "unix-time-seconds", .type = ArgumentType::unix_time, .token = "EXAT"},
    {.name = "unix-time-milliseconds", .type = ArgumentType::unix_time, .token = "PXAT"},
    word("persist", "PERSIST"),
});

constexpr auto kGetexArguments = std::to_array<Argument>({
    key_argument(),
    {.name = "expiration",
     .type = ArgumentType::oneof,
     .flags = Argument::optional,
     .arguments = kGetexExpiration},
});

constexpr auto kSetexArguments = std::to_array<Argument>({
    key_argument(),
    {.name = "seconds", .type = ArgumentType::integer},
    {.name = "value"},
});

constexpr auto kPsetexArguments = std::to_array<Argument>({
    key_argument(),
    {.name = "milliseconds", .type = ArgumentType::integer},
    {.name = "value"},
});

constexpr auto kSetnxKey = std::array{keys_at(1, key_ow | key_insert)};

constexpr auto kMgetKeys = std::array{keys_at(1, key_ro | key_access, -1)};

constexpr auto kMgetTips = std::array{kMultiShard};

constexpr auto kMsetKeys = std::array{keys_at(1, key_ow | key_update, -1, 2)};

constexpr auto kMsetTips = std::array{kMultiShard, kAllSucceeded};

constexpr auto kPairsArguments = std::to_array<Argument>({
    {.name = "key_value",
     .type = ArgumentType::block,
     .flags = Argument::multiple,
     .arguments = kValueArguments},
});

constexpr auto kMsetnxKeys = std::array{keys_at(1, key_ow | key_insert, -1, 2)};

constexpr auto kMsetnxTips = std::array{kMultiShard, kMinimum};

constexpr auto kIncrbyArguments = std::to_array<Argument>({
    key_argument(),
    {.name = "increment", .type = ArgumentType::integer},
});

constexpr auto kDecrbyArguments = std::to_array<Argument>({
    key_argument(),
    {.name = "decrement", .type = ArgumentType::integer},
});

constexpr auto kIncrbyfloatArguments = std::to_array<Argument>({
    key_argument(),
    {.name = "increment", .type = ArgumentType::floating},
});

constexpr auto kAppendKey = std::array{keys_at(1, key_rw | key_insert)};

constexpr auto kRangeArguments = std::to_array<Argument>({
    key_argument(),
    {.name = "start", .type = ArgumentType::integer},
    {.name = "end", .type = ArgumentType::integer},
});

constexpr auto kSetrangeArguments = std::to_array<Argument>({
    key_argument(),
    {.name = "offset", .type = ArgumentType::integer},
    {.name = "value"},
});

constexpr auto kLcsKeys = std::array{keys_at(1, key_ro | key_access, 1)};

constexpr auto kLcsArguments = std::to_array<Argument>({
    key_argument("key1"),
    key_argument("key2"),
    optional_word("len", "LEN"),
    optional_word("idx", "IDX"),
    {.name = "len",
     .type = ArgumentType::integer,
     .token = "MINMATCHLEN",
     .flags = Argument::optional},
    optional_word("withmatchlen", "WITHMATCHLEN"),
});

constexpr auto kStringCommandRows = std::to_array<CommandSpec>({
    {.name = "GET",
     .arity = 2,
     .flags = readonly | fast,
     .extra_categories = cat_string,
     .keys = kKeyRead,
     .group = CommandGroup::string,
     .routing = Routing::one_slot,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Reads a string.",
     .arguments = kKeyArgument,
     .handler = &handle_get},
    {.name = "SET",
     .arity = -3,
     .flags = write | denyoom,
     .extra_categories = cat_string,
     .keys = kSetKey,
     .group = CommandGroup::string,
     .routing = Routing::one_slot,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Gives a key a string value, on a condition and with an expiry if wanted.",
     .history = kSetHistory,
     .arguments = kSetArguments,
     .key_finder = &find_set_key,
     .handler = &handle_set},
    {.name = "GETSET",
     .arity = 3,
     .flags = write | denyoom | fast,
     .extra_categories = cat_string,
     .keys = kKeyReadUpdated,
     .group = CommandGroup::string,
     .routing = Routing::one_slot,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Replaces a string and returns what it was.",
     .deprecated_since = "6.2.0",
     .replaced_by = "`SET` with the `!GET` argument",
     .arguments = kValueArguments,
     .handler = &handle_getset},
    {.name = "GETDEL",
     .arity = 2,
     .flags = write | fast,
     .extra_categories = cat_string,
     .keys = kKeyReadDeleted,
     .group = CommandGroup::string,
     .routing = Routing::one_slot,
     .since = "6.2.0",
     .complexity = "O(1)",
     .summary = "Reads a string and removes its key.",
     .arguments = kKeyArgument,
     .handler = &handle_getdel},
    {.name = "GETEX",
     .arity = -2,
     .flags = write | fast,
     .extra_categories = cat_string,
     .keys = kGetexKey,
     .group = CommandGroup::string,
     .routing = Routing::one_slot,
     .since = "6.2.0",
     .complexity = "O(1)",
     .summary = "Reads a string and sets or takes away its expiry.",
     .arguments = kGetexArguments,
     .handler = &handle_getex},
    {.name = "SETEX",
     .arity = 4,
     .flags = write | denyoom,
     .extra_categories = cat_string,
     .keys = kKeyOverwritten,
     .group = CommandGroup::string,
     .routing = Routing::one_slot,
     .since = "2.0.0",
     .complexity = "O(1)",
     .summary = "Gives a key a string value and an expiry in seconds.",
     .arguments = kSetexArguments,
     .handler = &handle_setex},
    {.name = "PSETEX",
     .arity = 4,
     .flags = write | denyoom,
     .extra_categories = cat_string,
     .keys = kKeyOverwritten,
     .group = CommandGroup::string,
     .routing = Routing::one_slot,
     .since = "2.6.0",
     .complexity = "O(1)",
     .summary = "Gives a key a string value and an expiry in milliseconds.",
     .arguments = kPsetexArguments,
     .handler = &handle_psetex},
    {.name = "SETNX",
     .arity = 3,
     .flags = write | denyoom | fast,
     .extra_categories = cat_string,
     .keys = kSetnxKey,
     .group = CommandGroup::string,
     .routing = Routing::one_slot,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Gives a key a string value if there is no such key yet.",
     .arguments = kValueArguments,
     .handler = &handle_setnx},
    {.name = "MGET",
     .arity = -2,
     .flags = readonly | fast,
     .extra_categories = cat_string,
     .keys = kMgetKeys,
     .tips = kMgetTips,
     .group = CommandGroup::string,
     .routing = Routing::scattered,
     .since = "1.0.0",
     .complexity = "O(N), N being the keys",
     .summary = "Reads several strings.",
     .arguments = kKeysArgument,
     .handler = &handle_mget},
    {.name = "MSET",
     .arity = -3,
     .flags = write | denyoom,
     .extra_categories = cat_string,
     .keys = kMsetKeys,
     .tips = kMsetTips,
     .group = CommandGroup::string,
     .routing = Routing::scattered,
     .since = "1.0.1",
     .complexity = "O(N), N being the keys",
     .summary = "Gives several keys string values.",
     .arguments = kPairsArguments,
     .handler = &handle_mset},
    {.name = "MSETNX",
     .arity = -3,
     .flags = write | denyoom,
     .extra_categories = cat_string,
     .keys = kMsetnxKeys,
     .tips = kMsetnxTips,
     .group = CommandGroup::string,
     .routing = Routing::one_slot,
     .since = "1.0.1",
     .complexity = "O(N), N being the keys",
     .summary = "Gives several keys string values if none of them is there yet.",
     .arguments = kPairsArguments,
     .handler = &handle_msetnx},
    {.name = "INCR",
     .arity = 2,
     .flags = write | denyoom | fast,
     .extra_categories = cat_string,
     .keys = kKeyReadUpdated,
     .group = CommandGroup::string,
     .routing = Routing::one_slot,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Adds one to an integer.",
     .arguments = kKeyArgument,
     .handler = &handle_incr},
    {.name = "INCRBY",
     .arity = 3,
     .flags = write | denyoom | fast,
     .extra_categories = cat_string,
     .keys = kKeyReadUpdated,
     .group = CommandGroup::string,
     .routing = Routing::one_slot,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Adds an amount to an integer.",
     .arguments = kIncrbyArguments,
     .handler = &handle_incrby},
    {.name = "DECR",
     .arity = 2,
     .flags = write | denyoom | fast,
     .extra_categories = cat_string,
     .keys = kKeyReadUpdated,
     .group = CommandGroup::string,
     .routing = Routing::one_slot,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Takes one from an integer.",
     .arguments = kKeyArgument,
     .handler = &handle_decr},
    {.name = "DECRBY",
     .arity = 3,
     .flags = write | denyoom | fast,
     .extra_categories = cat_string,
     .keys = kKeyReadUpdated,
     .group = CommandGroup::string,
     .routing = Routing::one_slot,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Takes an amount from an integer.",
     .arguments = kDecrbyArguments,
     .handler = &handle_decrby},
    {.name = "INCRBYFLOAT",
     .arity = 3,
     .flags = write | denyoom | fast,
     .extra_categories = cat_string,
     .keys = kKeyReadUpdated,
     .group = CommandGroup::string,
     .routing = Routing::one_slot,
     .since = "2.6.0",
     .complexity = "O(1)",
     .summary = "Adds an amount to a decimal number.",
     .arguments = kIncrbyfloatArguments,
     .handler = &handle_incrbyfloat},
    {.name = "APPEND",
     .arity = 3,
     .flags = write | denyoom | fast,
     .extra_categories = cat_string,
     .keys = kAppendKey,
     .group = CommandGroup::string,
     .routing = Routing::one_slot,
     .since = "2.0.0",
     .complexity = "O(1) amortised, for what is added",
     .summary = "Adds text to the end of a string.",
     .arguments = kValueArguments,
     .handler = &handle_append},
    {.name = "STRLEN",
     .arity = 2,
     .flags = readonly | fast,
     .extra_categories = cat_string,
     .keys = kKeyLooked,
     .group = CommandGroup::string,
     .routing = Routing::one_slot,
     .since = "2.2.0",
     .complexity = "O(1)",
     .summary = "Tells how many bytes a string has.",
     .arguments = kKeyArgument,
     .handler = &handle_strlen},
    {.name = "GETRANGE",
     .arity = 4,
     .flags = readonly,
     .extra_categories = cat_string,
     .keys = kKeyRead,
     .group = CommandGroup::string,
     .routing = Routing::one_slot,
     .since = "2.4.0",
     .complexity = "O(N), N being the bytes returned",
     .summary = "Reads a part of a string, by the positions of its first and last byte.",
     .arguments = kRangeArguments,
     .handler = &handle_getrange},
    {.name = "SUBSTR",
     .arity = 4,
     .flags = readonly,
     .extra_categories = cat_string,
     .keys = kKeyRead,
     .group = CommandGroup::string,
     .routing = Routing::one_slot,
     .since = "1.0.0",
     .complexity = "O(N), N being the bytes returned",
     .summary = "The old name of GETRANGE.",
     .deprecated_since = "2.0.0",
     .replaced_by = "`GETRANGE`",
     .arguments = kRangeArguments,
     .handler = &handle_substr},
    {.name = "SETRANGE",
     .arity = 4,
     .flags = write | denyoom,
     .extra_categories = cat_string,
     .keys = kKeyUpdated,
     .group = CommandGroup::string,
     .routing = Routing::one_slot,
     .since = "2.2.0",
     .complexity = "O(M), M being the bytes written, and what growing the string costs",
     .summary = "Overwrites a part of a string, filling with zero bytes what lies before it.",
     .arguments = kSetrangeArguments,
     .handler = &handle_setrange},
    {.name = "LCS",
     .arity = -3,
     .flags = readonly,
     .extra_categories = cat_string,
     .keys = kLcsKeys,
     .group = CommandGroup::string,
     .routing = Routing::one_slot,
     .since = "7.0.0",
     .complexity = "O(N*M), N and M being the lengths of the strings",
     .summary = "Finds the longest common subsequence of two strings.",
     .arguments = kLcsArguments,
     .handler = &handle_lcs},
});

}  // namespace

std::span<const CommandSpec> string_command_rows() { return kStringCommandRows; }

}  // namespace quoris::command
