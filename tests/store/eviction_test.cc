#include "store/eviction.h"

#include <catch2/catch.hpp>
#include <set>
#include <string>

#include "tests/store/test_rng.h"

namespace quoris::store {
namespace {

constexpr int64_t kNowMs = 1'800'000'000'000;
constexpr int64_t kSecond = 1000;

class Fixture {
 public:
  void put(const std::string& name, int64_t used_ms_ago, int64_t expire_at_ms = kNoExpiry,
           DbIndex db = DbIndex{0}) {
    Keyspace& keyspace = store.db(db);
    Entry& entry = keyspace.put_string(keyspace.hashed(name), best_string("value"), Version{2},
                                       expire_at_ms, 0);
    entry.set_access(initial_access(AccessMode::lru, kNowMs - used_ms_ago));
  }

  std::optional<Victim> pick(const EvictionRule& rule) {
    return evictor.pick(store, rule, rng, kNowMs);
  }

  // Evicts `count` keys; their names in order.
  std::vector<std::string> evict(const EvictionRule& rule, size_t count) {
    std::vector<std::string> names;
    for (size_t i = 0; i < count; ++i) {
      const auto victim = pick(rule);
      if (!victim) break;
      names.emplace_back(victim->entry->key());
      Keyspace& keyspace = store.db(victim->db);
      keyspace.remove(keyspace.hashed(names.back()));
    }
    return names;
  }

  Store store{2, HashSecret{5}, NodeNumber{0}};
  testing::TestRng rng{3};
  Evictor evictor;
};

TEST_CASE("evictor: an empty store has no victim, nor has one without expiring keys",
          "[eviction]") {
  Fixture at;
  for (const auto order : {EvictionOrder::random, EvictionOrder::least_recently_used,
                           EvictionOrder::first_to_expire}) {
    CHECK_FALSE(at.pick({.order = order, .expiring_only = true}));
    CHECK_FALSE(at.pick({.order = order}));
  }
  at.put("k", 0);
  CHECK_FALSE(at.pick({.order = EvictionOrder::least_recently_used, .expiring_only = true}));
  CHECK_FALSE(at.pick({.order = EvictionOrder::random, .expiring_only = true}));
  CHECK(at.pick({.order = EvictionOrder::least_recently_used}));
}

TEST_CASE("evictor: with few keys the one unused for longest goes first, in whichever database",
          "[eviction]") {
  Fixture at;
  at.put("new", 10 * kSecond);
  at.put("old", 1000 * kSecond);
  at.put("oldest", 5000 * kSecond, kNoExpiry, DbIndex{1});
  const auto names = at.evict({.order = EvictionOrder::least_recently_used, .samples = 10}, 5);
  CHECK(names == std::vector<std::string>{"oldest", "old", "new"});
}

TEST_CASE("evictor: with few keys the first to expire goes first, others never", "[eviction]") {
  Fixture at;
  at.put("stays", 1000 * kSecond);
  at.put("later", 0, kNowMs + 500 * kSecond);
  at.put("sooner", 0, kNowMs + 100 * kSecond);
  const auto names =
      at.evict({.order = EvictionOrder::first_to_expire, .expiring_only = true, .samples = 10}, 5);
  CHECK(names == std::vector<std::string>{"sooner", "later"});
}

TEST_CASE("evictor: a candidate whose key is gone or no longer expires is passed over",
          "[eviction]") {
  Fixture at;
  const EvictionRule rule = {
      .order = EvictionOrder::first_to_expire, .expiring_only = true, .samples = 10};
  at.put("a", 0, kNowMs + 100 * kSecond);
  at.put("b", 0, kNowMs + 200 * kSecond);
  at.put("c", 0, kNowMs + 300 * kSecond);
  CHECK(at.evict(rule, 1) == std::vector<std::string>{"a"});
  at.put("b", 0);
  CHECK(at.evict(rule, 5) == std::vector<std::string>{"c"});
}

// The share of the oldest fifth among the first fifth that goes.
double accuracy_of_run(const EvictionRule& rule, uint64_t seed) {
  constexpr size_t kKeys = 20'000;
  Fixture at;
  at.rng = testing::TestRng(seed);
  for (size_t i = 0; i < kKeys; ++i) {
    at.put("key" + std::to_string(i), static_cast<int64_t>(i) * kSecond);
  }
  size_t right = 0;
  for (const std::string& name : at.evict(rule, kKeys / 5)) {
    if (std::stoul(name.substr(3)) >= kKeys * 4 / 5) ++right;
  }
  return static_cast<double>(right) / (kKeys / 5);
}

// The mean of several runs: one is a hundredth off either way.
double accuracy(const EvictionRule& rule) {
  constexpr uint64_t kRuns = 8;
  double sum = 0;
  for (uint64_t seed = 1; seed <= kRuns; ++seed) sum += accuracy_of_run(rule, seed);
  return sum / static_cast<double>(kRuns);
}

TEST_CASE("evictor: samples find old keys, more of them better, random ones don't", "[eviction]") {
  const double five = accuracy({.order = EvictionOrder::least_recently_used, .samples = 5});
  const double ten = accuracy({.order = EvictionOrder::least_recently_used, .samples = 20});
  const double random = accuracy({.order = EvictionOrder::random});
  CAPTURE(five, ten, random);
  CHECK(five > 0.73);
  CHECK(ten > five);
  CHECK(random < 0.3);
}

TEST_CASE("evictor: the few that expire are found among many that don't", "[eviction]") {
  Fixture at;
  for (size_t i = 0; i < 50'000; ++i) at.put("k" + std::to_string(i), 0);
  std::set<std::string> expiring;
  for (size_t i = 0; i < 5; ++i) {
    at.put("e" + std::to_string(i), 0, kNowMs + static_cast<int64_t>(i + 1) * kSecond);
    expiring.insert("e" + std::to_string(i));
  }
  const auto names = at.evict({.order = EvictionOrder::random, .expiring_only = true}, 10);
  CHECK(std::set<std::string>(names.begin(), names.end()) == expiring);
  CHECK(at.store.db(DbIndex{0}).size() == 50'000);
}

}  // namespace
}  // namespace quoris::store
