// Sorted set handlers, where a transcript beside Redis does not reach: waiting, events, what is
// random, sets that are large and sums that depend on order.
#include <algorithm>
#include <map>
#include <set>

#include "tests/command/data_bench.h"

namespace quoris::command {
namespace {

using testing::Bench;

using Names = std::vector<std::string>;

struct Events final : store::KeyspaceEvents {
  void on_event(store::EventClass event_class, std::string_view name, DbIndex,
                std::string_view key) override {
    // What appears or is missed is compared with redis-server, over all commands.
    if (event_class == store::EventClass::new_key) return;
    if (event_class == store::EventClass::key_miss) return;
    names.push_back(std::string(name) + " " + std::string(key));
  }

  std::vector<std::string> take() { return std::exchange(names, {}); }

  std::vector<std::string> names;
};

struct Waits final : Blocker {
  void wait(const WaitRequest& request) override {
    keys.assign(request.keys.begin(), request.keys.end());
    type = request.type;
    timeout_ms = request.timeout_ms;
    null_array = request.null_array;
  }

  std::vector<std::string> keys;
  store::Type type = store::Type::string;
  int64_t timeout_ms = -1;
  bool null_array = false;
};

struct Waiters final : store::KeyWaiters {
  void key_filled(DbIndex, std::string_view key) override { filled += std::string(key) + " "; }

  void dbs_swapped(DbIndex, DbIndex) override {}

