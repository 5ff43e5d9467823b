#include "sim/machine.h"

#include <catch2/catch.hpp>
#include <string>
#include <utility>
#include <vector>

#include "sim/check/register_checker.h"
#include "sim/faults/fault_driver.h"
#include "sim/world.h"

namespace quoris::sim {
namespace {

constexpr uint64_t kMs = 1'000;
constexpr uint64_t kSecond = 1'000 * kMs;

// Somebody who sends what a test says, from a host of its own.
class Asker final : public ConnectHandler {
 public:
  explicit Asker(World& world)
      : world_(world),
        clock_(world.queue()),
        loop_(world.queue(), clock_),
        host_(world.network().add_host("10.9.0.1", loop_)) {}

  void connect() {
    closed = false;
    const HostPort to = {.host = world_.network().address(world_.machine(0).host()),
                         .port = Machine::kClientPort};
    stream_ = world_.network().transport(host_).connect(to, *this);
  }

  void send(const std::string& line) const {
    ByteChain bytes;
    bytes.append(line + "\r\n");
    stream_->write(std::move(bytes));
  }

  std::span<char> read_buffer() override { return room_; }

  void on_read(size_t count) override { received.append(room_.data(), count); }

  void on_drained() override {}

  void on_closed() override {
    closed = true;
    stream_.reset();
  }

  void on_connected() override {}

  void on_failed(const Error& error) override { received += error.message; }

  std::string received;
  bool closed = false;

 private:
  World& world_;
  SimClock clock_;
  SimLoop loop_;
  HostId host_;
  std::unique_ptr<Stream> stream_;
  std::array<char, 4096> room_{};
};

class Events final : public Observer {
 public:
  std::vector<ProcessEvent> seen;

 private:
  void on_process(Machine& /*machine*/, ProcessEvent event) override { seen.push_back(event); }
};

struct Bench {
  explicit Bench(const std::string& policy = "always")
      : world({.seed = 5,
               .nodes = 1,
               .settings = {{"protected-mode", "no"}, {"appendfsync", policy}, {"save", ""}}}) {
    world.add_observer(events);
    world.start();
    run(100 * kMs);
    REQUIRE(machine().is_serving());
    asker.connect();
    run(10 * kMs);
  }

  void run(uint64_t us) { world.queue().run_until(world.now_us() + us); }

  std::string ask(const std::string& line, uint64_t us = 50 * kMs) {
    asker.received.clear();
    asker.send(line);
    run(us);
    return asker.received;
  }

  Machine& machine() { return world.machine(0); }

