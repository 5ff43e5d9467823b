// Simulated environment: time that moves only when told to, timers on it, seeded randomness, a
// disk (sim_disk.h).
//
// Deterministic: the same seed and the same calls give the same run. Timers with the same deadline
// fire in the order in which they were scheduled.
// Used by: tests of the server (and of persistence and cluster), the simulator.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "base/env.h"
#include "sim/env/sim_disk.h"

namespace quoris::sim {

class SimClock final : public Clock {
 public:
  // 2026-01-01T00:00:00Z, so that expiry times look like those of a real node.
  static constexpr int64_t kStartUs = 1'767'225'600'000'000;

  [[nodiscard]] int64_t wall_us() override { return kStartUs + static_cast<int64_t>(now_us_); }

  [[nodiscard]] uint64_t monotonic_ns() override {
    now_us_ += look_us_;
    return now_us_ * 1000;
  }

  [[nodiscard]] uint64_t thread_cpu_ns() override { return now_us_ * 1000; }

  // Microseconds since the simulation began.
  [[nodiscard]] uint64_t now_us() const { return now_us_; }

  void advance_to(uint64_t now_us);

  // From now on each look at the monotonic clock moves it by so much: for work that is bounded by
  // time.
  void set_cost_of_look(uint64_t us) { look_us_ = us; }

 private:
  uint64_t now_us_ = 0;
  uint64_t look_us_ = 0;
};

// xoshiro256** (Blackman, Vigna 2018), seeded by splitmix64.
class SimRng final : public Rng {
 public:
  explicit SimRng(uint64_t seed);

  [[nodiscard]] uint64_t next() override;
  // Not secret at all: simulations are to be replayed.
  void secret_bytes(std::span<std::byte> out) override;

 private:
  std::array<uint64_t, 4> state_{};
};

class SimTimers final : public Timers {
 public:
  explicit SimTimers(SimClock& clock) : clock_(clock) {}

  [[nodiscard]] TimerId schedule(uint64_t delay_us, std::function<void()> callback) override;
  void cancel(TimerId timer) override;

  // Moves the clock by `us`, firing what falls due on the way, each at its own time.
  void advance(uint64_t us);

  [[nodiscard]] size_t pending() const { return timers_.size(); }

 private:
  using Key = std::pair<uint64_t, uint64_t>;  // deadline, id

  SimClock& clock_;
  std::map<Key, std::function<void()>> timers_;
  std::map<uint64_t, uint64_t> deadlines_;  // id -> deadline
  uint64_t next_id_ = 1;
};

class SimEnv {
 public:
  explicit SimEnv(uint64_t seed) : rng_(seed), timers_(clock_), disk_(timers_) {}

  [[nodiscard]] Env env() {
    return {.clock = clock_, .rng = rng_, .timers = timers_, .disk = disk_};
  }

  [[nodiscard]] SimClock& clock() { return clock_; }

  [[nodiscard]] SimTimers& timers() { return timers_; }

  [[nodiscard]] SimDisk& disk() { return disk_; }

 private:
  SimClock clock_;
  SimRng rng_;
  SimTimers timers_;
  SimDisk disk_;
};

}  // namespace quoris::sim
