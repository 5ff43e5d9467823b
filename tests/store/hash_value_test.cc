// Hashes in both forms: what they hold, when they change form, and what the Writer makes of them.
#include "store/hash_value.h"

#include <catch2/catch.hpp>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "store/elements.h"
#include "store/writer.h"
#include "tests/store/test_rng.h"

namespace quoris::store {

namespace {

using testing::TestRng;

constexpr int64_t kNowMs = 1'700'000'000'000;
constexpr DbIndex kDb{0};

using Model = std::map<std::string, std::string>;

Model contents_of(const Entry& entry) {
  Model contents;
  char field_digits[21];
  char value_digits[21];
  HashView(entry).for_each([&](const StringView& field, const StringView& value) {
    CHECK(contents.emplace(field.text(field_digits), value.text(value_digits)).second);
    return true;
  });
  return contents;
}

// One hash at one key, changed by hand.
struct Hash {
  CollectionLimits limits;
  Keyspace keyspace{HashSecret{.seed = 4711}};
  std::string name = "a key";
  HashedKey key = keyspace.hashed(name);

  Hash() {
    const std::string block = packed::empty_block();
    keyspace.put_block(key, {.type = Type::hash, .block = block}, Version{1}, kNoExpiry, 0,
                       nullptr);
  }

  Entry& entry() { return *keyspace.find(key); }

  HashValue value() { return {keyspace, key, entry(), limits}; }

  bool set(std::string_view field, std::string_view to) {
    HashValue hash = value();
    const bool is_new = hash.set(field, to);
    REQUIRE(&hash.entry() == &entry());
    return is_new;
  }

  bool remove(std::string_view field) { return value().remove(field); }

  std::optional<std::string> get(std::string_view field) {
    const auto found = HashView(entry()).find(field);
    char digits[21];
    return found ? std::optional(std::string(found->text(digits))) : std::nullopt;
  }

