// GET and SET in all their forms. Counters are in string_counters.cc, parts of a value in
// string_ranges.cc, LCS in lcs_command.cc.
#include "command/strings/string_commands.h"

#include <optional>

#include "command/args.h"
#include "command/keys/expire_key.h"
#include "command/keys/key_batch.h"
#include "command/strings/string_access.h"

namespace quoris::command {
namespace {

// When a SET takes effect.
enum class Condition : uint8_t { always, if_absent, if_present };

struct SetOptions {
  Condition condition = Condition::always;
  bool reply_old = false;  // GET
  bool keep_ttl = false;
  std::optional<ExpiryRequest> expiry;
};

struct GetexOptions {
  bool persist = false;
  std::optional<ExpiryRequest> expiry;
};

// EX, PX, EXAT, PXAT as a request without its number; nothing for another word.
std::optional<ExpiryRequest> expiry_word(std::string_view word) {
  if (is(word, "EX")) return ExpiryRequest{.unit_ms = 1000};
  if (is(word, "PX")) return ExpiryRequest{};
  if (is(word, "EXAT")) return ExpiryRequest{.unit_ms = 1000, .absolute = true};
  if (is(word, "PXAT")) return ExpiryRequest{.absolute = true};
  return std::nullopt;
}

// Reads an expiry word and its number at `position` and moves it to the number. The same word
// twice is fine (the last one counts), two different ones are not. False: not such an option.
bool take_expiry(std::span<const std::string_view> words, size_t& position,
                 std::optional<ExpiryRequest>& expiry) {
  auto found = expiry_word(words[position]);
  if (!found || position + 1 == words.size()) return false;
  if (expiry && (expiry->unit_ms != found->unit_ms || expiry->absolute != found->absolute)) {
    return false;
  }
  found->text = words[++position];
  expiry = found;
  return true;
}

Parsed<SetOptions> parse_set_options(std::span<const std::string_view> words) {
  SetOptions options;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (is(word, "NX") && options.condition != Condition::if_present) {
      options.condition = Condition::if_absent;
    } else if (is(word, "XX") && options.condition != Condition::if_absent) {
      options.condition = Condition::if_present;
    } else if (is(word, "GET")) {
      options.reply_old = true;
    } else if (is(word, "KEEPTTL") && !options.expiry) {
      options.keep_ttl = true;
    } else if (options.keep_ttl || !take_expiry(words, i, options.expiry)) {
      return std::string(errors::kSyntax);
    }
  }
  return options;
}

Parsed<GetexOptions> parse_getex_options(std::span<const std::string_view> words) {
  GetexOptions options;
  for (size_t i = 0; i < words.size(); ++i) {
    if (is(words[i], "PERSIST") && !options.expiry) {
      options.persist = true;
    } else if (options.persist || !take_expiry(words, i, options.expiry)) {
      return std::string(errors::kSyntax);
    }
  }
  return options;
}

// The absolute time that an option asks for; kNoExpiry without one.
Parsed<int64_t> expiry_time(const DataContext& context, const std::optional<ExpiryRequest>& request,
                            std::string_view command_name) {
  if (!request) return store::kNoExpiry;
  return expiry_argument(*request, context.now_ms(), command_name);
}

// What a SET writes once its options are read.
struct Assignment {
  std::string_view value;
  Condition condition = Condition::always;
  bool keep_ttl = false;
  int64_t expire_at_ms = store::kNoExpiry;
};

// The events of a value with a time to live.
void notify_set(DataContext& context, const store::HashedKey& key, bool expires) {
  context.notify(store::EventClass::string, "set", key.bytes);
  if (expires) context.notify(store::EventClass::generic, "expire", key.bytes);
}

// A value whose time is past already leaves no key; the events are those of one that was there for
// a moment.
void assign_expired(DataContext& context, const store::HashedKey& key) {
  if (!context.writer().remove(context.db(), key)) {
    context.writer().count_change();
    context.notify(store::EventClass::new_key, "new", key.bytes);
  }
  notify_set(context, key, true);
  context.notify(store::EventClass::expired, "expired", key.bytes);
}

// False if the condition does not hold.
bool assign(DataContext& context, const store::HashedKey& key, const Assignment& assignment) {
  int64_t expire_at_ms = assignment.expire_at_ms;
  if (assignment.condition != Condition::always || assignment.keep_ttl) {
    const store::Entry* old = context.find_for_write(key);
    if (assignment.condition == Condition::if_absent && old != nullptr) return false;
    if (assignment.condition == Condition::if_present && old == nullptr) return false;
    if (assignment.keep_ttl && old != nullptr) expire_at_ms = old->expire_at_ms();
  }
  if (expire_at_ms != store::kNoExpiry && expire_at_ms <= context.now_ms()) {
    assign_expired(context, key);
  } else {
    context.writer().put_string(context.db(), key, store::best_string(assignment.value),
                                expire_at_ms);
    notify_set(context, key, assignment.expire_at_ms != store::kNoExpiry);
  }
  return true;
}

void set_with_ttl(DataContext& context, int64_t unit_ms, std::string_view command_name) {
  const auto expire_at_ms = expiry_argument({.text = context.argument(2), .unit_ms = unit_ms},
                                            context.now_ms(), command_name);
  if (!expire_at_ms) return context.reply().error(expire_at_ms.error());
  assign(context, context.key(1), {.value = context.argument(3), .expire_at_ms = *expire_at_ms});
  context.reply().ok();
}

// False, and an error is the reply, unless every key has a value.
bool check_pairs(DataContext& context, std::string_view command_name) {
  if (context.count() % 2 == 1) return true;
  context.reply().error(errors::wrong_arity(command_name));
  return false;
}

void put_pairs(DataContext& context) {
  for_each_key(context, 1, 2, [&](size_t index, const store::HashedKey& key) {
    assign(context, key, {.value = context.argument(index + 1)});
    return true;
  });
}

}  // namespace

