#include "store/member_table.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <set>
#include <string>

#include "tests/store/test_rng.h"

namespace quoris::store {
namespace {

using testing::TestRng;

constexpr HashSecret kSecret{.seed = 12};

// Lengths around those that no longer fit into a byte come often.
std::string draw_text(TestRng& rng) {
  const size_t length = rng.below(10) == 0 ? 250 + rng.below(10) : rng.below(40);
  std::string text(length, static_cast<char>('a' + rng.below(2)));
  return rng.below(2) == 0 ? text : std::to_string(rng.below(300)) + text.substr(0, 5);
}

using Model = std::map<std::string, std::string>;

// Members and payloads, and the bytes they take.
template <Payload kPayload>
void check(const MemberTable<kPayload>& table, const Model& model) {
  REQUIRE(table.size() == model.size());
  size_t memory = 0;
  size_t met = 0;
  table.for_each([&](const MemberItem<kPayload>& item) {
    const auto found = model.find(std::string(item.member()));
    REQUIRE(found != model.end());
    if constexpr (kPayload == Payload::value) REQUIRE(item.value() == found->second);
    if constexpr (kPayload == Payload::score) {
      REQUIRE(item.score() == static_cast<double>(found->second.size()));
    }
    memory += item.memory();
    ++met;
    return true;
  });
  REQUIRE(met == model.size());
  const MemberTable<kPayload> empty(kSecret);
  REQUIRE(table.memory() >= empty.memory() + memory);
  if (model.empty()) REQUIRE(memory == 0);
}

template <Payload kPayload>
void put(MemberTable<kPayload>& table, const std::string& member, const std::string& value) {
  const uint64_t hash = table.hash_of(member);
  auto* item = table.find(member, hash);
  if constexpr (kPayload == Payload::value) {
    if (item != nullptr) return table.set_value(*item, hash, value);
    table.insert(member, hash, value);
  } else {
    if (item == nullptr) item = &table.insert(member, hash);
    if constexpr (kPayload == Payload::score) {
      item->set_score(static_cast<double>(value.size()));
    }
  }
}

template <Payload kPayload>
void run(uint64_t seed) {
  TestRng rng(seed);
  MemberTable<kPayload> table(kSecret);
  Model model;
  for (int i = 0; i < 3'000; ++i) {
    const std::string member = draw_text(rng);
    const uint64_t hash = table.hash_of(member);
    REQUIRE((table.find(member, hash) != nullptr) == model.contains(member));
    // Up, and down to nothing.
    if (rng.below(4) < (i < 1'500 ? 3U : 1U)) {
      model[member] = draw_text(rng);
      put(table, member, model[member]);
    } else if (!model.empty()) {
      const auto victim =
          model.lower_bound(member) == model.end() ? model.begin() : model.lower_bound(member);
      const uint64_t victim_hash = table.hash_of(victim->first);
      table.erase(*table.find(victim->first, victim_hash), victim_hash);
      model.erase(victim);
    }
    if (i % 50 == 0) check(table, model);
  }
  const auto copy = table.clone();
  CHECK(copy->size() == table.size());
  check(static_cast<const MemberTable<kPayload>&>(*copy), model);
  while (!model.empty()) {
    table.erase(*table.find(model.begin()->first, table.hash_of(model.begin()->first)));
    model.erase(model.begin());
  }
  check(table, model);
  CHECK(table.random(rng) == nullptr);
  CHECK(table.memory() == MemberTable<kPayload>(kSecret).memory());
}

TEST_CASE("member table: random operations agree with a model, with every payload",
          "[member_table]") {
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    CAPTURE(seed);
    run<Payload::none>(seed);
    run<Payload::value>(seed);
    run<Payload::score>(seed);
  }
}

TEST_CASE("member table: a new member's score is 0, however long the member is", "[member_table]") {
  ScoreTable table(kSecret);
  for (const size_t length : {0, 1, 254, 255, 70'000}) {
    const std::string member(length, 'm');
    const auto& item = table.insert(member, table.hash_of(member));
    CHECK(item.score() == 0);
    CHECK_FALSE(std::signbit(item.score()));
    CHECK(item.member() == member);
  }
}

TEST_CASE("member table: a value can become a part of itself", "[member_table]") {
  HashTable table(kSecret);
  const uint64_t hash = table.hash_of("f");
  for (const size_t length : {10, 300, 70'000}) {
    const std::string value = std::string(length, 'a') + "tail";
    auto* item = table.find("f", hash);
    if (item != nullptr) table.erase(*item, hash);
    item = &table.insert("f", hash, value);
    table.set_value(*item, hash, item->value().substr(3));
    CHECK(table.find("f", hash)->value() == value.substr(3));
    item = table.find("f", hash);
    table.set_value(*item, hash, item->value().substr(item->value().size() - 4));
    CHECK(table.find("f", hash)->value() == "tail");
  }
}

TEST_CASE("member table: a member of 20 bytes takes 32, a field of 16 with a value of 32 takes 64",
          "[member_table]") {
  const auto allocated = [](size_t bytes) { return size_class(bytes); };
  SetTable set(kSecret);
  const std::string member(20, 'm');
  CHECK(set.insert(member, set.hash_of(member)).memory() == allocated(21));
  CHECK(allocator_size_class(21) == 32);
  HashTable hash(kSecret);
  const std::string field(16, 'f');
  CHECK(hash.insert(field, hash.hash_of(field), std::string(32, 'v')).memory() == allocated(50));
  CHECK(allocator_size_class(50) == 64);
}

// Scans to the end, changing the table after each call.
template <class Change>
std::set<std::string> scan_while(SetTable& table, const Change& change) {
  std::set<std::string> met;
  uint64_t cursor = 0;
  do {
    cursor = table.scan(
        cursor, 10, [&met](const SetTable::Item& item) { met.insert(std::string(item.member())); });
    change();
  } while (cursor != 0);
  return met;
}

TEST_CASE("member table: a scan meets what stays while the table grows and shrinks",
          "[member_table]") {
  SetTable table(kSecret);
  const auto name = [](const char* kind, size_t i) { return kind + std::to_string(i); };
  const auto insert = [&table](const std::string& member) {
    table.insert(member, table.hash_of(member));
  };
  constexpr size_t kStaying = 2'000;
  for (size_t i = 0; i < kStaying; ++i) insert(name("stays", i));
  size_t comers = 0;
  const auto grown = scan_while(table, [&] {
    for (int i = 0; i < 100; ++i) insert(name("comes", comers++));
  });
  const auto shrunk = scan_while(table, [&] {
    for (int i = 0; i < 200 && comers > 0; ++i) {
      const std::string member = name("comes", --comers);
      table.erase(*table.find(member, table.hash_of(member)));
    }
  });
  CHECK(comers == 0);
  for (size_t i = 0; i < kStaying; ++i) {
    REQUIRE(grown.contains(name("stays", i)));
    REQUIRE(shrunk.contains(name("stays", i)));
  }
}

TEST_CASE("member table: it is freed in slices of the size asked for", "[member_table]") {
  SetTable table(kSecret);
  for (size_t i = 0; i < 1'000; ++i) {
    const std::string member = std::to_string(i);
    table.insert(member, table.hash_of(member));
  }
  size_t freed = 0;
  while (table.size() > 0) {
    const size_t slice = table.free_some(64);
    REQUIRE(slice > 0);
    REQUIRE(slice <= 64);
    freed += slice;
  }
  CHECK(freed == 1'000);
  CHECK(table.free_some(64) == 0);
}

}  // namespace
}  // namespace quoris::store
