#include "server/commands/pubsub_commands.h"

#include <array>

#include "base/text.h"
#include "command/errors.h"
#include "command/help.h"
#include "server/node.h"
#include "server/node_context.h"

namespace quoris::server {
namespace {

namespace errors = command::errors;
using Kind = PubSub::Kind;

// The first words of what a subscription or its end is answered with.
struct Words {
  std::string_view subscribe;
  std::string_view unsubscribe;
};

Words words(Kind kind) {
  switch (kind) {
    case Kind::channel:
      return {"subscribe", "unsubscribe"};
    case Kind::pattern:
      return {"psubscribe", "punsubscribe"};
    case Kind::shard_channel:
      break;
  }
  return {"ssubscribe", "sunsubscribe"};
}

// Channels and patterns are counted together.
int64_t count_shown(const Session& session, Kind kind) {
  const Subscriptions* all = session.subscriptions();
  if (all == nullptr) return 0;
  const size_t count = kind == Kind::shard_channel ? all->shard_channels.size()
                                                   : all->channels.size() + all->patterns.size();
  return static_cast<int64_t>(count);
}

// Answers go out whatever CLIENT REPLY says, as messages do. `name`: null if there was none.
void answer(Session& session, Kind kind, std::string_view word, const std::string_view* name) {
  resp::ReplyWriter reply(session.out(), session.protocol);
  reply.push(3);
  reply.bulk(word);
  if (name == nullptr) {
    reply.null();
  } else {
    reply.bulk(*name);
  }
  reply.integer(count_shown(session, kind));
}

void subscribe(NodeContext& context, Kind kind) {
  Session& session = context.session();
  for (const std::string_view name : context.arguments().subspan(1)) {
    context.node().pubsub().subscribe(session, kind, name);
    answer(session, kind, words(kind).subscribe, &name);
  }
}

void unsubscribe_one(NodeContext& context, Kind kind, std::string_view name) {
  context.node().pubsub().unsubscribe(context.session(), kind, name);
  answer(context.session(), kind, words(kind).unsubscribe, &name);
}

void unsubscribe(NodeContext& context, Kind kind) {
  Session& session = context.session();
  for (const std::string_view name : context.arguments().subspan(1)) {
    unsubscribe_one(context, kind, name);
  }
  if (context.count() > 1) return;
  Subscriptions& subscriptions = session.make_subscriptions();
  const Subscriptions::Names all = PubSub::names(subscriptions, kind);
  for (const std::string& name : all) unsubscribe_one(context, kind, name);
  if (all.empty()) answer(session, kind, words(kind).unsubscribe, nullptr);
}

void list_channels(NodeContext& context, Kind kind) {
  if (context.count() > 3) {
    return context.reply().error(errors::bad_subcommand_call(context.argument(1), "PUBSUB"));
  }
  resp::ReplyWriter& reply = context.reply();
  const auto deferred = reply.open();
  size_t count = 0;
  for (const auto& [name, subscribers] : context.node().pubsub().channels(kind)) {
    if (context.count() == 3 && !glob_match(context.argument(2), name)) continue;
    reply.bulk(name);
    ++count;
  }
  reply.close_array(deferred, count);
}

void count_subscribers(NodeContext& context, Kind kind) {
  const auto asked = context.arguments().subspan(2);
  context.reply().array(2 * asked.size());
  for (const std::string_view name : asked) {
    context.reply().bulk(name);
    context.reply().integer(static_cast<int64_t>(context.node().pubsub().subscribers(kind, name)));
  }
}

}  // namespace

void handle_subscribe(NodeContext& context) { subscribe(context, Kind::channel); }

void handle_unsubscribe(NodeContext& context) { unsubscribe(context, Kind::channel); }

void handle_psubscribe(NodeContext& context) { subscribe(context, Kind::pattern); }

void handle_punsubscribe(NodeContext& context) { unsubscribe(context, Kind::pattern); }

void handle_ssubscribe(NodeContext& context) { subscribe(context, Kind::shard_channel); }

void handle_sunsubscribe(NodeContext& context) { unsubscribe(context, Kind::shard_channel); }

void handle_publish(NodeContext& context) {
  const size_t sent = context.node().pubsub().publish(context.argument(1), context.argument(2));
  context.reply().integer(static_cast<int64_t>(sent));
}

void handle_spublish(NodeContext& context) {
  const size_t sent =
      context.node().pubsub().publish_to_shard(context.argument(1), context.argument(2));
  context.reply().integer(static_cast<int64_t>(sent));
}

void handle_pubsub_channels(NodeContext& context) { list_channels(context, Kind::channel); }

void handle_pubsub_numsub(NodeContext& context) { count_subscribers(context, Kind::channel); }

void handle_pubsub_numpat(NodeContext& context) {
  const size_t patterns = context.node().pubsub().channels(Kind::pattern).size();
  context.reply().integer(static_cast<int64_t>(patterns));
}

void handle_pubsub_shardchannels(NodeContext& context) {
  list_channels(context, Kind::shard_channel);
}

void handle_pubsub_shardnumsub(NodeContext& context) {
  count_subscribers(context, Kind::shard_channel);
}

void handle_pubsub_help(NodeContext& context) {
  static constexpr auto kLines = std::to_array<std::string_view>({
      "CHANNELS [<pattern>]",
      "    The channels that have subscribers, or those of them that match.",
      "NUMPAT",
      "    How many patterns somebody is subscribed to.",
      "NUMSUB [<channel> ...]",
      "    How many connections are subscribed to each of these channels by name.",
      "SHARDCHANNELS [<pattern>]",
      "    The shard channels that have subscribers, or those of them that match.",
      "SHARDNUMSUB [<shardchannel> ...]",
      "    How many connections are subscribed to each of these shard channels.",
  });
  command::reply_help(context.reply(), "PUBSUB", kLines);
}

}  // namespace quoris::server
