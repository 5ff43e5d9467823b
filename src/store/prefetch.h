// prefetch(): asks for a cache line, and lets nobody drop the request.
//
// g++ 12 takes a function that only reads and prefetches for one without effect and removes the
// call; an empty volatile asm (no instruction, no clobber) is an effect it respects.
// Used by: dictionary, for batches.
#pragma once

#include <cstddef>
#include <cstdint>

namespace quoris::store {

inline constexpr size_t kCacheLine = 64;

inline void prefetch(const void* address) noexcept {
  __builtin_prefetch(address);
  asm volatile("");
}

// The first `size` bytes of something, at most a line long but anywhere.
inline void prefetch_head(const void* address, size_t size) noexcept {
  const auto start = reinterpret_cast<uintptr_t>(address);
  prefetch(address);
  if (start % kCacheLine + size > kCacheLine)
    prefetch(static_cast<const char*>(address) + size - 1);
}

}  // namespace quoris::store
