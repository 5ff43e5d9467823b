// HINCRBY and HINCRBYFLOAT.
#include <cmath>
#include <optional>

#include "command/args.h"
#include "command/hashes/hash_commands.h"
#include "command/value_access.h"
#include "store/hash_value.h"

namespace quoris::command {
namespace {

// The value at the field that is the second argument, null for none.
std::optional<store::StringView> present_value(DataContext& context, const store::Entry* entry) {
  if (entry == nullptr) return std::nullopt;
  return store::HashView(*entry).find(context.argument(2));
}

void set_counter(DataContext& context, const store::HashedKey& key, store::Entry* entry,
                 std::string_view text, std::string_view event) {
  const std::string_view pair[] = {context.argument(2), text};
  context.writer().hash_set(context.db(), key, entry, pair, event);
}

}  // namespace

void handle_hincrby(DataContext& context) {
  const auto increment = integer_argument(context.argument(3));
  if (!increment) return context.reply().error(increment.error());
  const store::HashedKey key = context.key(1);
  store::Entry* entry = context.find_for_write(key);
  if (!check_type(context, entry, store::Type::hash)) return;
  int64_t sum = 0;
  if (const auto old = present_value(context, entry)) {
    const auto number = old->is_integer ? std::optional(old->integer) : parse_int64(old->bytes);
    if (!number) return context.reply().error(errors::kHashValueNotInteger);
    sum = *number;
  }
  if (__builtin_add_overflow(sum, *increment, &sum)) {
    return context.reply().error(errors::kOverflow);
  }
  char digits[kInt64TextMax];
  set_counter(context, key, entry, {digits, format_int64(sum, digits)}, "hincrby");
  context.reply().integer(sum);
}

void handle_hincrbyfloat(DataContext& context) {
  const auto increment = parse_long_double(context.argument(3));
  if (!increment) return context.reply().error(errors::kNotFloat);
  if (std::isnan(*increment) || std::isinf(*increment)) {
    return context.reply().error(errors::kIncrementNanOrInfinity);
  }
  const store::HashedKey key = context.key(1);
  store::Entry* entry = context.find_for_write(key);
  if (!check_type(context, entry, store::Type::hash)) return;
  long double sum = *increment;
  if (const auto old = present_value(context, entry)) {
    const auto number = old->is_integer ? std::optional(static_cast<long double>(old->integer))
                                        : parse_long_double(old->bytes);
    if (!number) return context.reply().error(errors::kHashValueNotFloat);
    sum += *number;
  }
  if (std::isnan(sum) || std::isinf(sum)) return context.reply().error(errors::kNanOrInfinity);
  const std::string text = format_long_double(sum);
  set_counter(context, key, entry, text, "hincrbyfloat");
  context.reply().bulk(text);
}

}  // namespace quoris::command