void handle_get(DataContext& context) {
  reply_string_or_null(context, context.find_for_read(context.key(1)));
}

void handle_set(DataContext& context) {
  const auto options = parse_set_options(context.arguments().subspan(3));
  if (!options) return context.reply().error(options.error());
  const auto expire_at_ms = expiry_time(context, options->expiry, "set");
  if (!expire_at_ms) return context.reply().error(expire_at_ms.error());

  const store::HashedKey key = context.key(1);
  if (options->reply_old && !reply_string_or_null(context, context.find_for_read(key))) return;
  const bool assigned = assign(context, key,
                               {.value = context.argument(2),
                                .condition = options->condition,
                                .keep_ttl = options->keep_ttl,
                                .expire_at_ms = *expire_at_ms});
  if (options->reply_old) return;
  if (assigned) {
    context.reply().ok();
  } else {
    context.reply().null();
  }
}

void handle_getset(DataContext& context) {
  const store::HashedKey key = context.key(1);
  if (!reply_string_or_null(context, context.find_for_read(key))) return;
  assign(context, key, {.value = context.argument(2)});
}

void handle_getdel(DataContext& context) {
  const store::HashedKey key = context.key(1);
  const store::Entry* entry = context.find_for_read(key);
  if (!reply_string_or_null(context, entry)) return;
  if (entry == nullptr) return;
  context.writer().remove(context.db(), key);
  context.notify(store::EventClass::generic, "del", key.bytes);
}

void handle_getex(DataContext& context) {
  const auto options = parse_getex_options(context.arguments().subspan(2));
  if (!options) return context.reply().error(options.error());
  const store::HashedKey key = context.key(1);
  store::Entry* entry = context.find_for_read(key);
  if (!check_type(context, entry, store::Type::string)) return;
  if (entry == nullptr) return context.reply().null();
  // Asked for only now: a bad time is no error for a key that is not there.
  const auto expire_at_ms = expiry_time(context, options->expiry, "getex");
  if (!expire_at_ms) return context.reply().error(expire_at_ms.error());

  reply_string(context, *entry);
  if (options->persist) {
    if (!entry->has_expiry()) return;
    context.writer().set_expiry(context.db(), key, *entry, store::kNoExpiry);
    context.notify(store::EventClass::generic, "persist", key.bytes);
  } else if (options->expiry) {
    expire_key(context, key, *entry, *expire_at_ms);
  }
}

void handle_setex(DataContext& context) { set_with_ttl(context, 1000, "setex"); }

void handle_psetex(DataContext& context) { set_with_ttl(context, 1, "psetex"); }

void handle_setnx(DataContext& context) {
  const bool assigned = assign(context, context.key(1),
                               {.value = context.argument(2), .condition = Condition::if_absent});
  context.reply().integer(assigned ? 1 : 0);
}

void handle_mget(DataContext& context) {
  context.reply().array(context.count() - 1);
  for_each_key(context, 1, 1, [&](size_t, const store::HashedKey& key) {
    const store::Entry* entry = context.find_for_read(key);
    if (entry != nullptr && entry->type() == store::Type::string) {
      reply_string(context, *entry);
    } else {
      context.reply().null();
    }
    return true;
  });
}

void handle_mset(DataContext& context) {
  if (!check_pairs(context, "mset")) return;
  put_pairs(context);
  context.reply().ok();
}

void handle_msetnx(DataContext& context) {
  if (!check_pairs(context, "msetnx")) return;
  bool any_there = false;
  for_each_key(context, 1, 2, [&](size_t, const store::HashedKey& key) {
    any_there = context.find_for_write(key) != nullptr;
    return !any_there;
  });
  if (!any_there) put_pairs(context);
  context.reply().integer(any_there ? 0 : 1);
}

}  // namespace quoris::command
