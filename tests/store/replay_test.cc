// The rule by which a log is replayed over a snapshot, case by case.
// (tests/command/store_walk_test.cc does it with random commands.)
#include "store/replay.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "store/elements.h"
#include "store/packed.h"
#include "store/store_walk.h"
#include "tests/store/replica_fixture.h"

namespace quoris::store {
namespace {

using Outcome = Replay::Outcome;

constexpr DbIndex kDb{0};

std::string run_of(std::initializer_list<std::string_view> texts) {
  std::string run;
  for (const std::string_view text : texts) packed::append(run, packed::best_element(text));
  return run;
}

Version at(uint64_t number) { return Version{number * 2}; }

class Bench {
 public:
  Mutation string(uint64_t version, std::string_view value) {
    return {.kind = MutationKind::put_string, .version = at(version), .key = "k", .value = value};
  }

  Mutation append(uint64_t base, uint64_t version) {
    return {.kind = MutationKind::append,
            .base_version = at(base),
            .version = at(version),
            .key = "k",
            .value = "+"};
  }

  Mutation remove(uint64_t version) {
    return {.kind = MutationKind::remove, .version = at(version), .key = "k", .value = {}};
  }

  // Of a large set.
  Mutation members(MutationKind kind, uint64_t base, uint64_t version, std::string_view run) {
    return {.kind = kind,
            .type = Type::set,
            .encoding = Encoding::large,
            .base_version = base == 0 ? kNoVersion : at(base),
            .version = at(version),
            .key = "k",
            .value = run};
  }

  [[nodiscard]] Entry* find() {
    Keyspace& db = store.db(kDb);
    return db.find(db.hashed("k"));
  }

  [[nodiscard]] std::string text() {
    char digits[21];
    return find() == nullptr ? "(none)" : std::string(find()->string().text(digits));
  }

