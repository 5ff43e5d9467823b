// INCR and its family. A counter that is an integer stays one; INCRBYFLOAT leaves text.
#include <cmath>
#include <limits>

#include "command/args.h"
#include "command/strings/string_access.h"
#include "command/strings/string_commands.h"

namespace quoris::command {
namespace {

std::optional<int64_t> integer_of(const store::Entry& entry) {
  const store::StringView value = entry.string();
  if (value.is_integer) return value.integer;
  return parse_int64(value.bytes);
}

std::optional<long double> long_double_of(const store::Entry& entry) {
  const store::StringView value = entry.string();
  if (value.is_integer) return static_cast<long double>(value.integer);
  return parse_long_double(value.bytes);
}

void add(DataContext& context, int64_t increment) {
  const store::HashedKey key = context.key(1);
  const store::Entry* entry = context.find_for_write(key);
  if (!check_type(context, entry, store::Type::string)) return;
  int64_t value = 0;
  int64_t expire_at_ms = store::kNoExpiry;
  if (entry != nullptr) {
    const auto old = integer_of(*entry);
    if (!old) return context.reply().error(errors::kNotInteger);
    value = *old;
    expire_at_ms = entry->expire_at_ms();
  }
  if (__builtin_add_overflow(value, increment, &value)) {
    return context.reply().error(errors::kOverflow);
  }
  context.writer().put_string(context.db(), key,
                              {.encoding = store::Encoding::integer, .integer = value, .bytes = {}},
                              expire_at_ms);
  context.notify(store::EventClass::string, "incrby", key.bytes);
  context.reply().integer(value);
}

}  // namespace

void handle_incr(DataContext& context) { add(context, 1); }

void handle_decr(DataContext& context) { add(context, -1); }

void handle_incrby(DataContext& context) {
  const auto increment = integer_argument(context.argument(2));
  if (!increment) return context.reply().error(increment.error());
  add(context, *increment);
}

void handle_decrby(DataContext& context) {
  const auto decrement = integer_argument(context.argument(2));
  if (!decrement) return context.reply().error(decrement.error());
  if (*decrement == std::numeric_limits<int64_t>::min()) {
    return context.reply().error(errors::kDecrementOverflow);
  }
  add(context, -*decrement);
}

void handle_incrbyfloat(DataContext& context) {
  const store::HashedKey key = context.key(1);
  const store::Entry* entry = context.find_for_write(key);
  if (!check_type(context, entry, store::Type::string)) return;
  long double value = 0;
  int64_t expire_at_ms = store::kNoExpiry;
  if (entry != nullptr) {
    const auto old = long_double_of(*entry);
    if (!old) return context.reply().error(errors::kNotFloat);
    value = *old;
    expire_at_ms = entry->expire_at_ms();
  }
  const auto increment = parse_long_double(context.argument(2));
  if (!increment) return context.reply().error(errors::kNotFloat);
  value += *increment;
  if (std::isnan(value) || std::isinf(value)) {
    return context.reply().error(errors::kNanOrInfinity);
  }
  const std::string text = format_long_double(value);
  const auto encoding =
      text.size() <= store::kEmbstrMax ? store::Encoding::embstr : store::Encoding::raw;
  context.writer().put_string(context.db(), key, {.encoding = encoding, .bytes = text},
                              expire_at_ms);
  context.notify(store::EventClass::string, "incrbyfloat", key.bytes);
  context.reply().bulk(text);
}

}  // namespace quoris::command
