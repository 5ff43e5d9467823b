// Commands on whole databases, and what every command counts. Replies and figures are those of
// redis-server 7.0.15.
#include "command/keys/keyspace_commands.h"

#include <algorithm>
#include <set>

#include "tests/command/data_bench.h"

namespace quoris::command {
namespace {

using testing::Bench;

void fill(Bench& bench, size_t count, const std::string& prefix = "key:") {
  for (size_t i = 0; i < count; ++i) bench.run({"SET", prefix + std::to_string(i), "v"});
}

struct ScanReply {
  std::string cursor;
  std::vector<std::string> keys;
};

// "*2 $1 0 *3 $1 a $1 b $1 c": keys without spaces only.
ScanReply parse_scan(const std::string& reply) {
  const auto words = split_arguments(reply);
  REQUIRE(words.has_value());
  REQUIRE(words->size() >= 4);
  REQUIRE((*words)[0] == "*2");
  ScanReply result{.cursor = (*words)[2], .keys = {}};
  for (size_t i = 5; i < words->size(); i += 2) result.keys.push_back((*words)[i]);
  CHECK((*words)[3] == "*" + std::to_string(result.keys.size()));
  return result;
}

std::multiset<std::string> scan_all(Bench& bench, const std::string& options) {
  std::multiset<std::string> keys;
  std::string cursor = "0";
  do {
    const ScanReply reply = parse_scan(bench("SCAN " + cursor + " " + options));
    keys.insert(reply.keys.begin(), reply.keys.end());
    cursor = reply.cursor;
  } while (cursor != "0");
  return keys;
}

TEST_CASE("SCAN: a walk meets every key, whatever COUNT is", "[command]") {
  Bench bench;
  fill(bench, 1000);
  for (const char* options : {"", "COUNT 1", "COUNT 7", "COUNT 100000", "COUNT 9223372036854775807",
                              "TYPE string", "TYPE STRING"}) {
    CAPTURE(options);
    const auto keys = scan_all(bench, options);
    CHECK(std::set<std::string>(keys.begin(), keys.end()).size() == 1000);
  }
}

TEST_CASE("SCAN: patterns and types filter", "[command]") {
  Bench bench;
  fill(bench, 100);
  CHECK(scan_all(bench, "MATCH key:1?").size() == 10);
  CHECK(scan_all(bench, "MATCH none* COUNT 5").empty());
  CHECK(scan_all(bench, "MATCH x MATCH key:5").size() == 1);
  CHECK(scan_all(bench, "TYPE list").empty());
  CHECK(scan_all(bench, "TYPE nonsense").empty());
}

TEST_CASE("SCAN: expired keys are left out, and are gone after it", "[command]") {
  Bench bench;
  fill(bench, 50);
  for (int i = 0; i < 50; ++i) bench.run({"PSETEX", "old:" + std::to_string(i), "1", "v"});
  bench.now_ms += 1;
  CHECK(bench("DBSIZE") == ":100");
  CHECK(scan_all(bench, "MATCH key:*").size() == 50);
  CHECK(bench("DBSIZE") == ":100");
  CHECK(scan_all(bench, "").size() == 50);
  CHECK(bench("DBSIZE") == ":50");
  CHECK(bench.stats.expired == 50);
}

TEST_CASE("SCAN: cursors as strtoul reads them", "[command]") {
  Bench bench;
  bench("SET a 1");
  for (const char* cursor : {"0", "''", "+0", "-0", "000"}) {
    CAPTURE(cursor);
    CHECK(bench(std::string("SCAN ") + cursor) == "*2 $1 0 *1 $1 a");
  }
  for (const char* cursor : {"abc", "' 0'", "'0 '", "-", "+", "+-1", "0x0", "1.0",
                             "18446744073709551616", "99999999999999999999999"}) {
    CAPTURE(cursor);
    CHECK(bench(std::string("SCAN ") + cursor) == "-ERR invalid cursor");
  }
  for (const char* cursor : {"-1", "18446744073709551615", "9007199254740992", "12345"}) {
    CAPTURE(cursor);
    CHECK(bench(std::string("SCAN ") + cursor).starts_with("*2 $"));
  }
}

TEST_CASE("SCAN: its errors", "[command]") {
  Bench bench;
  const std::string syntax = "-ERR syntax error";
  const std::string not_integer = "-ERR value is not an integer or out of range";
  CHECK(bench("SCAN abc FOO") == "-ERR invalid cursor");
  CHECK(bench("SCAN 0 FOO") == syntax);
  CHECK(bench("SCAN 0 FOO bar") == syntax);
  CHECK(bench("SCAN 0 COUNT") == syntax);
  CHECK(bench("SCAN 0 MATCH") == syntax);
  CHECK(bench("SCAN 0 COUNT 0") == syntax);
  CHECK(bench("SCAN 0 COUNT -1") == syntax);
  CHECK(bench("SCAN 0 COUNT abc FOO") == not_integer);
  CHECK(bench("SCAN 0 COUNT 9223372036854775808") == not_integer);
}

TEST_CASE("KEYS: patterns, and expired keys left out but not removed", "[command]") {
  Bench bench;
  bench("MSET one 1 two 2");
  bench("PSETEX old 1 v");
  bench.now_ms += 1;
  CHECK(bench("KEYS o*") == "*1 $3 one");
  CHECK(bench("KEYS [ot]?[eo]").starts_with("*2 "));
  CHECK(bench("KEYS *").starts_with("*2 "));
  CHECK(bench("KEYS x") == "*0");
  CHECK(bench("DBSIZE") == ":3");
  bench.protocol = resp::Protocol::resp3;
  CHECK(bench("KEYS one") == "*1 $3 one");
}

TEST_CASE("KEYS and SCAN: a long walk lets the control link breathe", "[command]") {
  Bench bench;
  fill(bench, 25'000);
  bench("KEYS none");
  CHECK(bench.breaths == 2);
  bench("SCAN 0 COUNT 1000000");
  CHECK(bench.breaths == 4);
}

TEST_CASE("RANDOMKEY: any key that is not expired, null when there is none", "[command]") {
  Bench bench;
  CHECK(bench("RANDOMKEY") == "$-1");
  bench("MSET a 1 b 2 c 3");
  std::set<std::string> seen;
  for (int i = 0; i < 200; ++i) seen.insert(bench("RANDOMKEY"));
  CHECK(seen == std::set<std::string>{"$1 a", "$1 b", "$1 c"});
  bench("DEL b c");
  for (int i = 0; i < 1000; ++i) bench.run({"PSETEX", "old:" + std::to_string(i), "1", "v"});
  bench.now_ms += 1;
  CHECK(bench("RANDOMKEY") == "$1 a");
  bench("DEL a");
  CHECK(bench("RANDOMKEY") == "$-1");
  bench.protocol = resp::Protocol::resp3;
  CHECK(bench("RANDOMKEY") == "_");
}

TEST_CASE("SWAPDB: both databases change places, errors name the bad one", "[command]") {
  Bench bench;
  bench("SET a 1");
  CHECK(bench("SWAPDB 0 15") == "+OK");
  CHECK(bench("DBSIZE") == ":0");
  bench.db = DbIndex{15};
  CHECK(bench("GET a") == "$1 1");
  CHECK(bench("SWAPDB 3 3") == "+OK");
  CHECK(bench("SWAPDB abc def") == "-ERR invalid first DB index");
  CHECK(bench("SWAPDB 99999999999 0") == "-ERR invalid first DB index");
  CHECK(bench("SWAPDB 99 def") == "-ERR invalid second DB index");
  CHECK(bench("SWAPDB 0 16") == "-ERR DB index is out of range");
  CHECK(bench("SWAPDB -1 0") == "-ERR DB index is out of range");
}

TEST_CASE("FLUSHDB and FLUSHALL: at once or lazily", "[command]") {
  Bench bench;
  for (const char* option : {"", " SYNC", " async"}) {
    CAPTURE(option);
    for (const uint16_t db : {uint16_t{0}, uint16_t{1}, uint16_t{15}}) {
      bench.db = DbIndex{db};
      fill(bench, 100);
    }
    CHECK(bench(std::string("FLUSHDB") + option) == "+OK");
    CHECK(bench("DBSIZE") == ":0");
    bench.db = DbIndex{0};
    CHECK(bench("DBSIZE") == ":100");
    CHECK(bench(std::string("FLUSHALL") + option) == "+OK");
    CHECK(bench("DBSIZE") == ":0");
    bench.db = DbIndex{1};
    CHECK(bench("DBSIZE") == ":0");
  }
  CHECK(bench("FLUSHDB FOO") == "-ERR syntax error");
  CHECK(bench("FLUSHALL ASYNC SYNC") == "-ERR syntax error");
}

TEST_CASE("FLUSHALL: ASYNC, or the setting, puts aside what is freed later", "[command]") {
  Bench bench;
  fill(bench, 1000);
  bench("FLUSHALL SYNC");
  CHECK(bench.store.lazy_pending() == 0);
  fill(bench, 1000);
  bench("FLUSHALL ASYNC");
  CHECK(bench.store.lazy_pending() == 1000);
  while (bench.store.free_some(100) > 0) {
  }
  CHECK(bench.store.lazy_pending() == 0);
  bench.settings.lazy_user_flush = true;
  fill(bench, 1000);
  bench("FLUSHDB");
  CHECK(bench.store.lazy_pending() == 1000);
}

// Hits, misses and expired keys of a command on a database that holds `a` (text), `i` (an
// integer), `t` (with a TTL) and `x` (expired).
struct Figures {
  const char* command;
  uint64_t hits;
  uint64_t misses;
  uint64_t expired;
};

const Figures kFigures[] = {
    {"GET a", 1, 0, 0},
    {"GET n", 0, 1, 0},
    {"GET x", 0, 1, 1},
    {"SET a v", 0, 0, 0},
    {"SET a v GET", 1, 0, 0},
    {"SET n v GET", 0, 1, 0},
    {"SET a v NX", 0, 0, 0},
    {"SET n v XX", 0, 0, 0},
    {"SET x v XX", 0, 0, 1},
    {"SET a v KEEPTTL", 0, 0, 0},
    {"GETSET a v", 1, 0, 0},
    {"GETSET n v", 0, 1, 0},
    {"GETDEL a", 1, 0, 0},
    {"GETDEL n", 0, 1, 0},
    {"GETEX a", 1, 0, 0},
    {"GETEX n", 0, 1, 0},
    {"GETEX a EX 100", 1, 0, 0},
    {"GETEX t PERSIST", 1, 0, 0},
    {"SETNX a v", 0, 0, 0},
    {"MGET a n a x", 2, 2, 1},
    {"MSETNX n 1 m 2", 0, 0, 0},
    {"APPEND a x", 0, 0, 0},
    {"STRLEN a", 1, 0, 0},
    {"STRLEN n", 0, 1, 0},
    {"INCR i", 0, 0, 0},
    {"INCR n", 0, 0, 0},
    {"INCRBYFLOAT i 1", 0, 0, 0},
    {"GETRANGE a 0 1", 1, 0, 0},
    {"GETRANGE n 0 1", 0, 1, 0},
    {"SETRANGE a 1 x", 0, 0, 0},
    {"LCS a n", 1, 1, 0},
    {"LCS a i", 2, 0, 0},
    {"DEL a n", 0, 0, 0},
    {"DEL x", 0, 0, 1},
    {"UNLINK a x n", 0, 0, 1},
    {"EXISTS a n a x", 2, 2, 1},
    {"TYPE a", 1, 0, 0},
    {"TYPE x", 0, 1, 1},
    {"KEYS *", 0, 0, 0},
    {"SCAN 0", 0, 0, 1},
    {"RENAME a n", 0, 0, 0},
    {"RENAME x a", 0, 0, 1},
    {"RENAMENX a i", 0, 0, 0},
    {"COPY a n", 1, 0, 0},
    {"COPY n a", 0, 1, 0},
    {"COPY a i", 1, 0, 0},
    {"COPY x a", 0, 1, 1},
    {"MOVE a 1", 0, 0, 0},
    {"TOUCH a n x", 1, 2, 1},
    {"EXPIRE a 10", 0, 0, 0},
    {"EXPIRE a -1", 0, 0, 0},
    {"TTL a", 1, 0, 0},
    {"TTL n", 0, 1, 0},
    {"TTL x", 0, 1, 1},
    {"EXPIRETIME t", 1, 0, 0},
    {"PERSIST t", 0, 0, 0},
    {"OBJECT ENCODING a", 1, 0, 0},
    {"OBJECT ENCODING n", 0, 1, 0},
    {"OBJECT FREQ a", 1, 0, 0},
    {"OBJECT REFCOUNT x", 0, 1, 1},
    {"SWAPDB 0 1", 0, 0, 0},
    {"FLUSHDB", 0, 0, 0},
    {"DBSIZE", 0, 0, 0},
};

TEST_CASE("keyspace: hits, misses and expired keys count as in Redis", "[command]") {
  for (const auto& [command, hits, misses, expired] : kFigures) {
    CAPTURE(command);
    Bench bench;
    bench("MSET a hello i 10");
    bench("SET t v EX 100");
    bench("PSETEX x 1 v");
    bench.now_ms += 1;
    bench.stats = {};
    bench(command);
    CHECK(bench.stats.hits == hits);
    CHECK(bench.stats.misses == misses);
    CHECK(bench.stats.expired == expired);
  }
}

}  // namespace
}  // namespace quoris::command