  World world;
  Events events;
  Asker asker{world};
};

TEST_CASE("machine: a node serves over the simulated network", "[sim]") {
  Bench bench;
  CHECK(bench.ask("SET a 1") == "+OK\r\n");
  CHECK(bench.ask("GET a") == "$1\r\n1\r\n");
  CHECK(stored_value(bench.machine(), "a") == "1");
  CHECK(stored_value(bench.machine(), "b") == std::nullopt);
  CHECK(bench.ask("HSET h f v") == ":1\r\n");
  CHECK(stored_value(bench.machine(), "h/f") == "v");
  CHECK(stored_value(bench.machine(), "h/g") == std::nullopt);
}

TEST_CASE("machine: a killed process hangs up, and comes back with its data", "[sim]") {
  Bench bench("everysec");
  CHECK(bench.ask("SET a 1") == "+OK\r\n");
  bench.machine().kill();
  CHECK(bench.machine().node() == nullptr);
  bench.run(10 * kMs);
  CHECK(bench.asker.closed);
  bench.asker.connect();
  bench.run(10 * kMs);
  CHECK(bench.asker.received.ends_with("connection refused"));
  bench.machine().start();
  bench.run(100 * kMs);
  bench.asker.connect();
  bench.run(10 * kMs);
  CHECK(bench.ask("GET a") == "$1\r\n1\r\n");
}

TEST_CASE("machine: a power cut is silent, and under always costs nothing", "[sim]") {
  Bench bench;
  CHECK(bench.ask("SET a 1") == "+OK\r\n");
  bench.machine().cut_power();
  bench.run(kSecond);
  CHECK_FALSE(bench.asker.closed);
  CHECK(bench.ask("GET a").empty());
  bench.machine().power_on();
  bench.run(8 * kSecond);
  CHECK(bench.machine().is_serving());
  CHECK(bench.asker.closed);  // what was sent again was answered with a reset
  bench.asker.connect();
  bench.run(10 * kMs);
  CHECK(bench.ask("GET a") == "$1\r\n1\r\n");
}

TEST_CASE("machine: a cut within a write lets no reply out", "[sim]") {
  Bench bench;
  for (uint64_t steps = 1; steps <= 2; ++steps) {
    bench.machine().cut_power_after_steps(steps);
    CHECK(bench.ask("SET a 1").empty());
    CHECK(bench.machine().state() == Machine::State::off);
    bench.machine().power_on();
    bench.run(10 * kSecond);
    bench.asker.connect();
    bench.run(10 * kMs);
  }
}

TEST_CASE("machine: a process that is killed within a step says nothing more", "[sim]") {
  Bench bench("everysec");
  bench.machine().kill_after_steps(1);
  CHECK(bench.ask("SET a 1").empty());
  CHECK(bench.asker.closed);
  CHECK(bench.machine().state() == Machine::State::idle);
  CHECK(bench.events.seen.back() == ProcessEvent::killed);
}

TEST_CASE("machine: what stands still answers when it goes on", "[sim]") {
  Bench bench;
  bench.machine().pause();
  CHECK(bench.ask("SET a 1", kSecond).empty());
  bench.machine().resume();
  bench.run(100 * kMs);
  CHECK(bench.asker.received == "+OK\r\n");
}

TEST_CASE("machine: a process that ends by itself is started again", "[sim]") {
  Bench bench;
  CHECK(bench.ask("SHUTDOWN NOSAVE", 3 * kSecond).empty());
  CHECK(bench.machine().lives() == 2);
  CHECK(bench.machine().is_serving());
  using enum ProcessEvent;
  CHECK(bench.events.seen == std::vector{started, ready, stopped, started, ready});
}

TEST_CASE("machine: time counts as served only while the log takes and acknowledges", "[sim]") {
  Bench bench("everysec");
  bench.run(10 * kSecond);
  CHECK(bench.machine().served_since_us(2 * kSecond) == bench.world.now_us() - 2 * kSecond);
  const uint64_t paused_us = bench.world.now_us();
  bench.machine().pause();
  bench.run(5 * kSecond);
  CHECK(bench.machine().served_since_us(2 * kSecond) == paused_us - 2 * kSecond);
  bench.machine().resume();
  bench.run(kSecond);
  const uint64_t since_us = bench.machine().served_since_us(2 * kSecond);
  CHECK(since_us >= paused_us - kSecond);
  CHECK(since_us < paused_us - kSecond + kMs);
  CHECK(bench.machine().served_since_us(100 * kSecond) == 0);
}

TEST_CASE("fault driver: the plan comes from the seed, and ends before the quiet", "[sim]") {
  const auto plan_of = [](uint64_t seed) {
    World world({.seed = seed, .nodes = 3, .settings = {}});
    const FaultDriver driver(
        world, {.kinds = parse_faults("all").value(), .until_us = 60 * kSecond, .plan = {}});
    std::string text;
    for (const FaultDriver::Planned& each : driver.plan()) {
      CHECK(each.at_us < 60 * kSecond);
      text +=
          fmt::format("{} {} {} {}\n", name_of(each.kind), each.node, each.at_us, each.lasts_us);
    }
    return text;
  };
  CHECK(plan_of(1) == plan_of(1));
  CHECK(plan_of(1) != plan_of(2));
  CHECK(plan_of(1).size() > 500);
}

}  // namespace
}  // namespace quoris::sim
