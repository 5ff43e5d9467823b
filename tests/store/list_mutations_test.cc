// Changes of lists: what the Writer emits, and what apply() makes of it or refuses.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "store/list_value.h"
#include "store/writer.h"
#include "tests/store/test_rng.h"

namespace quoris::store {
namespace {

using testing::TestRng;

constexpr DbIndex kDb{0};
constexpr int64_t kNowMs = 1'700'000'000'000;

struct Recorder final : MutationSink {
  void emit(const Mutation& mutation) override {
    last = mutation;
    value = std::string(mutation.value);
    last.value = value;
    last.key = "list";
    ++count;
  }

  Mutation last;
  std::string value;
  size_t count = 0;
};

struct Fixture {
  Store store{1, HashSecret{.seed = 5}, NodeNumber{1}};
  KeyspaceStats stats;
  TestRng rng{1};
  Recorder recorder;
  Writer writer{store, stats, rng, kNowMs, {.sink = &recorder}};

  [[nodiscard]] HashedKey key() { return store.db(kDb).hashed("list"); }

  [[nodiscard]] Entry* find() { return store.db(kDb).find(key()); }

  void push(const std::vector<std::string_view>& items, size_t index = 0) {
    writer.list_insert(kDb, key(), find(), index, items, "");
  }

  [[nodiscard]] std::string text() {
    std::string text;
    if (find() == nullptr) return "none";
    ListView(*find()).forward(0, [&text](const StringView& item) {
      char digits[21];
      text += std::string(item.text(digits)) + " ";
      return true;
    });
    return text;
  }
};

std::string run_of(const std::vector<std::string_view>& items) {
  std::string run;
  for (const std::string_view item : items) packed::append(run, packed::best_element(item));
  return run;
}

TEST_CASE("list mutations: one for all items of a push, in their final order", "[store]") {
  Fixture f;
  f.push({"c", "b", "a"});
  CHECK(f.recorder.count == 1);
  CHECK(f.recorder.last.kind == MutationKind::list_insert);
  CHECK(f.recorder.last.offset == 0);
  CHECK(f.recorder.value == run_of({"c", "b", "a"}));
  CHECK(f.recorder.last.encoding == Encoding::packed);
  f.push({"1", "2"}, 3);
  CHECK(f.recorder.last.offset == 3);
  CHECK(f.text() == "c b a 1 2 ");
  CHECK(f.stats.changes == 5);
}

TEST_CASE("list mutations: more items than a group go in in order, wherever", "[store]") {
  const size_t before = GENERATE(0, 3, 5, 200);
  Fixture f;
  std::string expected;
  std::vector<std::string> texts;
  for (size_t i = 0; i < 300; ++i) texts.push_back("n" + std::to_string(i));
  const std::vector<std::string_view> items(texts.begin(), texts.end());
  for (size_t i = 0; i < before; ++i) f.push({"x"});
  const size_t index = GENERATE(0, 2, 1000);
  f.push(items, std::min(index, before));
  for (size_t i = 0; i < std::min(index, before); ++i) expected += "x ";
  for (const std::string& text : texts) expected += text + " ";
  for (size_t i = std::min(index, before); i < before; ++i) expected += "x ";
  CHECK(f.text() == expected);
}

TEST_CASE("list mutations: the last item takes the key with it", "[store]") {
  Fixture f;
  f.push({"a", "a", "b"});
  CHECK(f.writer.list_remove(kDb, f.key(), *f.find(), {.item = "a", .count_max = 9}, "") == 2);
  CHECK(f.recorder.last.kind == MutationKind::list_remove);
  CHECK(f.recorder.last.count == 2);
  CHECK(f.writer.list_remove(kDb, f.key(), *f.find(), {.item = "z", .count_max = 9}, "") == 0);
  CHECK(f.recorder.count == 2);
  f.writer.list_erase(kDb, f.key(), *f.find(), 0, 1, "");
  CHECK(f.recorder.last.kind == MutationKind::remove);
  CHECK(f.find() == nullptr);
}

TEST_CASE("list mutations: places that a list does not have are refused", "[store]") {
  Fixture f;
  const std::string two = run_of({"x", "y"});
  const std::string one = run_of({"x"});
  Mutation mutation{.kind = MutationKind::list_insert,
                    .type = Type::list,
                    .encoding = Encoding::packed,
                    .version = Version{1},
                    .offset = 1,
                    .key = "list",
                    .value = one};
  const auto refused = [&](MutationKind kind, uint64_t offset, uint64_t count,
                           std::string_view value) {
    mutation.kind = kind;
    mutation.offset = offset;
    mutation.count = count;
    mutation.value = value;
    return !apply(f.store, mutation);
  };
  CHECK(refused(MutationKind::list_insert, 1, 0, one));
  CHECK(f.find() == nullptr);
  f.push({"a", "b", "c"});
  CHECK(refused(MutationKind::list_insert, 4, 0, one));
  CHECK(refused(MutationKind::list_insert, 0, 0, "\x05"));
  CHECK(refused(MutationKind::list_erase, 2, 2, ""));
  CHECK(refused(MutationKind::list_erase, 1, ~uint64_t{0}, ""));
  CHECK(refused(MutationKind::list_erase, 4, 0, ""));
  CHECK(refused(MutationKind::list_set, 3, 0, one));
  CHECK(refused(MutationKind::list_set, 0, 0, two));
  CHECK(refused(MutationKind::list_remove, 2, 1, one));
  CHECK(refused(MutationKind::list_remove, 0, 1, ""));
  CHECK(refused(MutationKind::set_elements, 0, 0, one));
  CHECK(f.text() == "a b c ");
  CHECK_FALSE(refused(MutationKind::list_insert, 3, 0, two));
  CHECK_FALSE(refused(MutationKind::list_set, 0, 0, one));
  CHECK_FALSE(refused(MutationKind::list_remove, 1, 1, one));
  CHECK_FALSE(refused(MutationKind::list_erase, 1, 1, ""));
  CHECK(f.text() == "x c y ");
}

TEST_CASE("list mutations: a large list that is copied arrives in pieces, in order", "[store]") {
  struct Replica final : MutationSink {
    void emit(const Mutation& mutation) override {
      ++count;
      REQUIRE(apply(store, mutation));
    }

    Store store{1, HashSecret{.seed = 6}, NodeNumber{2}};
    size_t count = 0;
  };

  Fixture f;
  std::vector<std::string> texts;
  for (size_t i = 0; i < 60'000; ++i) texts.push_back("item number " + std::to_string(i));
  const std::vector<std::string_view> items(texts.begin(), texts.end());
  f.push(items);
  Replica replica;
  Writer writer(f.store, f.stats, f.rng, kNowMs, {.sink = &replica});
  const HashedKey to = f.store.db(kDb).hashed("copy");
  writer.copy(kDb, *f.find(), kDb, to);
  CHECK(replica.count > 3);
  const Entry* copy = replica.store.db(kDb).find(replica.store.db(kDb).hashed("copy"));
  REQUIRE(copy != nullptr);
  CHECK(copy->version() == f.store.db(kDb).find(to)->version());
  const ListView list(*copy);
  REQUIRE(list.size() == items.size());
  size_t at = 0;
  list.forward(0, [&](const StringView& item) {
    REQUIRE(item.bytes == items[at]);
    ++at;
    return true;
  });
}

TEST_CASE("list mutations: items that came in another form are kept in the best one", "[store]") {
  Fixture f;
  std::string run;
  packed::append(run, {.is_integer = false, .bytes = "12"});
  REQUIRE(apply(f.store, {.kind = MutationKind::put_collection,
                          .type = Type::list,
                          .encoding = Encoding::packed,
                          .version = Version{1},
                          .key = "list",
                          .value = run}));
  CHECK(f.writer.list_remove(kDb, f.key(), *f.find(), {.item = "12", .count_max = 1}, "") == 1);
}

}  // namespace
}  // namespace quoris::store
