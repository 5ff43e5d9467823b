#include "store/packed.h"

#include <catch2/catch.hpp>
#include <vector>

#include "tests/store/test_rng.h"

namespace quoris::store {
namespace {

using testing::TestRng;

// A block in a keyspace beside the items it should hold.
class Model {
 public:
  explicit Model(uint64_t seed) : rng_(seed) {
    entry_ = &keyspace_.put_block(
        key_, {.type = Type::list, .encoding = Encoding::packed, .block = packed::empty_block()},
        kNoVersion, kNoExpiry, 0, nullptr);
  }

  void step(size_t items_max) {
    const size_t index = rng_.below(items_.size() + 1);
    const size_t offset = view().offset_of(index);
    switch (rng_.below(items_.size() < items_max ? 4 : 2)) {
      case 0:
        return erase(index, offset);
      case 1:
        return replace(index, offset);
      default:
        return insert(index, offset);
    }
  }

  void check() {
    REQUIRE(view().count() == items_.size());
    size_t offset = view().begin();
    for (size_t i = 0; i < items_.size(); ++i) {
      REQUIRE(text_at(offset) == items_[i]);
      REQUIRE(view().offset_of(i) == offset);
      const size_t next = view().next(offset);
      REQUIRE(view().previous(next) == offset);
      offset = next;
    }
    REQUIRE(offset == view().end());
    REQUIRE(keyspace_.memory() == entry_->memory() + keyspace_.table_memory());
    check_find();
  }

 private:
  PackedView view() { return PackedView(entry_->block()); }

  std::string text_at(size_t offset) {
    char digits[21];
    return std::string(view().at(offset).text(digits));
  }

  std::string draw() {
    if (rng_.below(2) == 0) return std::to_string(static_cast<int64_t>(rng_.below(100'000)) - 500);
    return std::string(rng_.below(rng_.below(20) == 0 ? 400 : 12), 'a');
  }

  void insert(size_t index, size_t offset) {
    std::vector<std::string> texts;
    std::vector<StringView> elements;
    for (size_t i = 1 + rng_.below(3); i > 0; --i) texts.push_back(draw());
    for (const std::string& text : texts) elements.push_back(packed::best_element(text));
    entry_ = &packed::insert(keyspace_, key_, *entry_, offset, elements);
    items_.insert(items_.begin() + static_cast<ptrdiff_t>(index), texts.begin(), texts.end());
  }

  void erase(size_t index, size_t offset) {
    const size_t count = rng_.below(std::min<size_t>(4, items_.size() - index) + 1);
    entry_ = &packed::erase(keyspace_, key_, *entry_, offset, count);
    const auto at = items_.begin() + static_cast<ptrdiff_t>(index);
    items_.erase(at, at + static_cast<ptrdiff_t>(count));
  }

  void replace(size_t index, size_t offset) {
    if (index == items_.size()) return;
    items_[index] = draw();
    entry_ =
        &packed::replace(keyspace_, key_, *entry_, offset, packed::best_element(items_[index]));
  }

  // The first that equals, among all and among every second.
  void check_find() {
    const std::string wanted =
        items_.empty() || rng_.below(4) == 0 ? draw() : items_[rng_.below(items_.size())];
    for (const size_t step : {1, 2}) {
      size_t expected = PackedView::kNone;
      for (size_t i = 0; i < items_.size() && expected == PackedView::kNone; i += step) {
        if (items_[i] == wanted) expected = view().offset_of(i);
      }
      if (items_.size() % step != 0) continue;
      REQUIRE(view().find(packed::Wanted(packed::best_element(wanted)), step) == expected);
    }
  }

  TestRng rng_;
  Keyspace keyspace_{HashSecret{5}};
  HashedKey key_ = keyspace_.hashed("the key");
  Entry* entry_ = nullptr;
  std::vector<std::string> items_;
};

TEST_CASE("packed: random edits agree with a model", "[packed]") {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Model model(seed);
    for (int i = 0; i < 400; ++i) {
      model.step(seed % 2 == 0 ? 8 : 80);
      model.check();
    }
  }
}

TEST_CASE("packed: a run from outside is visited up to its flaw", "[packed]") {
  std::string run;
  for (const char* text : {"a", "12", ""}) packed::append(run, packed::best_element(text));
  size_t visited = 0;
  const auto count = [&visited](const StringView&) { ++visited; };
  CHECK(packed::for_each_element(run, count));
  CHECK(visited == 3);
  visited = 0;
  CHECK_FALSE(packed::for_each_element(run + "\x05", count));
  CHECK(visited == 3);
  CHECK(packed::for_each_element("", count));
}

}  // namespace
}  // namespace quoris::store
