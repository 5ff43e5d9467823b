// Rows of SORT and SORT_RO.
#include <array>

#include "base/text.h"
#include "command/keys/sort_command.h"
#include "command/row_parts.h"
#include "command/table.h"

namespace quoris::command {

namespace {

// The last STORE counts; words behind options that take some are none of the command's own.
bool find_sort_keys(const CommandTable&, std::span<const std::string_view> arguments,
                    std::vector<FoundKey>& keys) {
  keys.push_back({.position = 1, .flags = key_ro | key_access});
  size_t target = 0;
  for (size_t i = 2; i < arguments.size(); ++i) {
    if (equals_ignoring_case(arguments[i], "LIMIT")) {
      i += 2;
    } else if (equals_ignoring_case(arguments[i], "GET") ||
               equals_ignoring_case(arguments[i], "BY")) {
      ++i;
    } else if (equals_ignoring_case(arguments[i], "STORE") && i + 1 < arguments.size()) {
      target = i + 1;
    }
  }
  if (target > 0) {
    keys.push_back({.position = static_cast<uint32_t>(target), .flags = key_ow | key_update});
  }
  return true;
}

bool find_sort_ro_keys(const CommandTable&, std::span<const std::string_view>,
                       std::vector<FoundKey>& keys) {
  keys.push_back({.position = 1, .flags = key_ro | key_access});
  return true;
}

constexpr KeySpec kElsewhere = {
    .notes =
        "For the optional BY/GET keyword. It is marked 'unknown' because the key names derive "
        "from the content of the key we sort",
    .flags = key_ro | key_access,
    .begin = KeySpec::Begin::unknown,
    .find = KeySpec::Find::unknown};

constexpr KeySpec kTarget = {
    .notes =
        "For the optional STORE keyword. It is marked 'unknown' because the keyword can "
        "appear anywhere in the argument array",
    .flags = key_ow | key_update,
    .begin = KeySpec::Begin::unknown,
    .find = KeySpec::Find::unknown};

constexpr auto kSortKeys = std::array{keys_at(1, key_ro | key_access), kElsewhere, kTarget};

constexpr auto kSortRoKeys = std::array{keys_at(1, key_ro | key_access), kElsewhere};

constexpr auto kOffsetCount = std::to_array<Argument>({
    {.name = "offset", .type = ArgumentType::integer},
    {.name = "count", .type = ArgumentType::integer},
});

constexpr auto kOrder = std::to_array<Argument>({
    word("asc", "ASC"),
    word("desc", "DESC"),
});

constexpr Argument kBy = {.name = "pattern",
                          .type = ArgumentType::pattern,
                          .token = "BY",
                          .key_spec_index = 1,
                          .flags = Argument::optional};
constexpr Argument kLimit = {.name = "offset_count",
                             .type = ArgumentType::block,
                             .token = "LIMIT",
                             .flags = Argument::optional,
                             .arguments = kOffsetCount};
constexpr Argument kGet = {
    .name = "pattern",
    .type = ArgumentType::pattern,
    .token = "GET",
    .key_spec_index = 1,
    .flags = Argument::optional | Argument::multiple | Argument::multiple_token};
constexpr Argument kDirection = {
    .name = "order", .type = ArgumentType::oneof, .flags = Argument::optional, .arguments = kOrder};
constexpr Argument kStore = {.name = "destination",
                             .type = ArgumentType::key,
                             .token = "STORE",
                             .key_spec_index = 2,
                             .flags = Argument::optional};

constexpr auto kSortRoArguments =
    std::array{key_argument(), kBy, kLimit, kGet, kDirection, optional_word("sorting", "ALPHA")};

constexpr auto kSortArguments = std::array{
    key_argument(), kBy, kLimit, kGet, kDirection, optional_word("sorting", "ALPHA"), kStore};

constexpr std::string_view kComplexity =
    "O(N+M*log(M)), N being the items of the collection and M those returned";

constexpr auto kSortCommandRows = std::to_array<CommandSpec>({
    {.name = "SORT",
     .arity = -2,
     .flags = write | denyoom,
     .extra_categories = cat_set | cat_sortedset | cat_list | cat_dangerous,
     .keys = kSortKeys,
     .group = CommandGroup::generic,
     .routing = Routing::one_slot,
     .since = "1.0.0",
     .complexity = kComplexity,
     .summary = "Sorts a list, a set or a sorted set, by its own items or by values that stand "
                "elsewhere; stores the result if wanted.",
     .arguments = kSortArguments,
     .key_finder = &find_sort_keys,
     .handler = &handle_sort},
    {.name = "SORT_RO",
     .arity = -2,
     .flags = readonly,
     .extra_categories = cat_set | cat_sortedset | cat_list | cat_dangerous,
     .keys = kSortRoKeys,
     .group = CommandGroup::generic,
     .routing = Routing::one_slot,
     .since = "7.0.0",
     .complexity = kComplexity,
     .summary = "Sorts as `SORT` does, without the means to store the result.",
     .arguments = kSortRoArguments,
     .key_finder = &find_sort_ro_keys,
     .handler = &handle_sort_ro},
});

}  // namespace

std::span<const CommandSpec> sort_command_rows() { return kSortCommandRows; }

}  // namespace quoris::command
