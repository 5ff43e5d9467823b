#include "net/nested_loop.h"

#include <catch2/catch.hpp>
#include <memory>
#include <string>

#include "net/uv_clock.h"
#include "net/uv_disk.h"
#include "net/uv_timers.h"
#include "tests/net/edge_fixture.h"

namespace quoris::net {
namespace {

using testing::Client;
using testing::Edge;
using testing::Session;

// Two edges: the outer one has a listener, so that its loop would sleep for ever.
struct Nest {
  Nest() : nested(*outer.loop, *inner.loop) { outer.listen(); }

  // Runs the outer loop until somebody stops it; a test that hangs is ended by its time limit.
  void run() { outer.loop->run(); }

  void stop() { outer.loop->stop(); }

  Edge outer;
  Edge inner;
  NestedLoop nested;
};

// One of libuv's own timers, which counts milliseconds in the loop's own time.
struct PlainTimer {
  PlainTimer(EventLoop& loop, uint64_t ms, std::function<void()> then)
      : action(std::move(then)), timer(make_uv_handle<uv_timer_t>()) {
    uv_timer_init(loop.raw(), timer.get());
    timer->data = this;
    uv_timer_start(
        timer.get(), [](uv_timer_t* fired) { static_cast<PlainTimer*>(fired->data)->action(); }, ms,
        0);
  }

