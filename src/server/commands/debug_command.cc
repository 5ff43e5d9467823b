#include <fmt/format.h>

#include <array>
#include <charconv>

#include "command/args.h"
#include "command/errors.h"
#include "command/help.h"
#include "server/commands/admin_commands.h"
#include "server/node.h"
#include "server/node_context.h"
#include "store/access.h"
#include "store/elements.h"
#include "store/packed.h"

namespace quoris::server {
namespace {

namespace errors = command::errors;
using command::is;

// As C's atoi reads it: what is no number is 0.
int leading_integer(std::string_view text) {
  int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

void debug_sleep(NodeContext& context) {
  constexpr double kLongestS = 24 * 3600;
  const double seconds = parse_double(context.argument(2)).value_or(0);
  if (seconds > 0) {
    context.node().edge().sleep_us(static_cast<uint64_t>(std::min(seconds, kLongestS) * 1e6));
  }
  context.reply().ok();
}

// Bytes that say a length in Redis's dump format.
size_t length_prefix(size_t length) {
  if (length < 64) return 1;
  return length < 16384 ? 2 : 5;
}

// Length of a text in Redis's dump format, without compression.
size_t serialized_length(std::string_view text) {
  // Short integers become one byte of kind and 1, 2 or 4 of value.
  constexpr size_t kShortInteger = 11;
  if (text.size() <= kShortInteger) {
    const int64_t integer = parse_int64(text).value_or(INT64_MAX);
    if (integer >= INT8_MIN && integer <= INT8_MAX) return 2;
    if (integer >= INT16_MIN && integer <= INT16_MAX) return 3;
    if (integer >= INT32_MIN && integer <= INT32_MAX) return 5;
  }
  return length_prefix(text.size()) + text.size();
}

// Of a collection: its size, then its elements one after the other.
size_t serialized_length(const store::Entry& entry) {
  constexpr size_t kPieceBytes = 4096;
  char digits[kInt64TextMax + 1];
  if (entry.type() == store::Type::string) return serialized_length(entry.string().text(digits));
  size_t length = length_prefix(store::collection_size(entry));
  store::for_each_piece(entry, kPieceBytes, [&](std::string_view elements, size_t /*count*/) {
    store::packed::for_each_element(elements, [&](const store::StringView& element) {
      length += serialized_length(element.text(digits));
    });
  });
  return length;
}

bool is_shared(Node& node, const store::StringView& value) {
  constexpr int64_t kSharedEnd = 10000;  // OBJECT REFCOUNT says the same
  return node.data_settings().shared_integers && value.is_integer && value.integer >= 0 &&
         value.integer < kSharedEnd;
}

void debug_object(NodeContext& context) {
  Node& node = context.node();
  store::Keyspace& keyspace = node.store().db(context.session().db);
  const store::Entry* entry = keyspace.find(keyspace.hashed(context.argument(2)));
  if (entry == nullptr || entry->is_expired(node.now_ms())) {
    return context.reply().error(errors::kNoSuchKey);
  }
  const bool shared = entry->type() == store::Type::string && is_shared(node, entry->string());
  // No address: what reaches a client doesn't depend on where memory lies.
  context.reply().simple(fmt::format(
      "Value at:0x0 refcount:{} encoding:{} serializedlength:{} lru:{} lru_seconds_idle:{}",
      shared ? INT32_MAX : 1, store::encoding_name(entry->type(), entry->encoding()),
      serialized_length(*entry), entry->access(),
      store::idle_seconds(entry->access(), node.now_ms())));
}

void debug_set_active_expire(NodeContext& context) {
  context.node().active_expire = leading_integer(context.argument(2)) != 0;
  context.reply().ok();
}

// --- DEBUG PROTOCOL -----------------------------------------------------------------------------

void sample_numbers(resp::ReplyWriter& reply) {
  for (int64_t number = 0; number < 3; ++number) reply.integer(number);
}

void sample_map(resp::ReplyWriter& reply) {
  reply.map(3);
  for (int64_t number = 0; number < 3; ++number) {
    reply.integer(number);
    reply.boolean(number == 1);
  }
}

void sample_attribute(resp::ReplyWriter& reply) {
  if (reply.protocol() == resp::Protocol::resp3) {
    reply.attribute(1);
    reply.bulk("key-popularity");
    reply.array(2);
    reply.bulk("key:123");
    reply.integer(90);
  }
  reply.bulk("Some real reply following the attribute");
}

void sample_push(resp::ReplyWriter& reply) {
  if (reply.protocol() == resp::Protocol::resp2) return reply.error(errors::kNeedsResp3);
  reply.push(2);
  reply.bulk("server-cpu-usage");
  reply.integer(42);
  reply.bulk("Some real reply following the push reply");
}

struct Sample {
  std::string_view name;
  void (*write)(resp::ReplyWriter& reply);
};

constexpr auto kSamples = std::to_array<Sample>({
    {"string", [](resp::ReplyWriter& reply) { reply.bulk("Hello World"); }},
    {"integer", [](resp::ReplyWriter& reply) { reply.integer(12345); }},
    {"double", [](resp::ReplyWriter& reply) { reply.number(3.141); }},
    {"null", [](resp::ReplyWriter& reply) { reply.null(); }},
    {"array",
     [](resp::ReplyWriter& reply) {
       reply.array(3);
       sample_numbers(reply);
     }},
    {"set",
     [](resp::ReplyWriter& reply) {
       reply.set(3);
       sample_numbers(reply);
     }},
    {"map", &sample_map},
    {"attrib", &sample_attribute},
    {"push", &sample_push},
    {"verbatim",
     [](resp::ReplyWriter& reply) { reply.verbatim("txt", "This is a verbatim\nstring"); }},
    {"true", [](resp::ReplyWriter& reply) { reply.boolean(true); }},
    {"false", [](resp::ReplyWriter& reply) { reply.boolean(false); }},
    {"bignum",
     [](resp::ReplyWriter& reply) { reply.big_number("1234567999999999999999999999999999999"); }},
});

void debug_protocol(NodeContext& context) {
  for (const Sample& sample : kSamples) {
    if (is(context.argument(2), sample.name)) return sample.write(context.reply());
  }
  context.reply().error(errors::kBadProtocolType);
}

void debug_help(resp::ReplyWriter& reply) {
  static constexpr auto kLines = std::to_array<std::string_view>({
      "OBJECT <key>",
      "    How the value of a key is held.",
      "PROTOCOL <type>",
      "    A sample of a type of reply: string, integer, double, bignum, null, array, set, map,",
      "    attrib, push, verbatim, true, false.",
      "SET-ACTIVE-EXPIRE <0|1>",
      "    Whether keys past their time are removed in the background; they are hidden all the",
      "    same.",
      "SLEEP <seconds>",
      "    Do nothing at all for this long; decimals are fine.",
  });
  command::reply_help(reply, "DEBUG", kLines);
}

}  // namespace

bool is_allowed(AccessLevel level, Session& session) {
  switch (level) {
    case AccessLevel::yes:
      return true;
    case AccessLevel::local:
      return session.stream().is_local();
    case AccessLevel::no:
      break;
  }
  return false;
}

void handle_debug(NodeContext& context) {
  const std::string_view word = context.argument(1);
  if (context.count() == 2 && is(word, "HELP")) return debug_help(context.reply());
  if (context.count() == 3) {
    if (is(word, "SLEEP")) return debug_sleep(context);
    if (is(word, "OBJECT")) return debug_object(context);
    if (is(word, "SET-ACTIVE-EXPIRE")) return debug_set_active_expire(context);
    if (is(word, "PROTOCOL")) return debug_protocol(context);
  }
  context.reply().error(errors::bad_subcommand_call(word, "DEBUG"));
}

}  // namespace quoris::server
