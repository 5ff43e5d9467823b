// ScoreTree and SortedMembers: random operations beside an ordered set of the standard library.
#include "store/score_tree.h"

#include <catch2/catch.hpp>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "store/sorted_members.h"
#include "tests/store/test_rng.h"

namespace quoris::store {

namespace {

using testing::TestRng;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Ranked {
  double score = 0;
  std::string member;

  bool operator<(const Ranked& other) const {
    return score != other.score ? score < other.score : member < other.member;
  }
};

// A set and its model, changed alike.
class Pair {
 public:
  void set(const std::string& member, double score) {
    const uint64_t hash = members.hash_of(member);
    SortedMembers::Item* item = members.find(member, hash);
    const auto known = scores.find(member);
    REQUIRE((item != nullptr) == (known != scores.end()));
    if (item == nullptr) {
      members.insert(member, hash, score);
    } else {
      members.set_score(*item, score);
      model.erase({known->second, member});
    }
    scores[member] = score;
    model.insert({score, member});
  }

  void erase(const std::string& member) {
    const uint64_t hash = members.hash_of(member);
    SortedMembers::Item* item = members.find(member, hash);
    const auto known = scores.find(member);
    REQUIRE((item != nullptr) == (known != scores.end()));
    if (item == nullptr) return;
    members.erase(*item, hash);
    model.erase({known->second, member});
    scores.erase(known);
  }

  void erase_range(size_t rank, size_t count) {
    auto at = std::next(model.begin(), static_cast<long>(rank));
    std::vector<std::string> gone;
    members.erase_range(rank, count,
                        [&gone](std::string_view member) { gone.emplace_back(member); });
    REQUIRE(gone.size() == count);
    for (const std::string& member : gone) {
      REQUIRE(at->member == member);
      scores.erase(member);
      at = model.erase(at);
    }
  }

  void check() const {
    const ScoreTree& tree = members.tree();
    REQUIRE(tree.is_consistent());
    REQUIRE(tree.size() == model.size());
    REQUIRE(members.size() == model.size());
    ScoreTree::Cursor at = tree.at(0);
    ScoreTree::Cursor last;
    for (const Ranked& entry : model) {
      REQUIRE(at.valid());
      REQUIRE(at.score() == entry.score);
      REQUIRE(at.item().member() == entry.member);
      last = at;
      at.next();
    }
    REQUIRE(!at.valid());
    for (auto entry = model.rbegin(); entry != model.rend(); ++entry, last.previous()) {
      REQUIRE(last.item().member() == entry->member);
    }
    REQUIRE(!last.valid());
  }

  void check_rank(size_t rank) const {
    const ScoreTree& tree = members.tree();
    const auto entry = std::next(model.begin(), static_cast<long>(rank));
    REQUIRE(tree.at(rank).item().member() == entry->member);
    REQUIRE(tree.rank_of(tree.at(rank).item()) == rank);
  }

  void check_bound(double score) const {
    for (const bool after : {false, true}) {
      size_t expected = 0;
      for (const Ranked& entry : model) {
        if (entry.score < score || (after && entry.score == score)) ++expected;
      }
      REQUIRE(members.tree().rank_of(ScoreBound{.score = score, .after = after}) == expected);
    }
  }

