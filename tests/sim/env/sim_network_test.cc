#include "sim/env/sim_network.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

namespace quoris::sim {
namespace {

constexpr uint16_t kPort = 80;
constexpr uint64_t kMs = 1'000;
constexpr uint64_t kSecond = 1'000 * kMs;

// One end as a process has it: what came, and what became of it.
class End final : public ConnectHandler {
 public:
  std::span<char> read_buffer() override {
    return reads ? std::span<char>(room) : std::span<char>();
  }

  void on_read(size_t count) override { received.append(room.data(), count); }

  void on_drained() override { ++drained; }

  void on_closed() override {
    closed = true;
    stream.reset();
  }

  void on_connected() override { connected = true; }

  void on_failed(const Error& error) override {
    failure = error.message;
    stream.reset();
  }

  void send(std::string_view bytes) const {
    ByteChain chain;
    chain.append(bytes);
    stream->write(std::move(chain));
  }

  std::unique_ptr<Stream> stream;
  std::string received;
  std::string failure;
  bool connected = false;
  bool closed = false;
  bool reads = true;
  int drained = 0;
  std::array<char, 1024> room{};
};

class Server final : public StreamAcceptor {
 public:
  StreamHandler* accept(std::unique_ptr<Stream> stream) override {
    ends.push_back(std::make_unique<End>());
    ends.back()->stream = std::move(stream);
    return ends.back().get();
  }

  void on_unserved() override {}

  std::vector<std::unique_ptr<End>> ends;
};

struct Process {
  explicit Process(EventQueue& queue) : clock(queue), loop(queue, clock) {}

  SimClock clock;
  SimLoop loop;
};

struct Bench {
  explicit Bench(const NetworkLimits& limits = {}, uint64_t seed = 1)
      : network(queue, SimRng(seed), limits) {
    a = network.add_host("10.0.0.1", here.loop);
    b = network.add_host("10.0.0.2", there.loop);
    network.listen(b, kPort, server);
  }

  End& connect(const std::string& to = "10.0.0.2", uint16_t port = kPort) {
    clients.push_back(std::make_unique<End>());
    End& end = *clients.back();
    end.stream = network.transport(a).connect({.host = to, .port = port}, end);
    return end;
  }

  // Connected, with the other end.
  End& connected() {
    End& end = connect();
    run(10 * kMs);
    REQUIRE(end.connected);
    REQUIRE_FALSE(server.ends.empty());
    return end;
  }

  End& other() { return *server.ends.back(); }

  void run(uint64_t us) { queue.run_until(queue.now_us() + us); }

  void cut(bool there_and_back = true) {
    network.cut(a, b);
    if (there_and_back) network.cut(b, a);
  }

  void mend(bool there_and_back = true) {
    network.mend(a, b);
    if (there_and_back) network.mend(b, a);
  }

