// Hash commands: what the black-box cases can't see: chances, bounds, breaths, events.
#include <map>
#include <set>
#include <string>

#include "tests/command/draw.h"

namespace quoris::command {
namespace {

using testing::Bench;
using testing::Words;

// A hash of `size` fields f0, f1 ... whose values are v0, v1 ...
void fill(Bench& bench, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    const std::string number = std::to_string(i);
    REQUIRE(bench.run({"HSET", "h", "f" + number, "v" + number}) == ":1");
  }
}

// The bulk strings of a reply, without its headers.
Words bulks_of(const std::string& reply) {
  Words bulks;
  const auto words = split_arguments(reply);
  REQUIRE(words.has_value());
  for (const std::string& word : *words) {
    if (!word.starts_with('*') && !word.starts_with('$')) bulks.push_back(word);
  }
  return bulks;
}

TEST_CASE("HRANDFIELD: every field is as likely as any other, in each way to ask", "[command]") {
  constexpr size_t kFields = 20;
  constexpr size_t kRounds = 2'000;

  struct Way {
    const char* count;  // null: none
    size_t drawn;
  };

  for (const bool large : {false, true}) {
    for (const Way& way : {Way{nullptr, 1}, Way{"3", 3}, Way{"12", 12}, Way{"-7", 7}}) {
      Bench bench;
      if (large) bench.store.limits().hash_max_packed_fields = 0;
      fill(bench, kFields);
      std::map<std::string, size_t> seen;
      for (size_t round = 0; round < kRounds; ++round) {
        Words request = {"HRANDFIELD", "h"};
        if (way.count != nullptr) request.emplace_back(way.count);
        const Words drawn = bulks_of(bench.run(request));
        REQUIRE(drawn.size() == way.drawn);
        const bool may_repeat = way.drawn == 7;
        const size_t distinct = std::set(drawn.begin(), drawn.end()).size();
        REQUIRE((may_repeat || distinct == way.drawn));
        for (const std::string& field : drawn) ++seen[field];
      }
      CAPTURE(large, way.drawn);
      CHECK(seen.size() == kFields);
      const size_t expected = kRounds * way.drawn / kFields;
      for (const auto& [field, count] : seen) {
        CHECK(count > expected * 6 / 10);
        CHECK(count < expected * 14 / 10);
      }
    }
  }
}

TEST_CASE("HRANDFIELD: values belong to their fields, pairs are nested in RESP3 only",
          "[command]") {
  for (const size_t limit : {size_t{128}, size_t{0}}) {
    Bench bench;
    bench.store.limits().hash_max_packed_fields = limit;
    fill(bench, 30);
    for (const char* count : {"3", "20", "30", "-40"}) {
      const Words words = bulks_of(bench.run({"HRANDFIELD", "h", count, "WITHVALUES"}));
      for (size_t i = 0; i < words.size(); i += 2) {
        CHECK(words[i].substr(1) == words[i + 1].substr(1));
      }
    }
  }
  Bench bench;
  fill(bench, 1);
  CHECK(bench("HRANDFIELD h -2 WITHVALUES") == "*4 $2 f0 $2 v0 $2 f0 $2 v0");
  bench.protocol = resp::Protocol::resp3;
  CHECK(bench("HRANDFIELD h -2 WITHVALUES") == "*2 *2 $2 f0 $2 v0 *2 $2 f0 $2 v0");
  CHECK(bench("HRANDFIELD h -2") == "*2 $2 f0 $2 f0");
}

TEST_CASE("HRANDFIELD: a reply past proto-max-bulk-len is refused", "[command]") {
  Bench bench;
  fill(bench, 1);
  const std::string refused = "-" + std::string(errors::kReplyTooLarge);
  CHECK(bench("HRANDFIELD h -9223372036854775807") == refused);
  CHECK(bench("HRANDFIELD h -4611686018427387903 WITHVALUES") == refused);
  bench.settings.proto_max_bulk_len = 1'048'576;
  CHECK(bench("HRANDFIELD h -1000000") == refused);
  CHECK(bulks_of(bench("HRANDFIELD h -1000")).size() == 1000);
  bench.run({"HSET", "h", "long", std::string(500'000, 'x')});
  CHECK(bench("HRANDFIELD h -1000 WITHVALUES") == refused);
}

TEST_CASE("hashes: commands on many fields let the control link breathe", "[command]") {
  Bench bench;
  fill(bench, 25'000);
  for (const char* command : {"HGETALL h", "HKEYS h", "HVALS h", "HRANDFIELD h 24999",
                              "HRANDFIELD h -20000", "HSCAN h 0 COUNT 30000"}) {
    const uint64_t before = bench.breaths;
    bench(command);
    CAPTURE(command);
    CHECK(bench.breaths >= before + 2);
  }
}

struct Events : store::KeyspaceEvents {
  std::string heard;

  void on_event(store::EventClass event_class, std::string_view name, DbIndex,
                std::string_view key) override {
    // What appears or is missed is compared with redis-server, over all commands.
    if (event_class == store::EventClass::new_key) return;
    if (event_class == store::EventClass::key_miss) return;
    const bool hash = event_class == store::EventClass::hash;
    heard += (hash ? "h:" : "g:") + std::string(name) + ":" + std::string(key) + " ";
  }
};

TEST_CASE("hashes: events have Redis's names and come for changes alone", "[command]") {
  Bench bench;
  Events events;
  bench.events = &events;
  const std::pair<const char*, const char*> expected[] = {
      {"HSET h a 1 b 2", "h:hset:h "},
      {"HSET h a 1", "h:hset:h "},
      {"HMSET h c 3", "h:hset:h "},
      {"HSETNX h c 4", ""},
      {"HSETNX h d 4", "h:hset:h "},
      {"HINCRBY h a 1", "h:hincrby:h "},
      {"HINCRBY h a x", ""},
      {"HINCRBYFLOAT h a 0.5", "h:hincrbyfloat:h "},
      {"HDEL h absent", ""},
      {"HDEL h a", "h:hdel:h "},
      {"HDEL h b c d", "h:hdel:h g:del:h "},
      {"HDEL h a", ""},
      {"HGETALL h", ""},
  };
  for (const auto& [line, heard] : expected) {
    events.heard.clear();
    bench(line);
    CAPTURE(line);
    CHECK(events.heard == heard);
  }
}

TEST_CASE("hashes: a TTL stays through changes, and a hash whose time has come is a new one",
          "[command]") {
  for (const size_t limit : {size_t{128}, size_t{0}}) {
    Bench bench;
    bench.store.limits().hash_max_packed_fields = limit;
    bench("HSET h a 1");
    bench("PEXPIRE h 1000");
    bench("HSET h b 2");
    bench("HINCRBY h a 1");
    CHECK(bench("PTTL h") == ":1000");
    bench.now_ms += 1000;
    CHECK(bench("HGET h a") == "$-1");
    CHECK(bench("HINCRBY h a 1") == ":1");
    CHECK(bench("PTTL h") == ":-1");
    CHECK(bench("HLEN h") == ":1");
  }
}

}  // namespace
}  // namespace quoris::command
