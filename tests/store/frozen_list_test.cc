// A frozen list shows what was there, whatever becomes of the list.
#include "store/frozen_list.h"

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "store/packed.h"
#include "tests/store/test_rng.h"

namespace quoris::store {
namespace {

using testing::TestRng;

constexpr BlockLimits kLimits = {.bytes = 256, .items = 1000};

std::vector<std::string> texts_of(std::string_view elements) {
  std::vector<std::string> texts;
  char digits[21];
  REQUIRE(packed::for_each_element(
      elements, [&](const StringView& item) { texts.emplace_back(item.text(digits)); }));
  return texts;
}

std::vector<std::string> items_of(const BlockList& list) {
  std::vector<std::string> texts;
  char digits[21];
  if (list.size() == 0) return texts;
  list.forward(0, [&](const StringView& item) {
    texts.emplace_back(item.text(digits));
    return true;
  });
  return texts;
}

StringView random_item(TestRng& rng, std::string& bytes) {
  bytes = rng.below(10) == 0 ? std::string(rng.below(600), 'x') : std::to_string(rng.below(30));
  return packed::best_element(bytes);
}

void change(BlockList& list, TestRng& rng) {
  std::string bytes;
  const StringView item = random_item(rng, bytes);
  const size_t size = list.size();
  switch (size == 0 ? 0 : rng.below(8)) {
    case 0:
    case 1:
      return list.insert(rng.below(size + 1), item, kLimits);
    case 2:
      return list.insert(0, item, kLimits);
    case 3:
      return list.insert(size, item, kLimits);
    case 4:
      return list.set(rng.below(size), item, kLimits);
    case 5: {
      const size_t from = rng.below(size);
      return list.erase(from, rng.below(std::min<size_t>(size - from, 40) + 1), kLimits);
    }
    case 6:
      return list.erase(rng.below(2) == 0 ? 0 : size - 1, 1, kLimits);
    default:
      list.remove({.item = item, .count_max = 1 + rng.below(3), .from_tail = rng.below(2) == 0},
                  kLimits, {});
  }
}

TEST_CASE("frozen list: shows what was there while the list changes and dies", "[store]") {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    TestRng rng(seed);
    auto list = std::make_unique<BlockList>();
    for (size_t i = rng.below(600); i > 0; --i) change(*list, rng);
    for (size_t round = 0; round < 3 && list->size() > 0; ++round) {
      const std::vector<std::string> expected = items_of(*list);
      FrozenList frozen(*list);
      std::string elements;
      size_t items = 0;
      bool dying = false;
      while (!frozen.is_through()) {
        for (size_t i = dying ? 0 : rng.below(30); i > 0; --i) change(*list, rng);
        dying = dying || (round == 2 && rng.below(5) == 0);
        if (!dying) REQUIRE(list->is_sound());
        if (dying && list != nullptr) list->free_some(rng.below(20));
        if (dying && rng.below(5) == 0) list.reset();
        items += frozen.take(1 + rng.below(400), elements);
      }
      REQUIRE(items == expected.size());
      REQUIRE(texts_of(elements) == expected);
      if (dying) break;
      REQUIRE(items_of(*list).size() == list->size());
    }
  }
}

TEST_CASE("frozen list: memory is what it keeps from being freed", "[store]") {
  BlockList list;
  for (int i = 0; i < 1000; ++i) list.insert(list.size(), packed::best_element("item"), kLimits);
  const size_t before = list.memory();
  FrozenList frozen(list);
  const size_t row = frozen.memory();
  CHECK(row < before / 10);
  list.set(500, packed::best_element("ITEM"), kLimits);
  CHECK(list.memory() == before);
  CHECK(frozen.memory() > row);
  CHECK(frozen.memory() < row + 2 * kLimits.bytes);
  const size_t one = frozen.memory();
  list.set(501, packed::best_element("ITEM"), kLimits);
  CHECK(frozen.memory() == one);  // its block is ours already
}

}  // namespace
}  // namespace quoris::store
