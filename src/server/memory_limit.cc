#include "server/memory_limit.h"

#include "server/node.h"

namespace quoris::server {

namespace {

// Elements of large values, or entries of flushed databases, that are freed in one step.
constexpr size_t kFreeStep = 1000;
// Keys that are evicted between two looks at the clock.
constexpr unsigned kKeysPerLook = 16;

// Redis's formula for how long one command may be held up: 0: not at all; 10 (the default): half a
// millisecond; above it 15 % more per step, up to two minutes; 100: as long as it takes.
uint64_t time_limit_us(int64_t tenacity) {
  constexpr int64_t kLinearMax = 10;
  constexpr uint64_t kLinearStepUs = 50;
  constexpr uint64_t kLongestUs = 120'000'000;
  constexpr int64_t kForEver = 100;
  if (tenacity >= kForEver) return UINT64_MAX;
  if (tenacity <= kLinearMax) return kLinearStepUs * static_cast<uint64_t>(tenacity);
  double limit = kLinearStepUs * static_cast<double>(kLinearMax);
  for (int64_t step = kLinearMax; step < tenacity; ++step) limit *= 1.15;
  return limit > static_cast<double>(kLongestUs) ? kLongestUs : static_cast<uint64_t>(limit);
}

std::optional<store::EvictionRule> rule_of(EvictionPolicy policy) {
  using enum EvictionPolicy;
  using Order = store::EvictionOrder;
  switch (policy) {
    case volatile_lru:
      return store::EvictionRule{.order = Order::least_recently_used, .expiring_only = true};
    case volatile_lfu:
      return store::EvictionRule{.order = Order::least_frequently_used, .expiring_only = true};
    case volatile_random:
      return store::EvictionRule{.order = Order::random, .expiring_only = true};
    case volatile_ttl:
      return store::EvictionRule{.order = Order::first_to_expire, .expiring_only = true};
    case allkeys_lru:
      return store::EvictionRule{.order = Order::least_recently_used};
    case allkeys_lfu:
      return store::EvictionRule{.order = Order::least_frequently_used};
    case allkeys_random:
      return store::EvictionRule{.order = Order::random};
    case noeviction:
      break;
  }
  return std::nullopt;
}

}  // namespace

bool MemoryLimit::make_room() {
  if (!node_.over_memory_limit()) [[likely]]
    return true;
  const Outcome outcome = evict();
  if (outcome == Outcome::running) go_on_later();
  return outcome != Outcome::stuck;
}

MemoryLimit::Outcome MemoryLimit::evict() {
  const uint64_t limit_us = time_limit_us(node_.values().maxmemory_eviction_tenacity);
  const uint64_t started = node_.env().clock.monotonic_ns();
  Outcome outcome = Outcome::below;
  node_.outbox().begin();
  store::Writer writer(node_.store(), node_.stats().keyspace, node_.env().rng, node_.now_ms(),
                       node_.listeners());
  for (unsigned keys = 1; node_.over_memory_limit(); ++keys) {
    if (!free_some(writer)) {
      outcome = Outcome::stuck;
      break;
    }
    if (keys % kKeysPerLook != 0) continue;
    if ((node_.env().clock.monotonic_ns() - started) / 1000 >= limit_us) {
      outcome = Outcome::running;
      break;
    }
  }
  node_.outbox().end();
  return outcome;
}

bool MemoryLimit::free_some(store::Writer& writer) {
  // What is gone already comes first: it frees memory and costs nobody a key.
  if (node_.store().free_some(kFreeStep) > 0) return true;
  auto rule = rule_of(node_.values().maxmemory_policy);
  if (!rule) return false;
  rule->samples = static_cast<size_t>(node_.values().maxmemory_samples);
  const auto victim = evictor_.pick(node_.store(), *rule, node_.env().rng, node_.now_ms());
  if (!victim) return false;
  writer.evict(victim->db, *victim->entry);
  return true;
}

void MemoryLimit::go_on_later() {
  if (timer_runs_) return;
  timer_runs_ = true;
  static_cast<void>(node_.env().timers.schedule(0, [this] {
    timer_runs_ = false;
    static_cast<void>(make_room());
    node_.outbox().end_turn();
  }));
}

void MemoryLimit::settings_changed() {
  evictor_.reset();
  // A limit below what is used is met without waiting for somebody's next command.
  if (node_.over_memory_limit()) go_on_later();
}

}  // namespace quoris::server
