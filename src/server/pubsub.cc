#include "server/pubsub.h"

#include <vector>

#include "base/assert.h"
#include "base/text.h"
#include "resp/reply_writer.h"
#include "server/node.h"

namespace quoris::server {

Subscriptions::Names& PubSub::names(Subscriptions& subscriptions, Kind kind) {
  switch (kind) {
    case Kind::channel:
      return subscriptions.channels;
    case Kind::pattern:
      return subscriptions.patterns;
    case Kind::shard_channel:
      break;
  }
  return subscriptions.shard_channels;
}

void PubSub::subscribe(Session& session, Kind kind, std::string_view name) {
  Subscriptions& subscriptions = session.make_subscriptions();
  if (!names(subscriptions, kind).emplace(name).second) return;
  subscriptions.name_bytes += name.size();
  Channels& channels = channels_[static_cast<size_t>(kind)];
  auto found = channels.find(name);
  if (found == channels.end()) found = channels.emplace(name, Subscribers()).first;
  found->second.emplace(session.id(), &session);
}

void PubSub::unsubscribe(Session& session, Kind kind, std::string_view name) {
  Subscriptions* subscriptions = session.subscriptions();
  if (subscriptions == nullptr) return;
  Subscriptions::Names& subscribed = names(*subscriptions, kind);
  const auto own = subscribed.find(name);
  if (own == subscribed.end()) return;
  subscriptions->name_bytes -= name.size();
  Channels& channels = channels_[static_cast<size_t>(kind)];
  const auto found = channels.find(name);
  QUORIS_ASSERT(found != channels.end());
  found->second.erase(session.id());
  if (found->second.empty()) channels.erase(found);
  subscribed.erase(own);
}

void PubSub::forget(Session& session) {
  Subscriptions* subscriptions = session.subscriptions();
  if (subscriptions == nullptr) return;
  for (const Kind kind : {Kind::channel, Kind::pattern, Kind::shard_channel}) {
    Subscriptions::Names& subscribed = names(*subscriptions, kind);
    while (!subscribed.empty()) {
      const std::string name = *subscribed.begin();
      unsubscribe(session, kind, name);
    }
  }
}

size_t PubSub::subscribers(Kind kind, std::string_view name) const {
  const auto found = channels(kind).find(name);
  return found == channels(kind).end() ? 0 : found->second.size();
}

size_t PubSub::publish(std::string_view channel, std::string_view message) {
  size_t sent = 0;
  const Channels& by_name = channels(Kind::channel);
  const auto found = by_name.find(channel);
  if (found != by_name.end()) sent += send(found->second, {"message", channel, message});
  for (const auto& [pattern, subscribers] : channels(Kind::pattern)) {
    if (!glob_match(pattern, channel)) continue;
    sent += send(subscribers, {"pmessage", pattern, channel, message});
  }
  return sent;
}

size_t PubSub::publish_to_shard(std::string_view channel, std::string_view message) {
  const Channels& by_name = channels(Kind::shard_channel);
  const auto found = by_name.find(channel);
  return found == by_name.end() ? 0 : send(found->second, {"smessage", channel, message});
}

size_t PubSub::send(const Subscribers& subscribers, std::initializer_list<std::string_view> parts) {
  ByteChain body;  // the same in both protocols
  resp::ReplyWriter writer(body, resp::Protocol::resp3);
  for (const std::string_view part : parts) writer.bulk(part);
  std::vector<std::string_view> pieces;
  body.pieces(pieces, SIZE_MAX);
  size_t sent = 0;
  for (const auto& [id, session] : subscribers) {
    if (session->closes_now()) continue;
    ++sent;
    if (session->closing()) continue;
    ByteChain& out = session->subscriptions()->inbox(session->out());
    resp::ReplyWriter(out, session->protocol).push(parts.size());
    for (const std::string_view piece : pieces) out.append(piece);
    node_.mark_dirty(*session);
    if (out.size() >= Node::kOutputCheckBytes) node_.check_output_limit(*session);
  }
  return sent;
}

}  // namespace quoris::server