  EventQueue queue;
  Process here{queue};
  Process there{queue};
  SimNetwork network;
  HostId a{0};
  HostId b{0};
  Server server;
  std::vector<std::unique_ptr<End>> clients;
};

std::string numbers(size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) text += std::to_string(i) + " ";
  return text;
}

TEST_CASE("sim network: bytes come in order, both ways, after the link's latency", "[sim]") {
  Bench bench;
  bench.network.set_quality({.latency_us = 5 * kMs, .jitter_us = 3 * kMs});
  End& end = bench.connect();
  CHECK_FALSE(end.connected);
  end.send("early ");
  bench.run(9 * kMs);
  CHECK_FALSE(end.connected);
  bench.run(20 * kMs);
  CHECK(end.connected);
  std::string all = "early ";
  for (int i = 0; i < 100; ++i) {
    end.send(std::to_string(i));
    all += std::to_string(i);
    bench.run(500);
  }
  bench.run(20 * kMs);
  CHECK(bench.other().received == all);
  bench.other().send("back");
  bench.run(4 * kMs);
  CHECK(end.received.empty());
  bench.run(10 * kMs);
  CHECK(end.received == "back");
  CHECK(bench.other().stream->peer_address().starts_with("10.0.0.1:"));
  CHECK_FALSE(end.stream->is_local());
}

TEST_CASE("sim network: loss is a delay, whatever is sent arrives once", "[sim]") {
  Bench bench;
  bench.network.set_quality({.latency_us = kMs, .jitter_us = kMs, .loss_permille = 300});
  End& end = bench.connect();
  bench.run(10 * kSecond);
  REQUIRE(end.connected);
  std::string all;
  for (int i = 0; i < 200; ++i) {
    end.send(numbers(3));
    all += numbers(3);
    bench.run(kMs);
  }
  bench.run(10 * kSecond);
  CHECK(bench.other().received == all);
  CHECK(bench.network.figures().dropped > 20);
}

TEST_CASE("sim network: a closed port refuses after a round trip, a strange name at once",
          "[sim]") {
  Bench bench;
  bench.network.set_quality({.latency_us = 5 * kMs, .jitter_us = 0});
  End& end = bench.connect("10.0.0.2", 81);
  bench.run(9 * kMs);
  CHECK(end.failure.empty());
  bench.run(2 * kMs);
  CHECK(end.failure == "connection refused");
  End& lost = bench.connect("nowhere");
  CHECK(lost.failure.empty());
  bench.run(kMs);
  CHECK(lost.failure == "no such host");
}

TEST_CASE("sim network: nobody answers for a host without power", "[sim]") {
  Bench bench;
  bench.network.power_off(bench.b);
  End& end = bench.connect();
  bench.run(9 * kSecond);
  CHECK(end.failure.empty());
  bench.run(2 * kSecond);
  CHECK(end.failure == "connection timed out");
}

TEST_CASE("sim network: an attempt outlasts a short cut", "[sim]") {
  Bench bench;
  bench.cut();
  End& end = bench.connect();
  bench.run(2 * kSecond);
  CHECK_FALSE(end.connected);
  bench.mend();
  bench.run(3 * kSecond);
  CHECK(end.connected);
}

TEST_CASE("sim network: the end of one end is the end of input for the other, behind all data",
          "[sim]") {
  Bench bench;
  End& end = bench.connected();
  end.send(numbers(5'000));
  end.stream->close_after_write();
  bench.run(kSecond);
  CHECK(end.closed);
  CHECK(bench.other().received == numbers(5'000));
  CHECK(bench.other().closed);
}

TEST_CASE("sim network: who is slow to read holds the writer back, and only it", "[sim]") {
  Bench bench({.segment_bytes = 4'096, .window_bytes = 16'384});
  End& end = bench.connected();
  bench.other().reads = false;
  const std::string much = numbers(20'000);
  end.send(much);
  bench.run(kSecond);
  CHECK(end.stream->unsent() > much.size() - 16'384 - 4'096);
  CHECK(end.stream->pending() > 0);
  CHECK(end.drained == 0);
  bench.other().reads = true;
  bench.other().stream->resume_reading();
  bench.run(kSecond);
  CHECK(bench.other().received == much);
  CHECK(end.stream->unsent() == 0);
  CHECK(end.drained == 1);
}

TEST_CASE("sim network: over a cut link there is silence, and what waited arrives afterwards",
          "[sim]") {
  Bench bench;
  End& end = bench.connected();
  bench.cut();
  end.send("hello");
  bench.run(3 * kSecond);
  CHECK(bench.other().received.empty());
  CHECK_FALSE(end.closed);
  bench.mend();
  bench.run(6 * kSecond);
  CHECK(bench.other().received == "hello");
}

TEST_CASE("sim network: a sender over a cut link gives up in time, the other end hears nothing",
          "[sim]") {
  Bench bench;
  End& end = bench.connected();
  bench.cut();
  end.send("hello");
  bench.run(15 * kSecond);
  CHECK_FALSE(end.closed);
  bench.run(15 * kSecond);
  CHECK(end.closed);
  CHECK_FALSE(bench.other().closed);
  bench.mend();
  bench.run(60 * kSecond);
  CHECK_FALSE(bench.other().closed);  // half open: nobody has told it
  bench.other().send("anybody there?");
  bench.run(kSecond);
  CHECK(bench.other().closed);
}

TEST_CASE("sim network: who is heard but hears nothing gives up as well", "[sim]") {
  Bench bench;
  End& end = bench.connected();
  bench.network.cut(bench.b, bench.a);
  end.send("hello");
  bench.run(kSecond);
  CHECK(bench.other().received == "hello");
  bench.run(30 * kSecond);
  CHECK(end.closed);
  CHECK(bench.network.figures().duplicated > 0);
}

TEST_CASE("sim network: a host that lost its power knows nothing of its connections", "[sim]") {
  Bench bench;
  End& end = bench.connected();
  bench.network.power_off(bench.b);
  bench.run(kSecond);
  CHECK_FALSE(end.closed);
  bench.network.power_on(bench.b);
  bench.network.listen(bench.b, kPort, bench.server);
  bench.run(60 * kSecond);
  CHECK_FALSE(end.closed);
  end.send("hello");
  bench.run(kSecond);
  CHECK(end.closed);
  CHECK(bench.other().received.empty());
  bench.connected();
}

TEST_CASE("sim network: a process that stands still has a kernel that takes connections and bytes",
          "[sim]") {
  Bench bench;
  bench.there.loop.pause();
  End& end = bench.connect();
  end.send("hello");
  bench.run(kSecond);
  CHECK(end.connected);
  CHECK(bench.server.ends.empty());
  CHECK(end.stream->unsent() == 0);
  bench.there.loop.resume();
  bench.run(kMs);
  REQUIRE(bench.server.ends.size() == 1);
  CHECK(bench.other().received == "hello");
}

TEST_CASE("sim network: a full backlog makes attempts wait", "[sim]") {
  Bench bench({.backlog = 2});
  bench.there.loop.pause();
  for (int i = 0; i < 3; ++i) bench.connect();
  bench.run(500 * kMs);
  const auto connected = [&] {
    return std::ranges::count_if(bench.clients, [](const auto& end) { return end->connected; });
  };
  CHECK(connected() == 2);  // those whose attempts came first
  bench.there.loop.resume();
  bench.run(4 * kSecond);
  CHECK(connected() == 3);
}

TEST_CASE("sim network: when the process ends its connections do, the waiting ones too", "[sim]") {
  Bench bench;
  End& end = bench.connected();
  bench.there.loop.pause();
  End& waiting = bench.connect();
  bench.run(10 * kMs);
  bench.network.stop_listening(bench.b);
  bench.server.ends.clear();
  bench.run(10 * kMs);
  CHECK(end.closed);
  CHECK(waiting.closed);
  End& refused = bench.connect();
  bench.run(10 * kMs);
  CHECK(refused.failure == "connection refused");
}

TEST_CASE("sim network: a reset in between ends it for both", "[sim]") {
  Bench bench;
  End& end = bench.connected();
  CHECK(bench.network.reset_connections(bench.b, bench.a) == 1);
  bench.run(kMs);
  CHECK(end.closed);
  CHECK(bench.other().closed);
}

TEST_CASE("sim network: a destroyed attempt leaves nothing behind", "[sim]") {
  Bench bench;
  End& end = bench.connect();
  end.stream.reset();
  bench.run(kSecond);
  CHECK_FALSE(end.connected);
  CHECK(bench.server.ends.empty());
}

// Everything that many connections see, over links that lose, cut and come back.
std::string storm(uint64_t seed) {
  Bench bench({}, seed);
  SimRng rng(seed);
  bench.network.set_quality({.latency_us = kMs, .jitter_us = 4 * kMs, .loss_permille = 50});
  std::string seen;
  for (int round = 0; round < 300; ++round) {
    if (rng.chance(200)) bench.connect();
    for (const auto& end : bench.clients) {
      if (end->stream && rng.chance(500)) end->send(numbers(rng.below(50)));
    }
    if (rng.chance(50)) bench.cut(rng.chance(500));
    while (rng.chance(300) && bench.network.is_cut(bench.a, bench.b)) {
      bench.network.mend(bench.a, bench.b);
    }
    while (bench.network.is_cut(bench.b, bench.a) && rng.chance(300)) {
      bench.network.mend(bench.b, bench.a);
    }
    if (rng.chance(20)) bench.network.reset_connections(bench.a, bench.b);
    bench.run(rng.below(20 * kMs));
  }
  for (const auto& end : bench.server.ends) seen += end->received + "|";
  return seen + std::to_string(bench.queue.happened());
}

TEST_CASE("sim network: the same seed gives the same storm, byte for byte", "[sim]") {
  for (uint64_t seed = 1; seed <= 20; ++seed) CHECK(storm(seed) == storm(seed));
  CHECK(storm(1) != storm(2));
}

}  // namespace
}  // namespace quoris::sim
