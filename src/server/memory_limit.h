// MemoryLimit: keeps the heap below `maxmemory` by what `maxmemory-policy` allows.
//
// Asked before each command; costs two loads while there is room. Above the limit it evicts for
// a bounded time (maxmemory-eviction-tenacity), then lets the command through and goes on from a
// timer; only when no key may go are commands that need memory refused.
// Used by: Node (owner), Dispatcher, INFO. Source: redis.io, "Key eviction".
#pragma once

#include <cstdint>

#include "store/eviction.h"
#include "store/writer.h"

namespace quoris::server {

class Node;

class MemoryLimit {
 public:
  explicit MemoryLimit(Node& node) : node_(node) {}

  // False: memory is above the limit and nothing may be evicted, so nothing may grow.
  // REQUIRES: no batch of the outbox is open.
  [[nodiscard]] bool make_room();

  // The policy or the limit has changed.
  void settings_changed();

 private:
  enum class Outcome : uint8_t { below, running, stuck };

  [[nodiscard]] Outcome evict();
  // One key, or some of what waits to be freed; false: there is nothing.
  [[nodiscard]] bool free_some(store::Writer& writer);
  void go_on_later();

  Node& node_;
  store::Evictor evictor_;
  bool timer_runs_ = false;
};

}  // namespace quoris::server
