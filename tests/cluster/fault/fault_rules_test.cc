#include "cluster/fault/fault_rules.h"

#include <catch2/catch.hpp>

#include "base/text.h"
#include "sim/env/sim_env.h"

namespace quoris::fault {

namespace {

constexpr NodeNumber kOne{1};
constexpr NodeNumber kTwo{2};

void give(FaultRules& rules, std::string_view line) {
  const auto words = split_arguments(line);
  REQUIRE(words);
  const std::vector<std::string_view> seen(words->begin(), words->end());
  const auto command = parse_fault(seen, node_by_number);
  REQUIRE(command);
  rules.apply(*command);
}

FaultRules rules_of(std::initializer_list<std::string_view> lines) {
  FaultRules rules;
  for (const std::string_view line : lines) give(rules, line);
  return rules;
}

struct Figures {
  uint64_t dropped = 0;
  uint64_t duplicated = 0;
  uint64_t shortest_us = UINT64_MAX;
  uint64_t longest_us = 0;
  uint64_t mean_us = 0;
};

Figures figures(const FaultRules& rules, NodeNumber peer, Way way, uint64_t messages = 100'000) {
  sim::SimRng rng(42);
  Figures figures;
  uint64_t sum_us = 0;
  uint64_t copies = 0;
  for (uint64_t i = 0; i < messages; ++i) {
    const Verdict verdict = rules.judge(peer, way, rng);
    figures.dropped += verdict.copies == 0;
    figures.duplicated += verdict.copies == 2;
    for (uint32_t copy = 0; copy < verdict.copies; ++copy) {
      figures.shortest_us = std::min(figures.shortest_us, verdict.delay_us[copy]);
      figures.longest_us = std::max(figures.longest_us, verdict.delay_us[copy]);
      sum_us += verdict.delay_us[copy];
      ++copies;
    }
  }
  figures.mean_us = copies == 0 ? 0 : sum_us / copies;
  return figures;
}

// An Rng that may not be asked.
class NoRng final : public Rng {
 public:
  uint64_t next() override {
    FAIL("drawn without need");
    return 0;
  }

