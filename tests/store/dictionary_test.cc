// Dictionary against a model: lookups, growth and shrinking, walks, random items.
#include "store/dictionary.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <memory>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "tests/store/test_items.h"
#include "tests/store/test_rng.h"

namespace quoris::store {

namespace {

using testing::Item;
using testing::ItemPool;
using testing::kItemTraits;
using testing::TestRng;

void* find(const Dictionary& dictionary, const Item& item) {
  return dictionary.find(item.hash, [&item](const void* other) {
    return static_cast<const Item*>(other)->key == item.key;
  });
}

// How hashes of keys are made: the awkward kinds matter, too.
enum class Hashes { good, same_top_bits, same_low_bits, skewed, few };

uint64_t hash_of(Hashes kind, uint64_t key) {
  const uint64_t good = TestRng(key).next();
  switch (kind) {
    case Hashes::good:
      return good;
    case Hashes::same_top_bits:
      return (uint64_t{0xABC} << 52) | (good >> 12);
    case Hashes::same_low_bits:
      return good << 24;
    case Hashes::skewed:
      return good >> (good % 12);
    case Hashes::few:
      return TestRng(key % 64).next();
  }
  return good;
}

// Inserts, erases, replaces and looks up at random, growing to `peak` items and shrinking again.
void run_against_model(Hashes kind, size_t peak, uint64_t seed) {
  INFO("seed " << seed << ", peak " << peak << ", hashes " << static_cast<int>(kind));
  TestRng rng(seed);
  ItemPool pool;
  Dictionary dictionary(kItemTraits, 0);
  std::unordered_map<uint64_t, Item*> model;
  std::vector<uint64_t> keys;
  const size_t check_every = peak / 4 + 1;
  size_t steps = 0;
  for (const bool grows : {true, false, true, false}) {
    while (grows ? model.size() < peak : !model.empty()) {
      const bool is_insert = rng.below(100) < (grows ? 75U : 20U);
      if (is_insert) {
        const uint64_t key = rng.below(peak * 4);
        Item* item = pool.make(key, hash_of(kind, key));
        const auto [at, is_new] = model.emplace(key, item);
        if (is_new) {
          REQUIRE(find(dictionary, *item) == nullptr);
          dictionary.insert(item->hash, item, item->due);
          keys.push_back(key);
        } else {
          REQUIRE(find(dictionary, *item) == at->second);
          dictionary.replace(item->hash, at->second, item);
          at->second = item;
        }
        REQUIRE(find(dictionary, *item) == item);
      } else if (!keys.empty()) {
        std::swap(keys[rng.below(keys.size())], keys.back());
        const auto at = model.find(keys.back());
        keys.pop_back();
        Item* item = at->second;
        REQUIRE(find(dictionary, *item) == item);
        dictionary.erase(item->hash, item);
        REQUIRE(find(dictionary, *item) == nullptr);
        model.erase(at);
      }
      REQUIRE(dictionary.size() == model.size());
      if (++steps % check_every == 0) REQUIRE(dictionary.is_consistent());
    }
    for (const auto& [key, item] : model) REQUIRE(find(dictionary, *item) == item);
    REQUIRE(dictionary.is_consistent());
    if (!grows) REQUIRE(dictionary.memory() == 0);
  }
}

}  // namespace

TEST_CASE("dictionary: random operations agree with a model from nothing to the peak and back",
          "[dictionary]") {
  uint64_t seed = 1;
  for (const size_t peak : {1, 2, 7, 8, 14, 15, 50, 100, 300, 750, 850, 1700, 5000, 30000}) {
    run_against_model(Hashes::good, peak, seed++);
  }
}

TEST_CASE("dictionary: it stays right when hashes share their top bits", "[dictionary]") {
  run_against_model(Hashes::same_top_bits, 20000, 21);
}

TEST_CASE("dictionary: it stays right when hashes share their low bits", "[dictionary]") {
  run_against_model(Hashes::same_low_bits, 20000, 22);
}

TEST_CASE("dictionary: it stays right when some parts are much fuller than others",
          "[dictionary]") {
  for (uint64_t seed = 30; seed < 34; ++seed) run_against_model(Hashes::skewed, 6000, seed);
}

TEST_CASE("dictionary: one that was large is small again with few items", "[dictionary]") {
  TestRng rng(35);
  ItemPool pool;
  Dictionary dictionary(kItemTraits, 0);
  std::vector<Item*> items;
  for (uint64_t key = 0; key < 100'000; ++key) {
    items.push_back(pool.make(key, rng.next()));
    dictionary.insert(items.back()->hash, items.back(), items.back()->due);
  }
  while (items.size() > 50) {
    dictionary.erase(items.back()->hash, items.back());
    items.pop_back();
    if (items.size() % 10'000 == 0) {
      CHECK(dictionary.memory() < items.size() * 30);
      CHECK(dictionary.is_consistent());
    }
  }
  CHECK(dictionary.memory() < 1500);
}

TEST_CASE("dictionary: it stays right when many keys share a hash", "[dictionary]") {
  run_against_model(Hashes::few, 2000, 23);
}

TEST_CASE("dictionary: random operations agree with a model at a million items",
          "[dictionary][.long]") {
  run_against_model(Hashes::good, 1'000'000, 24);
}

TEST_CASE("dictionary: one with room reserved takes items in the order of their hash",
          "[dictionary]") {
  for (const size_t count : {1, 600, 1'500, 100'000}) {
    TestRng rng(count);
    ItemPool pool;
    std::vector<Item*> items;
    for (size_t i = 0; i < count; ++i) {
      const auto due = static_cast<uint32_t>(rng.below(1000));
      items.push_back(pool.make(i, rng.next(), i % 2 == 0 ? due : Dictionary::kNeverDue));
    }
    std::ranges::sort(items, {}, &Item::hash);
    Dictionary dictionary(kItemTraits, 0);
    dictionary.reserve(count);
    REQUIRE(dictionary.is_consistent());
    const size_t reserved = dictionary.memory();
    size_t reach = 0;
    for (const Item* item : items) {
      CHECK(find(dictionary, *item) == nullptr);
      dictionary.insert(item->hash, const_cast<Item*>(item), item->due);
      reach = std::max(
          reach,
          static_cast<size_t>(dictionary.size() == count / 2 ? dictionary.mean_reach() * 10 : 0));
    }
    REQUIRE(dictionary.is_consistent());
    CHECK(reach < 20);
    CHECK(dictionary.memory() <= reserved + reserved / 20);
    // As with any other: as many bytes, and it goes back to nothing.
    if (count > 1000) CHECK(dictionary.memory() < 14 * count);
    TestRng order(7);
    for (size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[order.below(i)]);
    for (const Item* item : items) {
      REQUIRE(find(dictionary, *item) == item);
      dictionary.erase(item->hash, item);
    }
    CHECK(dictionary.memory() == 0);
  }
}

TEST_CASE("dictionary: reserving for none, or twice, changes nothing", "[dictionary]") {
  Dictionary dictionary(kItemTraits, 0);
  dictionary.reserve(0);
  CHECK(dictionary.memory() == 0);
  dictionary.reserve(1000);
  const size_t memory = dictionary.memory();
  dictionary.reserve(100'000);
  CHECK(dictionary.memory() == memory);
  CHECK(dictionary.is_consistent());
}

TEST_CASE("dictionary: an empty one holds no memory and finds nothing", "[dictionary]") {
  Dictionary dictionary(kItemTraits, 0);
  TestRng rng(3);
  const Item item{.key = 1, .hash = 2};
  CHECK(dictionary.memory() == 0);
  CHECK(dictionary.slots() == 0);
  CHECK(find(dictionary, item) == nullptr);
  CHECK(dictionary.random(rng) == nullptr);
  CHECK(dictionary.scan(0, 10, [](void*) {}) == 0);
  CHECK(dictionary.estimate_due(1000) == 0);
  CHECK(dictionary.take_due(1000, 10, [](void*) {}).finished);
  CHECK(dictionary.take_some(10, [](void*) {}) == 0);
  dictionary.prefetch_bucket(7);
  dictionary.prefetch_items(7, true);
  dictionary.for_each([](void*) { return true; });
  CHECK(dictionary.is_consistent());
}

TEST_CASE("dictionary: one with a few items takes a few hundred bytes", "[dictionary]") {
  ItemPool pool;
  Dictionary dictionary(kItemTraits, 0);
  for (uint64_t key = 0; key < 7; ++key) {
    Item* item = pool.make(key, hash_of(Hashes::good, key));
    dictionary.insert(item->hash, item, item->due);
  }
  CHECK(dictionary.memory() <= 192);
}

TEST_CASE("dictionary: bytes per item stay near 12 and hardly swing with the count",
          "[dictionary]") {
  ItemPool pool;
  Dictionary dictionary(kItemTraits, 0);
  double most = 0;
  double sum = 0;
  size_t samples = 0;
  for (uint64_t key = 0; key < 200'000; ++key) {
    Item* item = pool.make(key, hash_of(Hashes::good, key));
    dictionary.insert(item->hash, item, item->due);
    if (key >= 20'000 && key % 1000 == 0) {
      const double per_item =
          static_cast<double>(dictionary.memory()) / static_cast<double>(dictionary.size());
      most = std::max(most, per_item);
      sum += per_item;
      ++samples;
    }
  }
  INFO("most " << most << ", mean " << sum / static_cast<double>(samples));
  CHECK(most < 12.6);
  CHECK(sum / static_cast<double>(samples) < 12.0);
}

TEST_CASE("dictionary: churn at a steady size neither grows the table nor the probes",
          "[dictionary]") {
  TestRng rng(31);
  ItemPool pool;
  Dictionary dictionary(kItemTraits, 0);
  std::vector<Item*> items;
  for (uint64_t key = 0; key < 50'000; ++key) {
    items.push_back(pool.make(key, rng.next()));
    dictionary.insert(items.back()->hash, items.back(), items.back()->due);
  }
  const size_t memory = dictionary.memory();
  const double reach = dictionary.mean_reach();
  for (size_t round = 0; round < 600'000; ++round) {
    Item*& item = items[rng.below(items.size())];
    dictionary.erase(item->hash, item);
    item->hash = rng.next();
    dictionary.insert(item->hash, item, item->due);
  }
  CHECK(dictionary.is_consistent());
  CHECK(dictionary.memory() < memory + memory / 5);
  INFO("mean reach " << reach << ", then " << dictionary.mean_reach());
  CHECK(reach < 2);
  CHECK(dictionary.mean_reach() < 0.6);
}

// Expiry erases in this order, and so does who scans and deletes what it is given.
TEST_CASE("dictionary: lookups stay short while items go in the order of their hash",
          "[dictionary]") {
  for (const size_t count : {600, 2'800, 20'000}) {
    for (const bool is_upwards : {true, false}) {
      TestRng rng(count);
      ItemPool pool;
      Dictionary dictionary(kItemTraits, 0);
      std::vector<Item*> items;
      for (uint64_t key = 0; key < count; ++key) {
        items.push_back(pool.make(key, rng.next()));
        dictionary.insert(items.back()->hash, items.back(), items.back()->due);
      }
      std::ranges::sort(items, {}, &Item::hash);
      if (is_upwards) std::ranges::reverse(items);
      double worst = 0;
      while (!items.empty()) {
        dictionary.erase(items.back()->hash, items.back());
        items.pop_back();
        if (items.size() % 20 == 0 && !items.empty()) {
          worst = std::max(worst, dictionary.mean_reach());
        }
        if (items.size() % (count / 4) == 0) CHECK(dictionary.is_consistent());
      }
      INFO(count << (is_upwards ? " upwards" : " downwards") << ", mean reach " << worst);
      CHECK(worst < 2.5);
      CHECK(dictionary.memory() == 0);
    }
  }
}

TEST_CASE("dictionary: moving one moves all and leaves an empty one", "[dictionary]") {
  ItemPool pool;
  Dictionary dictionary(kItemTraits, 0);
  std::vector<Item*> items;
  for (uint64_t key = 0; key < 3000; ++key) {
    items.push_back(pool.make(key, hash_of(Hashes::good, key)));
    dictionary.insert(items.back()->hash, items.back(), items.back()->due);
  }
  Dictionary other = std::move(dictionary);
  CHECK(other.size() == 3000);
  CHECK(other.is_consistent());
  dictionary = Dictionary(kItemTraits, 0);  // a moved-from one can be used again
  CHECK(dictionary.size() == 0);
  dictionary.insert(items[0]->hash, items[0], items[0]->due);
  CHECK(dictionary.is_consistent());
  dictionary = std::move(other);
  CHECK(dictionary.size() == 3000);
  CHECK(find(dictionary, *items[17]) == items[17]);
}

TEST_CASE("dictionary: take_some takes all in slices, and what is left stays findable",
          "[dictionary]") {
  TestRng rng(41);
  ItemPool pool;
  Dictionary dictionary(kItemTraits, 0);
  std::set<Item*> left;
  for (uint64_t key = 0; key < 10'000; ++key) {
    Item* item = pool.make(key, rng.next());
    dictionary.insert(item->hash, item, item->due);
    left.insert(item);
  }
  uint64_t key = 1'000'000;
  while (!left.empty()) {
    const size_t most = rng.below(300);
    const size_t expected = std::min(most, left.size());
    size_t taken = dictionary.take_some(
        most, [&left](void* item) { REQUIRE(left.erase(static_cast<Item*>(item)) == 1); });
    REQUIRE(taken == expected);
    REQUIRE(dictionary.size() == left.size());
    REQUIRE(dictionary.is_consistent());
    for (size_t i = 0; i < 20; ++i) {  // somebody goes on using it
      Item* item = pool.make(key++, rng.next());
      if (left.size() < 5000) break;
      dictionary.insert(item->hash, item, item->due);
      left.insert(item);
    }
    if (rng.below(10) == 0) {
      for (Item* item : left) REQUIRE(find(dictionary, *item) == item);
    }
    if (!left.empty() && rng.below(2) == 0) {
      Item* item = *left.begin();
      dictionary.erase(item->hash, item);
      left.erase(item);
    }
  }
  CHECK(dictionary.memory() == 0);
}

// --- walks
// ----------------------------------------------------------------------------------------

namespace {

// Walks with SCAN while items come and go; checks its guarantee for those that stay.
void scan_under_change(uint64_t seed, size_t start, size_t changes_per_step,
                       unsigned insert_share) {
  INFO("seed " << seed);
  TestRng rng(seed);
  ItemPool pool;
  Dictionary dictionary(kItemTraits, 0);
  std::vector<Item*> movable;
  std::unordered_set<Item*> staying;
  for (uint64_t key = 0; key < start; ++key) {
    Item* item = pool.make(key, rng.next());
    dictionary.insert(item->hash, item, item->due);
    if (rng.below(5) == 0) {
      staying.insert(item);
    } else {
      movable.push_back(item);
    }
  }
  uint64_t key = start;
  uint64_t cursor = 0;
  size_t calls = 0;
  do {
    cursor = dictionary.scan(cursor, 1 + rng.below(20),
                             [&](void* item) { staying.erase(static_cast<Item*>(item)); });
    REQUIRE(cursor < (uint64_t{1} << 48));
    REQUIRE(++calls < 50 * start + 1000);
    for (size_t change = 0; change < changes_per_step; ++change) {
      if (rng.below(100) < insert_share) {
        movable.push_back(pool.make(key++, rng.next()));
        dictionary.insert(movable.back()->hash, movable.back(), movable.back()->due);
      } else if (!movable.empty()) {
        std::swap(movable[rng.below(movable.size())], movable.back());
        dictionary.erase(movable.back()->hash, movable.back());
        movable.pop_back();
      }
    }
  } while (cursor != 0);
  REQUIRE(staying.empty());
}

}  // namespace

TEST_CASE("dictionary: a scan meets all that stays while the table grows", "[dictionary]") {
  for (uint64_t seed = 100; seed < 140; ++seed) {
    scan_under_change(seed, 1 + (seed * 977) % 4000, seed % 30, 95);
  }
}

TEST_CASE("dictionary: a scan meets all that stays while the table shrinks", "[dictionary]") {
  for (uint64_t seed = 200; seed < 240; ++seed) {
    scan_under_change(seed, 1 + (seed * 977) % 8000, seed % 30, 5);
  }
}

TEST_CASE("dictionary: a scan meets all that stays while keys come and go", "[dictionary]") {
  for (uint64_t seed = 300; seed < 320; ++seed) {
    scan_under_change(seed, 1 + (seed * 977) % 4000, 40, 50);
  }
}

TEST_CASE("dictionary: a scan of a table that nobody changes visits each item once",
          "[dictionary]") {
  TestRng rng(51);
  ItemPool pool;
  Dictionary dictionary(kItemTraits, 0);
  std::unordered_set<void*> expected;
  for (uint64_t key = 0; key < 20'000; ++key) {
    Item* item = pool.make(key, rng.next());
    dictionary.insert(item->hash, item, item->due);
    expected.insert(item);
  }
  for (const size_t count :
       {size_t{1}, size_t{10}, size_t{1000}, std::numeric_limits<size_t>::max()}) {
    std::unordered_set<void*> seen;
    uint64_t cursor = 0;
    size_t calls = 0;
    do {
      size_t visited = 0;
      cursor = dictionary.scan(cursor, count, [&](void* item) {
        ++visited;
        REQUIRE(seen.insert(item).second);
      });
      if (count <= 1000) REQUIRE(visited <= count + 40);
      ++calls;
    } while (cursor != 0);
    CHECK(seen == expected);
    if (count == 10) CHECK(calls > 1000);
    if (count > 20'000) CHECK(calls == 1);
  }
  std::vector<void*> walked;
  dictionary.for_each([&walked](void* item) {
    walked.push_back(item);
    return true;
  });
  std::vector<void*> scanned;
  dictionary.scan(0, 100'000, [&scanned](void* item) { scanned.push_back(item); });
  CHECK(walked == scanned);
  size_t visits = 0;
  dictionary.for_each([&visits](void*) { return ++visits < 33; });
  CHECK(visits == 33);
}

TEST_CASE("dictionary: any cursor a client makes up is taken", "[dictionary]") {
  TestRng rng(52);
  ItemPool pool;
  Dictionary dictionary(kItemTraits, 0);
  for (uint64_t key = 0; key < 3000; ++key) {
    Item* item = pool.make(key, rng.next());
    dictionary.insert(item->hash, item, item->due);
  }
  for (size_t i = 0; i < 10'000; ++i) {
    const uint64_t cursor = rng.next() >> rng.below(64);
    const uint64_t next = dictionary.scan(cursor, 10, [](void*) {});
    REQUIRE((next == 0 || next > cursor));
  }
  CHECK(dictionary.scan(std::numeric_limits<uint64_t>::max(), 10, [](void*) {}) == 0);
}

TEST_CASE("dictionary: the order of a walk depends on operations only", "[dictionary]") {
  std::vector<uint64_t> orders[2];
  for (std::vector<uint64_t>& order : orders) {
    TestRng rng(53);
    ItemPool pool;
    std::vector<std::unique_ptr<char[]>> noise;  // other addresses each time
    for (size_t i = 0; i < (&order == &orders[0] ? 10U : 999U); ++i) {
      noise.push_back(std::make_unique<char[]>(100 + i));
    }
    Dictionary dictionary(kItemTraits, 0);
    std::vector<Item*> items;
    for (uint64_t key = 0; key < 5000; ++key) {
      items.push_back(pool.make(key, rng.next()));
      dictionary.insert(items.back()->hash, items.back(), items.back()->due);
      if (key % 3 == 0) {
        std::swap(items[rng.below(items.size())], items.back());
        dictionary.erase(items.back()->hash, items.back());
        items.pop_back();
      }
    }
    dictionary.for_each([&order](void* item) {
      order.push_back(static_cast<Item*>(item)->key);
      return true;
    });
    for (size_t i = 0; i < 100; ++i) {
      order.push_back(static_cast<Item*>(dictionary.random(rng))->key);
    }
  }
  CHECK(orders[0] == orders[1]);
}

TEST_CASE("dictionary: random items are uniform", "[dictionary]") {
  for (const size_t count : {1, 3, 10, 100, 1000, 3000}) {
    TestRng rng(60 + count);
    ItemPool pool;
    Dictionary dictionary(kItemTraits, 0);
    std::unordered_map<void*, size_t> hits;
    for (uint64_t key = 0; key < count; ++key) {
      Item* item = pool.make(key, rng.next());
      dictionary.insert(item->hash, item, item->due);
      hits[item] = 0;
    }
    const size_t draws = count * 60;
    for (size_t i = 0; i < draws; ++i) ++hits[dictionary.random(rng)];
    CHECK(hits.size() == count);
    const double expected = static_cast<double>(draws) / static_cast<double>(count);
    double chi_square = 0;
    for (const auto& [item, seen] : hits) {
      const double off = static_cast<double>(seen) - expected;
      chi_square += off * off / expected;
    }
    // Mean count-1, variance twice that: six standard deviations.
    const auto freedom = static_cast<double>(count - 1);
    INFO("count " << count << ", chi-square " << chi_square);
    CHECK(chi_square <= freedom + 6 * std::sqrt(2 * freedom));
  }
}

TEST_CASE("dictionary: a random item is found in a table that was nearly emptied in slices",
          "[dictionary]") {
  TestRng rng(71);
  ItemPool pool;
  Dictionary dictionary(kItemTraits, 0);
  for (uint64_t key = 0; key < 50'000; ++key) {
    Item* item = pool.make(key, rng.next());
    dictionary.insert(item->hash, item, item->due);
  }
  dictionary.take_some(49'990, [](void*) {});
  for (size_t i = 0; i < 100; ++i) CHECK(dictionary.random(rng) != nullptr);
}

}  // namespace quoris::store
