#include "cluster/membership/relays.h"

#include <algorithm>

#include "base/assert.h"
#include "cluster/membership/probes.h"

namespace quoris::membership {

bool Relays::has(NodeNumber origin, uint64_t origin_sequence) const {
  return std::ranges::any_of(list_, [origin, origin_sequence](const Relay& relay) {
    return relay.origin == origin && relay.origin_sequence == origin_sequence;
  });
}

void Relays::add(Relay relay) {
  QUORIS_ASSERT(!full());
  list_.push_back(relay);
}

std::optional<Relay> Relays::take_acked(uint64_t sequence, NodeNumber from) {
  const auto relay = std::ranges::find_if(list_, [sequence, from](const Relay& candidate) {
    return candidate.sequence == sequence && candidate.target == from;
  });
  if (relay == list_.end()) return std::nullopt;
  const Relay taken = *relay;
  list_.erase(relay);
  return taken;
}

std::optional<Relay> Relays::to_nack(uint64_t now_us) {
  const auto relay = std::ranges::find_if(
      list_, [now_us](const Relay& candidate) { return candidate.nack_at_us <= now_us; });
  if (relay == list_.end()) return std::nullopt;
  relay->nack_at_us = kNever;
  return *relay;
}

void Relays::expire(uint64_t now_us) {
  std::erase_if(list_, [now_us](const Relay& relay) { return relay.until_us <= now_us; });
}

void Relays::drop(NodeNumber member) {
  std::erase_if(list_, [member](const Relay& relay) {
    return relay.origin == member || relay.target == member;
  });
}

uint64_t Relays::next_due_us() const {
  uint64_t due_us = kNever;
  for (const Relay& relay : list_) due_us = std::min({due_us, relay.nack_at_us, relay.until_us});
  return due_us;
}

}  // namespace quoris::membership
