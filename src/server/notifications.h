// Notifications: keyspace events as messages, as notify-keyspace-events asks for them.
//
// An event of a class that is asked for is published on __keyspace@<db>__:<key> (K), the event
// being the message, and then on __keyevent@<db>__:<event> (E), the key being the message.
// Used by: node (owns), settings. Source: redis.io, "Redis keyspace notifications".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/pubsub.h"
#include "store/events.h"

namespace quoris::server {

// store::EventClass's bits, and two of our own above them.
using EventMask = uint32_t;
inline constexpr EventMask kOnKeyspace = 1U << 16;  // K
inline constexpr EventMask kOnKeyevent = 1U << 17;  // E

// The letters of the setting; nothing if one of them is none.
[[nodiscard]] std::optional<EventMask> parse_event_mask(std::string_view letters);
// As CONFIG GET shows them.
[[nodiscard]] std::string format_event_mask(EventMask mask);

class Notifications final : public store::KeyspaceEvents {
 public:
  explicit Notifications(PubSub& pubsub) : pubsub_(pubsub) {}

  void set_events(EventMask mask) { mask_ = mask; }

  // Null while nothing is asked for, or nobody is subscribed.
  [[nodiscard]] store::KeyspaceEvents* listener() {
    const bool wanted = (mask_ & (kOnKeyspace | kOnKeyevent)) != 0;
    return wanted && pubsub_.has_subscribers() ? this : nullptr;
  }

  void on_event(store::EventClass event_class, std::string_view name, DbIndex db,
                std::string_view key) override;

 private:
  PubSub& pubsub_;
  EventMask mask_ = 0;
};

}  // namespace quoris::server
