// SINTER, SUNION, SDIFF, what stores their results, and SINTERCARD.
#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include "command/args.h"
#include "command/sets/set_access.h"
#include "command/sets/set_commands.h"

namespace quoris::command {
namespace {

using store::SetTable;
using store::SetView;
using store::StringView;

// The sets that are there, in the order of their keys.
struct Sets {
  std::vector<SetView> present;
  bool first_missing = false;
  bool any_missing = false;
};

enum class Operation : uint8_t { intersection, all, difference };

// The sets at the arguments from `first` to `last`. Nothing, and WRONGTYPE is the reply, if one of
// them is something else.
std::optional<Sets> find_sets(DataContext& context, size_t first, size_t last) {
  for (size_t i = first; i <= last; ++i) {
    if (!check_type(context, context.find_for_read(context.key(i)), store::Type::set))
      return std::nullopt;
  }
  // Looked up again, now that what has expired is gone: a lookup that removes one may move others.
  Sets sets;
  for (size_t i = first; i <= last; ++i) {
    const store::Entry* entry = context.keyspace().find(context.key(i));
    if (entry != nullptr) {
      sets.present.emplace_back(*entry);
      continue;
    }
    sets.any_missing = true;
    sets.first_missing = sets.first_missing || i == first;
  }
  return sets;
}

// Members that are gathered, each once.
class Gathered {
 public:
  explicit Gathered(DataContext& context)
      : table_(std::make_unique<SetTable>(context.keyspace().secret())) {}

  void add(const StringView& member) {
    const std::string_view text = member.text(digits_);
    const uint64_t hash = table_->hash_of(text);
    if (table_->find(text, hash) == nullptr) table_->insert(text, hash);
  }

  void remove(const StringView& member) {
    const std::string_view text = member.text(digits_);
    const uint64_t hash = table_->hash_of(text);
    if (SetTable::Item* item = table_->find(text, hash)) table_->erase(*item, hash);
  }

  void add_all(DataContext& context, const SetView& set) {
    set.for_each([&](const StringView& member) {
      context.step();
      add(member);
      return true;
    });
  }

  void remove_all(DataContext& context, const SetView& set) {
    set.for_each([&](const StringView& member) {
      context.step();
      remove(member);
      return table_->size() > 0;
    });
  }

  std::unique_ptr<SetTable> take() { return std::move(table_); }