  SortedMembers members{HashSecret{.seed = 77}};
  std::set<Ranked> model;
  std::map<std::string, double> scores;
};

double draw_score(TestRng& rng) {
  switch (rng.below(8)) {
    case 0:
      return kInfinity;
    case 1:
      return -kInfinity;
    case 2:
      return rng.below(2) == 0 ? 0.0 : -0.0;
    case 3:
      return static_cast<double>(rng.below(5));  // many equal ones
    default:
      return (static_cast<double>(rng.below(1'000'000)) - 500'000) / 8;
  }
}

TEST_CASE("score tree: as a set of the standard library under random operations", "[store]") {
  for (const uint64_t seed : {1U, 2U, 3U, 4U}) {
    CAPTURE(seed);
    TestRng rng(seed);
    Pair pair;
    // Growing, about level, shrinking.
    for (const uint64_t erase_in_ten : {1U, 5U, 9U}) {
      for (int i = 0; i < 6'000; ++i) {
        const std::string member = "member:" + std::to_string(rng.below(10'000));
        if (rng.below(10) < erase_in_ten) {
          pair.erase(member);
        } else {
          pair.set(member, draw_score(rng));
        }
        if (i % 500 != 0 || pair.model.empty()) continue;
        pair.check();
        pair.check_rank(rng.below(pair.model.size()));
        pair.check_bound(draw_score(rng));
      }
    }
    while (!pair.model.empty()) {
      const size_t rank = rng.below(pair.model.size());
      const size_t left = pair.model.size() - rank;
      pair.erase_range(rank, 1 + rng.below(std::min<size_t>(left, 300)));
      pair.check();
    }
  }
}

TEST_CASE("score tree: filled in order, emptied from either end", "[store]") {
  for (const bool ascending : {true, false}) {
    Pair pair;
    constexpr int kCount = 10'000;
    for (int i = 0; i < kCount; ++i) pair.set("m" + std::to_string(i), ascending ? i : -i);
    pair.check();
    // In order, leaves are left full: 17 bytes or so an entry.
    CHECK(pair.members.tree().memory() < kCount * 18);
    while (pair.model.size() > 1) {
      pair.erase_range(0, 1);
      pair.erase_range(pair.model.size() - 1, 1);
      if (pair.model.size() % 1000 == 0) pair.check();
    }
  }
}

TEST_CASE("score tree: a score that changes a little, and one that passes its neighbours",
          "[store]") {
  TestRng rng(9);
  Pair pair;
  for (int i = 0; i < 2'000; ++i) pair.set("m" + std::to_string(i), i * 10);
  for (int i = 0; i < 20'000; ++i) {
    const std::string member = "m" + std::to_string(rng.below(2'000));
    pair.set(member, pair.scores[member] + static_cast<double>(rng.below(41)) - 20);
    if (i % 1'000 == 0) pair.check();
  }
  pair.check();
}

TEST_CASE("score tree: bounds by member where scores are equal", "[store]") {
  Pair pair;
  for (int i = 1'000; i < 2'000; ++i) pair.set(std::to_string(i), 1.5);
  const ScoreTree& tree = pair.members.tree();
  CHECK(tree.rank_of(LexBound{.place = LexBound::Place::lowest}) == 0);
  CHECK(tree.rank_of(LexBound{.place = LexBound::Place::highest}) == 1'000);
  for (int i = 1'000; i < 2'000; i += 7) {
    const std::string member = std::to_string(i);
    const auto rank = static_cast<size_t>(i - 1'000);
    CHECK(tree.rank_of(LexBound{.member = member}) == rank);
    CHECK(tree.rank_of(LexBound{.after = true, .member = member}) == rank + 1);
    CHECK(tree.rank_of(LexBound{.member = member + "x"}) == rank + 1);
  }
}

TEST_CASE("sorted members: a copy is equal and separate", "[store]") {
  TestRng rng(3);
  Pair pair;
  for (int i = 0; i < 3'000; ++i) {
    pair.set(std::string(rng.below(300), 'x') + std::to_string(i), draw_score(rng));
  }
  const auto copy = pair.members.clone();
  const auto& copied = static_cast<const SortedMembers&>(*copy);
  REQUIRE(copied.tree().is_consistent());
  pair.erase_range(0, 1'000);
  REQUIRE(copied.size() == 3'000);
  for (size_t rank = 0; rank < pair.members.size(); ++rank) {
    REQUIRE(copied.tree().at(rank + 1'000).item().member() ==
            pair.members.tree().at(rank).item().member());
  }
}

TEST_CASE("sorted members: memory follows what is there, and is freed bit by bit", "[store]") {
  SortedMembers members(HashSecret{.seed = 5});
  const size_t empty = members.memory();
  TestRng rng(8);
  constexpr size_t kCount = 20'000;
  for (size_t i = 0; i < kCount; ++i) {
    members.insert("member-of-20-bytes-" + std::to_string(i), static_cast<double>(rng.below(1000)));
  }
  CHECK(members.memory() > empty + kCount * 50);
  CHECK(members.memory() < empty + kCount * 84);
  size_t freed = 0;
  for (size_t turn = 0; members.size() > 0; ++turn) {
    REQUIRE(turn <= kCount / 100);
    freed += members.free_some(100);
  }
  CHECK(freed == kCount);
  CHECK(members.free_some(100) == 0);
}

}  // namespace

}  // namespace quoris::store
