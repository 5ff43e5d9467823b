// A store whose every change is applied to a second one, for tests of Writer and apply.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <string>
#include <vector>

#include "store/elements.h"
#include "store/packed.h"
#include "store/writer.h"
#include "tests/store/test_rng.h"

namespace quoris::store::testing {

// Elements as texts, in order for what has none.
inline std::vector<std::string> elements_of(const Entry& entry) {
  std::vector<std::string> texts;
  char digits[21];
  for_each_piece(entry, 1000, [&](std::string_view elements, size_t) {
    packed::for_each_element(
        elements, [&](const StringView& element) { texts.emplace_back(element.text(digits)); });
  });
  if (entry.type() == Type::set) std::sort(texts.begin(), texts.end());
  return texts;
}

// All keys, with what a replica must have alike.
inline std::map<std::string, std::vector<std::string>> contents_of(Keyspace& keyspace) {
  std::map<std::string, std::vector<std::string>> contents;
  keyspace.for_each([&contents](Entry& entry) {
    auto& described = contents[std::string(entry.key())];
    described = elements_of(entry);
    for (const uint64_t part : {raw(entry.version()), static_cast<uint64_t>(entry.encoding()),
                                static_cast<uint64_t>(entry.expire_at_ms())}) {
      described.push_back(std::to_string(part));
    }
    return true;
  });
  return contents;
}

class Replicated : MutationSink {
 public:
  static constexpr int64_t kNowMs = 1'800'000'000'000;
  static constexpr DbIndex kDb{0};

  explicit Replicated(uint64_t seed = 1) : rng(seed) {}

  Writer writer() { return Writer(primary, stats, rng, now_ms, {.sink = this}); }

  Keyspace& db() { return primary.db(kDb); }

  HashedKey key(std::string_view name) { return db().hashed(name); }

  Entry* find(std::string_view name) { return db().find(key(name)); }

  void check_equal() {
    REQUIRE(contents_of(db()) == contents_of(replica.db(kDb)));
    REQUIRE(memory_by_parts(db()) == db().memory());
    REQUIRE(memory_by_parts(replica.db(kDb)) == replica.db(kDb).memory());
  }

  // Tables of other secrets, so that no order is carried over by chance.
  Store primary{2, HashSecret{7}, NodeNumber{1}};
  Store replica{2, HashSecret{8}, NodeNumber{2}};
  KeyspaceStats stats;
  TestRng rng;
  int64_t now_ms = kNowMs;
  std::vector<MutationKind> emitted;
  size_t longest = 0;  // of the values emitted

 private:
  void emit(const Mutation& mutation) override {
    emitted.push_back(mutation.kind);
    longest = std::max(longest, mutation.value.size());
    const Keyspace& keyspace = replica.db(mutation.db);
    const Entry* entry = replica.db(mutation.db).find(keyspace.hashed(mutation.key));
    REQUIRE(mutation.base_version == (entry == nullptr ? kNoVersion : entry->version()));
    REQUIRE(apply(replica, mutation));
  }

  static size_t memory_by_parts(Keyspace& keyspace) {
    size_t memory = keyspace.table_memory();
    keyspace.for_each([&memory](Entry& entry) {
      memory += entry.memory();
      return true;
    });
    return memory;
  }
};

}  // namespace quoris::store::testing