  void secret_bytes(std::span<std::byte>) override { FAIL("drawn without need"); }
};

std::vector<std::string> lines_of(const FaultRules& rules) {
  std::vector<std::string> lines;
  for (const FaultCommand& command : rules.commands()) lines.push_back(format_fault(command));
  return lines;
}

}  // namespace

TEST_CASE("fault rules: shares and delays are as they say", "[fault]") {
  const FaultRules rules = rules_of({"DROP 10", "DUPLICATE 2.5", "DELAY 20 10"});
  for (const Way way : {Way::outgoing, Way::incoming}) {
    const Figures seen = figures(rules, kOne, way);
    CHECK(seen.dropped > 9'700);
    CHECK(seen.dropped < 10'300);
    CHECK(seen.duplicated > 2'100);
    CHECK(seen.duplicated < 2'400);
    CHECK(seen.shortest_us >= 20'000);
    CHECK(seen.shortest_us < 20'010);
    CHECK(seen.longest_us <= 30'000);
    CHECK(seen.longest_us > 29'990);
    CHECK(seen.mean_us > 24'900);
    CHECK(seen.mean_us < 25'100);
  }
  CHECK(figures(rules_of({"DROP 100"}), kOne, Way::outgoing).dropped == 100'000);
  CHECK(figures(rules_of({"DROP 0"}), kOne, Way::outgoing).dropped == 0);
}

TEST_CASE("fault rules: they concern their nodes and their direction", "[fault]") {
  const FaultRules rules = rules_of({"DROP 100 TO 1", "DELAY 7 FROM 2"});
  CHECK(figures(rules, kOne, Way::outgoing, 10).dropped == 10);
  CHECK(figures(rules, kOne, Way::incoming, 10).dropped == 0);
  CHECK(figures(rules, kTwo, Way::outgoing, 10).dropped == 0);
  CHECK(figures(rules, kTwo, Way::incoming, 10).shortest_us == 7'000);
  CHECK(figures(rules, kOne, Way::incoming, 10).longest_us == 0);
}

TEST_CASE("fault rules: for each node the last word counts", "[fault]") {
  FaultRules rules = rules_of({"DROP 100", "DROP 0 TO 1"});
  CHECK(figures(rules, kOne, Way::outgoing, 10).dropped == 0);
  CHECK(figures(rules, kTwo, Way::outgoing, 10).dropped == 10);
  CHECK(figures(rules, kOne, Way::incoming, 10).dropped == 10);
  give(rules, "DROP 100");
  CHECK(figures(rules, kOne, Way::outgoing, 10).dropped == 10);
  // A rule of another kind stays.
  give(rules, "DELAY 3 TO 1");
  give(rules, "DROP 0");
  CHECK(figures(rules, kOne, Way::outgoing, 10).shortest_us == 3'000);
  CHECK(figures(rules, kTwo, Way::outgoing, 10).longest_us == 0);
}

TEST_CASE("fault rules: partitions and FAIL cut everything, other rules don't", "[fault]") {
  const FaultRules one_way = rules_of({"PARTITION TO 1"});
  CHECK(one_way.is_cut(kOne, Way::outgoing));
  CHECK_FALSE(one_way.is_cut(kOne, Way::incoming));
  CHECK_FALSE(one_way.is_cut(kTwo, Way::outgoing));
  CHECK(figures(one_way, kOne, Way::outgoing, 10).dropped == 10);

  FaultRules failed = rules_of({"FAIL"});
  CHECK(failed.is_failed());
  CHECK(failed.is_cut(kOne, Way::incoming));
  CHECK_FALSE(failed.is_cut(kOne, Way::outgoing));
  CHECK(figures(failed, kTwo, Way::incoming, 10).dropped == 10);
  give(failed, "RECOVER");
  CHECK_FALSE(failed.is_cut(kOne, Way::incoming));
  CHECK_FALSE(failed.is_active());

  CHECK_FALSE(rules_of({"DROP 100"}).is_cut(kOne, Way::outgoing));
}

TEST_CASE("fault rules: disabled ones rest, cleared ones are gone", "[fault]") {
  FaultRules rules = rules_of({"DROP 100", "PARTITION 1", "FAIL", "DISABLE"});
  CHECK_FALSE(rules.is_active());
  CHECK_FALSE(rules.is_cut(kOne, Way::incoming));
  CHECK(figures(rules, kTwo, Way::outgoing, 10).dropped == 0);
  give(rules, "ENABLE");
  CHECK(rules.is_cut(kOne, Way::incoming));
  CHECK(figures(rules, kTwo, Way::outgoing, 10).dropped == 10);
  give(rules, "CLEAR");
  CHECK_FALSE(rules.is_active());
  CHECK_FALSE(rules.is_failed());
  CHECK(rules.commands().empty());
}

TEST_CASE("fault rules: nothing is drawn where no rule applies", "[fault]") {
  NoRng rng;
  const FaultRules rules = rules_of({"DROP 50 TO 1", "DELAY 5 FROM 2", "PARTITION 3"});
  CHECK(rules.judge(kTwo, Way::outgoing, rng).copies == 1);
  CHECK(rules.judge(kTwo, Way::incoming, rng).delay_us[0] == 5'000);
  CHECK(rules.judge(NodeNumber{3}, Way::incoming, rng).copies == 0);
  CHECK(FaultRules().judge(kOne, Way::outgoing, rng).copies == 1);
}

TEST_CASE("fault rules: the commands they list bring them about again", "[fault]") {
  const FaultRules rules = rules_of({"DROP 5", "DROP 7 TO 1", "DELAY 1 2 FROM 2", "PARTITION 3",
                                     "DUPLICATE 1", "FAIL", "DISABLE"});
  const std::vector<std::string> lines = lines_of(rules);
  FaultRules again;
  for (const std::string& line : lines) give(again, line);
  CHECK(lines_of(again) == lines);
  CHECK(std::ranges::count(lines, std::string("DROP 7 TO 1")) == 1);
  CHECK(std::ranges::count(lines, std::string("DROP 5 TO ALL")) == 1);
  CHECK(std::ranges::count(lines, std::string("DELAY 1 2 FROM 2")) == 1);
  CHECK(lines.back() == "DISABLE");
}

}  // namespace quoris::fault
