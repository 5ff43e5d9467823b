// Commands on a part of a string, and its length.
#include <algorithm>

#include "command/args.h"
#include "command/strings/string_access.h"
#include "command/strings/string_commands.h"

namespace quoris::command {
namespace {

// A gap of zeros up to this many bytes is written into a new value at once; a longer one is made
// by a delta, so that a small command does not become a large effect.
constexpr uint64_t kZerosInPlaceMax = 4096;

// False, and an error is the reply, if a string would become longer than the limit.
bool check_length(DataContext& context, uint64_t size, uint64_t more) {
  const uint64_t limit = std::min(context.settings().proto_max_bulk_len, store::kLengthMax);
  if (size <= limit && more <= limit - size) return true;
  context.reply().error(errors::kStringTooLong);
  return false;
}

void put_behind_zeros(DataContext& context, const store::HashedKey& key, uint64_t offset,
                      std::string_view bytes) {
  store::Writer& writer = context.writer();
  if (offset <= kZerosInPlaceMax) {
    std::string value(offset, '\0');
    value += bytes;
    writer.put_string(context.db(), key, {.bytes = value}, store::kNoExpiry);
    return;
  }
  store::Entry& entry = writer.put_string(context.db(), key, {}, store::kNoExpiry);
  writer.set_range(context.db(), key, entry, offset, bytes);
}

// Redis's rules for a range with both ends included, negative ones counted from the end.
std::string_view range_of(std::string_view text, int64_t start, int64_t end) {
  if (start < 0 && end < 0 && start > end) return {};
  const auto size = static_cast<int64_t>(text.size());
  if (start < 0) start = std::max<int64_t>(0, start + size);
  if (end < 0) end = std::max<int64_t>(0, end + size);
  end = std::min(end, size - 1);
  if (start > end) return {};
  return text.substr(static_cast<size_t>(start), static_cast<size_t>(end - start + 1));
}

}  // namespace

void handle_append(DataContext& context) {
  const store::HashedKey key = context.key(1);
  const std::string_view bytes = context.argument(2);
  store::Entry* entry = context.find_for_write(key);
  if (!check_type(context, entry, store::Type::string)) return;
  if (entry == nullptr) {
    context.writer().put_string(context.db(), key, store::best_string(bytes), store::kNoExpiry);
    context.notify(store::EventClass::string, "append", key.bytes);
    return context.reply().integer(static_cast<int64_t>(bytes.size()));
  }
  const size_t size = entry->string().size();
  if (!check_length(context, size, bytes.size())) return;
  context.writer().append(context.db(), key, *entry, bytes);
  context.notify(store::EventClass::string, "append", key.bytes);
  context.reply().integer(static_cast<int64_t>(size + bytes.size()));
}

void handle_strlen(DataContext& context) {
  const store::Entry* entry = context.find_for_read(context.key(1));
  if (!check_type(context, entry, store::Type::string)) return;
  context.reply().integer(entry == nullptr ? 0 : static_cast<int64_t>(entry->string().size()));
}

void handle_getrange(DataContext& context) {
  const auto start = integer_argument(context.argument(2));
  if (!start) return context.reply().error(start.error());
  const auto end = integer_argument(context.argument(3));
  if (!end) return context.reply().error(end.error());
  const store::Entry* entry = context.find_for_read(context.key(1));
  if (!check_type(context, entry, store::Type::string)) return;
  if (entry == nullptr) return context.reply().bulk("");
  char scratch[21];
  context.reply().bulk(range_of(entry->string().text(scratch), *start, *end));
}

void handle_substr(DataContext& context) { handle_getrange(context); }

void handle_setrange(DataContext& context) {
  const auto parsed = integer_argument(context.argument(2));
  if (!parsed) return context.reply().error(parsed.error());
  if (*parsed < 0) return context.reply().error(errors::kOffsetOutOfRange);
  const auto offset = static_cast<uint64_t>(*parsed);
  const std::string_view bytes = context.argument(3);
  const store::HashedKey key = context.key(1);
  store::Entry* entry = context.find_for_write(key);
  if (!check_type(context, entry, store::Type::string)) return;
  const size_t size = entry == nullptr ? 0 : entry->string().size();
  if (bytes.empty()) return context.reply().integer(static_cast<int64_t>(size));
  if (!check_length(context, offset, bytes.size())) return;
  if (entry == nullptr) {
    put_behind_zeros(context, key, offset, bytes);
  } else {
    context.writer().set_range(context.db(), key, *entry, offset, bytes);
  }
  context.notify(store::EventClass::string, "setrange", key.bytes);
  context.reply().integer(static_cast<int64_t>(std::max<uint64_t>(size, offset + bytes.size())));
}

}  // namespace quoris::command
