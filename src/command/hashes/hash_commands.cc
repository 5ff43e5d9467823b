// Setting and removing fields, looking up some, walking over all.
#include "command/hashes/hash_commands.h"

#include <optional>

#include "command/scan_options.h"
#include "command/value_access.h"
#include "store/hash_value.h"

namespace quoris::command {
namespace {

// Sets all fields and returns how many are new; nothing if an error was the reply.
std::optional<size_t> set_fields(DataContext& context, std::string_view command_name) {
  if (context.count() % 2 == 1) {
    context.reply().error(errors::wrong_arity(command_name));
    return std::nullopt;
  }
  const store::HashedKey key = context.key(1);
  store::Entry* entry = context.find_for_write(key);
  if (!check_type(context, entry, store::Type::hash)) return std::nullopt;
  return context.writer().hash_set(context.db(), key, entry, context.arguments().subspan(2),
                                   "hset");
}

// The hash at the first argument. Null: it is not there, or `*wrong_type` and WRONGTYPE was the
// reply.
const store::Entry* find_hash(DataContext& context, bool& wrong_type) {
  const store::Entry* entry = context.find_for_read(context.key(1));
  wrong_type = !check_type(context, entry, store::Type::hash);
  return wrong_type ? nullptr : entry;
}

// Calls `reply(value)` with the second argument's value, null if hash or field is not there.
template <class Reply>
void look_up_field(DataContext& context, Reply&& reply) {
  bool wrong_type = false;
  const store::Entry* entry = find_hash(context, wrong_type);
  if (wrong_type) return;
  std::optional<store::StringView> value;
  if (entry != nullptr) value = store::HashView(*entry).find(context.argument(2));
  reply(value ? &*value : nullptr);
}

enum class Parts : uint8_t { fields, values, both };

void reply_all(DataContext& context, Parts parts) {
  bool wrong_type = false;
  const store::Entry* entry = find_hash(context, wrong_type);
  if (wrong_type) return;
  const size_t size = entry == nullptr ? 0 : store::HashView(*entry).size();
  if (parts == Parts::both) {
    context.reply().map(size);
  } else {
    context.reply().array(size);
  }
  if (entry == nullptr) return;
  store::HashView(*entry).for_each(
      [&](const store::StringView& field, const store::StringView& value) {
        context.step();
        if (parts != Parts::values) reply_element(context, field);
        if (parts != Parts::fields) reply_element(context, value);
        return true;
      });
}

void reply_scan(DataContext& context, const store::HashView& hash, uint64_t cursor,
                const ScanOptions& options) {
  resp::ReplyWriter& reply = context.reply();
  reply.array(2);
  // The cursor goes first and is known last.
  const auto visit_all = [&](auto&& visit) { return hash.scan(cursor, options.count, visit); };
  size_t matching = 0;
  char digits[kInt64TextMax + 1];
  const uint64_t next_cursor =
      visit_all([&](const store::StringView& field, const store::StringView&) {
        context.step();
        if (options.matches(field.text(digits))) ++matching;
      });
  reply.bulk(std::to_string(next_cursor));
  reply.array(2 * matching);
  visit_all([&](const store::StringView& field, const store::StringView& value) {
    context.step();
    if (!options.matches(field.text(digits))) return;
    reply_element(context, field);
    reply_element(context, value);
  });
}

}  // namespace

void handle_hset(DataContext& context) {
  const auto added = set_fields(context, "hset");
  if (added) context.reply().integer(static_cast<int64_t>(*added));
}

void handle_hmset(DataContext& context) {
  if (set_fields(context, "hmset")) context.reply().ok();
}

void handle_hsetnx(DataContext& context) {
  const store::HashedKey key = context.key(1);
  store::Entry* entry = context.find_for_write(key);
  if (!check_type(context, entry, store::Type::hash)) return;
  if (entry != nullptr && store::HashView(*entry).find(context.argument(2))) {
    return context.reply().integer(0);
  }
  context.writer().hash_set(context.db(), key, entry, context.arguments().subspan(2), "hset");
  context.reply().integer(1);
}

void handle_hdel(DataContext& context) {
  const store::HashedKey key = context.key(1);
  store::Entry* entry = context.find_for_write(key);
  if (!check_type(context, entry, store::Type::hash)) return;
  size_t removed = 0;
  if (entry != nullptr) {
    removed = context.writer().hash_remove(context.db(), key, *entry,
                                           context.arguments().subspan(2), "hdel");
  }
  context.reply().integer(static_cast<int64_t>(removed));
}

void handle_hget(DataContext& context) {
  look_up_field(context, [&context](const store::StringView* value) {
    if (value == nullptr) return context.reply().null();
    reply_element(context, *value);
  });
}

void handle_hexists(DataContext& context) {
  look_up_field(context, [&context](const store::StringView* value) {
    context.reply().integer(value == nullptr ? 0 : 1);
  });
}

void handle_hstrlen(DataContext& context) {
  look_up_field(context, [&context](const store::StringView* value) {
    context.reply().integer(value == nullptr ? 0 : static_cast<int64_t>(value->size()));
  });
}

void handle_hmget(DataContext& context) {
  bool wrong_type = false;
  const store::Entry* entry = find_hash(context, wrong_type);
  if (wrong_type) return;
  context.reply().array(context.count() - 2);
  for (const std::string_view field : context.arguments().subspan(2)) {
    context.step();
    const auto value = entry == nullptr ? std::nullopt : store::HashView(*entry).find(field);
    if (value) {
      reply_element(context, *value);
    } else {
      context.reply().null();
    }
  }
}

void handle_hlen(DataContext& context) {
  bool wrong_type = false;
  const store::Entry* entry = find_hash(context, wrong_type);
  if (wrong_type) return;
  const size_t size = entry == nullptr ? 0 : store::HashView(*entry).size();
  context.reply().integer(static_cast<int64_t>(size));
}

void handle_hkeys(DataContext& context) { reply_all(context, Parts::fields); }

void handle_hvals(DataContext& context) { reply_all(context, Parts::values); }

void handle_hgetall(DataContext& context) { reply_all(context, Parts::both); }

void handle_hscan(DataContext& context) {
  const auto cursor = parse_cursor(context.argument(2));
  if (!cursor) return context.reply().error(cursor.error());
  bool wrong_type = false;
  const store::Entry* entry = find_hash(context, wrong_type);
  if (wrong_type) return;
  if (entry == nullptr) {
    // As in Redis the options are not looked at then.
    context.reply().array(2);
    context.reply().bulk("0");
    return context.reply().array(0);
  }
  const auto options = parse_scan_options(context.arguments().subspan(3), ScanKind::elements);
  if (!options) return context.reply().error(options.error());
  reply_scan(context, store::HashView(*entry), *cursor, *options);
}

}  // namespace quoris::command
