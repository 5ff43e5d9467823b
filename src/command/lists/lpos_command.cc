// LPOS: where an item stands.
#include <limits>

#include "command/lists/list_access.h"
#include "command/lists/list_commands.h"

namespace quoris::command {
namespace {

constexpr int64_t kMost = std::numeric_limits<int64_t>::max();

struct PositionOptions {
  bool from_tail = false;
  uint64_t rank = 1;                   // which of those that equal is the first to be told
  std::optional<uint64_t> count = {};  // 0: all. None: one, not as an array
  uint64_t compared_max = 0;           // 0: no limit
};

Parsed<PositionOptions> parse_position_options(DataContext& context) {
  PositionOptions options;
  for (size_t i = 3; i < context.count(); i += 2) {
    if (i + 1 == context.count()) return std::string(errors::kSyntax);
    const std::string_view value = context.argument(i + 1);
    if (is(context.argument(i), "RANK")) {
      const auto rank = integer_argument(value);
      if (!rank) return rank.error();
      if (*rank == 0) return std::string(errors::kRankIsZero);
      options.from_tail = *rank < 0;
      // The lowest number has no opposite; Redis takes it for -1.
      const int64_t shown = *rank == std::numeric_limits<int64_t>::min() ? -1 : *rank;
      options.rank = static_cast<uint64_t>(shown < 0 ? -shown : shown);
    } else if (is(context.argument(i), "COUNT")) {
      const auto count = integer_argument(value, 0, kMost, errors::kNegativeCount);
      if (!count) return count.error();
      options.count = static_cast<uint64_t>(*count);
    } else if (is(context.argument(i), "MAXLEN")) {
      const auto compared = integer_argument(value, 0, kMost, errors::kNegativeMaxlen);
      if (!compared) return compared.error();
      options.compared_max = static_cast<uint64_t>(*compared);
    } else {
      return std::string(errors::kSyntax);
    }
  }
  return options;
}

// Calls `found(index)` for the items to be told of.
template <class Found>
void for_each_position(DataContext& context, const store::ListView& list,
                       const PositionOptions& options, Found&& found) {
  const store::StringView wanted = store::packed::best_element(context.argument(2));
  const uint64_t most = options.count.value_or(1);
  const size_t size = list.size();
  uint64_t compared = 0;
  uint64_t equal = 0;
  const auto look = [&](const store::StringView& item) {
    context.step();
    const size_t index = options.from_tail ? size - 1 - compared : compared;
    ++compared;
    if (equal_items(item, wanted) && ++equal >= options.rank) {
      found(index);
      if (most > 0 && equal - options.rank + 1 >= most) return false;
    }
    return options.compared_max == 0 || compared < options.compared_max;
  };
  if (options.from_tail) {
    list.backward(size - 1, look);
  } else {
    list.forward(0, look);
  }
}

}  // namespace

void handle_lpos(DataContext& context) {
  const auto options = parse_position_options(context);
  if (!options) return context.reply().error(options.error());
  const store::Entry* entry = context.find_for_read(context.key(1));
  if (!check_type(context, entry, store::Type::list)) return;
  if (entry == nullptr) return options->count ? context.reply().array(0) : context.reply().null();
  const store::ListView list(*entry);
  if (options->count) {
    const auto open = context.reply().open();
    size_t told = 0;
    for_each_position(context, list, *options, [&](size_t index) {
      context.reply().integer(static_cast<int64_t>(index));
      ++told;
    });
    return context.reply().close_array(open, told);
  }
  std::optional<size_t> position;
  for_each_position(context, list, *options, [&](size_t index) { position = index; });
  if (!position) return context.reply().null();
  context.reply().integer(static_cast<int64_t>(*position));
}

}  // namespace quoris::command
