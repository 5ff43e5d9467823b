// Commands on keys whatever their type is. Expiry is in expiry_commands.cc, OBJECT in
// object_commands.cc.
#include "command/keys/key_commands.h"

#include "command/args.h"
#include "command/keys/key_batch.h"

namespace quoris::command {
namespace {

struct CopyOptions {
  DbIndex to_db{0};
  bool replace = false;
};

Parsed<CopyOptions> parse_copy_options(DataContext& context) {
  CopyOptions options{.to_db = context.db()};
  for (size_t i = 3; i < context.count(); ++i) {
    if (is(context.argument(i), "REPLACE")) {
      options.replace = true;
    } else if (is(context.argument(i), "DB") && i + 1 < context.count()) {
      const auto db = db_argument(context.argument(++i), context.store().databases());
      if (!db) return db.error();
      options.to_db = *db;
    } else {
      return std::string(errors::kSyntax);
    }
  }
  return options;
}

void remove_keys(DataContext& context) {
  int64_t removed = 0;
  for_each_key(context, 1, 1, [&](size_t, const store::HashedKey& key) {
    if (!context.writer().remove(context.db(), key)) return true;
    ++removed;
    context.notify(store::EventClass::generic, "del", key.bytes);
    return true;
  });
  context.reply().integer(removed);
}

// RENAME's work once its source is known to be there; nothing if `only_if_absent` and the target
// is there too. True if it was done.
bool rename(DataContext& context, const store::HashedKey& from, const store::HashedKey& to,
            bool only_if_absent) {
  if (context.find_for_write(to) != nullptr && only_if_absent) return false;
  // Looked up again: the lookup of the target may have removed an expired entry.
  store::Entry* entry = context.find_for_write(from);
  QUORIS_ASSERT(entry != nullptr);
  context.writer().move(context.db(), from, *entry, context.db(), to);
  context.notify(store::EventClass::generic, "rename_from", from.bytes);
  context.notify(store::EventClass::generic, "rename_to", to.bytes);
  return true;
}

}  // namespace

void handle_del(DataContext& context) { remove_keys(context); }

// DEL does not free more at once: a large value is put aside whichever command removes it.
void handle_unlink(DataContext& context) { remove_keys(context); }

void handle_exists(DataContext& context) {
  int64_t found = 0;
  for_each_key(context, 1, 1, [&](size_t, const store::HashedKey& key) {
    if (context.peek(key) != nullptr) ++found;
    return true;
  });
  context.reply().integer(found);
}

void handle_touch(DataContext& context) {
  int64_t found = 0;
  for_each_key(context, 1, 1, [&](size_t, const store::HashedKey& key) {
    if (context.find_for_read(key) != nullptr) ++found;
    return true;
  });
  context.reply().integer(found);
}

void handle_type(DataContext& context) {
  const store::Entry* entry = context.peek(context.key(1));
  context.reply().simple(entry == nullptr ? "none" : store::type_name(entry->type()));
}

void handle_rename(DataContext& context) {
  const store::HashedKey from = context.key(1);
  const store::HashedKey to = context.key(2);
  if (context.find_for_write(from) == nullptr) {
    return context.reply().error(errors::kNoSuchKey);
  }
  if (from.bytes != to.bytes) rename(context, from, to, false);
  context.reply().ok();
}

void handle_renamenx(DataContext& context) {
  const store::HashedKey from = context.key(1);
  const store::HashedKey to = context.key(2);
  if (context.find_for_write(from) == nullptr) {
    return context.reply().error(errors::kNoSuchKey);
  }
  const bool done = from.bytes != to.bytes && rename(context, from, to, true);
  context.reply().integer(done ? 1 : 0);
}

void handle_copy(DataContext& context) {
  const auto options = parse_copy_options(context);
  if (!options) return context.reply().error(options.error());
  const store::HashedKey from = context.key(1);
  const store::HashedKey to = context.key(2);
  if (options->to_db == context.db() && from.bytes == to.bytes) {
    return context.reply().error(errors::kSameObject);
  }
  if (context.find_for_read(from) == nullptr) return context.reply().integer(0);
  store::Writer& writer = context.writer();
  const bool there = writer.find_for_write(options->to_db, to) != nullptr;
  if (there && !options->replace) return context.reply().integer(0);
  // Looked up again: the lookup of the target may have removed an expired entry.
  store::Entry* entry = context.keyspace().find(from);
  QUORIS_ASSERT(entry != nullptr);
  writer.copy(context.db(), *entry, options->to_db, to);
  writer.notify(store::EventClass::generic, "copy_to", options->to_db, to.bytes);
  context.reply().integer(1);
}

void handle_move(DataContext& context) {
  const auto to_db = db_argument(context.argument(2), context.store().databases());
  if (!to_db) return context.reply().error(to_db.error());
  if (*to_db == context.db()) return context.reply().error(errors::kSameObject);
  const store::HashedKey key = context.key(1);
  store::Entry* entry = context.find_for_write(key);
  store::Writer& writer = context.writer();
  if (entry == nullptr || writer.find_for_write(*to_db, key) != nullptr) {
    return context.reply().integer(0);
  }
  writer.move(context.db(), key, *entry, *to_db, key);
  context.notify(store::EventClass::generic, "move_from", key.bytes);
  writer.notify(store::EventClass::generic, "move_to", *to_db, key.bytes);
  context.reply().integer(1);
}

}  // namespace quoris::command
