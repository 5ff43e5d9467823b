// Env: everything that a deterministic core may know of the world.
//
// The core (all rooms but src/net and src/main.cc) sees time, randomness, timers, files and
// connections only through these interfaces. libuv implements them in src/net, the simulator in
// src/sim/env. All calls are made from the one reactor thread (but a job given to Disk::submit).
// Nothing here blocks but Disk, whose header says when it may.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "base/ids.h"

namespace quoris {

class Clock {
 public:
  virtual ~Clock() = default;

  // Wall clock, microseconds since 1970. May jump; what must not go back uses store::VersionClock.
  [[nodiscard]] virtual int64_t wall_us() = 0;

  // Monotonic, nanoseconds since an arbitrary start; counts the time the machine was suspended.
  [[nodiscard]] virtual uint64_t monotonic_ns() = 0;

  // CPU time used by this thread in nanoseconds: what a turn of the loop cost us, however busy
  // the machine was. The simulator answers with monotonic_ns().
  [[nodiscard]] virtual uint64_t thread_cpu_ns() = 0;
};

// xoshiro-quality randomness for everything but secrets; seeded by the environment.
class Rng {
 public:
  virtual ~Rng() = default;

  [[nodiscard]] virtual uint64_t next() = 0;

  // Uniform in [0, bound). REQUIRES: bound > 0.
  [[nodiscard]] uint64_t below(uint64_t bound);

  // Fills with bytes fit for secrets (hash secret, run id).
  virtual void secret_bytes(std::span<std::byte> out) = 0;
};

// One-shot timers. Callbacks run on the reactor thread, never inside schedule().
class Timers {
 public:
  virtual ~Timers() = default;

  [[nodiscard]] virtual TimerId schedule(uint64_t delay_us, std::function<void()> callback) = 0;

  // Harmless for a timer that has fired or was cancelled.
  virtual void cancel(TimerId timer) = 0;
};

class Disk;  // base/disk.h

struct Env {
  Clock& clock;
  Rng& rng;
  Timers& timers;
  Disk& disk;
};

}  // namespace quoris
