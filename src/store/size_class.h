// Size classes of the allocator: how many bytes a request of n bytes really takes.
//
// jemalloc's scheme on 64-bit machines: multiples of 16 up to 128, then four classes per power of
// two. The store asks for whole classes, so that it knows what it holds without asking the
// allocator, whichever that is. Under AddressSanitizer sizes stay exact, so that an overrun shows.
// Used by: entry, dictionary. Pure. Source: jemalloc(3), "Size classes".
#pragma once

#include <bit>
#include <cstddef>

namespace quoris::store {

// REQUIRES: 0 < size, size far from the end of the address space.
[[nodiscard]] constexpr size_t allocator_size_class(size_t size) noexcept {
  constexpr size_t kQuantum = 16;
  constexpr size_t kQuantumEnd = 128;
  constexpr unsigned kClassesPerDoublingBits = 2;
  size_t spacing = kQuantum;
  if (size > kQuantumEnd) {
    spacing = std::bit_floor(size - 1) >> kClassesPerDoublingBits;
  }
  return (size + spacing - 1) & ~(spacing - 1);
}

[[nodiscard]] constexpr size_t size_class(size_t size) noexcept {
#ifdef __SANITIZE_ADDRESS__
  return size;
#else
  return allocator_size_class(size);
#endif
}

static_assert(allocator_size_class(1) == 16);
static_assert(allocator_size_class(64) == 64);
static_assert(allocator_size_class(65) == 80);
static_assert(allocator_size_class(129) == 160);
static_assert(allocator_size_class(5121) == 6144);

}  // namespace quoris::store