  Store store{2, HashSecret{7}, NodeNumber{1}};
  Replay replay{store};
};

TEST_CASE("replay: what the entry includes is skipped, what is newer applies", "[store]") {
  Bench bench;
  REQUIRE(bench.replay.load(bench.string(20, "v")) == Outcome::applied);
  CHECK(bench.replay.replay(bench.string(10, "old")) == Outcome::skipped);
  CHECK(bench.replay.replay(bench.append(10, 20)) == Outcome::skipped);
  CHECK(bench.replay.replay(bench.append(20, 30)) == Outcome::applied);
  CHECK(bench.text() == "v+");
  CHECK(bench.replay.replay(bench.remove(40)) == Outcome::applied);
  CHECK(bench.find() == nullptr);
  CHECK(bench.store.versions().last() == at(40));
}

TEST_CASE("replay: a delta without its base is skipped in the snapshot, damage behind it",
          "[store]") {
  Bench bench;
  CHECK(bench.replay.replay(bench.append(10, 20)) == Outcome::skipped);
  bench.replay.end_of_snapshot();
  CHECK(bench.replay.replay(bench.append(20, 30)) == Outcome::damage);
  CHECK(bench.find() == nullptr);
  REQUIRE(bench.replay.replay(bench.string(40, "v")) == Outcome::applied);
  CHECK(bench.replay.replay(bench.append(39, 50)) == Outcome::damage);
  CHECK(bench.text() == "v");
  CHECK(bench.replay.replay(bench.append(40, 50)) == Outcome::applied);
  CHECK(bench.text() == "v+");
}

// The walk read `a`; then `a` was removed, `b` added where the walk had been, and what else the
// walk would have read was removed.
TEST_CASE("replay: a value in pieces that is empty in between stays", "[store]") {
  Bench bench;
  const std::string a = run_of({"a"});
  const std::string b = run_of({"b"});
  REQUIRE(bench.replay.load(bench.members(MutationKind::put_collection, 0, 10, a)) ==
          Outcome::applied);
  CHECK(bench.replay.replay(bench.members(MutationKind::remove_elements, 10, 20, a)) ==
        Outcome::applied);
  CHECK(bench.find() == nullptr);
  SECTION("filled again") {
    CHECK(bench.replay.replay(bench.members(MutationKind::set_elements, 20, 30, b)) ==
          Outcome::applied);
    REQUIRE(bench.find() != nullptr);
    CHECK(testing::elements_of(*bench.find()) == std::vector<std::string>{"b"});
    CHECK(bench.find()->version() == at(30));
    CHECK(bench.find()->is_large());
  }
  SECTION("filled after other changes") {
    CHECK(bench.replay.replay(bench.members(MutationKind::remove_elements, 20, 30, b)) ==
          Outcome::applied);
    const Mutation expiry{.kind = MutationKind::set_expiry,
                          .base_version = at(30),
                          .version = at(40),
                          .expire_at_ms = 99,
                          .key = "k",
                          .value = {}};
    CHECK(bench.replay.replay(expiry) == Outcome::applied);
    Mutation filled = bench.members(MutationKind::set_elements, 40, 50, b);
    filled.expire_at_ms = 99;
    CHECK(bench.replay.replay(filled) == Outcome::applied);
    REQUIRE(bench.find() != nullptr);
    CHECK(bench.find()->expire_at_ms() == 99);
  }
  SECTION("removed, and made anew") {
    CHECK(bench.replay.replay(bench.remove(30)) == Outcome::applied);
    CHECK(bench.replay.replay(bench.members(MutationKind::set_elements, 20, 40, b)) ==
          Outcome::applied);  // as it is remembered still; no log has such a one
    CHECK(bench.replay.replay(bench.members(MutationKind::set_elements, 20, 40, b)) ==
          Outcome::skipped);
  }
  SECTION("behind the end nothing is empty in between") {
    bench.replay.end_of_snapshot();
    CHECK(bench.replay.replay(bench.members(MutationKind::set_elements, 20, 30, b)) ==
          Outcome::damage);
  }
}

TEST_CASE("replay: pieces belong to the value that was loaded last", "[store]") {
  Bench bench;
  const std::string a = run_of({"a"});
  const std::string b = run_of({"b"});
  CHECK(bench.replay.load(bench.members(MutationKind::set_elements, 0, 10, a)) == Outcome::damage);
  CHECK(bench.replay.load(bench.members(MutationKind::put_collection, 0, 10, a)) ==
        Outcome::applied);
  CHECK(bench.replay.load(bench.members(MutationKind::set_elements, 0, 10, b)) == Outcome::applied);
  CHECK(bench.replay.load(bench.members(MutationKind::set_elements, 0, 11, b)) == Outcome::damage);
  CHECK(collection_size(*bench.find()) == 2);
  // Met once more.
  CHECK(bench.replay.load(bench.string(12, "v")) == Outcome::applied);
  CHECK(bench.replay.load(bench.string(11, "v")) == Outcome::damage);
  CHECK(bench.replay.load(bench.remove(13)) == Outcome::damage);
  CHECK(bench.text() == "v");
}

// Tables of other secrets have other orders.
auto unordered_contents_of(Keyspace& db) {
  auto contents = testing::contents_of(db);
  for (auto& [key, parts] : contents) std::ranges::sort(parts);
  return contents;
}

// Collections of all forms, walked in pieces and loaded again.
void check_reloaded(const HashSecret& secret, size_t piece_bytes) {
  testing::Replicated from;
  for (int i = 0; i < 3000; ++i) {
    const std::string n = std::to_string(i * 7919);
    Writer writer = from.writer();
    const auto add = [&](const char* name, auto&& change) {
      const HashedKey key = from.key(name);
      change(key, writer.find_for_write(kDb, key));
    };
    add("hash", [&](const HashedKey& key, Entry* entry) {
      writer.hash_set(kDb, key, entry, std::vector<std::string_view>{n, "value"}, "");
    });
    add("set", [&](const HashedKey& key, Entry* entry) {
      writer.set_add(kDb, key, entry, std::vector<std::string_view>{n, "other"}, "");
    });
    add("zset", [&](const HashedKey& key, Entry* entry) {
      const ScoredMember member{.score = static_cast<double>(i % 50), .member = n};
      writer.zset_set(kDb, key, entry, std::span(&member, 1), {}, "");
    });
    if (i % 30 != 0) continue;
    add("small", [&](const HashedKey& key, Entry* entry) {
      writer.hash_set(kDb, key, entry, std::vector<std::string_view>{n, n}, "");
    });
    add("intset", [&](const HashedKey& key, Entry* entry) {
      writer.set_add(kDb, key, entry, std::vector<std::string_view>{n}, "");
    });
  }

  class Loader final : public MutationSink {
   public:
    explicit Loader(Store& store) : replay_(store) {}

    void emit(const Mutation& mutation) override {
      REQUIRE(replay_.load(mutation) == Outcome::applied);
    }

   private:
    Replay replay_;
  };

  Store to(2, secret, NodeNumber{3});
  Loader loader(to);
  StoreWalk walk(from.primary, piece_bytes);
  while (!walk.step(loader, 10)) continue;
  REQUIRE(unordered_contents_of(from.db()) == unordered_contents_of(to.db(kDb)));
  // Tables are as large as they would be otherwise, or nearly.
  CHECK(to.db(kDb).memory() < from.db().memory() * 11 / 10);
  size_t memory = to.db(kDb).table_memory();
  to.db(kDb).for_each([&memory](Entry& entry) {
    memory += entry.memory();
    return true;
  });
  CHECK(memory == to.db(kDb).memory());
}

TEST_CASE("replay: collections in pieces of any size, with this secret or another", "[store]") {
  for (const size_t piece_bytes : {1, 500, 5'000, 1'000'000}) {
    for (const uint64_t seed : {7, 8}) {
      CAPTURE(piece_bytes, seed);
      check_reloaded(HashSecret{seed}, piece_bytes);
    }
  }
}

TEST_CASE("replay: what is no collection is damage, and changes nothing", "[store]") {
  Bench bench;
  const std::string odd = run_of({"a", "b", "c"});
  for (const Encoding encoding : {Encoding::packed, Encoding::large}) {
    for (const Type type : {Type::hash, Type::zset}) {
      Mutation put = bench.members(MutationKind::put_collection, 0, 10, odd);
      put.type = type;
      put.encoding = encoding;
      CHECK(bench.replay.load(put) == Outcome::damage);
    }
    for (const std::string_view bytes : {std::string_view(), std::string_view("\xff\xff")}) {
      Mutation put = bench.members(MutationKind::put_collection, 0, 10, bytes);
      put.encoding = encoding;
      CHECK(bench.replay.load(put) == Outcome::damage);
    }
    for (const Type type : {Type::string, Type::stream}) {
      Mutation put = bench.members(MutationKind::put_collection, 0, 10, run_of({"a"}));
      put.type = type;
      put.encoding = encoding;
      CHECK(bench.replay.load(put) == Outcome::damage);
    }
  }
  CHECK(bench.find() == nullptr);
}

TEST_CASE("replay: databases that are not there are damage", "[store]") {
  Bench bench;
  Mutation put = bench.string(1, "v");
  put.db = DbIndex{2};
  CHECK(bench.replay.load(put) == Outcome::damage);
  CHECK(bench.replay.replay(put) == Outcome::damage);
  const Mutation swap{
      .kind = MutationKind::swap, .other_db = DbIndex{2}, .version = at(2), .key = {}, .value = {}};
  CHECK(bench.replay.replay(swap) == Outcome::damage);
}

TEST_CASE("replay: a flush or swap that the database has seen is skipped", "[store]") {
  Bench bench;
  const Mutation flush{.kind = MutationKind::flush, .version = at(10), .key = {}, .value = {}};
  REQUIRE(bench.replay.load(flush) == Outcome::applied);
  REQUIRE(bench.replay.load(bench.string(20, "v")) == Outcome::applied);
  CHECK(bench.replay.replay(flush) == Outcome::skipped);
  CHECK(bench.text() == "v");
  CHECK(bench.store.db_version(kDb) == at(10));
}

}  // namespace
}  // namespace quoris::store
