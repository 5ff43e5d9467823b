#include "command/lists/list_moves.h"

#include <limits>
#include <string>

#include "command/lists/list_commands.h"

namespace quoris::command {

bool move_item(DataContext& context, ListEnd from, ListEnd to) {
  const store::HashedKey source = context.key(1);
  const store::HashedKey target = context.key(2);
  store::Entry* entry = context.find_for_write(source);
  if (entry == nullptr) return false;
  if (!check_type(context, entry, store::Type::list)) return true;
  store::Entry* there = context.find_for_write(target);
  if (!check_type(context, there, store::Type::list)) return true;
  // The lookup of the target may have removed an expired entry.
  entry = context.keyspace().find(source);
  const store::ListView list(*entry);
  const store::StringView item = list.at(from == ListEnd::head ? 0 : list.size() - 1);
  reply_element(context, item);
  char digits[kInt64TextMax + 1];
  const std::string copy(item.text(digits));
  const std::string_view items[] = {copy};
  // The push comes first: so a list of one item that is moved onto itself does not go and come
  // again, and the events are in Redis's order.
  const size_t place = to == ListEnd::head ? 0 : list_size(there);
  context.writer().list_insert(context.db(), target, there, place, items, push_event(to));
  entry = context.keyspace().find(source);
  const size_t index = from == ListEnd::head ? 0 : list_size(entry) - 1;
  context.writer().list_erase(context.db(), source, *entry, index, 1, pop_event(from));
  context.writer().count_as_one(2);
  return true;
}

Parsed<MultiPop> parse_multi_pop(DataContext& context, size_t at) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  const auto keys = integer_argument(context.argument(at), 1, kMost, errors::kNumkeysNotPositive);
  if (!keys) return keys.error();
  MultiPop request{.first_key = at + 1, .keys = static_cast<size_t>(*keys)};
  if (request.keys >= context.count() - request.first_key) return std::string(errors::kSyntax);
  size_t i = request.first_key + request.keys;
  const auto end = end_argument(context.argument(i++));
  if (!end) return std::string(errors::kSyntax);
  request.end = *end;
  if (i == context.count()) return request;
  if (!is(context.argument(i), "COUNT") || i + 1 == context.count()) {
    return std::string(errors::kSyntax);
  }
  const auto count = integer_argument(context.argument(i + 1), 1, kMost, errors::kCountNotPositive);
  if (!count) return count.error();
  if (i + 2 < context.count()) return std::string(errors::kSyntax);
  request.count = static_cast<size_t>(*count);
  return request;
}

bool pop_first(DataContext& context, const MultiPop& request) {
  for (size_t i = request.first_key; i < request.first_key + request.keys; ++i) {
    context.step();
    const store::HashedKey key = context.key(i);
    store::Entry* entry = context.find_for_write(key);
    if (entry == nullptr) continue;
    if (!check_type(context, entry, store::Type::list)) return true;
    context.reply().array(2);
    context.reply().bulk(key.bytes);
    pop_items(context, key, *entry, request.end, request.count);
    return true;
  }
  return false;
}

void handle_lmove(DataContext& context) {
  const auto from = end_argument(context.argument(3));
  const auto to = end_argument(context.argument(4));
  if (!from || !to) return context.reply().error(errors::kSyntax);
  if (!move_item(context, *from, *to)) context.reply().null();
}

void handle_rpoplpush(DataContext& context) {
  if (!move_item(context, ListEnd::tail, ListEnd::head)) context.reply().null();
}

void handle_lmpop(DataContext& context) {
  const auto request = parse_multi_pop(context, 1);
  if (!request) return context.reply().error(request.error());
  if (!pop_first(context, *request)) context.reply().null_array();
}

}  // namespace quoris::command
