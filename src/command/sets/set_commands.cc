// Commands on one set or two. Members by chance are in set_random_commands.cc, several sets in
// set_algebra_commands.cc.
#include "command/sets/set_commands.h"

#include <vector>

#include "command/scan_options.h"
#include "command/sets/set_access.h"

namespace quoris::command {

void handle_sadd(DataContext& context) {
  const store::HashedKey key = context.key(1);
  store::Entry* entry = context.find_for_write(key);
  if (!check_type(context, entry, store::Type::set)) return;
  const size_t added =
      context.writer().set_add(context.db(), key, entry, context.arguments().subspan(2), "sadd");
  context.reply().integer(static_cast<int64_t>(added));
}

void handle_srem(DataContext& context) {
  const store::HashedKey key = context.key(1);
  store::Entry* entry = context.find_for_write(key);
  if (!check_type(context, entry, store::Type::set)) return;
  if (entry == nullptr) return context.reply().integer(0);
  const size_t removed = context.writer().set_remove(context.db(), key, *entry,
                                                     context.arguments().subspan(2), "srem");
  context.reply().integer(static_cast<int64_t>(removed));
}

void handle_smove(DataContext& context) {
  const store::HashedKey from = context.key(1);
  const store::HashedKey to = context.key(2);
  if (context.find_for_write(from) == nullptr) return context.reply().integer(0);
  store::Entry* target = context.find_for_write(to);
  // Looked up again: the lookup of the target may have removed an expired entry.
  store::Entry* source = context.keyspace().find(from);
  QUORIS_ASSERT(source != nullptr);
  if (!check_type(context, source, store::Type::set) ||
      !check_type(context, target, store::Type::set))
    return;
  const auto member = context.arguments().subspan(3, 1);
  if (source == target) {
    return context.reply().integer(store::SetView(*source).contains(member[0]) ? 1 : 0);
  }
  store::Writer& writer = context.writer();
  if (writer.set_remove(context.db(), from, *source, member, "srem") == 0) {
    return context.reply().integer(0);
  }
  writer.set_add(context.db(), to, context.keyspace().find(to), member, "sadd");
  context.reply().integer(1);
}

void handle_scard(DataContext& context) {
  const store::Entry* entry = context.find_for_read(context.key(1));
  if (!check_type(context, entry, store::Type::set)) return;
  const size_t size = entry == nullptr ? 0 : store::SetView(*entry).size();
  context.reply().integer(static_cast<int64_t>(size));
}

void handle_sismember(DataContext& context) {
  const store::Entry* entry = context.find_for_read(context.key(1));
  if (!check_type(context, entry, store::Type::set)) return;
  const bool found = entry != nullptr && store::SetView(*entry).contains(context.argument(2));
  context.reply().integer(found ? 1 : 0);
}

void handle_smismember(DataContext& context) {
  const store::Entry* entry = context.find_for_read(context.key(1));
  if (!check_type(context, entry, store::Type::set)) return;
  const auto members = context.arguments().subspan(2);
  context.reply().array(members.size());
  for (const std::string_view member : members) {
    context.step();
    const bool found = entry != nullptr && store::SetView(*entry).contains(member);
    context.reply().integer(found ? 1 : 0);
  }
}

void handle_smembers(DataContext& context) {
  const store::Entry* entry = context.find_for_read(context.key(1));
  if (!check_type(context, entry, store::Type::set)) return;
  if (entry == nullptr) return context.reply().set(0);
  const store::SetView set(*entry);
  context.reply().set(set.size());
  reply_members(context, set);
}

void handle_sscan(DataContext& context) {
  const auto cursor = parse_cursor(context.argument(2));
  if (!cursor) return context.reply().error(cursor.error());
  const store::Entry* entry = context.find_for_read(context.key(1));
  if (!check_type(context, entry, store::Type::set)) return;
  uint64_t next_cursor = 0;
  std::vector<store::StringView> members;
  if (entry != nullptr) {
    const auto options = parse_scan_options(context.arguments().subspan(3), ScanKind::elements);
    if (!options) return context.reply().error(options.error());
    char digits[kInt64TextMax + 1];
    const auto visit = [&](const store::StringView& member) {
      context.step();
      if (options->matches(member.text(digits))) members.push_back(member);
    };
    next_cursor = store::SetView(*entry).scan(*cursor, options->count, visit);
  }
  context.reply().array(2);
  context.reply().bulk(std::to_string(next_cursor));
  context.reply().array(members.size());
  for (const store::StringView& member : members) reply_element(context, member);
}

}  // namespace quoris::command
