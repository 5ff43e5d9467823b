#include "server/notifications.h"

#include <fmt/format.h>

namespace quoris::server {
namespace {

using store::EventClass;

struct Letter {
  char letter;
  EventMask bits;
};

constexpr EventMask bit(EventClass event_class) { return static_cast<EventMask>(event_class); }

// In the order in which they are shown.
constexpr Letter kClasses[] = {
    {'g', bit(EventClass::generic)}, {'$', bit(EventClass::string)},
    {'l', bit(EventClass::list)},    {'s', bit(EventClass::set)},
    {'h', bit(EventClass::hash)},    {'z', bit(EventClass::zset)},
    {'x', bit(EventClass::expired)}, {'e', bit(EventClass::evicted)},
    {'t', bit(EventClass::stream)},  {'d', bit(EventClass::module)},
    {'n', bit(EventClass::new_key)},
};

// "A": all classes but new keys (which it hides where letters are shown) and misses.
constexpr EventMask all_classes() {
  EventMask all = 0;
  for (const Letter& each : kClasses) all |= each.bits;
  return all & ~bit(EventClass::new_key);
}

// Shown behind the classes.
constexpr Letter kOthers[] = {
    {'K', kOnKeyspace}, {'E', kOnKeyevent}, {'m', bit(EventClass::key_miss)}};

EventMask bits_of(char letter) {
  if (letter == 'A') return all_classes();
  for (const Letter& each : kClasses) {
    if (each.letter == letter) return each.bits;
  }
  for (const Letter& each : kOthers) {
    if (each.letter == letter) return each.bits;
  }
  return 0;
}

}  // namespace

std::optional<EventMask> parse_event_mask(std::string_view letters) {
  EventMask mask = 0;
  for (const char letter : letters) {
    const EventMask bits = bits_of(letter);
    if (bits == 0) return std::nullopt;
    mask |= bits;
  }
  return mask;
}

std::string format_event_mask(EventMask mask) {
  std::string letters;
  if ((mask & all_classes()) == all_classes()) {
    letters += 'A';
  } else {
    for (const Letter& each : kClasses) {
      if ((mask & each.bits) != 0) letters += each.letter;
    }
  }
  for (const Letter& each : kOthers) {
    if ((mask & each.bits) != 0) letters += each.letter;
  }
  return letters;
}

void Notifications::on_event(EventClass event_class, std::string_view name, DbIndex db,
                             std::string_view key) {
  if ((mask_ & bit(event_class)) == 0) return;
  if ((mask_ & kOnKeyspace) != 0) {
    pubsub_.publish(fmt::format("__keyspace@{}__:{}", raw(db), key), name);
  }
  if ((mask_ & kOnKeyevent) != 0) {
    pubsub_.publish(fmt::format("__keyevent@{}__:{}", raw(db), name), key);
  }
}

}  // namespace quoris::server
