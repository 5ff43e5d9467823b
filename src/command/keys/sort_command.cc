// SORT and SORT_RO: the elements of a list, a set or a sorted set in the order of numbers or texts,
// their own or those that stand at other keys.
//
// A pattern names such a key: its first star stands for the element; what follows "->" is a field
// of a hash; "#" is the element itself. BY without a star means no order but the collection's own.
#include "command/keys/sort_command.h"

#include <algorithm>
#include <deque>
#include <vector>

#include "command/args.h"
#include "command/data_context.h"
#include "command/errors.h"
#include "store/elements.h"
#include "store/hash_value.h"
#include "store/list_value.h"
#include "store/set_value.h"

namespace quoris::command {
namespace {

using store::Entry;
using store::StringView;
using store::Type;

struct SortOptions {
  std::string_view by;
  bool in_order = false;  // BY without a star: not sorted
  bool descending = false;
  bool as_text = false;
  int64_t offset = 0;
  int64_t count = -1;  // negative: all
  std::vector<std::string_view> gets;
  std::optional<size_t> target;  // the argument behind STORE
};

Parsed<SortOptions> parse_sort_options(DataContext& context, bool may_store) {
  SortOptions options;
  for (size_t i = 2; i < context.count(); ++i) {
    const std::string_view word = context.argument(i);
    const size_t more = context.count() - i - 1;
    if (is(word, "ASC") || is(word, "DESC")) {
      options.descending = is(word, "DESC");
    } else if (is(word, "ALPHA")) {
      options.as_text = true;
    } else if (is(word, "LIMIT") && more >= 2) {
      const auto offset = integer_argument(context.argument(++i));
      if (!offset) return offset.error();
      const auto count = integer_argument(context.argument(++i));
      if (!count) return count.error();
      options.offset = *offset;
      options.count = *count;
    } else if (may_store && is(word, "STORE") && more >= 1) {
      options.target = ++i;
    } else if (is(word, "BY") && more >= 1) {
      options.by = context.argument(++i);
      // As in Redis, a BY without a star is not taken back by one with a star behind it.
      if (options.by.find('*') == std::string_view::npos) options.in_order = true;
    } else if (is(word, "GET") && more >= 1) {
      options.gets.push_back(context.argument(++i));
    } else {
      return std::string(errors::kSyntax);
    }
  }
  return options;
}

// The string that a pattern leads to from `element`; none if there is none.
std::optional<std::string> look_up(DataContext& context, std::string_view pattern,
                                   std::string_view element) {
  if (pattern == "#") return std::string(element);
  const size_t star = pattern.find('*');
  if (star == std::string_view::npos) return std::nullopt;
  std::string_view behind = pattern.substr(star + 1);
  std::string_view field;
  const size_t arrow = behind.find("->");
  if (arrow != std::string_view::npos && arrow + 2 < behind.size()) {
    field = behind.substr(arrow + 2);
    behind = behind.substr(0, arrow);
  }
  std::string key(pattern.substr(0, star));
  key += element;
  key += behind;
  const Entry* entry = context.find_for_read(context.keyspace().hashed(key));
  const Type wanted = field.empty() ? Type::string : Type::hash;
  if (entry == nullptr || entry->type() != wanted) return std::nullopt;
  char digits[kInt64TextMax + 1];
  if (field.empty()) return std::string(entry->string().text(digits));
  const auto value = store::HashView(*entry).find(field);
  if (!value) return std::nullopt;
  return std::string(value->text(digits));
}

// A number as strtod() reads it: spaces in front are fine, nothing at all is zero, and the text
// ends at a zero byte.
std::optional<double> number_of(std::string_view text) {
  text = text.substr(0, text.find('\0'));
  if (text.empty()) return 0;
  const size_t begin = text.find_first_not_of(" \t\n\v\f\r");
  if (begin == std::string_view::npos) return std::nullopt;
  return parse_double(text.substr(begin));
}

// An element, and what it is sorted by.
struct Sorted {
  std::string_view element;
  size_t index = 0;  // in the collection: the last word where all else is equal
  double number = 0;
  std::optional<std::string> text;
};

class Sorter {
 public:
  Sorter(DataContext& context, const SortOptions& options) : context_(context), options_(options) {}

  // REQUIRES: a list, a set or a sorted set. `is_stored`: the result is to be the same for all.
  void load(const Entry& entry, bool is_stored) {
    if (options_.in_order && !(entry.type() == Type::set && is_stored)) {
      read(entry);
      if (options_.descending && entry.type() != Type::set) std::ranges::reverse(elements_);
      return;
    }
    as_text_ = options_.as_text;
    by_ = options_.by;
    if (options_.in_order) {
      as_text_ = true;
      by_ = {};
    }
    read(entry);
    is_sorted_ = true;
  }

  // The part that LIMIT asks for, in its order. Null if something is no number.
  [[nodiscard]] const std::vector<Sorted>* result() {
    const size_t size = elements_.size();
    const auto offset = static_cast<size_t>(std::max<int64_t>(options_.offset, 0));
    const size_t begin = std::min(offset, size);
    size_t end = size;
    if (options_.count >= 0) {
      end = begin + std::min(static_cast<size_t>(options_.count), size - begin);
    }
    if (is_sorted_) {
      if (!weigh()) return nullptr;
      std::partial_sort(elements_.begin(), elements_.begin() + static_cast<std::ptrdiff_t>(end),
                        elements_.end(), [this](const Sorted& a, const Sorted& b) {
                          context_.step();
                          return options_.descending ? comes_before(b, a) : comes_before(a, b);
                        });
    }
    elements_.resize(end);
    elements_.erase(elements_.begin(), elements_.begin() + static_cast<std::ptrdiff_t>(begin));
    return &elements_;
  }

