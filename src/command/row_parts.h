// Pieces that many rows share: key specs, tips, argument trees.
//
// Used by: the *_rows.cc files here and in src/server, by nobody else.
#pragma once

#include <array>
#include <string_view>

#include "command/spec.h"

namespace quoris::command {

// Keys from `index` on, with all of `flags`. `last` counts from the first; -1: up to the end.
constexpr KeySpec keys_at(int16_t index, unsigned flags, int16_t last = 0, int16_t step = 1) {
  KeySpec spec;
  spec.flags = static_cast<uint16_t>(flags);
  spec.begin_index = index;
  spec.last_key = last;
  spec.key_step = step;
  return spec;
}

// One key, the first argument.
inline constexpr auto kKeyLooked = std::array{keys_at(1, key_ro)};  // its value stays unread
inline constexpr auto kKeyRead = std::array{keys_at(1, key_ro | key_access)};
inline constexpr auto kKeyUpdated = std::array{keys_at(1, key_rw | key_update)};
inline constexpr auto kKeyReadUpdated = std::array{keys_at(1, key_rw | key_access | key_update)};
inline constexpr auto kKeyReadDeleted = std::array{keys_at(1, key_rw | key_access | key_delete)};
inline constexpr auto kKeyOverwritten = std::array{keys_at(1, key_ow | key_update)};
// One key behind a subcommand.
inline constexpr auto kSecondKeyLooked = std::array{keys_at(2, key_ro)};
// All arguments are keys.
inline constexpr auto kAllKeysLooked = std::array{keys_at(1, key_ro, -1)};

inline constexpr std::string_view kAllShards = "request_policy:all_shards";
inline constexpr std::string_view kAllNodes = "request_policy:all_nodes";
inline constexpr std::string_view kMultiShard = "request_policy:multi_shard";
inline constexpr std::string_view kSpecialRequest = "request_policy:special";
inline constexpr std::string_view kAllSucceeded = "response_policy:all_succeeded";
inline constexpr std::string_view kSum = "response_policy:agg_sum";
inline constexpr std::string_view kMinimum = "response_policy:agg_min";
inline constexpr std::string_view kSpecialResponse = "response_policy:special";
inline constexpr std::string_view kNondeterministic = "nondeterministic_output";
inline constexpr std::string_view kNondeterministicOrder = "nondeterministic_output_order";

inline constexpr auto kNondeterministicTips = std::array{kNondeterministic};
inline constexpr auto kNondeterministicOrderTips = std::array{kNondeterministicOrder};
inline constexpr auto kEveryShardTips = std::array{kAllShards, kAllSucceeded};
inline constexpr auto kEveryNodeTips = std::array{kAllNodes, kAllSucceeded};
inline constexpr auto kShardReportTips =
    std::array{kNondeterministic, kAllShards, kSpecialResponse};
inline constexpr auto kNodeReportTips = std::array{kNondeterministic, kAllNodes, kSpecialResponse};

constexpr Argument key_argument(std::string_view name = "key", int8_t key_spec_index = 0) {
  return {.name = name, .type = ArgumentType::key, .key_spec_index = key_spec_index};
}

// A word that stands for itself; its name in the tree is the word in lower case.
constexpr Argument word(std::string_view name, std::string_view token,
                        std::string_view since = {}) {
  return {.name = name, .type = ArgumentType::pure_token, .token = token, .since = since};
}

constexpr Argument optional_word(std::string_view name, std::string_view token,
                                 std::string_view since = {}) {
  Argument argument = word(name, token, since);
  argument.flags = Argument::optional;
  return argument;
}

inline constexpr auto kKeyArgument = std::array{key_argument()};
inline constexpr auto kKeysArgument = std::array{Argument{
    .name = "key", .type = ArgumentType::key, .key_spec_index = 0, .flags = Argument::multiple}};
inline constexpr auto kOnOff = std::array{word("on", "ON"), word("off", "OFF")};

}  // namespace quoris::command
