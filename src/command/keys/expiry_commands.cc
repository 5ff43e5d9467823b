// EXPIRE, TTL and their families: a key's time to live, set and asked for.
#include "command/args.h"
#include "command/data_context.h"
#include "command/keys/expire_key.h"
#include "command/keys/key_commands.h"

namespace quoris::command {
namespace {

// NX, XX, GT, LT: what must hold of the present expiry for a new one to be taken.
struct ExpireConditions {
  bool none_yet = false;  // NX
  bool one_yet = false;   // XX
  bool later = false;     // GT
  bool earlier = false;   // LT

  // `present`: kNoExpiry counts as endless.
  [[nodiscard]] bool hold(int64_t present_ms, int64_t wanted_ms) const {
    const bool endless = present_ms == store::kNoExpiry;
    if (none_yet && !endless) return false;
    if (one_yet && endless) return false;
    if (later && (endless || wanted_ms <= present_ms)) return false;
    if (earlier && !endless && wanted_ms >= present_ms) return false;
    return true;
  }
};

Parsed<ExpireConditions> parse_expire_conditions(std::span<const std::string_view> words) {
  ExpireConditions conditions;
  for (const std::string_view word : words) {
    if (is(word, "NX")) {
      conditions.none_yet = true;
    } else if (is(word, "XX")) {
      conditions.one_yet = true;
    } else if (is(word, "GT")) {
      conditions.later = true;
    } else if (is(word, "LT")) {
      conditions.earlier = true;
    } else {
      return errors::unsupported_option(word);
    }
  }
  if (conditions.none_yet && (conditions.one_yet || conditions.later || conditions.earlier)) {
    return std::string(errors::kExpireNxConflict);
  }
  if (conditions.later && conditions.earlier) return std::string(errors::kExpireGtLtConflict);
  return conditions;
}

struct TimeForm {
  int64_t unit_ms = 1;
  bool absolute = false;
};

void expire(DataContext& context, TimeForm form, std::string_view command_name) {
  const auto conditions = parse_expire_conditions(context.arguments().subspan(3));
  if (!conditions) return context.reply().error(conditions.error());
  const auto expire_at_ms = expiry_argument({.text = context.argument(2),
                                             .unit_ms = form.unit_ms,
                                             .absolute = form.absolute,
                                             .must_be_positive = false},
                                            context.now_ms(), command_name);
  if (!expire_at_ms) return context.reply().error(expire_at_ms.error());

  const store::HashedKey key = context.key(1);
  store::Entry* entry = context.find_for_write(key);
  if (entry == nullptr || !conditions->hold(entry->expire_at_ms(), *expire_at_ms)) {
    return context.reply().integer(0);
  }
  expire_key(context, key, *entry, *expire_at_ms);
  context.reply().integer(1);
}

// -2: no such key; -1: it never expires.
void reply_time(DataContext& context, TimeForm form) {
  const store::Entry* entry = context.peek(context.key(1));
  if (entry == nullptr) return context.reply().integer(-2);
  if (!entry->has_expiry()) return context.reply().integer(-1);
  const int64_t ms = entry->expire_at_ms() - (form.absolute ? 0 : context.now_ms());
  const bool round_up = form.unit_ms > 1 && ms % form.unit_ms >= form.unit_ms / 2;
  context.reply().integer(ms / form.unit_ms + (round_up ? 1 : 0));
}

}  // namespace

void handle_expire(DataContext& context) { expire(context, {.unit_ms = 1000}, "expire"); }

void handle_pexpire(DataContext& context) { expire(context, {}, "pexpire"); }

void handle_expireat(DataContext& context) {
  expire(context, {.unit_ms = 1000, .absolute = true}, "expireat");
}

void handle_pexpireat(DataContext& context) { expire(context, {.absolute = true}, "pexpireat"); }

void handle_ttl(DataContext& context) { reply_time(context, {.unit_ms = 1000}); }

void handle_pttl(DataContext& context) { reply_time(context, {}); }

void handle_expiretime(DataContext& context) {
  reply_time(context, {.unit_ms = 1000, .absolute = true});
}

void handle_pexpiretime(DataContext& context) { reply_time(context, {.absolute = true}); }

void handle_persist(DataContext& context) {
  const store::HashedKey key = context.key(1);
  store::Entry* entry = context.find_for_write(key);
  const bool persisted = entry != nullptr && entry->has_expiry();
  if (persisted) {
    context.writer().set_expiry(context.db(), key, *entry, store::kNoExpiry);
    context.notify(store::EventClass::generic, "persist", key.bytes);
  }
  context.reply().integer(persisted ? 1 : 0);
}

}  // namespace quoris::command
