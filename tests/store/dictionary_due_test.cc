// Dictionary: the search for what is due finds all of it, and nothing early.
#include <algorithm>
#include <catch2/catch.hpp>
#include <unordered_set>
#include <vector>

#include "store/dictionary.h"
#include "tests/store/test_items.h"
#include "tests/store/test_rng.h"

namespace quoris::store {

namespace {

using testing::Item;
using testing::ItemPool;
using testing::kItemTraits;
using testing::TestRng;

// A dictionary whose items fall due, and the items that are in it.
struct Timed {
  TestRng rng;
  ItemPool pool;
  Dictionary dictionary{kItemTraits, 0};
  std::vector<Item*> items;
  uint64_t next_key = 0;

  explicit Timed(uint64_t seed) : rng(seed) {}

  void insert(uint32_t due) {
    items.push_back(pool.make(next_key++, rng.next(), due));
    dictionary.insert(items.back()->hash, items.back(), due);
  }

  void erase_random() {
    std::swap(items[rng.below(items.size())], items.back());
    dictionary.erase(items.back()->hash, items.back());
    items.pop_back();
  }

  void change_random_due(uint32_t due) {
    Item* item = items[rng.below(items.size())];
    item->due = due;
    dictionary.lower_due(item->hash, item, due);
  }

  [[nodiscard]] size_t due_at(uint32_t now) const {
    return static_cast<size_t>(std::count_if(items.begin(), items.end(),
                                             [now](const Item* item) { return item->due <= now; }));
  }

