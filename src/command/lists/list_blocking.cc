// The list commands that wait for an item. Each is run again from its beginning when one of its
// keys has been filled: what it finds then is what it would find at any time.
#include "command/lists/list_commands.h"
#include "command/lists/list_moves.h"

namespace quoris::command {
namespace {

void pop_or_wait(DataContext& context, ListEnd end) {
  const size_t last = context.count() - 1;
  const auto timeout_ms = timeout_argument(context.argument(last), context.now_ms());
  if (!timeout_ms) return context.reply().error(timeout_ms.error());
  for (size_t i = 1; i < last; ++i) {
    context.step();
    const store::HashedKey key = context.key(i);
    store::Entry* entry = context.find_for_write(key);
    if (entry == nullptr) continue;
    if (!check_type(context, entry, store::Type::list)) return;
    context.reply().array(2);
    context.reply().bulk(key.bytes);
    return pop_item(context, key, *entry, end);
  }
  context.wait({.keys = context.arguments().subspan(1, last - 1), .timeout_ms = *timeout_ms});
}

void move_or_wait(DataContext& context, ListEnd from, ListEnd to) {
  const size_t last = context.count() - 1;
  const auto timeout_ms = timeout_argument(context.argument(last), context.now_ms());
  if (!timeout_ms) return context.reply().error(timeout_ms.error());
  if (move_item(context, from, to)) return;
  context.wait(
      {.keys = context.arguments().subspan(1, 1), .timeout_ms = *timeout_ms, .null_array = false});
}

}  // namespace

void handle_blpop(DataContext& context) { pop_or_wait(context, ListEnd::head); }

void handle_brpop(DataContext& context) { pop_or_wait(context, ListEnd::tail); }

void handle_blmove(DataContext& context) {
  const auto from = end_argument(context.argument(3));
  const auto to = end_argument(context.argument(4));
  if (!from || !to) return context.reply().error(errors::kSyntax);
  move_or_wait(context, *from, *to);
}

void handle_brpoplpush(DataContext& context) {
  move_or_wait(context, ListEnd::tail, ListEnd::head);
}

void handle_blmpop(DataContext& context) {
  const auto request = parse_multi_pop(context, 2);
  if (!request) return context.reply().error(request.error());
  const auto timeout_ms = timeout_argument(context.argument(1), context.now_ms());
  if (!timeout_ms) return context.reply().error(timeout_ms.error());
  if (pop_first(context, *request)) return;
  context.wait({.keys = context.arguments().subspan(request->first_key, request->keys),
                .timeout_ms = *timeout_ms});
}

}  // namespace quoris::command
