// ZsetView and ZsetValue beside a model, in both forms and over the change from one to the other;
// Writer's part and apply's.
#include "store/zset_value.h"

#include <catch2/catch.hpp>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "store/elements.h"
#include "store/writer.h"
#include "tests/store/test_rng.h"

namespace quoris::store {

namespace {

using testing::TestRng;

constexpr HashSecret kSecret{.seed = 4711};
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr DbIndex kDb{0};

using Listing = std::vector<std::pair<std::string, double>>;

Listing list(const Entry& entry, bool descending = false) {
  Listing listing;
  char digits[21];
  const ZsetView view(entry);
  view.for_each(0, view.size(), descending, [&](const StringView& member, double score) {
    listing.emplace_back(member.text(digits), score);
    return true;
  });
  return listing;
}

// Score first: in the set's order.
Listing sorted(const std::map<std::string, double>& scores) {
  std::set<std::pair<double, std::string>> order;
  for (const auto& [member, score] : scores) order.emplace(score, member);
  Listing listing;
  for (const auto& [score, member] : order) listing.emplace_back(member, score);
  return listing;
}

// Changes a set in a keyspace by ZsetValue.
struct Fixture {
  CollectionLimits limits;
  Keyspace keyspace{kSecret};
  HashedKey key = keyspace.hashed("zset");

  Fixture() {
    const std::string block = packed::empty_block();
    keyspace.put_block(key, {.type = Type::zset, .block = block}, kNoVersion, kNoExpiry, 0,
                       nullptr);
  }

  [[nodiscard]] Entry& entry() { return *keyspace.find(key); }

  [[nodiscard]] ZsetView view() { return ZsetView(entry()); }

  [[nodiscard]] ZsetValue value() { return {keyspace, key, entry(), limits}; }

  ScoreOutcome set(std::string_view member, double score, const ScoreRules& rules = {}) {
    return value().set(member, score, rules);
  }
};

double draw_score(TestRng& rng) {
  constexpr double kScores[] = {0, -0.0, 1, 2, 3, 0.5, -1.25, kInfinity, -kInfinity, 1e300};
  return kScores[rng.below(std::size(kScores))];
}

std::string draw_member(TestRng& rng, uint64_t members) {
  const std::string number = std::to_string(rng.below(members));
  switch (rng.below(3)) {
    case 0:
      return number;  // kept as an integer
    case 1:
      return "-" + number;
    default:
      return "m" + number;
  }
}

void check(Fixture& fixture, const std::map<std::string, double>& scores, TestRng& rng) {
  const Listing expected = sorted(scores);
  REQUIRE(list(fixture.entry()) == expected);
  REQUIRE(list(fixture.entry(), true) == Listing(expected.rbegin(), expected.rend()));
  const ZsetView view = fixture.view();
  REQUIRE(view.size() == expected.size());
  if (expected.empty()) return;
  const size_t rank = rng.below(expected.size());
  REQUIRE(view.rank(expected[rank].first) == rank);
  REQUIRE(view.score(expected[rank].first) == expected[rank].second);
  const ZsetView::Member random = view.random(rng);
  char digits[21];
  REQUIRE(scores.at(std::string(random.member.text(digits))) == random.score);
  const double score = draw_score(rng);
  for (const bool after : {false, true}) {
    size_t before = 0;
    for (const auto& [member, its] : expected) {
      if (its < score || (after && its == score)) ++before;
    }
    REQUIRE(view.rank(ScoreBound{.score = score, .after = after}) == before);
  }
}

TEST_CASE("zset value: as a model under random changes, packed, large and from one to the other",
          "[store]") {
  const auto [members, packed_max] =
      GENERATE(std::pair<uint64_t, size_t>{40, 128}, std::pair<uint64_t, size_t>{40, 0},
               std::pair<uint64_t, size_t>{200, 50});
  TestRng rng(members + packed_max);
  Fixture fixture;
  fixture.limits.zset_max_packed_members = packed_max;
  std::map<std::string, double> scores;
  for (int i = 0; i < 8'000; ++i) {
    const std::string member = draw_member(rng, members);
    if (rng.below(3) == 0) {
      REQUIRE(fixture.value().remove(member) == (scores.erase(member) == 1));
    } else {
      const double score = draw_score(rng);
      const auto known = scores.find(member);
      const ScoreOutcome outcome = fixture.set(member, score);
      if (known == scores.end()) {
        REQUIRE(outcome.change == ScoreChange::added);
      } else {
        const bool equal = known->second == score;
        REQUIRE(outcome.change == (equal ? ScoreChange::unchanged : ScoreChange::updated));
      }
      scores[member] = score;
    }
    if (rng.below(200) == 0 && !scores.empty()) {
      const size_t rank = rng.below(scores.size());
      const size_t count = 1 + rng.below(scores.size() - rank);
      char digits[21];
      fixture.value().remove_range(rank, count, [&](const StringView& gone) {
        REQUIRE(scores.erase(std::string(gone.text(digits))) == 1);
      });
    }
    if (i % 20 == 0) check(fixture, scores, rng);
  }
  REQUIRE(fixture.entry().is_large() == (packed_max < 100));
}

TEST_CASE("zset value: becomes large by its members' number and length", "[store]") {
  Fixture fixture;
  for (int i = 0; i < 128; ++i) fixture.set(std::to_string(i), i);
  CHECK(!fixture.entry().is_large());
  fixture.set("5", 1000);  // one that is there
  CHECK(!fixture.entry().is_large());
  fixture.set("one more", 0);
  CHECK(fixture.entry().is_large());
  CHECK(list(fixture.entry()).front().first == "0");
  CHECK(list(fixture.entry())[1].first == "one more");

  Fixture other;
  other.set(std::string(64, 'x'), 1);
  CHECK(!other.entry().is_large());
  other.set(std::string(65, 'x'), 1);
  CHECK(other.entry().is_large());
}

TEST_CASE("zset value: ten small members take 21 bytes each over all", "[store]") {
  Keyspace keyspace(kSecret);
  const HashedKey key = keyspace.hashed("a-key-of-16-byte");
  const std::string block = packed::empty_block();
  keyspace.put_block(key, {.type = Type::zset, .block = block}, kNoVersion, kNoExpiry, 0, nullptr);
  const CollectionLimits limits;
  for (int i = 0; i < 10; ++i) {
    ZsetValue value(keyspace, key, *keyspace.find(key), limits);
    value.set("member:" + std::to_string(i), 1000 * i);
  }
  CHECK(keyspace.find(key)->memory() <= 208);
}

TEST_CASE("zset value: rules", "[store]") {
  Fixture fixture;
  fixture.limits.zset_max_packed_members = GENERATE(128, 0);
  CHECK(fixture.set("a", 1, {.only_present = true}).change == ScoreChange::refused);
  CHECK(fixture.set("a", 5, {.only_greater = true}).change == ScoreChange::added);
  CHECK(fixture.set("a", 6, {.only_new = true}).change == ScoreChange::refused);
  CHECK(fixture.set("a", 5, {.only_greater = true}).change == ScoreChange::refused);
  CHECK(fixture.set("a", 5, {.only_less = true}).change == ScoreChange::refused);
  CHECK(fixture.set("a", 4, {.only_less = true}).change == ScoreChange::updated);
  CHECK(fixture.set("a", 4, {.only_present = true}).change == ScoreChange::unchanged);
  const ScoreOutcome sum = fixture.set("a", 2.5, {.add_to = true});
  CHECK(sum.change == ScoreChange::updated);
  CHECK(sum.score == 6.5);
  fixture.set("a", kInfinity);
  CHECK(fixture.set("a", -kInfinity, {.add_to = true}).change == ScoreChange::not_a_number);
  CHECK(fixture.view().score("a") == kInfinity);
}

struct Replay : MutationSink {
  Store store{4, HashSecret{.seed = 5}, NodeNumber{3}};

