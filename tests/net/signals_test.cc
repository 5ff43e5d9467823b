#include "net/signals.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>

#include "tests/net/edge_fixture.h"

namespace quoris::net {
namespace {

using testing::Edge;

TEST_CASE("signals: a stop signal wakes the loop once", "[net]") {
  for (const int signal : {SIGTERM, SIGINT}) {
    Edge edge;
    edge.listen();  // keeps the loop alive
    int got = 0;
    int calls = 0;
    auto signals = Signals::open(*edge.loop, [&](int which) {
      got = which;
      ++calls;
      edge.loop->stop();
    });
    REQUIRE(signals);
    std::raise(signal);
    edge.loop->run();
    std::raise(SIGTERM);  // a second request to stop changes nothing
    testing::pump(*edge.loop);
    CHECK(got == signal);
    CHECK(calls == 1);
  }
}

TEST_CASE("signals: interrupted again, the process leaves with status 1", "[net]") {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    dup2(::open("/dev/null", O_WRONLY), STDERR_FILENO);
    auto loop = EventLoop::open();
    auto signals = Signals::open(**loop, [](int) {});
    std::raise(SIGTERM);
    std::raise(SIGINT);  // the loop is not running: as if it were stuck
    _exit(42);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 1);
}

}  // namespace
}  // namespace quoris::net
