// What a transcript against Redis can't show of the set commands: events, chance, limits, breath.
#include <map>
#include <set>

#include "tests/command/data_bench.h"

namespace quoris::command {
namespace {

using testing::Bench;

struct Events final : store::KeyspaceEvents {
  std::string seen;

  void on_event(store::EventClass event_class, std::string_view name, DbIndex /*db*/,
                std::string_view key) override {
    // What appears or is missed is compared with redis-server, over all commands.
    if (event_class == store::EventClass::new_key) return;
    if (event_class == store::EventClass::key_miss) return;
    const char letter = event_class == store::EventClass::set ? 's' : 'g';
    seen += std::string(1, letter) + ":" + std::string(name) + ":" + std::string(key) + " ";
  }

  // What came since the last call.
  std::string take() {
    std::string taken = seen;
    seen.clear();
    return taken;
  }
};

TEST_CASE("sets: events are those of Redis, in its order", "[command][sets]") {
  Events events;
  Bench bench;
  bench.events = &events;
  bench("SADD a 1 2 3");
  CHECK(events.take() == "s:sadd:a ");
  bench("SADD a 1");
  bench("SREM a 9");
  bench("SPOP nothing");
  bench("SPOP a 0");
  CHECK(events.take().empty());
  bench("SREM a 3");
  CHECK(events.take() == "s:srem:a ");
  bench("SMOVE a b 2");
  CHECK(events.take() == "s:srem:a s:sadd:b ");
  bench("SMOVE a b 1");
  CHECK(events.take() == "s:srem:a g:del:a s:sadd:b ");
  bench("SADD c 1");
  events.take();
  bench("SMOVE c b 1");  // it is in both
  CHECK(events.take() == "s:srem:c g:del:c ");
  bench("SINTERSTORE t b b");
  bench("SUNIONSTORE t b");
  bench("SDIFFSTORE t b nothing");
  CHECK(events.take() == "s:sinterstore:t s:sunionstore:t s:sdiffstore:t ");
  bench("SINTERSTORE t b nothing");
  CHECK(events.take() == "g:del:t ");
  bench("SINTERSTORE t b nothing");
  CHECK(events.take().empty());
  bench("SPOP b");
  CHECK(events.take() == "s:spop:b ");
  bench("SPOP b 5");
  CHECK(events.take() == "s:spop:b g:del:b ");
}

TEST_CASE("sets: changes are counted by members, a stored result once", "[command][sets]") {
  Bench bench;
  const auto changes = [&bench](const char* line) {
    const uint64_t before = bench.stats.changes;
    bench(line);
    return bench.stats.changes - before;
  };
  CHECK(changes("SADD a 1 2 3 4 5 5") == 5);
  CHECK(changes("SADD a 1") == 0);
  CHECK(changes("SREM a 1 9") == 1);
  CHECK(changes("SMOVE a b 2") == 2);
  CHECK(changes("SPOP a 2") == 2);
  CHECK(changes("SUNIONSTORE t a b") == 1);
  CHECK(changes("SINTERSTORE t a nothing") == 1);
}

void fill(Bench& bench, const std::string& prefix, size_t count) {
  for (size_t i = 0; i < count; ++i) bench("SADD s " + prefix + std::to_string(i));
}

TEST_CASE("SRANDMEMBER: each subset is as likely as any other, however it is drawn",
          "[command][sets]") {
  // By a walk of a block, by a walk of a table, by draws from one.
  for (const auto& [members, wanted] : {std::pair{8, 3}, {100, 60}, {100, 10}}) {
    Bench bench;
    fill(bench, "m", static_cast<size_t>(members));
    std::map<std::string, int> times;
    constexpr int kRounds = 3'000;
    for (int i = 0; i < kRounds; ++i) {
      const auto words = split_arguments(bench("SRANDMEMBER s " + std::to_string(wanted)));
      REQUIRE(words.has_value());
      std::set<std::string> drawn;
      for (size_t at = 2; at < words->size(); at += 2) drawn.insert((*words)[at]);
      REQUIRE(drawn.size() == static_cast<size_t>(wanted));
      for (const std::string& member : drawn) ++times[member];
    }
    CAPTURE(members, wanted);
    CHECK(times.size() == static_cast<size_t>(members));
    const int expected = kRounds * wanted / members;
    for (const auto& [member, count] : times) {
      CHECK(count > expected * 7 / 10);
      CHECK(count < expected * 13 / 10);
    }
  }
}

TEST_CASE("SRANDMEMBER: a reply past all bounds is refused", "[command][sets]") {
  Bench bench;
  fill(bench, "m", 3);
  const std::string refused = "-" + std::string(errors::kReplyTooLarge);
  CHECK(bench("SRANDMEMBER s -9223372036854775807") == refused);
  bench.settings.proto_max_bulk_len = 1'000'000;
  CHECK(bench("SRANDMEMBER s -1000000") == refused);
  CHECK(bench("SRANDMEMBER s -1000").starts_with("*1000 "));
}

TEST_CASE("sets: commands on large sets let others breathe", "[command][sets]") {
  Bench bench;
  fill(bench, "m", 12'000);
  bench("SADD other m1");
  for (const char* line :
       {"SMEMBERS s", "SINTER s s", "SUNION s other", "SDIFF s other", "SRANDMEMBER s 11000",
        "SUNIONSTORE t s", "SSCAN s 0 COUNT 20000", "SPOP s 11000"}) {
    const uint64_t before = bench.breaths;
    bench(line);
    CAPTURE(line);
    CHECK(bench.breaths > before);
  }
}

TEST_CASE("SDIFF: the same result whether members are looked up or taken out of a copy",
          "[command][sets]") {
  Bench bench;
  fill(bench, "m", 200);
  std::string line = "SDIFF s";
  for (int i = 0; i < 20; ++i) {
    bench("SADD x" + std::to_string(i) + " m" + std::to_string(i) + " n");
    line += " x" + std::to_string(i);
  }
  CHECK(bench(line).starts_with("*180 "));  // 20 lookups a member cost more than a copy
  CHECK(bench("SDIFF s x0 x1").starts_with("*198 "));
  CHECK(bench(line + " s") == "*0");
}

}  // namespace
}  // namespace quoris::command