  std::function<void()> action;
  UvPtr<uv_timer_t> timer;
};

}  // namespace

TEST_CASE("nested loop: timers of the inner loop fire while the outer one is idle", "[net]") {
  Nest nest;
  UvTimers timers(*nest.inner.loop);
  int fired = 0;
  const std::function<void()> again = [&] {
    if (++fired == 5) return nest.stop();
    static_cast<void>(timers.schedule(500, again));
  };
  static_cast<void>(timers.schedule(500, again));
  nest.run();
  CHECK(fired == 5);
}

TEST_CASE("nested loop: libuv's own timers of the inner loop fire, too", "[net]") {
  Nest nest;
  PlainTimer timer(*nest.inner.loop, 3, [&] { nest.stop(); });
  nest.run();
  CHECK(nest.nested.runs() > 0);
}

TEST_CASE("nested loop: an outer loop that runs often puts no inner timer off", "[net]") {
  Nest nest;
  UvTimers busy(*nest.outer.loop);
  int left = 3000;  // about a second
  const std::function<void()> again = [&] {
    if (--left == 0) return nest.stop();
    static_cast<void>(busy.schedule(300, again));
  };
  again();
  bool has_fired = false;
  PlainTimer timer(*nest.inner.loop, 20, [&] {
    has_fired = true;
    nest.stop();
  });
  nest.run();
  // A deadline counted anew from each look would never come.
  CHECK(has_fired);
}

TEST_CASE("nested loop: sockets of the inner loop are served by the outer one's run", "[net]") {
  Nest nest;
  const uint16_t port = nest.inner.listen();
  nest.inner.when_accepted = [&](Session& session) {
    session.when_read = [&] {
      if (session.received == "hello") nest.stop();
    };
  };
  Client client(port);
  client.send_all("hello");
  nest.run();
  REQUIRE(nest.inner.sessions.size() == 1);
  CHECK(nest.inner.sessions[0]->received == "hello");
  CHECK(nest.outer.sessions.empty());
}

TEST_CASE("nested loop: a socket that is opened while the outer handler runs is polled", "[net]") {
  Nest nest;
  std::unique_ptr<Client> client;
  nest.inner.when_accepted = [&](Session&) { nest.stop(); };
  nest.outer.turn = [&] {
    if (!client) client = std::make_unique<Client>(nest.inner.listen());
  };
  nest.outer.loop->request_turn();
  nest.run();
  CHECK(nest.inner.sessions.size() == 1);
}

TEST_CASE("nested loop: work that the outer handler gives the inner one is done at once", "[net]") {
  Nest nest;
  bool is_given = false;
  nest.outer.turn = [&] {
    if (!is_given) nest.inner.hungry = true;  // as a call of the inner handler would
    is_given = true;
  };
  nest.inner.turn = [&] {
    if (!nest.inner.hungry) return;
    nest.inner.hungry = false;
    nest.stop();
  };
  nest.outer.loop->request_turn();
  nest.run();
  CHECK_FALSE(nest.inner.hungry);
}

TEST_CASE("nested loop: an inner handler that wants more turns gets them", "[net]") {
  Nest nest;
  nest.inner.hungry = true;
  nest.inner.turn = [&] {
    if (nest.inner.turns == 50) nest.inner.hungry = false;
    if (nest.inner.turns == 50) nest.stop();
  };
  nest.run();
  CHECK(nest.inner.turns == 50);
}

TEST_CASE("nested loop: what the inner loop makes for the outer handler gets its turn", "[net]") {
  Nest nest;
  UvTimers timers(*nest.inner.loop);
  bool is_made = false;
  nest.outer.turn = [&] {
    if (is_made) nest.stop();
  };
  SECTION("by a descriptor") {
    static_cast<void>(timers.schedule(1000, [&] { is_made = true; }));
    nest.run();
  }
  SECTION("by a timer of libuv's") {
    PlainTimer plain(*nest.inner.loop, 2, [&] { is_made = true; });
    nest.run();
  }
  CHECK(is_made);
}

TEST_CASE("nested loop: a long turn of the outer loop lets the inner one run", "[net]") {
  Nest nest;
  UvTimers timers(*nest.inner.loop);
  const uint16_t port = nest.inner.listen();
  nest.inner.when_accepted = [](Session& session) {
    session.when_read = [&session] { session.stream->write(testing::chain_of("pong")); };
  };
  Client client(port);
  client.send_all("ping");
  bool has_fired = false;
  std::string answer;
  static_cast<void>(timers.schedule(2000, [&] { has_fired = true; }));
  nest.outer.turn = [&] {
    const int turns_before = nest.outer.turns;
    while (!has_fired || answer.empty()) {
      nest.nested.run_inner();
      answer += client.receive();
    }
    CHECK(nest.outer.turns == turns_before);  // the outer handler alone was held up
    nest.stop();
  };
  nest.outer.loop->request_turn();
  nest.run();
  CHECK(answer == "pong");
}

TEST_CASE("nested loop: a breath is due a while after the last run", "[net]") {
  Nest nest;
  nest.nested.run_inner();
  const uint64_t runs = nest.nested.runs();
  UvClock clock;
  uint64_t breaths = 0;
  const uint64_t began_ns = clock.monotonic_ns();
  while (clock.monotonic_ns() - began_ns < 10 * kBreathNs) {
    if (!nest.nested.is_breath_due()) continue;
    nest.nested.run_inner();
    ++breaths;
  }
  CHECK(breaths >= 1);
  CHECK(breaths <= 10);
  CHECK(nest.nested.runs() == runs + breaths);
}

TEST_CASE("nested loop: it does not run within itself", "[net]") {
  Nest nest;
  nest.inner.turn = [&] {
    const uint64_t runs = nest.nested.runs();
    nest.nested.run_inner();
    CHECK(nest.nested.runs() == runs);
    nest.stop();
  };
  nest.inner.loop->request_turn();
  nest.run();
  CHECK(nest.inner.turns == 1);
}

TEST_CASE("nested loop: while nothing happens neither loop is run", "[net]") {
  Nest nest;
  nest.inner.listen();
  UvTimers inner_timers(*nest.inner.loop);
  UvTimers timers(*nest.outer.loop);
  testing::pump(*nest.outer.loop);
  // Far away, so that the outer loop has a deadline of the inner one to watch.
  PlainTimer far_away(*nest.inner.loop, 3'600'000, [] {});
  static_cast<void>(inner_timers.schedule(3'600'000'000, [] {}));
  const int turns = nest.outer.turns;
  const uint64_t runs = nest.nested.runs();
  static_cast<void>(timers.schedule(50'000, [&] { nest.stop(); }));
  nest.run();
  CHECK(nest.outer.turns - turns <= 4);
  CHECK(nest.nested.runs() - runs <= 3);
}

TEST_CASE("nested loop: jobs of a disk on the inner loop come in", "[net]") {
  Nest nest;
  UvDisk disk(*nest.inner.loop);
  bool is_done = false;
  nest.outer.turn = [&] {
    if (!is_done) return;
    nest.stop();
  };
  disk.submit([] { return ok(); }, [&](const Status& status) { is_done = bool(status); });
  nest.run();
  CHECK(is_done);
}

TEST_CASE("nested loop: jobs of a disk come in while the outer handler breathes", "[net]") {
  Nest nest;
  UvDisk disk(*nest.inner.loop);
  bool is_done = false;
  nest.outer.turn = [&] {
    if (is_done) return;
    disk.submit([] { return ok(); }, [&](const Status& status) { is_done = bool(status); });
    while (!is_done) nest.nested.run_inner();
    nest.stop();
  };
  nest.outer.loop->request_turn();
  nest.run();
  CHECK(is_done);
}

}  // namespace quoris::net
