#include "sim/check/linearizability.h"

#include <catch2/catch.hpp>
#include <deque>
#include <utility>

#include "sim/env/sim_env.h"

namespace quoris::sim {
namespace {

// Calls with the memory behind them.
class Record {
 public:
  struct Times {
    uint64_t invoked_us = 0;
    uint64_t returned_us = 0;  // 0: never
  };

  void add(Times times, Action action) {
    action.target = "x";
    actions_.push_back(std::move(action));
    calls_.push_back({.action = &actions_.back(),
                      .invoked_us = times.invoked_us,
                      .returned_us = times.returned_us,
                      .has_result = times.returned_us != 0});
  }

  void write(Times times, std::string value) {
    add(times, {.kind = ActionKind::write, .target = {}, .argument = std::move(value)});
  }

  void read(Times times, std::optional<std::string> value) {
    add(times, {.kind = ActionKind::read, .target = {}, .text = std::move(value)});
  }

  void count(Times times, ActionKind kind, std::string argument, int64_t number) {
    add(times, {.kind = kind, .target = {}, .argument = std::move(argument), .number = number});
  }

  [[nodiscard]] Linearizability outcome(const LinearizabilityOptions& options = {}) const {
    return check_register(calls_, {}, options).outcome;
  }

  [[nodiscard]] bool holds() const { return outcome() == Linearizability::holds; }

  [[nodiscard]] std::string explanation() const { return check_register(calls_, {}).explanation; }

