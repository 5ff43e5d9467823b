#include "store/intset.h"

#include <catch2/catch.hpp>
#include <limits>
#include <set>
#include <vector>

#include "tests/store/test_rng.h"

namespace quoris::store {
namespace {

using testing::TestRng;

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr int64_t kMin = std::numeric_limits<int64_t>::min();

// A number of at most so many bits, around the ends of its width more often than not.
int64_t draw(TestRng& rng, unsigned bits) {
  const int64_t edge = bits == 64 ? kMax : (int64_t{1} << (bits - 1)) - 1;
  const auto near = static_cast<int64_t>(rng.below(20));
  switch (rng.below(4)) {
    case 0:
      return edge - near;
    case 1:
      return -edge - 1 + near;
    default:
      return near - 10;
  }
}

void check(const IntsetView& view, const std::set<int64_t>& model, TestRng& rng) {
  REQUIRE(view.size() == model.size());
  size_t index = 0;
  for (const int64_t member : model) {
    REQUIRE(view.at(index) == member);
    REQUIRE(view.lower_bound(member) == index);
    ++index;
  }
  for (const unsigned bits : {16U, 32U, 64U}) {
    const int64_t value = draw(rng, bits);
    REQUIRE(view.contains(value) == model.contains(value));
  }
}

TEST_CASE("intset: random insertions and removals agree with a model, in every width", "[intset]") {
  for (const unsigned bits : {16U, 32U, 64U}) {
    TestRng rng(bits);
    Keyspace keyspace(HashSecret{1});
    const HashedKey key = keyspace.hashed("k");
    Entry* entry = &keyspace.put_block(
        key, {.type = Type::set, .encoding = Encoding::intset, .block = intset::empty_block()},
        kNoVersion, kNoExpiry, 0, nullptr);
    std::set<int64_t> model;
    for (int i = 0; i < 2'000; ++i) {
      CAPTURE(bits, i);
      // The widest come late: the block widens with members in it.
      const int64_t value = draw(rng, i < 500 ? 16 : bits);
      const IntsetView view(entry->block());
      if (model.insert(value).second) {
        entry = &intset::insert(keyspace, key, *entry, value);
      } else if (rng.below(2) == 0) {
        entry = &intset::erase(keyspace, key, *entry, view.lower_bound(value));
        model.erase(value);
      }
      check(IntsetView(entry->block()), model, rng);
    }
    CHECK(IntsetView(entry->block()).width() == bits / 8);
    CHECK(keyspace.memory() == entry->memory() + keyspace.table_memory());
  }
}

TEST_CASE("intset: a block made at once has the width that its ends ask for", "[intset]") {
  TestRng rng(3);
  CHECK(IntsetView(intset::block_of({})).size() == 0);
  const std::pair<std::vector<int64_t>, size_t> kSets[] = {
      {{-1, 0, 32767}, 2},  {{-32768}, 2},        {{-32769, 5}, 4}, {{5, 32768}, 4},
      {{0, 2147483648}, 8}, {{kMin, 0, kMax}, 8}, {{kMin}, 8},
  };
  for (const auto& [members, width] : kSets) {
    CAPTURE(members);
    const std::string block = intset::block_of(members);
    CHECK(IntsetView(block).width() == width);
    check(IntsetView(block), {members.begin(), members.end()}, rng);
  }
}

}  // namespace
}  // namespace quoris::store
