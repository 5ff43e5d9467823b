// Assertions: a broken promise of our own code stops the process, in release builds too.
//
// QUORIS_ASSERT is for O(1) conditions, QUORIS_DCHECK for costlier ones (debug builds only).
// Never used on what a client, a peer or a disk sent: that is validated into a Result.
#pragma once

namespace quoris {

// Writes the broken condition to standard error and aborts.
[[noreturn]] void assert_failed(const char* condition, const char* file, int line);

}  // namespace quoris

#define QUORIS_ASSERT(condition)                     \
  (__builtin_expect(static_cast<bool>(condition), 1) \
       ? static_cast<void>(0)                        \
       : ::quoris::assert_failed(#condition, __FILE__, __LINE__))

#ifdef NDEBUG
#define QUORIS_DCHECK(condition) static_cast<void>(sizeof(condition))
#else
#define QUORIS_DCHECK(condition) QUORIS_ASSERT(condition)
#endif