 private:
  std::deque<Action> actions_;
  std::vector<Call> calls_;
};

TEST_CASE("linearizability: one after another everybody sees the last write", "[sim]") {
  Record record;
  record.read({1, 2}, std::nullopt);
  record.write({3, 4}, "a");
  record.read({5, 6}, "a");
  CHECK(record.holds());
  record.read({7, 8}, std::nullopt);
  CHECK_FALSE(record.holds());
  CHECK(record.explanation().find("reads x -> nothing") != std::string::npos);
}

TEST_CASE("linearizability: overlapping calls may take effect in either order", "[sim]") {
  Record record;
  record.write({1, 10}, "a");
  record.write({1, 10}, "b");
  record.read({11, 12}, "a");
  CHECK(record.holds());
  record.read({13, 14}, "b");
  CHECK_FALSE(record.holds());
}

TEST_CASE("linearizability: a stale read after a new one is found (Herlihy and Wing 1990, 2.2)",
          "[sim]") {
  Record record;
  record.write({1, 2}, "old");
  record.write({3, 20}, "new");
  record.read({4, 6}, "new");
  CHECK(record.holds());
  record.read({7, 9}, "old");
  CHECK_FALSE(record.holds());
}

TEST_CASE("linearizability: what nobody heard of may have happened late, or never", "[sim]") {
  Record never;
  never.write({1, 2}, "a");
  never.write({3, 0}, "b");
  never.read({5, 6}, "a");
  CHECK(never.holds());

  Record seen;
  seen.write({1, 2}, "a");
  seen.write({3, 0}, "b");
  seen.read({5, 6}, "a");
  seen.read({7, 8}, "b");
  CHECK(seen.holds());
  seen.read({9, 10}, "a");
  CHECK_FALSE(seen.holds());
}

TEST_CASE("linearizability: a value that nobody wrote is found", "[sim]") {
  Record record;
  record.write({1, 2}, "a");
  record.read({3, 4}, "b");
  CHECK_FALSE(record.holds());
}

TEST_CASE("linearizability: a lost and a doubled increment are found", "[sim]") {
  Record good;
  good.count({1, 5}, ActionKind::increment, "", 2);
  good.count({2, 6}, ActionKind::increment, "", 1);
  good.count({7, 8}, ActionKind::increment, "", 3);
  CHECK(good.holds());
  Record lost;
  lost.count({1, 2}, ActionKind::increment, "", 1);
  lost.count({3, 4}, ActionKind::increment, "", 1);
  CHECK_FALSE(lost.holds());
  Record doubled;
  doubled.count({1, 2}, ActionKind::increment, "", 1);
  doubled.count({3, 4}, ActionKind::increment, "", 3);
  CHECK_FALSE(doubled.holds());
}

TEST_CASE("linearizability: results of append, swap, removal and conditional writes count",
          "[sim]") {
  Record record;
  record.count({1, 2}, ActionKind::append, "abc", 3);
  record.count({3, 4}, ActionKind::append, "de", 5);
  record.add({5, 6}, {.kind = ActionKind::swap, .target = {}, .argument = "n", .text = "abcde"});
  record.add({7, 8}, {.kind = ActionKind::write_if_absent, .target = {}, .argument = "m"});
  record.add({9, 10}, {.kind = ActionKind::remove, .target = {}, .done = true});
  record.add({11, 12},
             {.kind = ActionKind::write_if_absent, .target = {}, .argument = "m", .done = true});
  record.read({13, 14}, "m");
  CHECK(record.holds());
  record.add({15, 16}, {.kind = ActionKind::remove, .target = {}, .done = false});
  CHECK_FALSE(record.holds());
}

TEST_CASE("linearizability: an expiring value goes when its time comes, not before", "[sim]") {
  constexpr uint64_t kTtlUs = 1'000;
  const LinearizabilityOptions options{.expiry_slack_us = 10};
  const auto with_read = [&](Record::Times times, std::optional<std::string> value) {
    Record record;
    record.add({100, 110},
               {.kind = ActionKind::write, .target = {}, .argument = "a", .ttl_us = kTtlUs});
    record.read(times, std::move(value));
    return record.outcome(options) == Linearizability::holds;
  };
  CHECK(with_read({200, 210}, "a"));
  CHECK_FALSE(with_read({200, 210}, std::nullopt));
  CHECK(with_read({1'100, 1'110}, "a"));
  CHECK(with_read({1'100, 1'110}, std::nullopt));
  CHECK(with_read({1'200, 1'210}, std::nullopt));
  CHECK_FALSE(with_read({1'200, 1'210}, "a"));
}

TEST_CASE("linearizability: what a wrong clock has hidden may be there again", "[sim]") {
  const auto holds = [](uint64_t slack_us) {
    Record record;
    record.add({100, 110},
               {.kind = ActionKind::write, .target = {}, .argument = "a", .ttl_us = 1'000});
    record.read({1'200, 1'210}, std::nullopt);
    record.read({1'300, 1'310}, "a");
    return record.outcome({.expiry_slack_us = slack_us}) == Linearizability::holds;
  };
  CHECK(holds(RegisterState::kNever));
  CHECK_FALSE(holds(10));
}

TEST_CASE("linearizability: past its bound the search says that it does not know", "[sim]") {
  Record record;
  for (uint64_t i = 0; i < 14; ++i) {
    record.count({1, 0}, ActionKind::append, std::string(1 + i, 'x'), 0);
  }
  record.read({200, 201}, "what no order of them gives");
  CHECK(record.outcome({.configurations_max = 50}) == Linearizability::undecided);
}

TEST_CASE(
    "linearizability: many calls that nobody heard of take no time where they are alike or "
    "seen",
    "[sim]") {
  Record counted;
  for (uint64_t i = 0; i < 200; ++i) counted.count({1 + i, 0}, ActionKind::increment, "", 0);
  counted.read({300, 301}, "77");
  CHECK(counted.outcome({.configurations_max = 50'000}) == Linearizability::holds);
  counted.read({302, 303}, "76");
  CHECK(counted.outcome({.configurations_max = 50'000}) == Linearizability::broken);

  Record appended;
  std::string all;
  for (uint64_t i = 0; i < 200; ++i) {
    const std::string token = std::to_string(i) + ";";
    appended.count({1 + i, 0}, ActionKind::append, token, 0);
    if (i % 3 != 0) all += token;
  }
  appended.read({300, 301}, all);
  CHECK(appended.outcome({.configurations_max = 50'000}) == Linearizability::holds);
}

// A register that works, asked by several clients at once; some never hear.
Record random_history(SimRng& rng, bool broken) {
  Record record;
  std::optional<std::string> value;
  uint64_t now_us = 1;
  int64_t counter = 0;
  for (int i = 0; i < 200; ++i) {
    const uint64_t effect_us = now_us + rng.between(1, 10);
    Record::Times times = {.invoked_us = effect_us - rng.below(effect_us - now_us + 1),
                           .returned_us = effect_us + rng.below(30)};
    now_us = effect_us;
    const bool breaks = broken && i == 150;
    const bool unheard = rng.chance(50) && !breaks;
    if (unheard) times.returned_us = 0;
    if (breaks) {
      record.read(times, "nobody");
    } else if (rng.chance(500)) {
      record.read(times, value);
    } else {
      const std::string next = std::to_string(++counter);
      record.write(times, next);
      if (!unheard || rng.chance(500)) value = next;
    }
  }
  return record;
}

TEST_CASE("linearizability: histories of a register that works hold, of a broken one do not",
          "[sim]") {
  SimRng rng(1);
  for (int i = 0; i < 50; ++i) CHECK(random_history(rng, false).holds());
  for (int i = 0; i < 50; ++i) CHECK_FALSE(random_history(rng, true).holds());
}

}  // namespace
}  // namespace quoris::sim
