// Writer and apply: every change is emitted once, and what was emitted makes an equal store.
#include "store/writer.h"

#include <catch2/catch.hpp>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "tests/store/test_rng.h"

namespace quoris::store {

namespace {

using testing::TestRng;

constexpr int64_t kNowMs = 1'700'000'000'000;
constexpr HashSecret kSecret{.seed = 4711};
constexpr DbIndex kDb{0};

// Keeps mutations with bytes of their own.
struct Recorder : MutationSink {
  struct Record {
    Mutation mutation;
    std::string key;
    std::string value;
  };

  std::vector<Record> records;

  void emit(const Mutation& mutation) override {
    records.push_back({mutation, std::string(mutation.key), std::string(mutation.value)});
    records.back().mutation.key = {};
    records.back().mutation.value = {};
  }

  [[nodiscard]] Mutation at(size_t index) const {
    Mutation mutation = records[index].mutation;
    mutation.key = records[index].key;
    mutation.value = records[index].value;
    return mutation;
  }

  [[nodiscard]] Mutation last() const { return at(records.size() - 1); }
};

// A store with a writer at a time that the test moves.
struct Fixture {
  Store store{4, kSecret, NodeNumber{7}};
  KeyspaceStats stats;
  TestRng rng{1};
  Recorder recorder;
  int64_t now_ms = kNowMs;

  Writer writer() { return Writer(store, stats, rng, now_ms, {.sink = &recorder}); }

  HashedKey key(std::string_view name) { return store.db(kDb).hashed(name); }