  // What the keyspace says it takes is what its parts take.
  bool memory_is_right() { return keyspace.memory() == keyspace.table_memory() + entry().memory(); }
};

// Lengths around every border: integers, one-byte lengths, wide ones, size classes.
std::string random_text(TestRng& rng) {
  constexpr size_t kLengths[] = {0, 1, 5, 16, 30, 63, 64, 65, 190, 191, 192, 250, 254, 255, 256};
  const char letter = static_cast<char>('a' + rng.below(20));
  switch (rng.below(12)) {
    case 0:
      return std::to_string(static_cast<int64_t>(rng.next()));
    case 1:
      return std::to_string(rng.below(300));
    case 2:
      return std::string(rng.below(30) == 0 ? 70'000 : rng.below(3000), letter);
    case 3:
      return {"\0\r\n\xff", 4};
    default:
      return std::string(kLengths[rng.below(std::size(kLengths))], letter);
  }
}

void compare_with_model(Hash& hash, const Model& model) {
  REQUIRE(contents_of(hash.entry()) == model);
  REQUIRE(HashView(hash.entry()).size() == model.size());
  REQUIRE(collection_size(hash.entry()) == model.size());
  REQUIRE(hash.memory_is_right());
}

void random_run(uint64_t seed, const CollectionLimits& limits) {
  TestRng rng(seed);
  Hash hash;
  hash.limits = limits;
  Model model;
  std::vector<std::string> fields;
  const size_t field_count = 5 + rng.below(300);
  for (size_t i = 0; i < field_count; ++i) fields.push_back(random_text(rng));
  for (size_t step = 0; step < 1500; ++step) {
    const std::string& field = fields[rng.below(fields.size())];
    if (rng.below(3) == 0) {
      REQUIRE(hash.remove(field) == (model.erase(field) == 1));
    } else {
      const std::string value = random_text(rng);
      REQUIRE(hash.set(field, value) == !model.contains(field));
      model[field] = value;
      REQUIRE(hash.get(field) == value);
    }
    const std::string& other = fields[rng.below(fields.size())];
    const auto expected = model.find(other);
    REQUIRE(hash.get(other).has_value() == (expected != model.end()));
    if (step % 50 == 0) compare_with_model(hash, model);
  }
  compare_with_model(hash, model);
}

TEST_CASE("hash: random changes agree with a map, in both forms and across the change",
          "[hash_value]") {
  constexpr size_t kAny = std::numeric_limits<size_t>::max();
  const CollectionLimits kinds[] = {
      {},                                                               // soon large
      {.hash_max_packed_fields = 0},                                    // large at once
      {.hash_max_packed_fields = kAny, .hash_max_packed_bytes = kAny},  // packed up to a megabyte
      {.hash_max_packed_fields = 20, .hash_max_packed_bytes = 400}};
  for (const CollectionLimits& limits : kinds) {
    for (uint64_t seed = 1; seed <= 8; ++seed) {
      INFO("seed " << seed << ", fields " << limits.hash_max_packed_fields);
      random_run(seed, limits);
    }
  }
}

TEST_CASE("hash: one field more than the limit makes it large, for good", "[hash_value]") {
  Hash hash;
  for (size_t i = 0; i < 512; ++i) hash.set(std::to_string(i), "v");
  CHECK(hash.entry().encoding() == Encoding::packed);
  hash.set("511", "another value");
  CHECK(hash.entry().encoding() == Encoding::packed);
  hash.set("one more", "v");
  CHECK(hash.entry().encoding() == Encoding::large);
  CHECK(encoding_name(Type::hash, hash.entry().encoding()) == "hashtable");
  for (size_t i = 0; i < 512; ++i) CHECK(hash.remove(std::to_string(i)));
  CHECK(hash.entry().encoding() == Encoding::large);
  CHECK(contents_of(hash.entry()) == Model{{"one more", "v"}});
}

TEST_CASE("hash: a limit that was lowered shows at the next field that is set, new or not",
          "[hash_value]") {
  Hash hash;
  for (const char* field : {"a", "b", "c"}) hash.set(field, "v");
  hash.limits.hash_max_packed_fields = 1;
  CHECK(hash.remove("c"));
  CHECK(hash.entry().encoding() == Encoding::packed);
  hash.set("a", "w");
  CHECK(hash.entry().encoding() == Encoding::large);
  CHECK(contents_of(hash.entry()) == Model{{"a", "w"}, {"b", "v"}});
}

TEST_CASE("hash: a field or value longer than the limit makes it large", "[hash_value]") {
  const std::string longest(64, 'x');
  const std::string too_long(65, 'x');
  Hash by_field;
  by_field.set(longest, longest);
  CHECK(by_field.entry().encoding() == Encoding::packed);
  by_field.set(too_long, "v");
  CHECK(by_field.entry().encoding() == Encoding::large);
  Hash by_value;
  by_value.set("f", "v");
  by_value.set("f", too_long);
  CHECK(by_value.entry().encoding() == Encoding::large);
  CHECK(by_value.get("f") == too_long);
}

TEST_CASE("hash: a block never grows past its own limits, whatever the settings say",
          "[hash_value]") {
  constexpr size_t kAny = std::numeric_limits<size_t>::max();
  Hash long_values;
  long_values.limits = {.hash_max_packed_fields = kAny, .hash_max_packed_bytes = kAny};
  const std::string value(100'000, 'v');
  for (size_t i = 0; i < 10; ++i) long_values.set(std::to_string(i), value);
  CHECK(long_values.entry().encoding() == Encoding::packed);
  CHECK(long_values.entry().block().size() <= kPackedBytesMax);
  long_values.set("3", std::string(150'000, 'w'));
  CHECK(long_values.entry().encoding() == Encoding::large);
  CHECK(contents_of(long_values.entry()).size() == 10);

  Hash many_fields;
  many_fields.limits = long_values.limits;
  // All but one at once: setting them one by one would search the block for each.
  const size_t fields = kPackedElementsMax / 2;
  std::string elements;
  for (size_t i = 0; i < fields - 1; ++i) {
    packed::append(elements, packed::best_element(std::to_string(i)));
    packed::append(elements, packed::best_element("1"));
  }
  const std::string block = packed::block_of(elements, 2 * (fields - 1));
  many_fields.keyspace.replace_block(many_fields.key, many_fields.entry(), Encoding::packed, block);
  many_fields.set("last", "1");
  CHECK(many_fields.entry().encoding() == Encoding::packed);
  many_fields.set("one more", "1");
  CHECK(many_fields.entry().encoding() == Encoding::large);
  CHECK(HashView(many_fields.entry()).size() == fields + 1);
}

TEST_CASE("hash: values of a table change their size class and back", "[hash_value]") {
  for (const size_t field_size :
       {size_t{0}, size_t{10}, size_t{254}, size_t{255}, size_t{70'000}}) {
    Hash hash;
    hash.limits.hash_max_packed_fields = 0;
    const std::string field(field_size, 'f');
    for (size_t size = 0; size < 600; ++size) hash.set(field, std::string(size, 'v'));
    for (const size_t size : {600, 255, 256, 254, 253, 70'000, 255, 1, 0, 300, 70'000, 69'999, 0}) {
      CHECK_FALSE(hash.set(field, std::string(size, 'w')));
      CHECK(hash.get(field) == std::string(size, 'w'));
      CHECK(hash.memory_is_right());
    }
    CHECK(hash.remove(field));
    CHECK(HashView(hash.entry()).size() == 0);
    CHECK(hash.memory_is_right());
  }
}

TEST_CASE("hash: a small item of a table takes the classes that its header promises",
          "[hash_value]") {
  HashTable table(HashSecret{.seed = 1});
  const auto item_memory = [&](size_t field, size_t value) {
    const std::string name(field, 'f');
    return table.insert(name, table.hash_of(name), std::string(value, 'v')).memory();
  };
  CHECK(item_memory(16, 32) == size_class(50));
  CHECK(item_memory(254, 254) == size_class(510));
  CHECK(item_memory(255, 0) == size_class(10 + 255));
  CHECK(table.size() == 3);
}

TEST_CASE("hash: a scan meets what stays, while fields come, go and change", "[hash_value]") {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    INFO("seed " << seed);
    TestRng rng(seed);
    Hash hash;
    for (size_t i = 0; i < 1000; ++i) hash.set("stays " + std::to_string(i), "v");
    std::set<std::string> met;
    uint64_t cursor = 0;
    size_t passing = 0;
    do {
      cursor = HashView(hash.entry()).scan(cursor, 10, [&](const StringView& field, const auto&) {
        met.insert(std::string(field.bytes));
      });
      for (size_t i = 0; i < 20; ++i) {
        hash.set("passes " + std::to_string(rng.below(3000)), "v");
        hash.remove("passes " + std::to_string(rng.below(3000)));
        hash.set("stays " + std::to_string(rng.below(1000)), std::string(rng.below(600), 'x'));
      }
      REQUIRE(++passing < 5000);
    } while (cursor != 0);
    size_t stayed = 0;
    for (const std::string& field : met) stayed += field.starts_with("stays ") ? 1 : 0;
    CHECK(stayed == 1000);
  }
}

TEST_CASE("hash: a scan of a block visits all of it in its order", "[hash_value]") {
  Hash hash;
  for (const char* field : {"b", "7", "a", ""}) hash.set(field, "v");
  std::vector<std::string> met;
  char digits[21];
  const auto visit = [&](const StringView& field, const StringView&) {
    met.emplace_back(field.text(digits));
  };
  CHECK(HashView(hash.entry()).scan(0, 1, visit) == 0);
  CHECK(met == std::vector<std::string>{"b", "7", "a", ""});
}

TEST_CASE("hash: a clone has the same fields and a life of its own", "[hash_value]") {
  Hash hash;
  for (size_t i = 0; i < 500; ++i) hash.set(std::to_string(i), std::string(i, 'v'));
  const Model before = contents_of(hash.entry());
  std::unique_ptr<LargeValue> clone = hash.entry().large().clone();
  CHECK(clone->memory() > 0);
  for (size_t i = 0; i < 500; ++i) hash.remove(std::to_string(i));
  const HashedKey other = hash.keyspace.hashed("other");
  hash.keyspace.put_large(other, Type::hash, std::move(clone), Version{2}, kNoExpiry, 0, nullptr);
  const bool equal = contents_of(*hash.keyspace.find(other)) == before;
  CHECK(equal);
  LargeValue& copied = hash.keyspace.find(other)->large();
  CHECK(hash.keyspace.memory() ==
        hash.keyspace.table_memory() + hash.entry().memory() + hash.keyspace.find(other)->memory());
  const std::unique_ptr<LargeValue> second = copied.clone();
  size_t freed = 0;
  while (const size_t count = second->free_some(7)) freed += count;
  CHECK(freed == 500);
}

// --- through the Writer -------------------------------------------------------------------------

// Applies what it hears to a second store.
struct Replica : MutationSink {
  Store store{2, HashSecret{.seed = 99}, NodeNumber{9}};
  std::vector<MutationKind> kinds;

  void emit(const Mutation& mutation) override {
    kinds.push_back(mutation.kind);
    Keyspace& db = store.db(mutation.db);
    const Entry* entry = db.find(db.hashed(mutation.key));
    REQUIRE(mutation.base_version == (entry == nullptr ? kNoVersion : entry->version()));
    REQUIRE(apply(store, mutation));
  }

  Entry* find(std::string_view name) { return store.db(kDb).find(store.db(kDb).hashed(name)); }
};

struct Events : KeyspaceEvents {
  std::string heard;

  void on_event(EventClass event_class, std::string_view name, DbIndex,
                std::string_view key) override {
    heard += event_class == EventClass::hash ? "h:" : "g:";
    heard += std::string(name) + " " + std::string(key) + ", ";
  }
};

struct Fixture {
  Store store{2, HashSecret{.seed = 4711}, NodeNumber{7}};
  KeyspaceStats stats;
  TestRng rng{1};
  Replica replica;
  Events events;

  Writer writer() { return {store, stats, rng, kNowMs, {.sink = &replica, .events = &events}}; }

  HashedKey key(std::string_view name) { return store.db(kDb).hashed(name); }

  Entry* find(std::string_view name) { return store.db(kDb).find(key(name)); }

  size_t set(std::string_view name, const std::vector<std::string_view>& fields_and_values) {
    Writer at = writer();
    return at.hash_set(kDb, key(name), at.find_for_write(kDb, key(name)), fields_and_values,
                       "hset");
  }

  size_t remove(std::string_view name, const std::vector<std::string_view>& fields) {
    Writer at = writer();
    return at.hash_remove(kDb, key(name), *at.find_for_write(kDb, key(name)), fields, "hdel");
  }

  void compare(std::string_view name) {
    Entry* here = find(name);
    Entry* there = replica.find(name);
    REQUIRE((here == nullptr) == (there == nullptr));
    if (here == nullptr) return;
    REQUIRE(contents_of(*here) == contents_of(*there));
    REQUIRE(here->encoding() == there->encoding());
    REQUIRE(here->version() == there->version());
    REQUIRE(here->expire_at_ms() == there->expire_at_ms());
  }
};

TEST_CASE("writer: hash_set and hash_remove count, tell and emit what changed", "[hash_value]") {
  Fixture at;
  CHECK(at.set("h", {"a", "1", "b", "2", "a", "3"}) == 2);
  CHECK(at.stats.changes == 3);
  CHECK(at.set("h", {"b", "2"}) == 0);  // the same value is a change all the same
  CHECK(at.stats.changes == 4);
  at.compare("h");
  CHECK(contents_of(*at.find("h")) == Model{{"a", "3"}, {"b", "2"}});
  CHECK(at.remove("h", {"absent"}) == 0);
  CHECK(at.stats.changes == 4);
  CHECK(at.events.heard == "g:new h, h:hset h, h:hset h, ");
  CHECK(at.remove("h", {"a", "a", "absent"}) == 1);
  CHECK(at.remove("h", {"b"}) == 1);
  CHECK(at.stats.changes == 6);
  CHECK(at.events.heard == "g:new h, h:hset h, h:hset h, h:hdel h, h:hdel h, g:del h, ");
  CHECK(at.find("h") == nullptr);
  CHECK(at.replica.kinds == std::vector{MutationKind::set_elements, MutationKind::set_elements,
                                        MutationKind::remove_elements, MutationKind::remove});
  at.compare("h");
}

TEST_CASE("writer: random changes of hashes make an equal replica, with limits of its own",
          "[hash_value]") {
  constexpr size_t kAny = std::numeric_limits<size_t>::max();
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    INFO("seed " << seed);
    Fixture at;
    at.rng = TestRng(seed);
    if (seed % 3 == 1) at.store.limits().hash_max_packed_fields = 8;
    if (seed % 3 == 2)
      at.store.limits() = {.hash_max_packed_fields = kAny, .hash_max_packed_bytes = kAny};
    for (size_t step = 0; step < 600; ++step) {
      const std::string name = std::to_string(at.rng.below(3));
      std::vector<std::string> texts;
      for (size_t i = 2 + 2 * at.rng.below(3); i > 0; --i) {
        texts.push_back(i % 2 == 0 ? std::to_string(at.rng.below(40)) : random_text(at.rng));
      }
      const std::vector<std::string_view> words(texts.begin(), texts.end());
      Entry* entry = at.find(name);
      if (entry != nullptr && at.rng.below(30) == 0) {
        at.writer().set_expiry(kDb, at.key(name), *entry, kNowMs + 5000);
      } else if (entry != nullptr && at.rng.below(20) == 0) {
        const std::string to = std::to_string(at.rng.below(3));
        if (to != name) at.writer().copy(kDb, *entry, kDb, at.key(to));
        at.compare(to);
      } else if (entry != nullptr && at.rng.below(3) == 0) {
        at.remove(name, words);
      } else {
        at.set(name, words);
      }
      at.compare(name);
    }
  }
}

TEST_CASE("writer: a large hash that is copied or moved is emitted in pieces", "[hash_value]") {
  Fixture at;
  const std::string value(10'000, 'v');
  for (size_t i = 0; i < 200; ++i) at.set("h", {std::to_string(i), value});
  at.replica.kinds.clear();
  at.writer().copy(kDb, *at.find("h"), kDb, at.key("copy"));
  CHECK(at.replica.kinds.size() > 5);
  CHECK(at.replica.kinds[0] == MutationKind::put_collection);
  CHECK(at.replica.kinds[1] == MutationKind::set_elements);
  at.compare("copy");
  at.compare("h");
  at.writer().move(kDb, at.key("h"), *at.find("h"), kDb, at.key("moved"));
  at.compare("moved");
  CHECK(at.find("h") == nullptr);
  CHECK(at.replica.find("h") == nullptr);
  CHECK(contents_of(*at.find("moved")) == contents_of(*at.find("copy")));
}

TEST_CASE("writer: a large hash that goes is freed in slices and gives its memory back",
          "[hash_value]") {
  Fixture at;
  const size_t before = at.store.db(kDb).memory() - at.store.db(kDb).table_memory();
  for (size_t i = 0; i < 1000; ++i) at.set("h", {std::to_string(i), "v"});
  CHECK(at.writer().remove(kDb, at.key("h")));
  CHECK(at.store.db(kDb).memory() - at.store.db(kDb).table_memory() == before);
  CHECK(at.store.lazy_pending() == 1);
  CHECK(at.store.free_some(300) == 300);
  CHECK(at.store.free_some(10'000) == 700);
  while (at.store.free_some(1) > 0) {
  }
  CHECK(at.store.lazy_pending() == 0);
}

TEST_CASE("apply: elements that make no hash are refused and change nothing", "[hash_value]") {
  Store store(1, HashSecret{.seed = 1}, NodeNumber{0});
  std::string elements;
  packed::append(elements, packed::best_element("field"));
  Mutation mutation{.kind = MutationKind::set_elements,
                    .db = kDb,
                    .type = Type::hash,
                    .encoding = Encoding::packed,
                    .version = Version{1 << 20},
                    .key = "h",
                    .value = elements};
  CHECK_FALSE(apply(store, mutation));  // a field without a value
  packed::append(elements, packed::best_element("value"));
  mutation.value = std::string_view(elements).substr(0, elements.size() - 1);
  CHECK_FALSE(apply(store, mutation));  // torn
  CHECK(store.db(kDb).size() == 0);
  mutation.value = elements;
  CHECK(apply(store, mutation));
  mutation.type = Type::set;
  CHECK_FALSE(apply(store, mutation));  // a hash stands there
  mutation.type = Type::hash;
  mutation.kind = MutationKind::list_insert;
  CHECK_FALSE(apply(store, mutation));
  Keyspace& db = store.db(kDb);
  CHECK(contents_of(*db.find(db.hashed("h"))) == Model{{"field", "value"}});
}

}  // namespace
}  // namespace quoris::store