 private:
  void add(const StringView& element) {
    context_.step();
    std::string_view text = element.bytes;
    if (element.is_integer) {
      char digits[kInt64TextMax + 1];
      text = own(element.text(digits));
    }
    elements_.push_back({.element = text, .index = elements_.size(), .text = {}});
  }

  std::string_view own(std::string_view text) { return owned_.emplace_back(text); }

  void read(const Entry& entry) {
    if (entry.type() == Type::list) {
      store::ListView(entry).forward(0, [this](const StringView& item) {
        add(item);
        return true;
      });
    } else if (entry.type() == Type::set) {
      store::SetView(entry).for_each([this](const StringView& member) {
        add(member);
        return true;
      });
    } else {
      read_members(entry);
    }
  }

  // Of a sorted set, by rank; scores stand between the members.
  void read_members(const Entry& entry) {
    constexpr size_t kPieceBytes = 4096;
    store::for_each_piece(entry, kPieceBytes, [this](std::string_view piece, size_t) {
      bool is_member = false;
      store::packed::for_each_element(piece, [&](const StringView& element) {
        is_member = !is_member;
        if (!is_member) return;
        char digits[kInt64TextMax + 1];
        add({.bytes = own(element.text(digits))});
      });
    });
  }

  // Finds what each is sorted by. False if one is no number.
  bool weigh() {
    bool all_numbers = true;
    for (Sorted& sorted : elements_) {
      context_.step();
      std::optional<std::string> by;
      if (!by_.empty()) {
        by = look_up(context_, by_, sorted.element);
        if (!by) continue;
      }
      if (as_text_) {
        sorted.text = std::move(by);
        continue;
      }
      const auto number = number_of(by ? *by : sorted.element);
      if (!number) all_numbers = false;
      sorted.number = number.value_or(0);
    }
    return all_numbers;
  }

  [[nodiscard]] bool comes_before(const Sorted& a, const Sorted& b) const {
    if (as_text_ && by_.empty()) return a.element < b.element;
    if (as_text_) return a.text != b.text ? a.text < b.text : a.index < b.index;
    if (a.number != b.number) return a.number < b.number;
    return a.element < b.element;
  }

  DataContext& context_;
  const SortOptions& options_;
  std::deque<std::string> owned_;  // elements that are no bytes in the collection
  std::vector<Sorted> elements_;
  std::string_view by_;
  bool as_text_ = false;
  bool is_sorted_ = false;
};

// Calls `tell(std::optional<std::string_view>)` for what each of the result stands for.
template <class Tell>
void for_each_reply(DataContext& context, const SortOptions& options,
                    const std::vector<Sorted>& result, Tell&& tell) {
  for (const Sorted& sorted : result) {
    context.step();
    if (options.gets.empty()) tell(std::optional(sorted.element));
    for (const std::string_view pattern : options.gets) {
      const auto value = look_up(context, pattern, sorted.element);
      tell(value ? std::optional(std::string_view(*value)) : std::nullopt);
    }
  }
}

void store_result(DataContext& context, const SortOptions& options,
                  const std::vector<Sorted>& result) {
  std::vector<std::string> items;
  for_each_reply(context, options, result, [&items](std::optional<std::string_view> item) {
    items.emplace_back(item.value_or(""));
  });
  const store::HashedKey target = context.key(*options.target);
  const bool was_there = context.writer().remove(context.db(), target);
  context.reply().integer(static_cast<int64_t>(items.size()));
  if (items.empty()) {
    if (was_there) context.notify(store::EventClass::generic, "del", target.bytes);
    return;
  }
  const std::vector<std::string_view> views(items.begin(), items.end());
  context.writer().list_insert(context.db(), target, nullptr, 0, views, "sortstore");
}

void reply_result(DataContext& context, const SortOptions& options,
                  const std::vector<Sorted>& result) {
  context.reply().array(result.size() * std::max<size_t>(1, options.gets.size()));
  for_each_reply(context, options, result, [&context](std::optional<std::string_view> item) {
    item ? context.reply().bulk(*item) : context.reply().null();
  });
}

void sort(DataContext& context, bool may_store) {
  const auto options = parse_sort_options(context, may_store);
  if (!options) return context.reply().error(options.error());
  const Entry* entry = context.find_for_read(context.key(1));
  if (entry != nullptr && entry->type() != Type::list && entry->type() != Type::set &&
      entry->type() != Type::zset) {
    return context.reply().error(errors::kWrongType);
  }
  Sorter sorter(context, *options);
  if (entry != nullptr) sorter.load(*entry, options->target.has_value());
  const std::vector<Sorted>* result = sorter.result();
  if (result == nullptr) return context.reply().error(errors::kSortNotNumbers);
  options->target ? store_result(context, *options, *result)
                  : reply_result(context, *options, *result);
}

}  // namespace

void handle_sort(DataContext& context) { sort(context, true); }

void handle_sort_ro(DataContext& context) { sort(context, false); }

}  // namespace quoris::command
