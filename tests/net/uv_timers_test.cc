#include "net/uv_timers.h"

#include <catch2/catch.hpp>
#include <string>

#include "net/uv_clock.h"
#include "tests/net/edge_fixture.h"

namespace quoris::net {
namespace {

using testing::Edge;
using testing::pump_until;

TEST_CASE("timers: they fire in the order of their deadlines, never early", "[net]") {
  Edge edge;
  UvClock clock;
  UvTimers timers(*edge.loop);
  std::string order;
  const uint64_t start = clock.monotonic_ns();
  const auto add = [&](uint64_t delay_us, char name) {
    return timers.schedule(delay_us, [&, delay_us, name] {
      order += name;
      CHECK(clock.monotonic_ns() - start >= delay_us * 1000);
    });
  };
  static_cast<void>(add(9000, 'd'));
  static_cast<void>(add(2000, 'b'));
  static_cast<void>(add(5000, 'c'));
  static_cast<void>(add(1, 'a'));
  static_cast<void>(add(9900, 'e'));
  pump_until(*edge.loop, [&] { return timers.size() == 0; });
  CHECK(order == "abcde");
}

TEST_CASE("timers: a wait may be shorter than a millisecond", "[net]") {
  Edge edge;
  UvClock clock;
  UvTimers timers(*edge.loop);
  // The best of several: others may hold the processor in one of them.
  uint64_t best_ns = UINT64_MAX;
  for (int i = 0; i < 50; ++i) {
    const uint64_t start = clock.monotonic_ns();
    bool fired = false;
    static_cast<void>(timers.schedule(100, [&] { fired = true; }));
    pump_until(*edge.loop, [&] { return fired; });
    const uint64_t took = clock.monotonic_ns() - start;
    CHECK(took >= 100'000);
    best_ns = std::min(best_ns, took);
  }
  CHECK(best_ns < 900'000);
}

TEST_CASE("timers: a nearer deadline comes first, a farther one later, whatever was armed",
          "[net]") {
  Edge edge;
  UvTimers timers(*edge.loop);
  std::string order;
  static_cast<void>(timers.schedule(6000, [&] { order += 'c'; }));
  const TimerId nearer = timers.schedule(2000, [&] { order += 'a'; });
  static_cast<void>(timers.schedule(3000, [&] { order += 'b'; }));
  timers.cancel(nearer);
  pump_until(*edge.loop, [&] { return timers.size() == 0; });
  CHECK(order == "bc");
}

TEST_CASE("timers: a cancelled timer does not fire, and cancelling is always harmless", "[net]") {
  Edge edge;
  UvTimers timers(*edge.loop);
  std::string order;
  const TimerId first = timers.schedule(500, [&] { order += 'a'; });
  TimerId third{};
  const TimerId second = timers.schedule(1000, [&] {
    order += 'b';
    timers.cancel(third);
  });
  third = timers.schedule(1001, [&] { order += 'c'; });
  static_cast<void>(timers.schedule(3000, [&] { order += 'd'; }));
  timers.cancel(first);
  timers.cancel(first);
  timers.cancel(TimerId{0});
  timers.cancel(TimerId{12345});
  pump_until(*edge.loop, [&] { return order.ends_with('d'); });
  timers.cancel(second);
  CHECK(order == "bd");
  CHECK(timers.size() == 0);
}

TEST_CASE("timers: one that schedules itself without delay does not hold the loop", "[net]") {
  Edge edge;
  UvTimers timers(*edge.loop);
  int fired = 0;
  std::function<void()> again = [&] {
    ++fired;
    static_cast<void>(timers.schedule(0, again));
  };
  static_cast<void>(timers.schedule(0, again));
  const int turns = edge.turns;
  pump_until(*edge.loop, [&] { return fired == 5; });
  CHECK(edge.turns >= turns + 5);
}

TEST_CASE("timers: a huge delay waits, it does not wrap around", "[net]") {
  Edge edge;
  UvTimers timers(*edge.loop);
  int fired = 0;
  static_cast<void>(timers.schedule(UINT64_MAX, [&] { ++fired; }));
  bool done = false;
  static_cast<void>(timers.schedule(2000, [&] { done = true; }));
  pump_until(*edge.loop, [&] { return done; });
  CHECK(fired == 0);
}

TEST_CASE("timers: thousands of them, half cancelled", "[net]") {
  Edge edge;
  UvTimers timers(*edge.loop);
  size_t fired = 0;
  std::vector<TimerId> ids;
  for (uint64_t i = 0; i < 5000; ++i) {
    ids.push_back(timers.schedule(1000 + (i * 7919) % 5000, [&] { ++fired; }));
  }
  for (size_t i = 0; i < ids.size(); i += 2) timers.cancel(ids[i]);
  CHECK(timers.size() == 2500);
  pump_until(*edge.loop, [&] { return timers.size() == 0; });
  CHECK(fired == 2500);
}

}  // namespace
}  // namespace quoris::net
