// Simulated environment: what one process sees of time, timers, randomness and a disk
// (sim_disk.h), over an event queue (event_queue.h) that it may share with others.
//
// Deterministic: the same seed and the same calls give the same run. Timers with the same deadline
// fire in the order in which they were scheduled.
// Used by: tests of the server (and of persistence and cluster), the simulator.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

#include "base/env.h"
#include "sim/env/event_queue.h"
#include "sim/env/sim_disk.h"

namespace quoris::sim {

// One machine's view of the time. It may be off, drift and jump; and work takes time on it: while
// a process works it is ahead of the queue, which the others go on with meanwhile.
// Invariant: monotonic_ns() never goes back, whatever is set.
class SimClock final : public Clock {
 public:
  // 2026-01-01T00:00:00Z, so that expiry times look like those of a real node.
  static constexpr int64_t kStartUs = 1'767'225'600'000'000;

  // A crystal's worst, and far beyond it.
  static constexpr int64_t kDriftPpmMax = 100'000;

  // REQUIRES: `queue` outlives this.
  explicit SimClock(EventQueue& queue) : queue_(queue) {}

  SimClock(const SimClock&) = delete;
  SimClock& operator=(const SimClock&) = delete;

  [[nodiscard]] int64_t wall_us() override;

  [[nodiscard]] uint64_t monotonic_ns() override {
    spend_us(look_us_);
    return local_ns();
  }

  [[nodiscard]] uint64_t thread_cpu_ns() override { return local_ns(); }

  // True microseconds since the simulation began, as far as this process has come.
  [[nodiscard]] uint64_t now_us() const {
    return busy_until_us_ > queue_.now_us() ? busy_until_us_ : queue_.now_us();
  }

  // For everybody: what falls due meanwhile is late.
  void advance_to(uint64_t now_us) { queue_.advance_to(now_us); }

  // The process works for so long: it does nothing else until then.
  void spend_us(uint64_t us) {
    if (us != 0) busy_until_us_ = now_us() + us;
  }

  // From now on each look at the monotonic clock costs so much: for work that is bounded by time.
  void set_cost_of_look(uint64_t us) { look_us_ = us; }

  [[nodiscard]] uint64_t cost_of_look() const { return look_us_; }

  // --- a clock that is wrong --------------------------------------------------------------------
  // Moves the wall clock, as who sets the time does.
  void jump_wall_us(int64_t by_us) { wall_offset_us_ += by_us; }

  // From now on it gains so many microseconds in a true second; both clocks do.
  // REQUIRES: within +-kDriftPpmMax.
  void set_drift_ppm(int64_t ppm);

  // How far the wall clock is off.
  [[nodiscard]] int64_t wall_error_us();

  // How long `delay_us` of this clock really last.
  [[nodiscard]] uint64_t to_true_us(uint64_t delay_us) const;

 private:
  [[nodiscard]] uint64_t local_ns() const;

  EventQueue& queue_;
  uint64_t busy_until_us_ = 0;
  uint64_t look_us_ = 0;
  int64_t wall_offset_us_ = 0;
  // Since the drift last changed: what it showed then, and when.
  uint64_t anchor_local_ns_ = 0;
  uint64_t anchor_true_us_ = 0;
  int64_t drift_ppm_ = 0;
};

// xoshiro256** (Blackman, Vigna 2018), seeded by splitmix64.
class SimRng final : public Rng {
 public:
  explicit SimRng(uint64_t seed);

  // A stream of its own for each purpose, so that one more draw here changes nothing there.
  SimRng(uint64_t seed, uint64_t stream);

  [[nodiscard]] uint64_t next() override;
  // Not secret at all: simulations are to be replayed.
  void secret_bytes(std::span<std::byte> out) override;

  // Uniform in [low, high]. REQUIRES: low <= high.
  [[nodiscard]] uint64_t between(uint64_t low, uint64_t high) {
    return low + below(high - low + 1);
  }

  // True so many times in a thousand.
  [[nodiscard]] bool chance(uint64_t permille) { return below(1'000) < permille; }

 private:
  std::array<uint64_t, 4> state_{};
};

// The timers of one process, by its clock.
class SimTimers final : public Timers {
 public:
  // REQUIRES: both outlive this.
  SimTimers(EventQueue& queue, SimClock& clock) : queue_(queue), clock_(clock) {}

  SimTimers(const SimTimers&) = delete;
  SimTimers& operator=(const SimTimers&) = delete;

  ~SimTimers() override { cancel_all(); }

  [[nodiscard]] TimerId schedule(uint64_t delay_us, std::function<void()> callback) override;
  void cancel(TimerId timer) override;

  // The process is gone.
  void cancel_all();

  // It stands still (SIGSTOP): what falls due meanwhile fires when it goes on, in the order in
  // which it fell due.
  void pause() { paused_ = true; }

  void resume();

  // Called behind each callback: its loop has a turn then.
  void set_after_fired(std::function<void()> after) { after_fired_ = std::move(after); }

  // Moves the queue by `us`, letting happen what falls due on the way, each at its own time.
  void advance(uint64_t us) { queue_.run_until(clock_.now_us() + us); }

  [[nodiscard]] size_t pending() const { return timers_.size(); }

 private:
  struct Timer {
    EventId event{0};
    std::function<void()> callback;
  };

  void fire(uint64_t id);

  EventQueue& queue_;
  SimClock& clock_;
  std::unordered_map<uint64_t, Timer> timers_;
  std::vector<uint64_t> overdue_;  // while it is paused
  std::function<void()> after_fired_;
  uint64_t next_id_ = 1;
  bool paused_ = false;
};

// One process alone.
class SimEnv {
 public:
  explicit SimEnv(uint64_t seed)
      : clock_(queue_), rng_(seed), timers_(queue_, clock_), disk_(timers_) {}

  [[nodiscard]] Env env() {
    return {.clock = clock_, .rng = rng_, .timers = timers_, .disk = disk_};
  }

  [[nodiscard]] SimClock& clock() { return clock_; }

  [[nodiscard]] SimTimers& timers() { return timers_; }

  [[nodiscard]] SimDisk& disk() { return disk_; }

 private:
  EventQueue queue_;
  SimClock clock_;
  SimRng rng_;
  SimTimers timers_;
  SimDisk disk_;
};

}  // namespace quoris::sim
