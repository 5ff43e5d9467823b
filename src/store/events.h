// Keyspace events: what happened to a key, for subscribers (notify-keyspace-events).
//
// Emitted where the key is changed, after the change; never for what changed nothing. Where nobody
// listens, that costs one branch.
// Used by: Writer and handlers (emit), server's notifications (listens).
// Source: redis.io, "Redis keyspace notifications" (classes and names of events).
#pragma once

#include <cstdint>
#include <string_view>

#include "base/ids.h"
#include "store/entry.h"

namespace quoris::store {

// Classes as the letters of the setting name them.
enum class EventClass : uint16_t {
  generic = 1U << 0,   // g
  string = 1U << 1,    // $
  list = 1U << 2,      // l
  set = 1U << 3,       // s
  hash = 1U << 4,      // h
  zset = 1U << 5,      // z
  expired = 1U << 6,   // x
  evicted = 1U << 7,   // e
  stream = 1U << 8,    // t
  key_miss = 1U << 9,  // m
  module = 1U << 10,   // d
  new_key = 1U << 11,  // n
};

class KeyspaceEvents {
 public:
  virtual ~KeyspaceEvents() = default;
  // The views are valid during the call only.
  virtual void on_event(EventClass event_class, std::string_view name, DbIndex db,
                        std::string_view key) = 0;
};

// The class of a collection's own events.
[[nodiscard]] constexpr EventClass event_class_of(Type type) {
  switch (type) {
    case Type::list:
      return EventClass::list;
    case Type::set:
      return EventClass::set;
    case Type::zset:
      return EventClass::zset;
    case Type::hash:
      return EventClass::hash;
    case Type::stream:
      return EventClass::stream;
    case Type::string:
      break;
  }
  return EventClass::string;
}

}  // namespace quoris::store
