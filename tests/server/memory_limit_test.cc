#include "server/memory_limit.h"

#include <catch2/catch.hpp>
#include <string>

#include "tests/server/node_fixture.h"

namespace quoris::server {
namespace {

constexpr std::string_view kOutOfMemory =
    "-OOM command not allowed when used memory > 'maxmemory'.\r\n";

// A node whose heap is its store.
class Full {
 public:
  explicit Full(std::string_view policy) : client(node.connect()) {
    node.host().heap_bytes = 0;
    REQUIRE(node.set("maxmemory-policy", policy));
  }

  std::string put(size_t number, std::string_view seconds = "") {
    const std::string key = "key" + std::to_string(number);
    const std::string value(200, 'v');
    if (seconds.empty()) return client.ask({"SET", key, value});
    return client.ask({"SET", key, value, "EX", seconds});
  }

  bool has(size_t number) {
    return client.ask({"EXISTS", "key" + std::to_string(number)}) == ":1\r\n";
  }

  [[nodiscard]] uint64_t used() { return node.node().used_memory(); }

  [[nodiscard]] uint64_t evicted() { return node.node().stats().keyspace.evicted; }

  TestNode node;
  TestClient client;
};

TEST_CASE("maxmemory: under every evicting policy writes go on and memory stays below it",
          "[server]") {
  for (const char* policy : {"allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru",
                             "volatile-lfu", "volatile-random", "volatile-ttl"}) {
    CAPTURE(policy);
    Full full(policy);
    for (size_t i = 0; i < 500; ++i) REQUIRE(full.put(i, "1000") == "+OK\r\n");
    const uint64_t limit = full.used();
    REQUIRE(full.node.set("maxmemory", std::to_string(limit)));
    for (size_t i = 500; i < 2000; ++i) {
      REQUIRE(full.put(i, "1000") == "+OK\r\n");
      // One write may pass the limit; the next command brings it down first.
      REQUIRE(full.used() < limit + 1000);
    }
    CHECK(full.evicted() > 1400);
    CHECK(
        full.client.ask({"INFO", "stats"}).find("evicted_keys:" + std::to_string(full.evicted())) !=
        std::string::npos);
  }
}

TEST_CASE(
    "maxmemory: volatile policies spare keys without expiry and refuse when only those are "
    "left",
    "[server]") {
  Full full("volatile-ttl");
  for (size_t i = 0; i < 100; ++i) REQUIRE(full.put(i) == "+OK\r\n");
  for (size_t i = 100; i < 200; ++i) REQUIRE(full.put(i, std::to_string(i)) == "+OK\r\n");
  REQUIRE(full.node.set("maxmemory", std::to_string(full.used() / 4)));
  CHECK(full.put(1000) == kOutOfMemory);
  CHECK(full.evicted() == 100);
  for (size_t i = 0; i < 100; ++i) CHECK(full.has(i));
  CHECK(full.client.ask({"DEL", "key1"}) == ":1\r\n");
}

TEST_CASE("maxmemory: what was just used stays under LRU, what is often used under LFU",
          "[server]") {
  for (const char* policy : {"allkeys-lru", "allkeys-lfu"}) {
    CAPTURE(policy);
    Full full(policy);
    for (size_t i = 0; i < 1000; ++i) REQUIRE(full.put(i) == "+OK\r\n");
    full.node.advance_ms(100'000);
    for (int times = 0; times < 30; ++times) {
      for (size_t i = 0; i < 50; ++i) full.client.ask({"GET", "key" + std::to_string(i)});
    }
    REQUIRE(full.node.set("maxmemory", std::to_string(full.used() / 2)));
    REQUIRE(full.node.set("maxmemory-eviction-tenacity", "100"));
    full.client.ask({"PING"});
    CHECK(full.evicted() > 400);
    size_t kept = 0;
    for (size_t i = 0; i < 50; ++i) kept += full.has(i) ? 1 : 0;
    CHECK(kept >= 49);
  }
}

TEST_CASE("maxmemory: a limit below what is used is met before any command comes", "[server]") {
  Full full("allkeys-random");
  for (size_t i = 0; i < 200; ++i) REQUIRE(full.put(i) == "+OK\r\n");
  const uint64_t limit = full.used() / 2;
  REQUIRE(full.node.set("maxmemory", std::to_string(limit)));
  for (int i = 0; i < 1000 && full.used() > limit; ++i) full.node.advance_ms(1);
  CHECK(full.used() <= limit);
  CHECK(full.evicted() >= 100);
}

TEST_CASE("maxmemory: eviction that takes long goes on behind the command", "[server]") {
  Full full("allkeys-random");
  for (size_t i = 0; i < 1000; ++i) REQUIRE(full.put(i) == "+OK\r\n");
  const uint64_t limit = full.used() / 10;
  REQUIRE(full.node.set("maxmemory-eviction-tenacity", "0"));
  REQUIRE(full.node.set("maxmemory", std::to_string(limit)));
  CHECK(full.put(1) == "+OK\r\n");
  CHECK(full.used() > limit);
  for (int i = 0; i < 1000 && full.used() > limit; ++i) full.node.advance_ms(1);
  CHECK(full.used() <= limit);
}

}  // namespace
}  // namespace quoris::server
