#include "sim/env/event_queue.h"

#include <catch2/catch.hpp>
#include <string>

#include "sim/env/sim_env.h"

namespace quoris::sim {
namespace {

TEST_CASE("event queue: what is due at the same time happens in the order of scheduling", "[sim]") {
  EventQueue queue;
  std::string order;
  queue.schedule_at(20, [&] { order += 'c'; });
  queue.schedule_at(10, [&] { order += 'a'; });
  queue.schedule_at(10, [&] {
    order += 'b';
    queue.schedule_at(5, [&] { order += '!'; });  // past: now
  });
  CHECK(queue.next_us() == 10);
  queue.run_until(15);
  CHECK(order == "ab!");
  CHECK(queue.now_us() == 15);
  queue.run_until(20);
  CHECK(order == "ab!c");
  CHECK(queue.pending() == 0);
  CHECK(queue.next_us() == EventQueue::kNever);
  CHECK_FALSE(queue.run_next(EventQueue::kNever));
}

TEST_CASE("event queue: a cancelled event does not happen, and its name names no other", "[sim]") {
  EventQueue queue;
  int happened = 0;
  const EventId gone = queue.schedule(5, [&] { ++happened; });
  queue.cancel(gone);
  const EventId other = queue.schedule(5, [&] { happened += 10; });
  queue.cancel(gone);
  queue.run_until(10);
  CHECK(happened == 10);
  queue.cancel(other);
  CHECK(queue.happened() == 1);
}

struct Process {
  explicit Process(EventQueue& queue) : clock(queue), timers(queue, clock) {}

  SimClock clock;
  SimTimers timers;
};

TEST_CASE("sim clock: drift changes what lasts how long, and nothing goes back", "[sim]") {
  EventQueue queue;
  Process fast(queue);
  fast.clock.set_drift_ppm(100'000);
  uint64_t fired_us = 0;
  static_cast<void>(fast.timers.schedule(1'100, [&] { fired_us = queue.now_us(); }));
  queue.run_until(10'000);
  CHECK(fired_us == 1'000);
  CHECK(fast.clock.monotonic_ns() == 11'000'000);
  CHECK(fast.clock.wall_error_us() == 1'000);

  const uint64_t before_ns = fast.clock.monotonic_ns();
  fast.clock.set_drift_ppm(-100'000);
  CHECK(fast.clock.monotonic_ns() == before_ns);
  queue.run_until(20'000);
  CHECK(fast.clock.monotonic_ns() == before_ns + 9'000'000);
}

TEST_CASE("sim clock: the wall clock jumps alone", "[sim]") {
  EventQueue queue;
  Process process(queue);
  process.clock.jump_wall_us(-5'000);
  CHECK(process.clock.wall_us() == SimClock::kStartUs - 5'000);
  CHECK(process.clock.monotonic_ns() == 0);
}

TEST_CASE("sim clock: a process that works is late, others are not", "[sim]") {
  EventQueue queue;
  Process busy(queue);
  Process idle(queue);
  std::string order;
  static_cast<void>(busy.timers.schedule(10, [&] {
    order += 'a';
    busy.clock.spend_us(100);
  }));
  static_cast<void>(busy.timers.schedule(20, [&] {
    order += 'c';
    CHECK(queue.now_us() == 110);
  }));
  static_cast<void>(idle.timers.schedule(20, [&] { order += 'b'; }));
  queue.run_until(1'000);
  CHECK(order == "abc");
}

TEST_CASE("sim timers: a process that stands still catches up in order", "[sim]") {
  EventQueue queue;
  Process process(queue);
  std::string order;
  static_cast<void>(process.timers.schedule(10, [&] { order += 'a'; }));
  static_cast<void>(process.timers.schedule(20, [&] { order += 'b'; }));
  const TimerId cancelled = process.timers.schedule(15, [&] { order += '!'; });
  process.timers.pause();
  queue.run_until(100);
  CHECK(order.empty());
  process.timers.cancel(cancelled);
  process.timers.resume();
  queue.run_until(100);
  CHECK(order == "ab");
  static_cast<void>(process.timers.schedule(10, [&] { order += '!'; }));
  process.timers.cancel_all();
  queue.run_until(1'000);
  CHECK(order == "ab");
}

TEST_CASE("sim rng: streams of one seed differ", "[sim]") {
  SimRng first(1, 0);
  SimRng again(1, 0);
  SimRng other(1, 1);
  const uint64_t value = first.next();
  CHECK(value == again.next());
  CHECK(value != other.next());
}

}  // namespace
}  // namespace quoris::sim
