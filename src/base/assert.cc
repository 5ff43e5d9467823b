#include "base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace quoris {

void assert_failed(const char* condition, const char* file, int line) {
  // Straight to standard error: the log may be what is broken.
  std::fprintf(stderr, "quoris: assertion failed: %s (%s:%d)\n", condition, file, line);
  std::abort();
}

}  // namespace quoris