  std::string filled;
};

// Runs one request with somebody who waits.
std::string run_waiting(Bench& bench, Waits& waits, const std::vector<std::string_view>& words) {
  ByteChain out;
  resp::ReplyWriter reply(out, resp::Protocol::resp2);
  store::Writer writer(bench.store, bench.stats, bench.rng, bench.now_ms, {});
  DataContext context({.writer = writer,
                       .reply = reply,
                       .rng = bench.rng,
                       .settings = bench.settings,
                       .blocker = &waits},
                      bench.db, words);
  testing::data_command_table().find(words[0])->spec->handler(context);
  std::vector<std::string_view> pieces;
  out.pieces(pieces, 1'000'000);
  std::string bytes;
  for (const std::string_view piece : pieces) bytes += piece;
  return bytes;
}

TEST_CASE("sorted sets: who finds nothing to pop waits, with the keys in their order",
          "[command]") {
  Bench bench;
  Waits waits;
  CHECK(run_waiting(bench, waits, {"BZPOPMIN", "a", "b", "1.5"}).empty());
  CHECK(waits.keys == std::vector<std::string>{"a", "b"});
  CHECK(waits.type == store::Type::zset);
  CHECK(waits.timeout_ms == 1500);
  CHECK(waits.null_array);
  CHECK(run_waiting(bench, waits, {"BZMPOP", "0", "2", "c", "d", "MAX", "COUNT", "2"}).empty());
  CHECK(waits.keys == std::vector<std::string>{"c", "d"});
  CHECK(waits.timeout_ms == 0);
  bench("ZADD d 1 x 2 y 3 z");
  CHECK(run_waiting(bench, waits, {"BZMPOP", "0", "2", "c", "d", "MAX", "COUNT", "2"}) ==
        "*2\r\n$1\r\nd\r\n*2\r\n*2\r\n$1\r\nz\r\n$1\r\n3\r\n*2\r\n$1\r\ny\r\n$1\r\n2\r\n");
  CHECK(run_waiting(bench, waits, {"BZPOPMAX", "c", "d", "0"}) ==
        "*3\r\n$1\r\nd\r\n$1\r\nx\r\n$1\r\n1\r\n");
}

TEST_CASE("sorted sets: whoever waits is told of each set that is made or grows", "[command]") {
  store::Store store(1, HashSecret{7}, NodeNumber{0});
  store::KeyspaceStats stats;
  testing::TestRng rng(1);
  Waiters waiters;
  store::Writer writer(store, stats, rng, Bench::kStartMs, {.waiters = &waiters});
  const store::HashedKey key = store.db(DbIndex{0}).hashed("z");
  store::ScoredMember pairs[] = {{1, "a"}, {2, "b"}};
  writer.zset_set(DbIndex{0}, key, nullptr, pairs, {}, "zadd");
  CHECK(waiters.filled == "z ");
  writer.zset_store(DbIndex{0}, key, pairs, "zunionstore");
  CHECK(waiters.filled == "z z ");
}

TEST_CASE("sorted sets: events", "[command]") {
  Bench bench;
  Events events;
  bench.events = &events;
  bench("ZADD z 1 a 2 b");
  CHECK(events.take() == Names{"zadd z"});
  bench("ZADD z 1 a");
  CHECK(events.take().empty());
  bench("ZINCRBY z 1 a");
  CHECK(events.take() == Names{"zincr z"});
  bench("ZREM z nobody");
  CHECK(events.take().empty());
  bench("ZREM z a");
  CHECK(events.take() == Names{"zrem z"});
  bench("ZUNIONSTORE d 1 z");
  CHECK(events.take() == Names{"zunionstore d"});
  bench("ZRANGESTORE d z 0 -1");
  CHECK(events.take() == Names{"zrangestore d"});
  bench("ZINTERSTORE d 2 z none");
  CHECK(events.take() == Names{"del d"});
  bench("ZPOPMIN z");
  CHECK(events.take() == Names{"zpopmin z", "del z"});
  bench("ZADD z 1 a 2 b 3 c");
  events.take();
  bench("ZREMRANGEBYRANK z 0 0");
  CHECK(events.take() == Names{"zremrangebyrank z"});
  bench("ZREMRANGEBYSCORE z 2 2");
  CHECK(events.take() == Names{"zremrangebyscore z"});
  bench("ZREMRANGEBYLEX z - +");
  CHECK(events.take() == Names{"zremrangebylex z", "del z"});
}

TEST_CASE("sorted sets: members of a set score 1 in a union", "[command]") {
  Bench bench;
  store::Writer writer(bench.store, bench.stats, bench.rng, bench.now_ms, {});
  const store::HashedKey key = bench.store.db(bench.db).hashed("set");
  const std::string_view members[] = {"one", "5"};
  writer.set_add(bench.db, key, nullptr, members, "sadd");
  bench("ZADD z 10 one 20 two");
  CHECK(bench("ZUNION 2 z set WEIGHTS 1 3 WITHSCORES") == "*6 $1 5 $1 3 $3 one $2 13 $3 two $2 20");
  CHECK(bench("ZINTER 2 set z") == "*1 $3 one");
  CHECK(bench("ZDIFF 2 set z WITHSCORES") == "*2 $1 5 $1 1");
  CHECK(bench("ZINTERCARD 2 z set") == ":1");
  CHECK(bench("ZUNIONSTORE set 2 set z") == ":3");
  CHECK(bench("ZSCORE set one") == "$2 11");
}

TEST_CASE("sorted sets: random members are different ones, and all of them come up", "[command]") {
  Bench bench;
  bench.store.limits().zset_max_packed_members = GENERATE(128, 0);
  for (int i = 0; i < 20; ++i) bench("ZADD z 1 m" + std::to_string(10 + i));
  for (const int count : {1, 3, 6, 7, 19, 20}) {
    std::map<std::string, int> seen;
    for (int turn = 0; turn < 300; ++turn) {
      const std::string reply = bench("ZRANDMEMBER z " + std::to_string(count));
      std::set<std::string> members;
      for (size_t at = reply.find('m'); at != std::string::npos; at = reply.find('m', at + 1)) {
        members.insert(reply.substr(at, 3));
        ++seen[reply.substr(at, 3)];
      }
      REQUIRE(members.size() == static_cast<size_t>(count));
    }
    CHECK(seen.size() == 20);
    // 300 * count / 20 are expected of each.
    const auto rarest =
        std::ranges::min_element(seen, {}, [](const auto& pair) { return pair.second; });
    CHECK(rarest->second > 300 * count / 20 / 3);
  }
}

TEST_CASE("ZRANDMEMBER: a reply past proto-max-bulk-len is refused", "[command][zset]") {
  Bench bench;
  bench("ZADD z 1 a 2 b 3 c");
  const std::string refused = "-" + std::string(errors::kReplyTooLarge);
  CHECK(bench("ZRANDMEMBER z -9223372036854775807") == refused);
  CHECK(bench("ZRANDMEMBER z -4611686018427387903 WITHSCORES") == refused);
  CHECK(bench("ZRANDMEMBER none -9223372036854775807") == "*0");
  bench.settings.proto_max_bulk_len = 1'000'000;
  CHECK(bench("ZRANDMEMBER z -1000000") == refused);
  CHECK(bench("ZRANDMEMBER z -1000").starts_with("*1000 "));
}

TEST_CASE("sorted sets: long replies and walks let the control link run", "[command]") {
  Bench bench;
  std::vector<std::string> words = {"ZADD", "z"};
  for (int i = 0; i < 30'000; ++i) {
    words.push_back(std::to_string(i));
    words.push_back("member:" + std::to_string(i));
  }
  CHECK(bench.run(words) == ":30000");
  bench.breaths = 0;
  bench("ZRANGE z 0 -1");
  CHECK(bench.breaths >= 2);
  bench.breaths = 0;
  CHECK(bench("ZUNIONSTORE d 2 z z") == ":30000");
  CHECK(bench.breaths >= 4);
  CHECK(bench("ZSCORE d member:777") == "$4 1554");
  CHECK(bench("ZRANK d member:29999") == ":29999");
  CHECK(bench("ZREMRANGEBYRANK d 10 29989") == ":29980");
  CHECK(bench("ZRANGE d 9 10") == "*2 $8 member:9 $12 member:29990");
}

}  // namespace
}  // namespace quoris::command
