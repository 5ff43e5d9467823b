// PubSub: channels, patterns and shard channels, and the sessions that are subscribed to them.
//
// A message is put into the output of its subscribers at once and leaves with the turn; its bytes
// are made once, whatever the number of subscribers. Who is slow to read holds back nobody and is
// closed at client-output-buffer-limit's `pubsub`.
// Everything that a reply shows is in the order of the names.
// Used by: node (owns), SUBSCRIBE and its family, notifications.
#pragma once

#include <array>
#include <functional>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "server/session.h"

namespace quoris::server {

class Node;

class PubSub {
 public:
  enum class Kind : uint8_t { channel, pattern, shard_channel };

  using Subscribers = std::map<SessionId, Session*>;
  using Channels = std::map<std::string, Subscribers, std::less<>>;

  explicit PubSub(Node& node) : node_(node) {}

  // Nothing happens if the session is subscribed (not subscribed) already.
  void subscribe(Session& session, Kind kind, std::string_view name);
  void unsubscribe(Session& session, Kind kind, std::string_view name);

  // The session is subscribed to nothing any more.
  void forget(Session& session);

  // Returns how many messages were sent; a session whose patterns match as well gets several.
  size_t publish(std::string_view channel, std::string_view message);
  size_t publish_to_shard(std::string_view channel, std::string_view message);

  // Somebody might get what publish() sends.
  [[nodiscard]] bool has_subscribers() const {
    return !channels(Kind::channel).empty() || !channels(Kind::pattern).empty();
  }

  // Those with subscribers.
  [[nodiscard]] const Channels& channels(Kind kind) const {
    return channels_[static_cast<size_t>(kind)];
  }

  [[nodiscard]] size_t subscribers(Kind kind, std::string_view name) const;

  // What a session is subscribed to.
  [[nodiscard]] static Subscriptions::Names& names(Subscriptions& subscriptions, Kind kind);

 private:
  size_t send(const Subscribers& subscribers, std::initializer_list<std::string_view> parts);

  Node& node_;
  std::array<Channels, 3> channels_;
};

}  // namespace quoris::server
