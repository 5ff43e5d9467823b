#include "net/uv_clock.h"

#include <ctime>

#include "base/assert.h"

namespace quoris::net {

namespace {

timespec read_clock(clockid_t clock) {
  timespec now{};
  const int status = clock_gettime(clock, &now);
  QUORIS_ASSERT(status == 0);
  return now;
}

uint64_t to_ns(const timespec& time) {
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000U + static_cast<uint64_t>(time.tv_nsec);
}

}  // namespace

int64_t UvClock::wall_us() {
  const timespec now = read_clock(CLOCK_REALTIME);
  return static_cast<int64_t>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1000;
}

uint64_t UvClock::monotonic_ns() { return to_ns(read_clock(CLOCK_BOOTTIME)); }

uint64_t UvClock::thread_cpu_ns() { return to_ns(read_clock(CLOCK_THREAD_CPUTIME_ID)); }

}  // namespace quoris::net