  Entry& put(std::string_view name, std::string_view value, int64_t expire_at_ms = kNoExpiry) {
    return writer().put_string(kDb, key(name), best_string(value), expire_at_ms);
  }
};

std::string text_of(const Entry& entry) {
  char digits[21];
  return std::string(entry.string().text(digits));
}

using Contents = std::map<std::tuple<uint16_t, std::string>,
                          std::tuple<std::string, Encoding, Version, int64_t>>;

Contents contents_of(Store& store) {
  Contents contents;
  const auto databases = static_cast<uint16_t>(store.databases());
  for (uint16_t db = 0; db < databases; ++db) {
    store.db(DbIndex{db}).for_each([&](Entry& entry) {
      contents[{db, std::string(entry.key())}] = {text_of(entry), entry.encoding(), entry.version(),
                                                  entry.expire_at_ms()};
      return true;
    });
  }
  return contents;
}

// One random operation, as a command would do it.
void random_step(Fixture& at, std::vector<std::string>& names) {
  TestRng& rng = at.rng;
  const DbIndex db{static_cast<uint16_t>(rng.below(3))};
  const DbIndex other_db{static_cast<uint16_t>(rng.below(3))};
  const std::string& name = names[rng.below(names.size())];
  Writer writer = at.writer();
  const HashedKey key = at.key(name);
  const HashedKey other = at.key(names[rng.below(names.size())]);
  const int64_t at_ms =
      rng.below(3) == 0 ? at.now_ms + static_cast<int64_t>(rng.below(3000)) + 1 : kNoExpiry;
  const std::string value = rng.below(3) == 0
                                ? std::to_string(static_cast<int64_t>(rng.next()))
                                : std::string(rng.below(100), static_cast<char>(rng.next()));
  Entry* entry = rng.below(2) == 0 ? writer.find_for_read(db, key) : writer.find_for_write(db, key);
  switch (rng.below(12)) {
    case 0:
    case 1:
    case 2:
    case 3:
      writer.put_string(db, key, best_string(value), at_ms);
      break;
    case 4:
      if (entry != nullptr) writer.append(db, key, *entry, value);
      break;
    case 5:
      if (entry != nullptr) writer.set_range(db, key, *entry, rng.below(200), value);
      break;
    case 6:
      if (entry != nullptr) writer.set_expiry(db, key, *entry, at_ms);
      break;
    case 7:
      writer.remove(db, key);
      break;
    case 8:
      if (entry != nullptr) writer.copy(db, *entry, other_db, other);
      break;
    case 9:
      if (entry != nullptr) writer.remove(db, at.key(entry->key()));
      break;
    case 10:
      at.store.db(db).expire_some(at.now_ms, 50, [&](Entry& due) { writer.expire(db, due); });
      break;
    default:
      if (rng.below(60) == 0) writer.flush(db, rng.below(2) == 0);
      if (rng.below(60) == 0) writer.swap(db, other_db);
      break;
  }
  at.now_ms += static_cast<int64_t>(rng.below(20)) - 2;
}

}  // namespace

TEST_CASE("writer: what random commands emit, applied to an empty store, makes an equal one",
          "[writer][apply]") {
  for (uint64_t seed = 1; seed <= 25; ++seed) {
    INFO("seed " << seed);
    Fixture at;
    at.rng = TestRng(seed);
    std::vector<std::string> names;
    for (size_t i = 0; i < 5 + seed * 10; ++i) names.push_back("key " + std::to_string(i));
    names.emplace_back(300, 'k');
    Store replica(4, kSecret, NodeNumber{9});
    size_t applied = 0;
    std::map<std::tuple<uint16_t, std::string>, Version> versions;
    for (size_t step = 0; step < 2000; ++step) {
      random_step(at, names);
      for (; applied < at.recorder.records.size(); ++applied) {
        const Mutation mutation = at.recorder.at(applied);
        // The base is what the replica has: that is how it will know that it missed nothing.
        if (!mutation.key.empty()) {
          const Entry* entry = replica.db(mutation.db).find(replica.db(kDb).hashed(mutation.key));
          REQUIRE(mutation.base_version == (entry == nullptr ? kNoVersion : entry->version()));
        }
        REQUIRE(mutation.version > mutation.base_version);
        REQUIRE(apply(replica, mutation));
      }
      if (step % 100 == 0) REQUIRE(contents_of(at.store) == contents_of(replica));
    }
    REQUIRE(contents_of(at.store) == contents_of(replica));
    CHECK(replica.versions().last() >= at.store.versions().last());
    for (uint16_t db = 0; db < 4; ++db) {
      CHECK(at.store.db_version(DbIndex{db}) == replica.db_version(DbIndex{db}));
      CHECK(at.store.db(DbIndex{db}).expiring() == replica.db(DbIndex{db}).expiring());
    }
    while (at.store.free_some(7) > 0) {
    }
    CHECK(at.store.lazy_pending() == 0);
  }
}

TEST_CASE("writer: each change is emitted once, counted once and stamped above the last",
          "[writer]") {
  Fixture at;
  Writer writer = at.writer();
  const HashedKey key = at.key("k");
  Entry* entry = &at.put("k", "1");
  CHECK(at.recorder.last().kind == MutationKind::put_string);
  CHECK(at.recorder.last().encoding == Encoding::integer);
  CHECK(at.recorder.last().integer == 1);
  CHECK(at.recorder.last().base_version == kNoVersion);
  CHECK(at.recorder.last().version == entry->version());
  Version base = entry->version();
  entry = &writer.append(kDb, key, *entry, "23");
  CHECK(at.recorder.last().kind == MutationKind::append);
  CHECK(at.recorder.last().value == "23");
  CHECK(at.recorder.last().base_version == base);
  CHECK(text_of(*entry) == "123");
  CHECK(entry->encoding() == Encoding::raw);
  base = entry->version();
  entry = &writer.set_range(kDb, key, *entry, 5, "xy");
  CHECK(at.recorder.last().kind == MutationKind::set_range);
  CHECK(at.recorder.last().offset == 5);
  CHECK(text_of(*entry) == std::string("123\0\0xy", 7));
  CHECK(at.recorder.last().base_version == base);
  entry = &writer.set_range(kDb, key, *entry, 0, "AB");
  CHECK(text_of(*entry) == std::string("AB3\0\0xy", 7));
  entry = &writer.set_expiry(kDb, key, *entry, kNowMs + 50);
  CHECK(at.recorder.last().kind == MutationKind::set_expiry);
  CHECK(at.recorder.last().expire_at_ms == kNowMs + 50);
  writer.copy(kDb, *entry, DbIndex{2}, key);
  CHECK(at.recorder.last().kind == MutationKind::put_string);
  CHECK(at.recorder.last().db == DbIndex{2});
  CHECK(at.recorder.last().encoding == Encoding::raw);
  CHECK(at.recorder.last().expire_at_ms == kNowMs + 50);
  CHECK(writer.remove(kDb, key));
  CHECK(at.recorder.last().kind == MutationKind::remove);
  CHECK_FALSE(writer.remove(kDb, key));
  CHECK(at.recorder.records.size() == 7);
  CHECK(at.stats.changes == 7);
}

TEST_CASE("writer: a key whose time has come is gone for everyone, and that is emitted",
          "[writer]") {
  const std::vector<std::function<void(Fixture&)>> lookups = {
      [](Fixture& at) { CHECK(at.writer().find_for_read(kDb, at.key("k")) == nullptr); },
      [](Fixture& at) { CHECK(at.writer().find_for_write(kDb, at.key("k")) == nullptr); },
      [](Fixture& at) { CHECK_FALSE(at.writer().remove(kDb, at.key("k"))); },
  };
  for (const auto& lookup : lookups) {
    Fixture at;
    const Version version = at.put("k", "v", kNowMs + 100).version();
    at.now_ms = kNowMs + 99;
    CHECK(at.writer().find_for_read(kDb, at.key("k")) != nullptr);
    at.now_ms = kNowMs + 100;
    CHECK(at.writer().watched_version(kDb, at.key("k")) == kNoVersion);
    lookup(at);
    CHECK(at.store.db(kDb).size() == 0);
    CHECK(at.recorder.records.size() == 2);
    CHECK(at.recorder.last().kind == MutationKind::expire);
    CHECK(at.recorder.last().key == "k");
    CHECK(at.recorder.last().base_version == version);
    CHECK(at.recorder.last().version == expired_version(version));
    CHECK(at.stats.expired == 1);
    CHECK(at.stats.changes == 1);  // the put
  }
}

TEST_CASE("writer: while the data must not change, looking hides what has expired", "[writer]") {
  Fixture at;
  at.put("k", "v", kNowMs + 100);
  at.now_ms = kNowMs + 200;
  Writer hiding(at.store, at.stats, at.rng, at.now_ms, {.sink = &at.recorder}, ExpiredKeys::hide);
  CHECK(hiding.find_for_read(kDb, at.key("k")) == nullptr);
  hiding.expire(kDb, *at.store.db(kDb).find(at.key("k")));
  CHECK(at.stats.misses == 1);
  CHECK(at.stats.expired == 0);
  CHECK(at.recorder.records.size() == 1);
  CHECK(at.store.db(kDb).size() == 1);
  // A command that changes the key finds it gone.
  CHECK_FALSE(hiding.remove(kDb, at.key("k")));
  CHECK(at.store.db(kDb).size() == 0);
  CHECK(at.recorder.last().kind == MutationKind::expire);
}

TEST_CASE("writer: moving a key emits both halves and counts once", "[writer]") {
  Fixture at;
  at.writer().move(kDb, at.key("a"), at.put("a", "v", kNowMs + 100), DbIndex{1}, at.key("b"));
  CHECK(at.recorder.records.size() == 3);
  CHECK(at.recorder.at(1).kind == MutationKind::put_string);
  CHECK(at.recorder.at(2).kind == MutationKind::remove);
  CHECK(at.stats.changes == 2);  // the put, the move
  CHECK(at.store.db(kDb).size() == 0);
  CHECK(at.store.db(DbIndex{1}).find(at.key("b"))->expire_at_ms() == kNowMs + 100);
}

TEST_CASE("writer: a put over a key whose time has come starts a new key", "[writer]") {
  Fixture at;
  at.put("k", "v", kNowMs + 100);
  at.now_ms = kNowMs + 200;
  at.put("k", "w");
  REQUIRE(at.recorder.records.size() == 3);
  CHECK(at.recorder.at(1).kind == MutationKind::expire);
  CHECK(at.recorder.at(2).base_version == kNoVersion);
  CHECK(at.stats.expired == 1);
}

TEST_CASE("writer: hits, misses and the access clock follow the flags", "[writer]") {
  Fixture at;
  at.put("k", "v");
  at.now_ms += 10'000;
  const HashedKey key = at.key("k");
  const Entry* entry =
      at.writer().find_for_read(kDb, key, LookupFlags::no_touch | LookupFlags::no_stats);
  CHECK(idle_seconds(entry->access(), at.now_ms) == 10);
  CHECK(at.stats.hits == 0);
  entry = at.writer().find_for_read(kDb, key);
  CHECK(idle_seconds(entry->access(), at.now_ms) == 0);
  CHECK(at.writer().find_for_read(kDb, at.key("absent")) == nullptr);
  CHECK(at.stats.hits == 1);
  CHECK(at.stats.misses == 1);
  at.now_ms += 5000;
  entry = at.writer().find_for_write(kDb, key);
  CHECK(idle_seconds(entry->access(), at.now_ms) == 0);
  CHECK(at.stats.hits == 1);
}

TEST_CASE("writer: under LFU a key keeps its frequency when it is set anew", "[writer]") {
  Fixture at;
  at.store.access() = {.mode = AccessMode::lfu, .lfu_log_factor = 0, .lfu_decay_minutes = 1};
  const HashedKey key = at.key("k");
  at.put("k", "v");
  for (size_t i = 0; i < 10; ++i) (void)at.writer().find_for_read(kDb, key);
  const Entry& entry = at.put("k", "longer than it was before, so that it moves");
  CHECK(lfu_frequency(at.store.access(), entry.access(), at.now_ms) == kLfuInitial + 10);
}

TEST_CASE("writer: flush empties one database, at once or in slices, and is emitted once",
          "[writer]") {
  for (const bool lazily : {false, true}) {
    Fixture at;
    for (size_t i = 0; i < 1000; ++i) at.put(std::to_string(i), "v");
    at.writer().put_string(DbIndex{1}, at.key("other"), best_string("v"), kNoExpiry);
    const size_t before = at.recorder.records.size();
    at.writer().flush(kDb, lazily);
    CHECK(at.recorder.records.size() == before + 1);
    CHECK(at.recorder.last().kind == MutationKind::flush);
    CHECK(at.store.db_version(kDb) == at.recorder.last().version);
    CHECK(at.store.db(kDb).size() == 0);
    CHECK(at.store.db(DbIndex{1}).size() == 1);
    CHECK(at.store.lazy_pending() == (lazily ? 1000 : 0));
    CHECK(at.store.free_some(300) == (lazily ? 300 : 0));
    CHECK(at.store.free_some(10'000) == (lazily ? 700 : 0));
    CHECK(at.store.lazily_freed() == (lazily ? 1000 : 0));
    CHECK(at.store.lazy_pending() == 0);
    at.put("new", "v");
    CHECK(at.store.db(kDb).size() == 1);
    at.writer().flush(DbIndex{3}, lazily);  // an empty one, too
    CHECK(at.recorder.last().db == DbIndex{3});
  }
}

TEST_CASE("writer: swap exchanges databases and stamps both", "[writer]") {
  Fixture at;
  at.put("k", "v");
  at.writer().swap(kDb, DbIndex{2});
  CHECK(at.store.db(kDb).size() == 0);
  CHECK(at.store.db(DbIndex{2}).size() == 1);
  CHECK(at.store.db_version(kDb) == at.store.db_version(DbIndex{2}));
  CHECK(at.recorder.last().other_db == DbIndex{2});
  at.writer().swap(DbIndex{2}, DbIndex{2});
  CHECK(at.store.db(DbIndex{2}).size() == 1);
}

TEST_CASE("writer: nobody has to listen", "[writer]") {
  Store store(1, kSecret, NodeNumber{0});
  KeyspaceStats stats;
  TestRng rng(1);
  Writer writer(store, stats, rng, kNowMs, {});
  const HashedKey key = store.db(kDb).hashed("k");
  Entry& entry = writer.put_string(kDb, key, best_string("v"), kNoExpiry);
  writer.append(kDb, key, entry, "w");
  CHECK(text_of(*writer.find_for_read(kDb, key)) == "vw");
  CHECK(writer.watched_version(kDb, key) != kNoVersion);
  CHECK(writer.remove(kDb, key));
  writer.flush(kDb, true);
  CHECK(stats.changes == 3);
}

TEST_CASE("apply: what can't be applied is refused and changes nothing", "[apply]") {
  Store store(2, kSecret, NodeNumber{0});
  const Version version{uint64_t{1} << 40};
  Mutation mutation{.kind = MutationKind::put_string,
                    .db = DbIndex{2},
                    .version = version,
                    .key = "k",
                    .value = "v"};
  CHECK_FALSE(apply(store, mutation));
  mutation.kind = MutationKind::flush;
  CHECK_FALSE(apply(store, mutation));
  mutation = {.kind = MutationKind::swap,
              .db = kDb,
              .other_db = DbIndex{9},
              .version = version,
              .key = {},
              .value = {}};
  CHECK_FALSE(apply(store, mutation));
  mutation = {.kind = MutationKind::set_range,
              .db = kDb,
              .version = version,
              .offset = std::numeric_limits<uint64_t>::max(),
              .key = "k",
              .value = "v"};
  CHECK_FALSE(apply(store, mutation));
  mutation.offset = kLengthMax;
  CHECK_FALSE(apply(store, mutation));
  mutation = {.kind = static_cast<MutationKind>(77),
              .db = kDb,
              .version = version,
              .key = "k",
              .value = {}};
  CHECK_FALSE(apply(store, mutation));
  const std::string_view impossible("x", kLengthMax + 1);  // only its length is looked at
  mutation = {.kind = MutationKind::put_string,
              .db = kDb,
              .version = version,
              .key = "k",
              .value = impossible};
  CHECK_FALSE(apply(store, mutation));
  mutation = {.kind = MutationKind::put_string,
              .db = kDb,
              .version = version,
              .key = impossible,
              .value = "v"};
  CHECK_FALSE(apply(store, mutation));
  CHECK(store.db(kDb).size() == 0);
  CHECK(store.versions().last() == kNoVersion);
}

TEST_CASE("apply: a change in place without its base starts from nothing", "[apply]") {
  Store store(1, kSecret, NodeNumber{0});
  Mutation mutation{.kind = MutationKind::set_range,
                    .db = kDb,
                    .version = Version{1 << 20},
                    .offset = 2,
                    .key = "k",
                    .value = "v"};
  CHECK(apply(store, mutation));
  Keyspace& db = store.db(kDb);
  CHECK(db.find(db.hashed("k"))->string().bytes == std::string_view("\0\0v", 3));
  mutation.kind = MutationKind::append;
  mutation.key = "a";
  CHECK(apply(store, mutation));
  CHECK(db.find(db.hashed("a"))->string().bytes == "v");
  mutation.kind = MutationKind::set_expiry;
  mutation.key = "absent";
  CHECK(apply(store, mutation));
  mutation.kind = MutationKind::expire;
  CHECK(apply(store, mutation));
  CHECK(db.size() == 2);
}

TEST_CASE("apply: a value whose time is past is stored all the same, and the clock moves past it",
          "[apply]") {
  Store store(1, kSecret, NodeNumber{0});
  VersionClock clock(NodeNumber{5});
  const Version version = clock.next(kNowMs + 60'000);
  CHECK(apply(store, {.kind = MutationKind::put_string,
                      .db = kDb,
                      .version = version,
                      .expire_at_ms = 5,
                      .key = "k",
                      .value = "v"}));
  CHECK(store.db(kDb).size() == 1);
  CHECK(store.versions().next(kNowMs) > version);
}

}  // namespace quoris::store
