// Commands on one list. LPOS is in lpos_command.cc, moves in list_moves.cc, those that wait in
// list_blocking.cc.
#include "command/lists/list_commands.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "command/lists/list_access.h"

namespace quoris::command {
namespace {

// As pushes at the head leave them: the last argument is the first item.
void insert_reversed(DataContext& context, const store::HashedKey& key, store::Entry* entry,
                     std::span<const std::string_view> items) {
  const std::vector<std::string_view> reversed(items.rbegin(), items.rend());
  context.writer().list_insert(context.db(), key, entry, 0, reversed, push_event(ListEnd::head));
}

enum class IfAbsent : uint8_t { create, leave };

void push(DataContext& context, ListEnd end, IfAbsent if_absent) {
  const store::HashedKey key = context.key(1);
  store::Entry* entry = context.find_for_write(key);
  if (!check_type(context, entry, store::Type::list)) return;
  if (entry == nullptr && if_absent == IfAbsent::leave) return context.reply().integer(0);
  const size_t size = list_size(entry);
  const auto items = context.arguments().subspan(2);
  if (end == ListEnd::head && items.size() > 1) {
    insert_reversed(context, key, entry, items);
  } else {
    const size_t index = end == ListEnd::head ? 0 : size;
    context.writer().list_insert(context.db(), key, entry, index, items, push_event(end));
  }
  context.reply().integer(static_cast<int64_t>(size + items.size()));
}

void pop(DataContext& context, ListEnd end, std::string_view command) {
  if (context.count() > 3) return context.reply().error(errors::wrong_arity(command));
  const bool counted = context.count() == 3;
  size_t count = 1;
  if (counted) {
    const auto parsed = integer_argument(context.argument(2), 0,
                                         std::numeric_limits<int64_t>::max(), errors::kNotPositive);
    if (!parsed) return context.reply().error(parsed.error());
    count = static_cast<size_t>(*parsed);
  }
  const store::HashedKey key = context.key(1);
  store::Entry* entry = context.find_for_write(key);
  if (!check_type(context, entry, store::Type::list)) return;
  if (entry == nullptr) return counted ? context.reply().null_array() : context.reply().null();
  if (counted) return pop_items(context, key, *entry, end, count);
  pop_item(context, key, *entry, end);
}

// An index as clients give it, negative ones from the end; none if the list has no such item.
std::optional<size_t> index_of(int64_t index, size_t size) {
  if (index < 0) index += static_cast<int64_t>(size);
  if (index < 0 || index >= static_cast<int64_t>(size)) return std::nullopt;
  return static_cast<size_t>(index);
}

// A range with both ends included, as far as the list has it: index of the first, number.
struct Range {
  size_t first = 0;
  size_t count = 0;
};

Range range_of(int64_t start, int64_t stop, size_t list_size) {
  const auto size = static_cast<int64_t>(list_size);
  if (start < 0) start = std::max<int64_t>(0, start + size);
  if (stop < 0) stop += size;
  stop = std::min(stop, size - 1);
  if (start > stop) return {};
  return {.first = static_cast<size_t>(start), .count = static_cast<size_t>(stop - start + 1)};
}

struct RangeArguments {
  int64_t start = 0;
  int64_t stop = 0;
};

Parsed<RangeArguments> range_arguments(DataContext& context) {
  const auto start = integer_argument(context.argument(2));
  if (!start) return start.error();
  const auto stop = integer_argument(context.argument(3));
  if (!stop) return stop.error();
  return RangeArguments{.start = *start, .stop = *stop};
}

// The index of the first item that equals; none if there is none.
std::optional<size_t> find_item(DataContext& context, const store::ListView& list,
                                std::string_view wanted) {
  const store::StringView item = store::packed::best_element(wanted);
  size_t index = 0;
  bool found = false;
  list.forward(0, [&](const store::StringView& candidate) {
    context.step();
    found = equal_items(candidate, item);
    if (!found) ++index;
    return !found;
  });
  return found ? std::optional(index) : std::nullopt;
}

}  // namespace

void pop_item(DataContext& context, const store::HashedKey& key, store::Entry& entry, ListEnd end) {
  const store::ListView list(entry);
  const size_t index = end == ListEnd::head ? 0 : list.size() - 1;
  reply_element(context, list.at(index));
  context.writer().list_erase(context.db(), key, entry, index, 1, pop_event(end));
}

void pop_items(DataContext& context, const store::HashedKey& key, store::Entry& entry, ListEnd end,
               size_t count_max) {
  const store::ListView list(entry);
  const size_t size = list.size();
  const size_t count = std::min(count_max, size);
  context.reply().array(count);
  if (count == 0) return;
  size_t left = count;
  const auto reply_one = [&](const store::StringView& item) {
    context.step();
    reply_element(context, item);
    return --left > 0;
  };
  if (end == ListEnd::head) {
    list.forward(0, reply_one);
  } else {
    list.backward(size - 1, reply_one);
  }
  const size_t index = end == ListEnd::head ? 0 : size - count;
  context.writer().list_erase(context.db(), key, entry, index, count, pop_event(end));
}

void handle_lpush(DataContext& context) { push(context, ListEnd::head, IfAbsent::create); }

void handle_rpush(DataContext& context) { push(context, ListEnd::tail, IfAbsent::create); }

void handle_lpushx(DataContext& context) { push(context, ListEnd::head, IfAbsent::leave); }

void handle_rpushx(DataContext& context) { push(context, ListEnd::tail, IfAbsent::leave); }

void handle_lpop(DataContext& context) { pop(context, ListEnd::head, "lpop"); }

void handle_rpop(DataContext& context) { pop(context, ListEnd::tail, "rpop"); }

void handle_llen(DataContext& context) {
  const store::Entry* entry = context.find_for_read(context.key(1));
  if (!check_type(context, entry, store::Type::list)) return;
  context.reply().integer(static_cast<int64_t>(list_size(entry)));
}

void handle_lindex(DataContext& context) {
  const store::Entry* entry = context.find_for_read(context.key(1));
  if (!check_type(context, entry, store::Type::list)) return;
  if (entry == nullptr) return context.reply().null();
  const auto parsed = integer_argument(context.argument(2));
  if (!parsed) return context.reply().error(parsed.error());
  const store::ListView list(*entry);
  const auto index = index_of(*parsed, list.size());
  if (!index) return context.reply().null();
  reply_element(context, list.at(*index));
}

void handle_lset(DataContext& context) {
  const store::HashedKey key = context.key(1);
  store::Entry* entry = context.find_for_write(key);
  if (entry == nullptr) return context.reply().error(errors::kNoSuchKey);
  if (!check_type(context, entry, store::Type::list)) return;
  const auto parsed = integer_argument(context.argument(2));
  if (!parsed) return context.reply().error(parsed.error());
  const auto index = index_of(*parsed, list_size(entry));
  if (!index) return context.reply().error(errors::kOutOfRange);
  context.writer().list_set(context.db(), key, *entry, *index, context.argument(3), "lset");
  context.reply().ok();
}

void handle_linsert(DataContext& context) {
  const bool after = is(context.argument(2), "AFTER");
  if (!after && !is(context.argument(2), "BEFORE")) return context.reply().error(errors::kSyntax);
  const store::HashedKey key = context.key(1);
  store::Entry* entry = context.find_for_write(key);
  if (!check_type(context, entry, store::Type::list)) return;
  if (entry == nullptr) return context.reply().integer(0);
  const store::ListView list(*entry);
  const size_t size = list.size();
  const auto pivot = find_item(context, list, context.argument(3));
  if (!pivot) return context.reply().integer(-1);
  const size_t index = *pivot + (after ? 1 : 0);
  context.writer().list_insert(context.db(), key, entry, index, context.arguments().subspan(4),
                               "linsert");
  context.reply().integer(static_cast<int64_t>(size + 1));
}

void handle_lrange(DataContext& context) {
  const auto arguments = range_arguments(context);
  if (!arguments) return context.reply().error(arguments.error());
  const store::Entry* entry = context.find_for_read(context.key(1));
  if (!check_type(context, entry, store::Type::list)) return;
  const Range range = range_of(arguments->start, arguments->stop, list_size(entry));
  context.reply().array(range.count);
  if (range.count == 0) return;
  size_t left = range.count;
  store::ListView(*entry).forward(range.first, [&](const store::StringView& item) {
    context.step();
    reply_element(context, item);
    return --left > 0;
  });
}

void handle_lrem(DataContext& context) {
  const auto parsed = integer_argument(context.argument(2));
  if (!parsed) return context.reply().error(parsed.error());
  const store::HashedKey key = context.key(1);
  store::Entry* entry = context.find_for_write(key);
  if (!check_type(context, entry, store::Type::list)) return;
  if (entry == nullptr) return context.reply().integer(0);
  store::Writer::Removal removal{.item = context.argument(3),
                                 .count_max = std::numeric_limits<size_t>::max(),
                                 .from_tail = *parsed < 0};
  if (*parsed != 0) {
    const auto count = static_cast<uint64_t>(*parsed);
    removal.count_max = *parsed < 0 ? -count : count;
  }
  const auto step = [&context](size_t items) { context.steps(static_cast<uint32_t>(items)); };
  const size_t removed =
      context.writer().list_remove(context.db(), key, *entry, removal, "lrem", step);
  context.reply().integer(static_cast<int64_t>(removed));
}

void handle_ltrim(DataContext& context) {
  const auto arguments = range_arguments(context);
  if (!arguments) return context.reply().error(arguments.error());
  const store::HashedKey key = context.key(1);
  store::Entry* entry = context.find_for_write(key);
  if (!check_type(context, entry, store::Type::list)) return;
  context.reply().ok();
  if (entry == nullptr) return;
  const size_t size = list_size(entry);
  const Range kept = range_of(arguments->start, arguments->stop, size);
  store::Writer& writer = context.writer();
  const size_t end = kept.first + kept.count;
  if (kept.count == 0) return writer.list_erase(context.db(), key, *entry, 0, size, "ltrim");
  // To who listens and to who watches the key, a trim that takes nothing is a change, too.
  if (kept.count == size) return writer.list_erase(context.db(), key, *entry, 0, 0, "ltrim");
  if (end < size) {
    const std::string_view event = kept.first == 0 ? "ltrim" : "";
    writer.list_erase(context.db(), key, *entry, end, size - end, event);
    entry = context.keyspace().find(key);
  }
  if (kept.first > 0) writer.list_erase(context.db(), key, *entry, 0, kept.first, "ltrim");
}

}  // namespace quoris::command
