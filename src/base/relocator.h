// Relocator: says which allocations stand so badly that they keep memory from going back to the
// system, and where they may stand instead.
//
// An allocator hands out pieces of pages; a page goes back only when all its pieces are free. After
// most of what was there is deleted, a few pieces hold many pages: moving them frees the pages.
// Used by: store::Defragmenter. Implemented by: src/net/allocator.h (jemalloc), tests.
#pragma once

#include <cstddef>

namespace quoris {

class Relocator {
 public:
  virtual ~Relocator() = default;

  // A better place for the allocation of `size` bytes at `at`; null: it stands well. The caller
  // copies, and then gives up the old place by release().
  [[nodiscard]] virtual void* new_place(void* at, size_t size) = 0;
  virtual void release(void* at, size_t size) = 0;
};

}  // namespace quoris
