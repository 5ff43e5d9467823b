// The settings that say how large a collection may be in one block.
#include <catch2/catch.hpp>

#include "tests/server/node_fixture.h"

namespace quoris::server {
namespace {

constexpr std::string_view kPacked = "$8\r\nlistpack\r\n";
constexpr std::string_view kTable = "$9\r\nhashtable\r\n";

TEST_CASE("settings: limits of collections hold for the next change of one", "[settings]") {
  TestNode node;
  TestClient client = node.connect();
  CHECK(client.ask({"HSET", "h", "a", "1", "b", "2"}) == ":2\r\n");
  CHECK(client.ask({"CONFIG", "SET", "hash-max-listpack-entries", "2"}) == "+OK\r\n");
  CHECK(client.ask({"HSET", "h", "b", "3"}) == ":0\r\n");
  CHECK(client.ask({"OBJECT", "ENCODING", "h"}) == kPacked);
  CHECK(client.ask({"HSET", "h", "c", "3"}) == ":1\r\n");
  CHECK(client.ask({"OBJECT", "ENCODING", "h"}) == kTable);
  CHECK(client.ask({"CONFIG", "SET", "hash-max-ziplist-entries", "128"}) == "+OK\r\n");
  CHECK(client.ask({"OBJECT", "ENCODING", "h"}) == kTable);
  CHECK(client.ask({"CONFIG", "SET", "hash-max-ziplist-value", "3"}) == "+OK\r\n");
  CHECK(client.ask({"HSET", "i", "abc", "123"}) == ":1\r\n");
  CHECK(client.ask({"OBJECT", "ENCODING", "i"}) == kPacked);
  CHECK(client.ask({"HSET", "i", "abc", "1234"}) == ":0\r\n");
  CHECK(client.ask({"OBJECT", "ENCODING", "i"}) == kTable);
}

TEST_CASE("settings: each limit of a collection reaches the store", "[settings]") {
  TestNode node;
  TestClient client = node.connect();
  const auto set = [&client](std::string_view name, std::string_view value) {
    CHECK(client.ask({"CONFIG", "SET", name, value}) == "+OK\r\n");
  };
  set("hash-max-listpack-entries", "1");
  set("hash-max-listpack-value", "2");
  set("set-max-intset-entries", "3");
  set("zset-max-ziplist-entries", "4");
  set("zset-max-ziplist-value", "5");
  set("list-max-ziplist-size", "-3");
  const store::CollectionLimits& limits = node.node().store().limits();
  CHECK(limits.hash_max_packed_fields == 1);
  CHECK(limits.hash_max_packed_bytes == 2);
  CHECK(limits.set_max_intset_members == 3);
  CHECK(limits.zset_max_packed_members == 4);
  CHECK(limits.zset_max_packed_bytes == 5);
  CHECK(limits.list_max_packed == -3);
}

}  // namespace
}  // namespace quoris::server
