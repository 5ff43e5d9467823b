// Lists in both forms against a deque of strings.
#include "store/list_value.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <deque>
#include <string>
#include <vector>

#include "store/size_class.h"
#include "tests/store/test_rng.h"

namespace quoris::store {
namespace {

using testing::TestRng;

using Model = std::deque<std::string>;

constexpr HashSecret kSecret{.seed = 99};

std::string text_of(const StringView& item) {
  char digits[21];
  return std::string(item.text(digits));
}

// Few different ones, so that equal items meet; now and then one larger than a block.
std::string random_item(TestRng& rng) {
  switch (rng.below(12)) {
    case 0:
      return std::to_string(rng.below(300));
    case 1:
      return std::to_string(static_cast<int64_t>(rng.next()));
    case 2:
      return std::string(rng.below(400), 'm');
    case 3:
      return rng.below(30) == 0 ? std::string(70'000 + rng.below(3), 'h') : "";
    case 4:
      return rng.below(10) == 0 ? std::string(5'000, 'l') : "007";
    default:
      return "item" + std::to_string(rng.below(5));
  }
}

// A list at a key of a keyspace of its own, and what it should hold.
class Bench {
 public:
  explicit Bench(const CollectionLimits& limits) : limits_(limits) {
    const std::string block = packed::empty_block();
    entry_ = &keyspace_.put_block(key(), {.type = Type::list, .block = block}, kNoVersion,
                                  kNoExpiry, 0, nullptr);
  }

  void insert(size_t index, const std::vector<std::string>& items) {
    std::vector<StringView> views;
    for (const std::string& item : items) views.push_back(packed::best_element(item));
    change([&](ListValue& value) { value.insert(index, views); });
    model.insert(model.begin() + static_cast<std::ptrdiff_t>(index), items.begin(), items.end());
  }

  void erase(size_t index, size_t count) {
    change([&](ListValue& value) { value.erase(index, count); });
    const auto from = model.begin() + static_cast<std::ptrdiff_t>(index);
    model.erase(from, from + static_cast<std::ptrdiff_t>(count));
  }

  void set(size_t index, const std::string& item) {
    change([&](ListValue& value) { value.set(index, packed::best_element(item)); });
    model[index] = item;
  }

  void remove(const std::string& item, size_t count_max, bool from_tail) {
    size_t removed = 0;
    change([&](ListValue& value) {
      removed = value.remove(
          {.item = packed::best_element(item), .count_max = count_max, .from_tail = from_tail});
    });
    size_t expected = 0;
    if (from_tail) std::ranges::reverse(model);
    for (auto at = model.begin(); at != model.end() && expected < count_max;) {
      if (*at == item) {
        at = model.erase(at);
        ++expected;
      } else {
        ++at;
      }
    }
    if (from_tail) std::ranges::reverse(model);
    REQUIRE(removed == expected);
  }

  void make_large() {
    change([](ListValue& value) { value.make_large(); });
  }

  [[nodiscard]] ListView view() const { return ListView(*entry_); }

  [[nodiscard]] Keyspace& keyspace() { return keyspace_; }

  [[nodiscard]] Entry& entry() { return *entry_; }

  CollectionLimits& limits() { return limits_; }

  // All but reads from the middle, which cost more.
  void check() {
    const ListView list = view();
    REQUIRE(list.size() == model.size());
    const size_t large = list.blocks() == nullptr ? 0 : list.blocks()->memory();
    REQUIRE(keyspace_.memory() == keyspace_.table_memory() + entry_->own_memory() + large);
    if (list.blocks() != nullptr) REQUIRE(list.blocks()->is_sound());
  }

  void check_items(TestRng& rng) {
    const ListView list = view();
    if (model.empty()) return;
    const size_t index = rng.below(model.size());
    REQUIRE(text_of(list.at(index)) == model[index]);
    size_t at = index;
    list.forward(index, [&](const StringView& item) {
      REQUIRE(text_of(item) == model[at]);
      return ++at < index + 2000;
    });
    REQUIRE(at == std::min(index + 2000, model.size()));
    at = index + 1;
    list.backward(index, [&](const StringView& item) {
      --at;
      REQUIRE(text_of(item) == model[at]);
      return true;
    });
    REQUIRE(at == 0);
  }

  Model model;

 private:
  [[nodiscard]] HashedKey key() const { return keyspace_.hashed("key"); }

  template <class Change>
  void change(Change&& change) {
    const HashedKey hashed = key();
    ListValue value(keyspace_, hashed, *entry_, limits_);
    change(value);
    entry_ = &value.entry();
  }

  Keyspace keyspace_{kSecret};
  CollectionLimits limits_;
  Entry* entry_;
};

void random_step(Bench& bench, TestRng& rng) {
  const size_t size = bench.model.size();
  switch (rng.below(14)) {
    case 0:
    case 1:
    case 2:
      return bench.insert(0, {random_item(rng)});
    case 3:
    case 4:
    case 5:
      return bench.insert(size, {random_item(rng)});
    case 6:
      return bench.insert(rng.below(size + 1), {random_item(rng), random_item(rng), "x"});
    case 7:
      return bench.insert(rng.below(size + 1), {random_item(rng)});
    case 8:
      if (size > 0) bench.erase(0, 1);
      return;
    case 9:
      if (size > 0) bench.erase(size - 1, 1);
      return;
    case 10:
      if (size > 0) {
        const size_t index = rng.below(size);
        bench.erase(index, rng.below(std::min<size_t>(4, size - index) + 1));
      }
      return;
    case 11:
      if (size > 0) bench.set(rng.below(size), random_item(rng));
      return;
    case 12:
      return bench.remove(random_item(rng), rng.below(3), rng.below(2) == 0);
    default:
      if (rng.below(60) == 0) {
        const size_t index = rng.below(size + 1);
        return bench.erase(index, rng.below(size - index + 1));
      }
      if (rng.below(60) == 0) bench.remove(random_item(rng), size, rng.below(2) == 0);
  }
}

TEST_CASE("list: random changes as to a deque, whatever the limits are", "[store]") {
  const int64_t limit = GENERATE(-5, -2, -1, 0, 1, 2, 3, 100, 100'000);
  const size_t small = GENERATE(0, 128);
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    TestRng rng(seed);
    CAPTURE(limit, small, seed);
    Bench bench({.list_max_packed = limit, .list_max_small_items = small});
    for (size_t step = 0; step < 2'000; ++step) {
      random_step(bench, rng);
      bench.check();
      if (step % 64 == 0) bench.check_items(rng);
      if (rng.below(500) == 0) {
        bench.limits().list_max_packed = static_cast<int64_t>(rng.below(8)) - 4;
      }
    }
    bench.check_items(rng);
  }
}

TEST_CASE("list: stays in its entry up to the limits of bytes and items", "[store]") {
  Bench bench({});
  SECTION("items") {
    for (size_t i = 0; i < 128; ++i) bench.insert(i, {"7"});
    CHECK(bench.entry().encoding() == Encoding::packed);
    bench.insert(60, {"8"});
  }
  SECTION("bytes") {
    bench.insert(0, {std::string(470, 'x')});
    CHECK(bench.entry().encoding() == Encoding::packed);
    bench.insert(1, {std::string(40, 'y')});
  }
  SECTION("an item that is replaced") {
    bench.insert(0, {"a", "b"});
    bench.set(1, std::string(600, 'x'));
  }
  CHECK(bench.entry().encoding() == Encoding::large);
  TestRng rng(1);
  bench.check();
  bench.check_items(rng);
  // For good.
  bench.erase(1, bench.model.size() - 1);
  CHECK(bench.entry().encoding() == Encoding::large);
}

TEST_CASE("list: ten items of eight bytes fit into a 160-byte entry", "[store]") {
  Bench bench({});
  for (size_t i = 0; i < 10; ++i) bench.insert(i, {"item000" + std::to_string(i)});
  // The key has 3 bytes here.
  CHECK(bench.entry().own_memory() == size_class(16 + 3 + 2 + 10 * 10));
}

TEST_CASE("list: pushes and pops at the ends keep blocks full and free the empty ones", "[store]") {
  Bench bench({});
  constexpr size_t kItems = 20'000;
  const bool at_head = GENERATE(false, true);
  const auto push_place = [&] { return at_head ? 0 : bench.model.size(); };
  for (size_t i = 0; i < kItems; ++i) bench.insert(push_place(), {"item" + std::to_string(i)});
  const BlockList& blocks = *bench.view().blocks();
  const size_t full = blocks.memory();
  // 10 or 11 bytes an item, the rest of a block, the row.
  CHECK(full < kItems * 12 + 2 * 8192);
  CHECK(blocks.blocks() == 26);
  // A queue: as many come as go.
  for (size_t i = 0; i < 3 * kItems; ++i) {
    bench.insert(push_place(), {"item" + std::to_string(i % kItems)});
    bench.erase(at_head ? bench.model.size() - 1 : 0, 1);
  }
  CHECK(blocks.memory() < full + 3 * 8192);
  for (size_t i = 1; i < kItems; ++i) bench.erase(at_head ? bench.model.size() - 1 : 0, 1);
  bench.check();
  CHECK(blocks.blocks() == 1);
  CHECK(blocks.memory() < 2048);
}

TEST_CASE("list: items in the middle split blocks, removals merge them again", "[store]") {
  Bench bench({});
  TestRng rng(5);
  for (size_t i = 0; i < 10'000; ++i) {
    bench.insert(rng.below(bench.model.size() + 1), {"item" + std::to_string(i)});
  }
  bench.check();
  const BlockList& blocks = *bench.view().blocks();
  CHECK(blocks.blocks() < 40);
  while (bench.model.size() > 100) bench.erase(rng.below(bench.model.size()), 1);
  bench.check();
  bench.check_items(rng);
  CHECK(blocks.blocks() <= 2);
  CHECK(blocks.memory() < 8192);
}

TEST_CASE("list: LREM of most items leaves few blocks", "[store]") {
  Bench bench({});
  std::vector<std::string> items;
  for (size_t i = 0; i < 20'000; ++i) {
    items.push_back(i % 100 == 0 ? "kept" + std::to_string(i) : "gone");
  }
  bench.insert(0, items);
  const bool from_tail = GENERATE(false, true);
  bench.remove("gone", 19'000, from_tail);
  bench.check();
  TestRng rng(1);
  bench.check_items(rng);
  CHECK(bench.view().blocks()->blocks() <= 4);
}

TEST_CASE("list: an item larger than a block has one of its own", "[store]") {
  Bench bench({});
  bench.insert(0, {"a", "b", std::string(100'000, 'h'), "c"});
  const BlockList& blocks = *bench.view().blocks();
  CHECK(blocks.blocks() == 3);
  bench.insert(2, {"d"});
  CHECK(blocks.blocks() == 3);
  CHECK(blocks.memory() < 115'000 + 2048);
  bench.check();
  bench.erase(3, 1);
  bench.check();
  CHECK(blocks.blocks() == 1);
}

TEST_CASE("list: a clone holds the same items and is a list of its own", "[store]") {
  Bench bench({});
  TestRng rng(3);
  for (size_t i = 0; i < 3'000; ++i) random_step(bench, rng);
  bench.make_large();
  bench.insert(0, {"first"});
  const BlockList& blocks = *bench.view().blocks();
  const std::unique_ptr<LargeValue> copy = blocks.clone();
  auto& copied = static_cast<BlockList&>(*copy);
  CHECK(copied.is_sound());
  CHECK(copied.size() == bench.model.size());
  CHECK(copied.memory() <= blocks.memory());
  const Model before = bench.model;
  bench.erase(0, bench.model.size() - 1);
  for (size_t i = 0; i < before.size(); ++i) REQUIRE(text_of(copied.at(i)) == before[i]);
}

TEST_CASE("list: is freed bit by bit", "[store]") {
  BlockList list;
  const BlockLimits limits = block_limits(-2);
  for (size_t i = 0; i < 5'000; ++i) list.insert(i, packed::best_element("some item"), limits);
  const size_t full = list.memory();
  CHECK(list.free_some(10) == 10);
  CHECK(list.size() == 4'990);
  CHECK(list.free_some(4'000) == 4'000);
  CHECK(list.memory() < full / 3);
  CHECK(list.free_some(4'000) == 990);
  CHECK(list.free_some(1) == 0);
}

TEST_CASE("list: the setting's numbers", "[store]") {
  CHECK(block_limits(-1).bytes == 4'096);
  CHECK(block_limits(-2).bytes == 8'192);
  CHECK(block_limits(-5).bytes == 65'536);
  CHECK(block_limits(-9).bytes == 65'536);
  CHECK(block_limits(0).items == 1);
  CHECK(block_limits(7).items == 7);
}

}  // namespace
}  // namespace quoris::store
