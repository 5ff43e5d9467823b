// Key specs, argument trees and notes of the sorted set commands.
//
// Used by: sorted_set_rows.cc, by nobody else.
#pragma once

#include <array>

#include "command/row_parts.h"

namespace quoris::command {

inline constexpr auto kZaddHistory = std::to_array<HistoryNote>({
    {"2.4.0", "Several members at once."},
    {"3.0.2", "Options `XX`, `NX`, `CH` and `INCR`."},
    {"6.2.0", "Options `GT` and `LT`."},
});

inline constexpr auto kZaddCondition = std::to_array<Argument>({
    word("nx", "NX"),
    word("xx", "XX"),
});

inline constexpr auto kZaddComparison = std::to_array<Argument>({
    word("gt", "GT"),
    word("lt", "LT"),
});

inline constexpr auto kZaddScoreMember = std::to_array<Argument>({
    {.name = "score", .type = ArgumentType::floating},
    {.name = "member"},
});

inline constexpr auto kZaddArguments = std::to_array<Argument>({
    key_argument(),
    {.name = "condition",
     .type = ArgumentType::oneof,
     .since = "3.0.2",
     .flags = Argument::optional,
     .arguments = kZaddCondition},
    {.name = "comparison",
     .type = ArgumentType::oneof,
     .since = "6.2.0",
     .flags = Argument::optional,
     .arguments = kZaddComparison},
    optional_word("change", "CH", "3.0.2"),
    optional_word("increment", "INCR", "3.0.2"),
    {.name = "score_member",
     .type = ArgumentType::block,
     .flags = Argument::multiple,
     .arguments = kZaddScoreMember},
});

inline constexpr auto kZincrbyArguments = std::to_array<Argument>({
    key_argument(),
    {.name = "increment", .type = ArgumentType::integer},
    {.name = "member"},
});

inline constexpr auto kZremKeys = std::array{keys_at(1, key_rw | key_delete)};

inline constexpr auto kZremHistory = std::to_array<HistoryNote>({
    {"2.4.0", "Several members at once."},
});

inline constexpr auto kZremArguments = std::to_array<Argument>({
    key_argument(),
    {.name = "member", .flags = Argument::multiple},
});

inline constexpr auto kZscoreArguments = std::to_array<Argument>({
    key_argument(),
    {.name = "member"},
});

inline constexpr auto kZcountArguments = std::to_array<Argument>({
    key_argument(),
    {.name = "min", .type = ArgumentType::floating},
    {.name = "max", .type = ArgumentType::floating},
});

inline constexpr auto kZlexcountArguments = std::to_array<Argument>({
    key_argument(),
    {.name = "min"},
    {.name = "max"},
});

inline constexpr auto kZrangeHistory = std::to_array<HistoryNote>({
    {"6.2.0", "Options `REV`, `BYSCORE`, `BYLEX` and `LIMIT`."},
});

inline constexpr auto kZrangeSortby = std::to_array<Argument>({
    word("byscore", "BYSCORE"),
    word("bylex", "BYLEX"),
});

inline constexpr auto kZrangeOffsetCount = std::to_array<Argument>({
    {.name = "offset", .type = ArgumentType::integer},
    {.name = "count", .type = ArgumentType::integer},
});

inline constexpr auto kZrangeArguments = std::to_array<Argument>({
    key_argument(),
    {.name = "start"},
    {.name = "stop"},
    {.name = "sortby",
     .type = ArgumentType::oneof,
     .since = "6.2.0",
     .flags = Argument::optional,
     .arguments = kZrangeSortby},
    optional_word("rev", "REV", "6.2.0"),
    {.name = "offset_count",
     .type = ArgumentType::block,
     .token = "LIMIT",
     .since = "6.2.0",
     .flags = Argument::optional,
     .arguments = kZrangeOffsetCount},
    optional_word("withscores", "WITHSCORES"),
});

inline constexpr auto kZrangestoreKeys =
    std::array{keys_at(1, key_ow | key_update), keys_at(2, key_ro | key_access)};

inline constexpr auto kZrangestoreArguments = std::to_array<Argument>({
    key_argument("dst"),
    key_argument("src", 1),
    {.name = "min"},
    {.name = "max"},
    {.name = "sortby",
     .type = ArgumentType::oneof,
     .flags = Argument::optional,
     .arguments = kZrangeSortby},
    optional_word("rev", "REV"),
    {.name = "offset_count",
     .type = ArgumentType::block,
     .token = "LIMIT",
     .flags = Argument::optional,
     .arguments = kZrangeOffsetCount},
});

inline constexpr auto kZrevrangeArguments = std::to_array<Argument>({
    key_argument(),
    {.name = "start", .type = ArgumentType::integer},
    {.name = "stop", .type = ArgumentType::integer},
    optional_word("withscores", "WITHSCORES"),
});

inline constexpr auto kZrangebyscoreHistory = std::to_array<HistoryNote>({
    {"2.0.0", "Option `WITHSCORES`."},
});

inline constexpr auto kZrangebyscoreArguments = std::to_array<Argument>({
    key_argument(),
    {.name = "min", .type = ArgumentType::floating},
    {.name = "max", .type = ArgumentType::floating},
    optional_word("withscores", "WITHSCORES", "2.0.0"),
    {.name = "offset_count",
     .type = ArgumentType::block,
     .token = "LIMIT",
     .flags = Argument::optional,
     .arguments = kZrangeOffsetCount},
});

inline constexpr auto kZrevrangebyscoreHistory = std::to_array<HistoryNote>({
    {"2.1.6", "`min` and `max` may be excluded."},
});

inline constexpr auto kZrevrangebyscoreArguments = std::to_array<Argument>({
    key_argument(),
    {.name = "max", .type = ArgumentType::floating},
    {.name = "min", .type = ArgumentType::floating},
    optional_word("withscores", "WITHSCORES"),
    {.name = "offset_count",
     .type = ArgumentType::block,
     .token = "LIMIT",
     .flags = Argument::optional,
     .arguments = kZrangeOffsetCount},
});

inline constexpr auto kZrangebylexArguments = std::to_array<Argument>({
    key_argument(),
    {.name = "min"},
    {.name = "max"},
    {.name = "offset_count",
     .type = ArgumentType::block,
     .token = "LIMIT",
     .flags = Argument::optional,
     .arguments = kZrangeOffsetCount},
});

inline constexpr auto kZrevrangebylexArguments = std::to_array<Argument>({
    key_argument(),
    {.name = "max"},
    {.name = "min"},
    {.name = "offset_count",
     .type = ArgumentType::block,
     .token = "LIMIT",
     .flags = Argument::optional,
     .arguments = kZrangeOffsetCount},
});

inline constexpr auto kZremrangebyrankArguments = std::to_array<Argument>({
    key_argument(),
    {.name = "start", .type = ArgumentType::integer},
    {.name = "stop", .type = ArgumentType::integer},
});

inline constexpr auto kZpopminArguments = std::to_array<Argument>({
    key_argument(),
    {.name = "count", .type = ArgumentType::integer, .flags = Argument::optional},
});

inline constexpr auto kZmpopKeys =
    std::array{KeySpec{.flags = key_rw | key_access | key_delete, .find = KeySpec::Find::keynum}};

inline constexpr auto kZmpopWhere = std::to_array<Argument>({
    word("min", "MIN"),
    word("max", "MAX"),
});

inline constexpr auto kZmpopArguments = std::to_array<Argument>({
    {.name = "numkeys", .type = ArgumentType::integer},
    {.name = "key", .type = ArgumentType::key, .key_spec_index = 0, .flags = Argument::multiple},
    {.name = "where", .type = ArgumentType::oneof, .arguments = kZmpopWhere},
    {.name = "count", .type = ArgumentType::integer, .token = "COUNT", .flags = Argument::optional},
});

inline constexpr auto kZrandmemberOptions = std::to_array<Argument>({
    {.name = "count", .type = ArgumentType::integer},
    optional_word("withscores", "WITHSCORES"),
});

inline constexpr auto kZrandmemberArguments = std::to_array<Argument>({
    key_argument(),
    {.name = "options",
     .type = ArgumentType::block,
     .flags = Argument::optional,
     .arguments = kZrandmemberOptions},
});

inline constexpr auto kZscanArguments = std::to_array<Argument>({
    key_argument(),
    {.name = "cursor", .type = ArgumentType::integer},
    {.name = "pattern",
     .type = ArgumentType::pattern,
     .token = "MATCH",
     .flags = Argument::optional},
    {.name = "count", .type = ArgumentType::integer, .token = "COUNT", .flags = Argument::optional},
});

inline constexpr auto kZunionKeys =
    std::array{KeySpec{.flags = key_ro | key_access, .find = KeySpec::Find::keynum}};

inline constexpr auto kZunionAggregate = std::to_array<Argument>({
    word("sum", "SUM"),
    word("min", "MIN"),
    word("max", "MAX"),
});

inline constexpr auto kZunionArguments = std::to_array<Argument>({
    {.name = "numkeys", .type = ArgumentType::integer},
    {.name = "key", .type = ArgumentType::key, .key_spec_index = 0, .flags = Argument::multiple},
    {.name = "weight",
     .type = ArgumentType::integer,
     .token = "WEIGHTS",
     .flags = Argument::optional | Argument::multiple},
    {.name = "aggregate",
     .type = ArgumentType::oneof,
     .token = "AGGREGATE",
     .flags = Argument::optional,
     .arguments = kZunionAggregate},
    optional_word("withscores", "WITHSCORES"),
});

inline constexpr auto kZdiffArguments = std::to_array<Argument>({
    {.name = "numkeys", .type = ArgumentType::integer},
    {.name = "key", .type = ArgumentType::key, .key_spec_index = 0, .flags = Argument::multiple},
    optional_word("withscores", "WITHSCORES"),
});

inline constexpr auto kZunionstoreKeys = std::array{
    keys_at(1, key_ow | key_update),
    KeySpec{.flags = key_ro | key_access, .begin_index = 2, .find = KeySpec::Find::keynum}};

inline constexpr auto kZunionstoreArguments = std::to_array<Argument>({
    key_argument("destination"),
    {.name = "numkeys", .type = ArgumentType::integer},
    {.name = "key", .type = ArgumentType::key, .key_spec_index = 1, .flags = Argument::multiple},
    {.name = "weight",
     .type = ArgumentType::integer,
     .token = "WEIGHTS",
     .flags = Argument::optional | Argument::multiple},
    {.name = "aggregate",
     .type = ArgumentType::oneof,
     .token = "AGGREGATE",
     .flags = Argument::optional,
     .arguments = kZunionAggregate},
});

inline constexpr auto kZdiffstoreArguments = std::to_array<Argument>({
    key_argument("destination"),
    {.name = "numkeys", .type = ArgumentType::integer},
    {.name = "key", .type = ArgumentType::key, .key_spec_index = 1, .flags = Argument::multiple},
});

inline constexpr auto kZintercardArguments = std::to_array<Argument>({
    {.name = "numkeys", .type = ArgumentType::integer},
    {.name = "key", .type = ArgumentType::key, .key_spec_index = 0, .flags = Argument::multiple},
    {.name = "limit", .type = ArgumentType::integer, .token = "LIMIT", .flags = Argument::optional},
});

inline constexpr auto kBzpopminKeys = std::array{keys_at(1, key_rw | key_access | key_delete, -2)};

inline constexpr auto kBzpopminHistory = std::to_array<HistoryNote>({
    {"6.0.0", "`timeout` may have a fraction."},
});

inline constexpr auto kBzpopminArguments = std::to_array<Argument>({
    {.name = "key", .type = ArgumentType::key, .key_spec_index = 0, .flags = Argument::multiple},
    {.name = "timeout", .type = ArgumentType::floating},
});

inline constexpr auto kBzmpopKeys = std::array{KeySpec{
    .flags = key_rw | key_access | key_delete, .begin_index = 2, .find = KeySpec::Find::keynum}};

inline constexpr auto kBzmpopArguments = std::to_array<Argument>({
    {.name = "timeout", .type = ArgumentType::floating},
    {.name = "numkeys", .type = ArgumentType::integer},
    {.name = "key", .type = ArgumentType::key, .key_spec_index = 0, .flags = Argument::multiple},
    {.name = "where", .type = ArgumentType::oneof, .arguments = kZmpopWhere},
    {.name = "count", .type = ArgumentType::integer, .token = "COUNT", .flags = Argument::optional},
});

}  // namespace quoris::command
