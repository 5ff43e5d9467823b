#include "cluster/topology/balance.h"

#include <catch2/catch.hpp>
#include <set>
#include <utility>

namespace quoris::topology {

namespace {

constexpr uint64_t kSomeShare = 10 * kShareUnit;

// Items with a place each, and the pairs of places between which they may go.
class Places {
 public:
  explicit Places(std::vector<uint32_t> counts) : items_(counts.size()) {
    uint32_t item = 0;
    for (size_t place = 0; place < counts.size(); ++place) {
      for (uint32_t i = 0; i < counts[place]; ++i) items_[place].insert(item++);
      loads_.push_back({.items = counts[place],
                        .share = kSomeShare,
                        .bounds = {.low = 9, .high = 11},
                        .takes = true});
    }
  }

  void join(size_t from, size_t to) { ways_.insert({from, to}); }

  void close(size_t place) { loads_[place].takes = false; }

  bool run() {
    Exchange exchange;
    exchange.offers = [this](size_t from, size_t to, const Exchange::Visit& visit) {
      if (!ways_.contains({from, to}) || !loads_[to].takes) return;
      for (const uint32_t item : items_[from]) {
        if (!visit(item)) return;
      }
    };
    exchange.cost = [](size_t, size_t, uint32_t item) { return uint64_t{1000} - item; };
    exchange.move = [this](size_t from, size_t to, uint32_t item) {
      REQUIRE(items_[from].erase(item) == 1);
      items_[to].insert(item);
      ++moves;
    };
    exchange.may_go_on = [this] { return chains_left > 0 && chains_left-- > 0; };
    const bool is_done = balance(loads_, exchange);
    for (size_t i = 0; i < loads_.size(); ++i) REQUIRE(loads_[i].items == items_[i].size());
    return is_done;
  }

  [[nodiscard]] std::vector<size_t> counts() const {
    std::vector<size_t> counts;
    for (const auto& items : items_) counts.push_back(items.size());
    return counts;
  }

  [[nodiscard]] const std::set<uint32_t>& items(size_t place) const { return items_[place]; }

  size_t moves = 0;
  size_t chains_left = 1000;

 private:
  std::vector<std::set<uint32_t>> items_;
  std::set<std::pair<size_t, size_t>> ways_;
  std::vector<Load> loads_;
};

using Counts = std::vector<size_t>;

}  // namespace

TEST_CASE("balance: within bounds nothing moves", "[topology]") {
  Places places({9, 11, 10});
  places.join(1, 0);
  REQUIRE(places.run());
  REQUIRE(places.moves == 0);
}

TEST_CASE("balance: as few items move as will do, the cheapest first", "[topology]") {
  Places places({13, 8});
  places.join(0, 1);
  REQUIRE(places.run());
  REQUIRE(places.counts() == Counts{11, 10});
  REQUIRE(places.items(1).contains(12));
  REQUIRE(places.items(1).contains(11));
  REQUIRE(places.moves == 2);
}

TEST_CASE("balance: an overloaded node gives to the least loaded", "[topology]") {
  Places places({12, 10, 9});
  places.join(0, 1);
  places.join(0, 2);
  REQUIRE(places.run());
  REQUIRE(places.counts() == Counts{11, 10, 10});
}

TEST_CASE("balance: a node in need takes from the most loaded", "[topology]") {
  Places places({8, 10, 11});
  places.join(1, 0);
  places.join(2, 0);
  REQUIRE(places.run());
  REQUIRE(places.counts() == Counts{9, 10, 10});
}

TEST_CASE("balance: where there is no direct way, along a chain", "[topology]") {
  Places places({12, 11, 11, 9});
  places.join(0, 1);
  places.join(1, 2);
  places.join(2, 3);
  REQUIRE(places.run());
  REQUIRE(places.counts() == Counts{11, 11, 11, 10});
  REQUIRE(places.moves == 3);
}

TEST_CASE("balance: stopped between chains, it goes on to the same end", "[topology]") {
  const auto make = [] {
    Places places({13, 12, 11, 8, 8});
    for (size_t from = 0; from < 3; ++from) places.join(from, from + 1);
    places.join(2, 4);
    return places;
  };
  Places at_once = make();
  REQUIRE(at_once.run());
  Places stepwise = make();
  do {
    stepwise.chains_left = 1;
  } while (!stepwise.run());
  REQUIRE(stepwise.counts() == at_once.counts());
  for (size_t i = 0; i < 5; ++i) REQUIRE(stepwise.items(i) == at_once.items(i));
}

TEST_CASE("balance: who can't be helped is left alone, the others aren't", "[topology]") {
  Places places({13, 12, 8, 0});
  places.join(1, 2);
  places.close(3);
  REQUIRE_FALSE(places.run());
  REQUIRE(places.counts() == Counts{13, 11, 9, 0});
}

TEST_CASE("balance: a load is measured by its share, and none is less than no share",
          "[topology]") {
  const auto load = [](uint32_t items, uint64_t share) {
    return Load{.items = items, .share = share, .bounds = {}, .takes = true};
  };
  REQUIRE(is_less_loaded(load(5, 100), load(3, 50)));
  REQUIRE_FALSE(is_less_loaded(load(3, 50), load(5, 100)));
  REQUIRE_FALSE(is_less_loaded(load(4, 100), load(2, 50)));
  REQUIRE(is_less_loaded(load(4, 100), load(1, 0)));
  REQUIRE_FALSE(is_less_loaded(load(1, 0), load(4, 100)));
}

}  // namespace quoris::topology
