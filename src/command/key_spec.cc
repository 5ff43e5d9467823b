// Finds the keys of a request by the key specs of its command's row (find_keys in table.h).
//
// All numbers are worked out in 64 bits and checked against the request's length before use: a
// client may ask COMMAND GETKEYS about any nonsense.
// Source: redis.io "Command key specifications"; results as COMMAND GETKEYS of 7.0.15.
#include <algorithm>

#include "base/text.h"
#include "command/table.h"

namespace quoris::command {

namespace {

// Indexes of a spec's keys, both ends included. `first` > `last`: none.
struct KeyRange {
  int64_t first = 0;
  int64_t last = -1;
  int64_t step = 1;
};

// The keyword's keys begin behind it. 0: it is not there.
int64_t begin_at_keyword(const KeySpec& spec, std::span<const std::string_view> arguments) {
  const auto count = static_cast<int64_t>(arguments.size());
  const bool forward = spec.keyword_start > 0;
  int64_t at = forward ? spec.keyword_start : count + spec.keyword_start;
  for (; at >= 1 && at < count; at += forward ? 1 : -1) {
    if (equals_ignoring_case(arguments[static_cast<size_t>(at)], spec.keyword)) return at + 1;
  }
  return 0;
}

KeyRange range_from(const KeySpec& spec, int64_t begin, int64_t count) {
  int64_t last = begin + spec.last_key;
  if (spec.last_key < 0) {
    // With a limit only that part of the rest holds keys (XREAD: one half keys, one half ids).
    last = spec.limit == 0 ? count + spec.last_key
                           : begin + (count - begin) / spec.limit + spec.last_key;
  }
  return {begin, last, spec.key_step};
}

// Empty: no number there, a negative one, or one that the request is too short for.
std::optional<KeyRange> range_of_keynum(const KeySpec& spec, int64_t begin,
                                        std::span<const std::string_view> arguments) {
  const auto count = static_cast<int64_t>(arguments.size());
  const int64_t number_at = begin + spec.keynum_index;
  if (number_at >= count) return std::nullopt;
  const auto number = parse_int64(arguments[static_cast<size_t>(number_at)]);
  if (!number || *number < 0 || *number > count) return std::nullopt;
  const int64_t first = begin + spec.first_key;
  const int64_t last = first + (*number - 1) * spec.key_step;
  if (last >= count) return std::nullopt;
  return KeyRange{first, last, spec.key_step};
}

// Appends the keys of one spec; false: the arguments make no sense.
bool find_by_spec(const KeySpec& spec, std::span<const std::string_view> arguments,
                  bool may_be_none, std::vector<FoundKey>& keys) {
  if (spec.begin == KeySpec::Begin::unknown || spec.find == KeySpec::Find::unknown) return false;
  const auto count = static_cast<int64_t>(arguments.size());
  const int64_t begin =
      spec.begin == KeySpec::Begin::index ? spec.begin_index : begin_at_keyword(spec, arguments);
  if (begin == 0) return true;  // an option that was not given
  KeyRange range;
  if (spec.find == KeySpec::Find::range) {
    range = range_from(spec, begin, count);
  } else {
    const auto found = range_of_keynum(spec, begin, arguments);
    if (!found) return false;
    if (found->last < found->first) return may_be_none;
    range = *found;
  }
  for (int64_t at = range.first; at <= std::min(range.last, count - 1); at += range.step) {
    keys.push_back({.position = static_cast<uint32_t>(at), .flags = spec.flags});
  }
  return true;
}

}  // namespace

std::optional<std::vector<FoundKey>> find_keys(const Command& command,
                                               std::span<const std::string_view> arguments) {
  const CommandSpec& row = *command.spec;
  std::vector<FoundKey> keys;
  if (!takes_keys(command)) return keys;
  const bool may_be_none = row.has(no_mandatory_keys);
  if (row.key_finder != nullptr) {
    if (!row.key_finder(*command.table, arguments, keys)) return std::nullopt;
  } else {
    for (const KeySpec& spec : row.keys) {
      if ((spec.flags & key_not_key) != 0) continue;
      if (!find_by_spec(spec, arguments, may_be_none, keys)) return std::nullopt;
    }
  }
  if (keys.empty() && !may_be_none) return std::nullopt;
  return keys;
}

bool takes_keys(const Command& command) {
  return std::ranges::any_of(command.spec->keys,
                             [](const KeySpec& spec) { return (spec.flags & key_not_key) == 0; });
}

uint32_t static_first_key(const Command& command) {
  const auto specs = command.spec->keys;
  if (specs.empty()) return 0;
  const KeySpec& spec = specs.front();
  const bool fixed = spec.begin == KeySpec::Begin::index && spec.find == KeySpec::Find::range &&
                     (spec.flags & (key_not_key | key_incomplete)) == 0;
  return fixed ? static_cast<uint32_t>(spec.begin_index) : 0;
}

}  // namespace quoris::command
