// OBJECT: how a value is held and when it was used.
#include <limits>

#include "command/data_context.h"
#include "command/errors.h"
#include "command/help.h"
#include "command/keys/key_commands.h"

namespace quoris::command {
namespace {

// Redis shares one object for each integer below this; clients see it in REFCOUNT.
constexpr int64_t kSharedIntegers = 10'000;

// Looks the key up; null is the reply if it is not there.
const store::Entry* find_or_reply_null(DataContext& context) {
  constexpr auto kQuietly = store::LookupFlags::no_touch | store::LookupFlags::no_event;
  const store::Entry* entry =
      context.writer().find_for_read(context.db(), context.key(2), kQuietly);
  if (entry == nullptr) context.reply().null();
  return entry;
}

bool is_shared(const DataContext& context, const store::Entry& entry) {
  if (!context.settings().shared_integers || entry.type() != store::Type::string) return false;
  const store::StringView value = entry.string();
  return value.is_integer && value.integer >= 0 && value.integer < kSharedIntegers;
}

}  // namespace

void handle_object_encoding(DataContext& context) {
  const store::Entry* entry = find_or_reply_null(context);
  if (entry != nullptr)
    context.reply().bulk(store::encoding_name(entry->type(), entry->encoding()));
}

void handle_object_freq(DataContext& context) {
  const store::Entry* entry = find_or_reply_null(context);
  if (entry == nullptr) return;
  if (!context.settings().lfu) return context.reply().error(errors::kNoFrequencyWithoutLfu);
  context.reply().integer(
      store::lfu_frequency(context.store().access(), entry->access(), context.now_ms()));
}

void handle_object_idletime(DataContext& context) {
  const store::Entry* entry = find_or_reply_null(context);
  if (entry == nullptr) return;
  if (context.settings().lfu) return context.reply().error(errors::kNoIdleTimeUnderLfu);
  context.reply().integer(
      static_cast<int64_t>(store::idle_seconds(entry->access(), context.now_ms())));
}

void handle_object_refcount(DataContext& context) {
  const store::Entry* entry = find_or_reply_null(context);
  if (entry == nullptr) return;
  context.reply().integer(is_shared(context, *entry) ? std::numeric_limits<int32_t>::max() : 1);
}

void handle_object_help(DataContext& context) {
  static constexpr std::string_view kLines[] = {
      "ENCODING <key>",
      "    How the value of <key> is held in memory.",
      "FREQ <key>",
      "    How often <key> was used lately, on a logarithmic scale (LFU policies).",
      "IDLETIME <key>",
      "    Seconds since <key> was last used (all policies but LFU).",
      "REFCOUNT <key>",
      "    How many references the value of <key> has.",
  };
  reply_help(context.reply(), "OBJECT", kLines);
}

}  // namespace quoris::command
