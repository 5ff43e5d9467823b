#include "store/eviction.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/assert.h"

namespace quoris::store {

namespace {

uint64_t score_of(const Entry& entry, EvictionOrder order, const AccessPolicy& access,
                  int64_t now_ms) {
  switch (order) {
    case EvictionOrder::least_recently_used:
      return idle_seconds(entry.access(), now_ms);
    case EvictionOrder::least_frequently_used:
      return std::numeric_limits<uint8_t>::max() - lfu_frequency(access, entry.access(), now_ms);
    case EvictionOrder::first_to_expire:
      return std::numeric_limits<uint64_t>::max() - static_cast<uint64_t>(entry.expire_at_ms());
    case EvictionOrder::random:
      break;
  }
  return 0;
}

}  // namespace

std::optional<Victim> Evictor::pick(Store& store, const EvictionRule& rule, Rng& rng,
                                    int64_t now_ms) {
  if (rule.order == EvictionOrder::random) return pick_random(store, rule, rng);
  for (unsigned round = 0; round < kRoundsMax; ++round) {
    if (look_around(store, rule, rng, now_ms) == 0) return std::nullopt;
    if (auto victim = best(store, rule.expiring_only)) return victim;
  }
  return std::nullopt;
}

std::optional<Victim> Evictor::pick_random(Store& store, const EvictionRule& rule, Rng& rng) {
  for (size_t seen = 0; seen < store.databases(); ++seen) {
    const DbIndex db{static_cast<uint16_t>(next_db_++ % store.databases())};
    Keyspace& keyspace = store.db(db);
    if (!rule.expiring_only) {
      if (Entry* entry = keyspace.random(rng)) return Victim{.db = db, .entry = entry};
      continue;
    }
    Entry* found = nullptr;
    keyspace.sample(rng, 1, true, [&found](Entry& entry) { found = &entry; });
    if (found != nullptr) return Victim{.db = db, .entry = found};
  }
  return std::nullopt;
}

size_t Evictor::look_around(Store& store, const EvictionRule& rule, Rng& rng, int64_t now_ms) {
  size_t seen = 0;
  for (size_t i = 0; i < store.databases(); ++i) {
    const DbIndex db{static_cast<uint16_t>(i)};
    Keyspace& keyspace = store.db(db);
    if (keyspace.size() == 0) continue;
    keyspace.sample(rng, rule.samples, rule.expiring_only, [&](Entry& entry) {
      ++seen;
      consider(score_of(entry, rule.order, store.access(), now_ms), db, entry.key());
    });
  }
  return seen;
}

// Into its place, if it is better than the worst of a full pool and not there yet.
void Evictor::consider(uint64_t score, DbIndex db, std::string_view key) {
  const auto begin = pool_.begin();
  const auto end = begin + static_cast<std::ptrdiff_t>(count_);
  const bool is_there = std::any_of(begin, end, [&](const Candidate& candidate) {
    return candidate.db == db && candidate.key == key;
  });
  if (is_there) return;
  auto place = std::find_if(begin, end, [score](const Candidate& c) { return c.score >= score; });
  if (count_ == kPoolSize) {
    if (place == begin) return;
    std::rotate(begin, begin + 1, place);
    --place;
  } else {
    std::rotate(place, end, end + 1);
    ++count_;
  }
  place->score = score;
  place->db = db;
  place->key.assign(key);
}

// From the top of the pool; those that are gone are dropped.
std::optional<Victim> Evictor::best(Store& store, bool expiring_only) {
  while (count_ > 0) {
    const Candidate& candidate = pool_[--count_];
    if (raw(candidate.db) >= store.databases()) continue;
    Keyspace& keyspace = store.db(candidate.db);
    Entry* entry = keyspace.find(keyspace.hashed(candidate.key));
    if (entry != nullptr && (entry->has_expiry() || !expiring_only)) {
      return Victim{.db = candidate.db, .entry = entry};
    }
  }
  return std::nullopt;
}

}  // namespace quoris::store