  void emit(const Mutation& mutation) override { REQUIRE(apply(store, mutation)); }
};

TEST_CASE("writer: what is emitted of sorted sets makes an equal one", "[store]") {
  Store store(4, kSecret, NodeNumber{7});
  store.limits().zset_max_packed_members = GENERATE(10, 1000);
  KeyspaceStats stats;
  TestRng rng(12);
  Replay replay;
  Writer writer(store, stats, rng, 1'700'000'000'000, {.sink = &replay});
  const HashedKey key = store.db(kDb).hashed("z");
  size_t changes = 0;
  for (int i = 0; i < 2'000; ++i) {
    Entry* entry = writer.find_for_write(kDb, key);
    const std::string member = draw_member(rng, 30);
    if (entry == nullptr || rng.below(3) > 0) {
      const ScoredMember pairs[] = {{draw_score(rng), member}, {draw_score(rng), "twice"}};
      const ScoreChanges made = writer.zset_set(kDb, key, entry, pairs, {}, "zadd");
      changes += made.added + made.updated;
    } else if (rng.below(8) > 0) {
      const std::string_view names[] = {member, "never there"};
      changes += writer.zset_remove(kDb, key, *entry, names, "zrem");
    } else {
      const size_t size = collection_size(*entry);
      const size_t rank = rng.below(size);
      const size_t count = 1 + rng.below(size - rank);
      writer.zset_remove_range(kDb, key, *entry, rank, count, "zremrangebyrank");
      changes += count;
    }
    REQUIRE(stats.changes == changes);
    Entry* ours = store.db(kDb).find(key);
    Entry* theirs = replay.store.db(kDb).find(replay.store.db(kDb).hashed("z"));
    REQUIRE((ours == nullptr) == (theirs == nullptr));
    if (ours == nullptr) continue;
    REQUIRE(list(*ours) == list(*theirs));
    REQUIRE(ours->version() == theirs->version());
    REQUIRE(ours->encoding() == theirs->encoding());
  }
  Entry* entry = writer.find_for_write(kDb, key);
  REQUIRE(entry != nullptr);
  const Listing listing = list(*entry);
  writer.copy(kDb, *entry, DbIndex{1}, key);
  const HashedKey there = replay.store.db(DbIndex{1}).hashed("z");
  REQUIRE(list(*replay.store.db(DbIndex{1}).find(there)) == listing);
  writer.move(kDb, key, *writer.find_for_write(kDb, key), DbIndex{2}, key);
  REQUIRE(list(*replay.store.db(DbIndex{2}).find(there)) == listing);
  REQUIRE(replay.store.db(kDb).find(there) == nullptr);
}

}  // namespace

}  // namespace quoris::store
