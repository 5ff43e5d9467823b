// Eviction: which key is to go when memory is short.
//
// As Redis does it: a few keys that stand together are looked at from a random place of each
// database, the best candidates seen so far are kept in a small pool over the rounds, and the best
// of them that is still there goes. LRU, LFU and TTL are approximations therefore; the sample's
// size (maxmemory-samples) says how good.
//
// Invariants: `pick` changes nothing in the store. Deterministic for the same store and numbers.
// Used by: server, one per node.
// Source: redis.io, "Key eviction".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/env.h"
#include "store/store.h"

namespace quoris::store {

enum class EvictionOrder : uint8_t {
  random,
  least_recently_used,
  least_frequently_used,
  first_to_expire,
};

struct EvictionRule {
  EvictionOrder order = EvictionOrder::random;
  bool expiring_only = false;  // volatile-*: keys with an expiry
  size_t samples = 5;          // maxmemory-samples
};

// A key that should go.
struct Victim {
  DbIndex db{0};
  Entry* entry = nullptr;
};

class Evictor {
 public:
  // Nothing: no key fits the rule.
  [[nodiscard]] std::optional<Victim> pick(Store& store, const EvictionRule& rule, Rng& rng,
                                           int64_t now_ms);

  // Forgets the candidates: the rule or the order of databases has changed.
  void reset() { count_ = 0; }

 private:
  static constexpr size_t kPoolSize = 16;
  // Rounds of samples without a candidate that is still there.
  static constexpr unsigned kRoundsMax = 16;

  struct Candidate {
    uint64_t score = 0;  // the higher, the sooner it goes
    DbIndex db{0};
    std::string key;
  };

  [[nodiscard]] std::optional<Victim> pick_random(Store& store, const EvictionRule& rule, Rng& rng);
  // Looks at samples of every database; returns how many keys were seen.
  size_t look_around(Store& store, const EvictionRule& rule, Rng& rng, int64_t now_ms);
  void consider(uint64_t score, DbIndex db, std::string_view key);
  [[nodiscard]] std::optional<Victim> best(Store& store, bool expiring_only);

  // Ascending by score.
  std::array<Candidate, kPoolSize> pool_;
  size_t count_ = 0;
  size_t next_db_ = 0;  // random: databases take turns
};

}  // namespace quoris::store
