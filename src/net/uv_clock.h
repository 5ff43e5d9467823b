// UvClock: the machine's clocks.
//
// Monotonic time is CLOCK_BOOTTIME, which counts suspend: leases rely on that. It is answered
// in the vDSO like CLOCK_MONOTONIC (measured on a TSC machine: 22 ns each, wall clock 23 ns).
// thread_cpu_ns() is a system call (400 ns): per turn and per slow command, not per command.
// Used by: main, as Env's clock.
#pragma once

#include "base/env.h"

namespace quoris::net {

class UvClock final : public Clock {
 public:
  [[nodiscard]] int64_t wall_us() override;
  [[nodiscard]] uint64_t monotonic_ns() override;
  [[nodiscard]] uint64_t thread_cpu_ns() override;
};

}  // namespace quoris::net
