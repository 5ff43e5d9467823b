// The 24-bit access clock of an entry: when it was last used (LRU) or how often (LFU).
//
// LRU: seconds, wrapping after 194 days. LFU: 16 bits of minutes at the last decay and an 8-bit
// logarithmic counter. Which of the two it is follows `maxmemory-policy`, for the whole store.
// Used by: keyspace, OBJECT IDLETIME and FREQ, eviction. Pure.
// Source: redis.io, "Key eviction" (the LFU counter's formula and its two settings).
#pragma once

#include <cstdint>

#include "base/env.h"

namespace quoris::store {

enum class AccessMode : uint8_t { lru, lfu };

inline constexpr uint32_t kAccessMask = (1U << 24) - 1;
inline constexpr uint8_t kLfuInitial = 5;

struct AccessPolicy {
  AccessMode mode = AccessMode::lru;
  uint32_t lfu_log_factor = 10;    // lfu-log-factor
  uint32_t lfu_decay_minutes = 1;  // lfu-decay-time, 0: never
};

// A new entry's clock at wall time `now_ms`.
[[nodiscard]] uint32_t initial_access(AccessMode mode, int64_t now_ms);

// The clock after one more use.
[[nodiscard]] uint32_t touched_access(const AccessPolicy& policy, uint32_t access, int64_t now_ms,
                                      Rng& rng);

[[nodiscard]] uint64_t idle_seconds(uint32_t access, int64_t now_ms);

// LFU counter after decay. `access` must have been kept in LFU mode.
[[nodiscard]] uint8_t lfu_frequency(const AccessPolicy& policy, uint32_t access, int64_t now_ms);

// The clock that makes idle_seconds (or lfu_frequency) give this value: RESTORE, OBJECT tests.
[[nodiscard]] uint32_t access_idle_since(uint64_t idle_seconds, int64_t now_ms);
[[nodiscard]] uint32_t access_with_frequency(uint8_t frequency, int64_t now_ms);

}  // namespace quoris::store
