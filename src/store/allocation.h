// Memory in whole size classes: what is asked for is what the allocator takes.
//
// Used by: block_list. Running out of memory ends the process.
#pragma once

#include <new>

#include "base/assert.h"
#include "store/size_class.h"

namespace quoris::store {

// At least `size` bytes. `size` becomes that of the whole class.
[[nodiscard]] inline void* allocate_class(size_t& size) {
  size = size_class(size);
  void* memory = ::operator new(size, std::nothrow);
  QUORIS_ASSERT(memory != nullptr);
  return memory;
}

// The allocator takes memory back faster if it is told the size.
inline void free_class(void* memory, [[maybe_unused]] size_t size) noexcept {
#ifdef __cpp_sized_deallocation
  ::operator delete(memory, size);
#else
  ::operator delete(memory);
#endif
}

}  // namespace quoris::store
