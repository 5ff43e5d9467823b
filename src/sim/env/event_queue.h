// EventQueue: the one row of everything that is still to happen in a simulation, and its time.
//
// Time is true time in microseconds since the beginning; what a node's clock shows is sim_env.h's
// matter. It moves only from event to event. What is due at the same microsecond happens in the
// order in which it was scheduled, so the same calls give the same run.
// Limits: memory for what is pending; a cancelled event keeps its place in the heap until its time.
// Used by: SimTimers, SimNetwork, SimLoop, the simulator.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <utility>
#include <vector>

namespace quoris::sim {

// Names a pending event; 0 is none. Never reused.
enum class EventId : uint64_t {};

class EventQueue {
 public:
  static constexpr uint64_t kNever = std::numeric_limits<uint64_t>::max();

  EventQueue() = default;
  EventQueue(const EventQueue&) = delete;
  EventQueue& operator=(const EventQueue&) = delete;

  [[nodiscard]] uint64_t now_us() const { return now_us_; }

  // A time that is past means now. Never runs the callback itself.
  EventId schedule_at(uint64_t at_us, std::function<void()> callback);

  EventId schedule(uint64_t delay_us, std::function<void()> callback) {
    return schedule_at(now_us_ + delay_us, std::move(callback));
  }

  // Harmless for one that has happened or was cancelled.
  void cancel(EventId event);

  // When the next one is due; kNever: nothing is pending.
  [[nodiscard]] uint64_t next_us();

  // Moves to the next event, if it is due at `until_us` or before, and lets it happen; false if
  // there is none (the time stays).
  bool run_next(uint64_t until_us);

  // All that is due up to `until_us`; it is that time then.
  void run_until(uint64_t until_us);

  // Time passes and nothing happens: what falls due meanwhile is late. REQUIRES: not back.
  void advance_to(uint64_t now_us);

  [[nodiscard]] size_t pending() const { return pending_; }

  // How many have happened.
  [[nodiscard]] uint64_t happened() const { return happened_; }

 private:
  struct Slot {
    std::function<void()> callback;
    uint32_t generation = 1;
    uint32_t next_free = 0;
  };

  struct Due {
    uint64_t at_us = 0;
    uint64_t sequence = 0;
    EventId event{0};

    // std's heaps have the greatest on top.
    bool operator<(const Due& other) const {
      return at_us != other.at_us ? at_us > other.at_us : sequence > other.sequence;
    }
  };

  static constexpr uint32_t kNoSlot = std::numeric_limits<uint32_t>::max();

  // Null if it has happened or was cancelled.
  [[nodiscard]] Slot* find(EventId event);
  void free_slot(EventId event);
  void drop_cancelled();

  uint64_t now_us_ = 0;
  uint64_t next_sequence_ = 0;
  uint64_t happened_ = 0;
  size_t pending_ = 0;
  uint32_t free_ = kNoSlot;
  std::vector<Slot> slots_;
  std::vector<Due> heap_;
};

}  // namespace quoris::sim