  // One call; checks what it takes.
  Dictionary::DueResult take_due(uint32_t now, size_t work_max) {
    std::unordered_set<const Item*> taken;
    const Dictionary::DueResult result = dictionary.take_due(now, work_max, [&](void* at) {
      auto* item = static_cast<Item*>(at);
      REQUIRE(item->due <= now);
      REQUIRE(taken.insert(item).second);
      dictionary.erase(item->hash, item);
    });
    REQUIRE(taken.size() == result.removed);
    REQUIRE(result.removed <= result.looked_at);
    std::erase_if(items, [&taken](const Item* item) { return taken.contains(item); });
    REQUIRE(items.size() == dictionary.size());
    if (result.finished) REQUIRE(due_at(now) == 0);
    return result;
  }
};

}  // namespace

TEST_CASE("dictionary: all that is due is taken, nothing early, while items come and go",
          "[dictionary][due]") {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    INFO("seed " << seed);
    Timed timed(seed);
    const size_t start = seed * 300;
    for (size_t i = 0; i < start; ++i) {
      const bool is_timed = timed.rng.below(3) != 0;
      timed.insert(is_timed ? static_cast<uint32_t>(timed.rng.below(2000)) : Dictionary::kNeverDue);
    }
    for (uint32_t now = 0; now < 2000 && !timed.items.empty(); now += 40) {
      for (size_t change = 0; change < start / 50; ++change) {
        const auto due = static_cast<uint32_t>(timed.rng.below(2500));
        const uint64_t choice = timed.rng.below(10);
        if (choice < 4) timed.insert(due);
        if (choice == 4) timed.change_random_due(Dictionary::kNeverDue);
        if (choice >= 5 && choice < 7) timed.change_random_due(due);
        if (choice >= 7) timed.erase_random();
        if (timed.items.empty()) break;
      }
      // A small budget needs several calls, but not many.
      size_t calls = 0;
      while (!timed.take_due(now, 1 + timed.rng.below(500)).finished) REQUIRE(++calls < 20'000);
      REQUIRE(timed.dictionary.is_consistent());
    }
  }
}

TEST_CASE("dictionary: what is interrupted goes on where it stopped", "[dictionary][due]") {
  Timed timed(50);
  for (size_t i = 0; i < 20'000; ++i) timed.insert(i % 2 == 0 ? 5 : Dictionary::kNeverDue);
  size_t calls = 0;
  size_t looked_at = 0;
  for (;;) {
    const Dictionary::DueResult result = timed.take_due(5, 100);
    looked_at += result.looked_at;
    ++calls;
    // The budget is overdrawn by one round at most.
    REQUIRE(result.looked_at <= 100 + 32 * 7);
    if (result.finished) break;
  }
  CHECK(timed.items.size() == 10'000);
  CHECK(calls > 50);
  CHECK(looked_at < 25'000);  // nearly nothing is read twice
}

TEST_CASE("dictionary: what comes while the search is under way is found too",
          "[dictionary][due]") {
  for (uint64_t seed = 60; seed < 70; ++seed) {
    INFO("seed " << seed);
    Timed timed(seed);
    for (size_t i = 0; i < 5000; ++i) timed.insert(static_cast<uint32_t>(timed.rng.below(2000)));
    for (uint32_t now = 0; now < 2000; now += 5) {
      (void)timed.take_due(now, 1 + timed.rng.below(60));  // checks that finished means finished
      for (size_t i = 0; i < 10; ++i) {
        timed.insert(now + static_cast<uint32_t>(timed.rng.below(20)));
        if (timed.rng.below(3) == 0) timed.change_random_due(now);
        if (timed.rng.below(3) == 0) timed.erase_random();
      }
    }
    size_t calls = 0;
    while (!timed.take_due(2020, 100).finished) REQUIRE(++calls < 1000);
    CHECK(timed.items.empty());
  }
}

TEST_CASE("dictionary: what comes behind the search is found next time round",
          "[dictionary][due]") {
  Timed timed(55);
  for (size_t i = 0; i < 20'000; ++i) timed.insert(i % 2 == 0 ? 5 : Dictionary::kNeverDue);
  for (size_t i = 0; i < 20; ++i) CHECK_FALSE(timed.take_due(5, 100).finished);
  const size_t before = timed.items.size();
  REQUIRE(before < 19'000);
  timed.items.push_back(timed.pool.make(999'999, 0, 6));  // hash 0: at the very start
  timed.dictionary.insert(0, timed.items.back(), 6);
  while (!timed.take_due(5, 100).finished) {
  }
  CHECK(timed.items.size() == 10'001);
  Item* late = timed.items[0];
  late->due = 7;
  timed.dictionary.lower_due(late->hash, late, 7);
  CHECK(timed.take_due(6, 1000).finished);
  CHECK(timed.items.size() == 10'000);
  CHECK(timed.take_due(7, 1000).removed == 1);
}

TEST_CASE("dictionary: items that are not due are hardly read", "[dictionary][due]") {
  // At several counts: growth leaves marks that are too early, more or fewer of them depending on
  // how long ago it was.
  size_t removed = 0;
  size_t looked_at = 0;
  for (const size_t count : {20'000, 30'000, 40'000, 50'000, 60'000, 70'000, 85'000, 100'000}) {
    CAPTURE(count);
    Timed timed(51);
    for (size_t i = 0; i < count; ++i) {
      timed.insert(static_cast<uint32_t>(1000 + timed.rng.below(1'000'000)));
    }
    for (uint32_t now = 0; now < 1000; now += 10) {
      const Dictionary::DueResult result = timed.take_due(now, 1000);
      REQUIRE(result.finished);
      REQUIRE(result.looked_at == 0);
    }
    // A thousandth falls due: its buckets' items are read, and few others.
    const Dictionary::DueResult result = timed.take_due(2000, 1'000'000);
    CHECK(result.finished);
    CHECK(timed.take_due(2000, 1'000'000).looked_at == 0);
    removed += result.removed;
    looked_at += result.looked_at;
  }
  CHECK(removed > 300);
  CHECK(looked_at <= removed * 30);
}

TEST_CASE("dictionary: one that is due is found at the end of a large table by small steps",
          "[dictionary][due]") {
  Timed timed(52);
  for (size_t i = 0; i < 100'000; ++i) timed.insert(Dictionary::kNeverDue);
  timed.items.push_back(timed.pool.make(999'999'999, ~uint64_t{0}, 7));
  timed.dictionary.insert(~uint64_t{0}, timed.items.back(), 7);
  size_t calls = 0;
  size_t removed = 0;
  for (;;) {
    const Dictionary::DueResult result = timed.take_due(7, 1);
    removed += result.removed;
    if (result.finished) break;
    REQUIRE(++calls < 200);
  }
  CHECK(removed == 1);
}

TEST_CASE("dictionary: the estimate of what is due is near the truth", "[dictionary][due]") {
  for (const size_t count : {100, 10'000, 300'000}) {
    Timed timed(53 + count);
    for (size_t i = 0; i < count; ++i) timed.insert(static_cast<uint32_t>(timed.rng.below(100)));
    CHECK(timed.dictionary.estimate_due(0) <= count / 20);
    for (const uint32_t now : {10U, 50U, 99U}) {
      const auto truth = static_cast<double>(timed.due_at(now));
      const auto estimate = static_cast<double>(timed.dictionary.estimate_due(now));
      INFO("count " << count << ", now " << now << ": " << estimate << " for " << truth);
      CHECK(estimate > truth * 0.6);
      CHECK(estimate < truth * 1.6);
    }
  }
}

}  // namespace quoris::store