 private:
  std::unique_ptr<SetTable> table_;
  char digits_[kInt64TextMax + 1] = {};
};

// Calls `visit(member)` for the members of `walked` that are in all of `others`, or in none of
// them; it returns false to stop.
template <class Visit>
void select(DataContext& context, const SetView& walked, std::span<const SetView> others,
            bool in_all, const Visit& visit) {
  walked.for_each([&](const StringView& member) {
    context.steps(static_cast<uint32_t>(others.size()) + 1);
    const bool selected = std::ranges::all_of(
        others, [&](const SetView& other) { return other.contains(member) == in_all; });
    return !selected || visit(member);
  });
}

size_t total_size(std::span<const SetView> sets) {
  size_t total = 0;
  for (const SetView& set : sets) total += set.size();
  return total;
}

// Visits the members that are in all sets: those of the smallest are looked up in the others.
template <class Visit>
void intersect(DataContext& context, Sets& sets, const Visit& visit) {
  if (sets.any_missing) return;
  std::ranges::sort(sets.present, {}, &SetView::size);
  select(context, sets.present[0], std::span(sets.present).subspan(1), true, visit);
}

// True if SDIFF looks the first set's members up in the others. If the others are much smaller, it
// takes their members out of a copy of the first.
bool subtracts_by_lookup(const Sets& sets) {
  const size_t lookups = sets.present[0].size() * sets.present.size();
  return lookups / 2 <= total_size(sets.present);
}

template <class Visit>
void subtract_by_lookup(DataContext& context, Sets& sets, const Visit& visit) {
  const auto others = std::span(sets.present).subspan(1);
  // What a large set holds is found soonest there.
  std::ranges::sort(others, std::ranges::greater{}, &SetView::size);
  select(context, sets.present[0], others, false, visit);
}

void subtract_by_copy(DataContext& context, const Sets& sets, Gathered& result) {
  result.add_all(context, sets.present[0]);
  for (const SetView& other : std::span(sets.present).subspan(1)) {
    result.remove_all(context, other);
  }
}

// The result as a table of its own.
std::unique_ptr<SetTable> gather(DataContext& context, Operation operation, Sets& sets) {
  Gathered result(context);
  const auto add = [&result](const StringView& member) {
    result.add(member);
    return true;
  };
  if (operation == Operation::intersection) {
    intersect(context, sets, add);
  } else if (operation == Operation::all) {
    for (const SetView& set : sets.present) result.add_all(context, set);
  } else if (!sets.first_missing) {
    if (subtracts_by_lookup(sets)) {
      subtract_by_lookup(context, sets, add);
    } else {
      subtract_by_copy(context, sets, result);
    }
  }
  return result.take();
}

// Replies a result whose members can be shown as they are found. False: it needs a table.
bool reply_as_found(DataContext& context, Operation operation, Sets& sets) {
  size_t count = 0;
  const auto show = [&](const StringView& member) {
    reply_element(context, member);
    ++count;
    return true;
  };
  if (operation == Operation::all && sets.present.size() > 1) return false;
  const bool subtracts = operation == Operation::difference && !sets.first_missing;
  if (subtracts && !subtracts_by_lookup(sets)) return false;
  const auto deferred = context.reply().open();
  if (operation == Operation::intersection) {
    intersect(context, sets, show);
  } else if (operation == Operation::all && !sets.present.empty()) {
    select(context, sets.present[0], {}, true, show);
  } else if (subtracts) {
    subtract_by_lookup(context, sets, show);
  }
  context.reply().close_set(deferred, count);
  return true;
}

void reply_result(DataContext& context, Operation operation) {
  auto sets = find_sets(context, 1, context.count() - 1);
  if (!sets || reply_as_found(context, operation, *sets)) return;
  const auto result = gather(context, operation, *sets);
  context.reply().set(result->size());
  result->for_each([&context](const SetTable::Item& item) {
    context.step();
    context.reply().bulk(item.member());
    return true;
  });
}

void store_result(DataContext& context, Operation operation, std::string_view event) {
  auto sets = find_sets(context, 2, context.count() - 1);
  if (!sets) return;
  auto result = gather(context, operation, *sets);
  const size_t size = result->size();
  const store::HashedKey target = context.key(1);
  if (size > 0) {
    context.writer().set_put(context.db(), target, std::move(result), event);
  } else if (context.writer().remove(context.db(), target)) {
    context.notify(store::EventClass::generic, "del", target.bytes);
  }
  context.reply().integer(static_cast<int64_t>(size));
}

struct CardinalityOptions {
  size_t keys = 0;
  size_t limit = std::numeric_limits<size_t>::max();
};

Parsed<CardinalityOptions> parse_cardinality_options(const DataContext& context) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  const auto keys = integer_argument(context.argument(1), 1, kMax, errors::kNumkeysNotPositive);
  if (!keys) return keys.error();
  const size_t words = context.count() - 2;
  if (static_cast<size_t>(*keys) > words) return std::string(errors::kTooManyKeys);
  CardinalityOptions options{.keys = static_cast<size_t>(*keys)};
  for (size_t i = 2 + options.keys; i < context.count(); i += 2) {
    if (!is(context.argument(i), "LIMIT") || i + 1 == context.count()) {
      return std::string(errors::kSyntax);
    }
    const auto limit = integer_argument(context.argument(i + 1), 0, kMax, errors::kLimitNegative);
    if (!limit) return limit.error();
    options.limit = *limit == 0 ? std::numeric_limits<size_t>::max() : static_cast<size_t>(*limit);
  }
  return options;
}

}  // namespace

void handle_sinter(DataContext& context) { reply_result(context, Operation::intersection); }

void handle_sunion(DataContext& context) { reply_result(context, Operation::all); }

void handle_sdiff(DataContext& context) { reply_result(context, Operation::difference); }

void handle_sinterstore(DataContext& context) {
  store_result(context, Operation::intersection, "sinterstore");
}

void handle_sunionstore(DataContext& context) {
  store_result(context, Operation::all, "sunionstore");
}

void handle_sdiffstore(DataContext& context) {
  store_result(context, Operation::difference, "sdiffstore");
}

void handle_sintercard(DataContext& context) {
  const auto options = parse_cardinality_options(context);
  if (!options) return context.reply().error(options.error());
  auto sets = find_sets(context, 2, 1 + options->keys);
  if (!sets) return;
  size_t count = 0;
  intersect(context, *sets, [&](const StringView&) { return ++count < options->limit; });
  context.reply().integer(static_cast<int64_t>(count));
}

}  // namespace quoris::command
