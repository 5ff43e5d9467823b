// Commands on a whole database: its size, walks through it, flushing, swapping.
#include "command/keys/keyspace_commands.h"

#include <limits>
#include <vector>

#include "command/args.h"
#include "command/data_context.h"
#include "command/scan_options.h"

namespace quoris::command {
namespace {

// The keys that one SCAN call met. Entries stay where they are until something is changed.
struct Scanned {
  uint64_t next_cursor = 0;
  std::vector<const store::Entry*> live;
  std::vector<std::string> expired;  // by name: removing one may move others
};

Scanned scan(DataContext& context, uint64_t cursor, const ScanOptions& options) {
  Scanned result;
  const auto visit = [&](store::Entry& entry) {
    context.step();
    if (!options.matches(entry.key())) return;
    if (entry.is_expired(context.now_ms())) {
      result.expired.emplace_back(entry.key());
    } else if (options.any_type || is(options.type, store::type_name(entry.type()))) {
      result.live.push_back(&entry);
    }
  };
  result.next_cursor = context.keyspace().scan(cursor, options.count, visit);
  return result;
}

// A key that is not expired in the order of the walk; null if there is none.
const store::Entry* first_live(DataContext& context) {
  const store::Entry* found = nullptr;
  context.keyspace().for_each([&](store::Entry& entry) {
    context.step();
    if (!entry.is_expired(context.now_ms())) found = &entry;
    return found == nullptr;
  });
  return found;
}

// FLUSHDB's and FLUSHALL's only option. True: lazily.
Parsed<bool> parse_flush_option(const DataContext& context) {
  if (context.count() == 1) return context.settings().lazy_user_flush;
  if (context.count() == 2 && is(context.argument(1), "ASYNC")) return true;
  if (context.count() == 2 && is(context.argument(1), "SYNC")) return false;
  return std::string(errors::kSyntax);
}

void flush(DataContext& context, size_t first_db, size_t last_db) {
  const auto lazily = parse_flush_option(context);
  if (!lazily) return context.reply().error(lazily.error());
  for (size_t db = first_db; db <= last_db; ++db) {
    context.writer().flush(DbIndex{static_cast<uint16_t>(db)}, *lazily,
                           [&context] { context.breathe(); });
  }
  context.reply().ok();
}

}  // namespace

void handle_dbsize(DataContext& context) {
  context.reply().integer(static_cast<int64_t>(context.keyspace().size()));
}

void handle_keys(DataContext& context) {
  const std::string_view pattern = context.argument(1);
  resp::ReplyWriter& reply = context.reply();
  const auto deferred = reply.open();
  size_t count = 0;
  context.keyspace().for_each([&](store::Entry& entry) {
    context.step();
    if (!entry.is_expired(context.now_ms()) && matches_pattern(pattern, entry.key())) {
      reply.bulk(entry.key());
      ++count;
    }
    return true;
  });
  reply.close_array(deferred, count);
}

void handle_scan(DataContext& context) {
  const auto cursor = parse_cursor(context.argument(1));
  if (!cursor) return context.reply().error(cursor.error());
  const auto options = parse_scan_options(context.arguments().subspan(2), ScanKind::keys);
  if (!options) return context.reply().error(options.error());

  const Scanned scanned = scan(context, *cursor, *options);
  resp::ReplyWriter& reply = context.reply();
  reply.array(2);
  reply.bulk(std::to_string(scanned.next_cursor));
  reply.array(scanned.live.size());
  for (const store::Entry* entry : scanned.live) reply.bulk(entry->key());
  // Last: from here on the entries above may be gone. A lookup removes what is expired.
  for (const std::string& key : scanned.expired) {
    static_cast<void>(context.find_for_write(context.keyspace().hashed(key)));
  }
}

void handle_randomkey(DataContext& context) {
  constexpr int kTriesMax = 100;
  store::Keyspace& keyspace = context.keyspace();
  for (int i = 0; i < kTriesMax; ++i) {
    store::Entry* entry = keyspace.random(context.rng());
    if (entry == nullptr) return context.reply().null();
    if (!entry->is_expired(context.now_ms())) return context.reply().bulk(entry->key());
    context.writer().expire(context.db(), *entry);
  }
  // Nearly all that is there is expired and waits to be removed.
  const store::Entry* entry = first_live(context);
  if (entry == nullptr) return context.reply().null();
  context.reply().bulk(entry->key());
}

void handle_swapdb(DataContext& context) {
  constexpr int64_t kLow = std::numeric_limits<int32_t>::min();
  constexpr int64_t kHigh = std::numeric_limits<int32_t>::max();
  const auto first = integer_argument(context.argument(1), kLow, kHigh, errors::kInvalidFirstDb);
  if (!first) return context.reply().error(first.error());
  const auto second = integer_argument(context.argument(2), kLow, kHigh, errors::kInvalidSecondDb);
  if (!second) return context.reply().error(second.error());
  const auto a = db_of_number(*first, context.store().databases());
  if (!a) return context.reply().error(a.error());
  const auto b = db_of_number(*second, context.store().databases());
  if (!b) return context.reply().error(b.error());
  if (*a != *b) context.writer().swap(*a, *b);
  context.reply().ok();
}

void handle_flushdb(DataContext& context) { flush(context, raw(context.db()), raw(context.db())); }

void handle_flushall(DataContext& context) { flush(context, 0, context.store().databases() - 1); }

}  // namespace quoris::command
