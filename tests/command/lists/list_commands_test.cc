// List commands: replies, events, what waits. The oracle's replies are in redis-tests.
#include <string>
#include <vector>

#include "store/list_value.h"
#include "tests/command/data_bench.h"

namespace quoris::command {
namespace {

using testing::Bench;

struct Events final : store::KeyspaceEvents {
  void on_event(store::EventClass event_class, std::string_view name, DbIndex,
                std::string_view key) override {
    // What appears or is missed is compared with redis-server, over all commands.
    if (event_class == store::EventClass::new_key) return;
    if (event_class == store::EventClass::key_miss) return;
    const bool list = event_class == store::EventClass::list;
    text += (list ? "" : "other:") + std::string(name) + " " + std::string(key) + ", ";
  }

  std::string text;
};

std::string events_of(Bench& bench, std::string_view line) {
  Events events;
  bench.events = &events;
  bench(line);
  bench.events = nullptr;
  return events.text;
}

struct Waits final : Blocker {
  void wait(const WaitRequest& request) override {
    keys.assign(request.keys.begin(), request.keys.end());
    type = request.type;
    timeout_ms = request.timeout_ms;
    null_array = request.null_array;
    ++count;
  }

  std::vector<std::string> keys;
  store::Type type = store::Type::string;
  int64_t timeout_ms = -1;
  bool null_array = false;
  size_t count = 0;
};

TEST_CASE("lists: pushes and pops tell of themselves, and of a key that went", "[command]") {
  Bench bench;
  CHECK(events_of(bench, "LPUSH l a b") == "lpush l, ");
  CHECK(events_of(bench, "RPUSH l c") == "rpush l, ");
  CHECK(events_of(bench, "LPUSHX none c").empty());
  CHECK(events_of(bench, "LPOP l") == "lpop l, ");
  CHECK(events_of(bench, "LPOP l 0").empty());
  CHECK(events_of(bench, "RPOP l 9") == "rpop l, other:del l, ");
  CHECK(events_of(bench, "RPOP l").empty());
}

TEST_CASE("lists: changes in place tell of themselves", "[command]") {
  Bench bench;
  bench("RPUSH l a b c d e");
  CHECK(events_of(bench, "LSET l 0 z") == "lset l, ");
  CHECK(events_of(bench, "LINSERT l BEFORE b q") == "linsert l, ");
  CHECK(events_of(bench, "LINSERT l BEFORE nothing q").empty());
  CHECK(events_of(bench, "LREM l 0 q") == "lrem l, ");
  CHECK(events_of(bench, "LREM l 0 q").empty());
  CHECK(events_of(bench, "LTRIM l 0 -1") == "ltrim l, ");
  CHECK(events_of(bench, "LTRIM l 1 3") == "ltrim l, ");
  CHECK(events_of(bench, "LTRIM l 5 3") == "ltrim l, other:del l, ");
}

TEST_CASE("lists: a move tells of the push first", "[command]") {
  Bench bench;
  bench("RPUSH l a b");
  CHECK(events_of(bench, "LMOVE l l LEFT RIGHT") == "rpush l, lpop l, ");
  CHECK(bench("LRANGE l 0 -1") == "*2 $1 b $1 a");
  CHECK(events_of(bench, "RPOPLPUSH l m") == "lpush m, rpop l, ");
  CHECK(events_of(bench, "BLMOVE l l LEFT LEFT 0") == "lpush l, lpop l, ");
  CHECK(events_of(bench, "BLMOVE l m RIGHT LEFT 0") == "lpush m, rpop l, other:del l, ");
  CHECK(events_of(bench, "LMPOP 2 l m RIGHT COUNT 5") == "rpop m, other:del m, ");
  bench("RPUSH l a");
  CHECK(events_of(bench, "BLPOP none l 0") == "lpop l, other:del l, ");
}

TEST_CASE("lists: a move counts as one change, a trim that takes nothing as none", "[command]") {
  Bench bench;
  bench("RPUSH k a b c");
  const uint64_t before = bench.stats.changes;
  bench("LMOVE k k LEFT RIGHT");
  bench("RPOPLPUSH k other");
  CHECK(bench.stats.changes == before + 2);
  bench("LTRIM k 0 -1");
  CHECK(bench.stats.changes == before + 2);
}

TEST_CASE("lists: a move of its only item leaves a list as it was, its expiry too", "[command]") {
  Bench bench;
  bench("RPUSH l a");
  bench("EXPIRE l 100");
  for (const char* ends : {"LEFT RIGHT", "RIGHT LEFT", "LEFT LEFT", "RIGHT RIGHT"}) {
    CHECK(bench("LMOVE l l " + std::string(ends)) == "$1 a");
  }
  CHECK(bench("LLEN l") == ":1");
  CHECK(bench("TTL l") == ":100");
}

TEST_CASE("lists: an expired target of a move is gone before the push", "[command]") {
  Bench bench;
  bench("RPUSH from a b");
  bench("RPUSH to old");
  bench("PEXPIRE to 10");
  bench.now_ms += 11;
  CHECK(bench("LMOVE from to LEFT RIGHT") == "$1 a");
  CHECK(bench("LRANGE to 0 -1") == "*1 $1 a");
  CHECK(bench("TTL to") == ":-1");
}

TEST_CASE("lists: a command that finds nothing waits for its keys", "[command]") {
  Bench bench;
  Waits waits;
  bench.blocker = &waits;
  bench("SET str x");
  CHECK(bench("BLPOP a b 0.5").empty());
  CHECK(waits.keys == std::vector<std::string>{"a", "b"});
  CHECK(waits.type == store::Type::list);
  CHECK(waits.timeout_ms == 500);
  CHECK(waits.null_array);
  CHECK(bench("BRPOP c 0").empty());
  CHECK(waits.timeout_ms == 0);
  CHECK(bench("BLMOVE a str LEFT RIGHT 0.0001").empty());
  CHECK(waits.keys == std::vector<std::string>{"a"});
  CHECK(waits.timeout_ms == 1);
  CHECK_FALSE(waits.null_array);
  CHECK(bench("BRPOPLPUSH a b 1").empty());
  CHECK(bench("BLMPOP 2 3 a b c LEFT COUNT 2").empty());
  CHECK(waits.keys == std::vector<std::string>{"a", "b", "c"});
  CHECK(waits.count == 5);
}

TEST_CASE("lists: nobody waits with arguments that are wrong, or for another type", "[command]") {
  Bench bench;
  Waits waits;
  bench.blocker = &waits;
  bench("SET str x");
  for (const char* line :
       {"BLPOP a x", "BLPOP a -1", "BLPOP a inf", "BLPOP a str 0", "BLMOVE a b UP LEFT 0",
        "BLMOVE a b LEFT LEFT x", "BLMOVE str b LEFT LEFT 0", "BRPOPLPUSH a b x",
        "BLMPOP x 1 a LEFT", "BLMPOP 0 0 a LEFT", "BLMPOP 0 1 a UP", "BLMPOP 0 2 a LEFT",
        "BLMPOP 0 1 a LEFT COUNT 0"}) {
    CAPTURE(line);
    CHECK(bench(line)[0] == '-');
  }
  CHECK(waits.count == 0);
}

TEST_CASE("lists: run again once a key is filled, a command that waited gets it", "[command]") {
  Bench bench;
  Waits waits;
  bench.blocker = &waits;
  CHECK(bench("BLPOP a b 0").empty());
  bench("RPUSH b 1 2");
  CHECK(bench("BLPOP a b 0") == "*2 $1 b $1 1");
  CHECK(bench("BLMOVE b c LEFT RIGHT 0") == "$1 2");
  CHECK(bench("BLMOVE b c LEFT RIGHT 0").empty());
  CHECK(bench("BLMPOP 0 2 b c LEFT COUNT 9") == "*2 $1 c *1 $1 2");
  CHECK(waits.count == 2);
}

TEST_CASE("lists: where nobody may wait the time is up at once", "[command]") {
  Bench bench;
  CHECK(bench("BLPOP a 0") == "*-1");
  CHECK(bench("BLMPOP 0 1 a LEFT") == "*-1");
  CHECK(bench("BLMOVE a b LEFT LEFT 0") == "$-1");
  CHECK(bench("BRPOPLPUSH a b 0") == "$-1");
}

TEST_CASE("lists: large ones are walked with breaths between", "[command]") {
  Bench bench;
  std::vector<std::string> words = {"RPUSH", "l"};
  for (size_t i = 0; i < 60'000; ++i) words.push_back(std::to_string(i));
  bench.run(words);
  for (const char* line : {"LRANGE l 0 -1", "LPOS l nothing", "LREM l 0 nothing",
                           "LINSERT l AFTER 59999 x", "LPOP l 50000"}) {
    CAPTURE(line);
    const uint64_t before = bench.breaths;
    bench(line);
    CHECK(bench.breaths - before >= 4);
  }
}

TEST_CASE("lists: positions in large lists are those in small ones", "[command]") {
  Bench bench;
  bench("RPUSH l a b c 1 2 3 c c");
  CHECK(bench("LPOS l c RANK -1") == ":7");
  CHECK(bench("LPOS l c COUNT 0 RANK 2") == "*2 :6 :7");
  CHECK(bench("LPOS l c RANK -9223372036854775808") == ":7");
  std::vector<std::string> words = {"RPUSH", "l"};
  for (size_t i = 0; i < 5'000; ++i) words.push_back("item" + std::to_string(i % 1'000));
  bench.run(words);
  CHECK(bench("LPOS l item7 COUNT 0 MAXLEN 2000") == "*2 :15 :1015");
  CHECK(bench("LPOS l item7 COUNT 2 RANK -2") == "*2 :3015 :2015");
  CHECK(bench("LINDEX l 1015") == "$5 item7");
  CHECK(bench("LINDEX l -5008") == "$1 a");
  CHECK(bench("LINDEX l -5009") == "$-1");
}

}  // namespace
}  // namespace quoris::command
