#include "server/commands/rows.h"

#include <array>
#include <catch2/catch.hpp>
#include <string>

#include "command/introspection.h"
#include "command/table.h"
#include "tests/command/row_checks.h"

namespace quoris::server {
namespace {

using command::Command;
using command::CommandTable;
using Words = std::vector<std::string_view>;

const CommandTable& table() {
  static const CommandTable made(command_families());
  return made;
}

std::optional<std::vector<uint32_t>> key_positions(const Words& request) {
  const Command* command = table().find_request(request);
  REQUIRE(command != nullptr);
  REQUIRE(command->arity_fits(request.size()));
  const auto keys = command::find_keys(*command, request);
  if (!keys) return std::nullopt;
  std::vector<uint32_t> positions;
  for (const command::FoundKey& key : *keys) positions.push_back(key.position);
  return positions;
}

using Positions = std::vector<uint32_t>;

}  // namespace

TEST_CASE("command rows: all rows of the node keep the rules", "[server]") {
  const auto problems = command::testing::RowChecks::problems(table());
  for (const std::string& problem : problems) FAIL_CHECK(problem);
}

TEST_CASE("command rows: every container explains itself", "[server]") {
  for (const Command* command : table().commands()) {
    if (!command->is_container()) continue;
    CAPTURE(command->full_name);
    const Command* help = table().find_subcommand(*command, "HELP");
    REQUIRE(help != nullptr);
    CHECK(help->spec->arity == 2);
  }
}

TEST_CASE("command rows: the commands that MULTI does not queue", "[server]") {
  std::vector<std::string> immediate;
  for (const Command* command : table().commands()) {
    if (command->has(command::immediate_in_multi)) immediate.push_back(command->full_name);
  }
  std::sort(immediate.begin(), immediate.end());
  CHECK(immediate ==
        std::vector<std::string>{"discard", "exec", "multi", "quit", "reset", "watch"});
}

TEST_CASE("command rows: what a client may send before AUTH", "[server]") {
  std::vector<std::string> open;
  for (uint32_t i = 0; i < table().size(); ++i) {
    if (table().at(i).has(command::no_auth)) open.push_back(table().at(i).full_name);
  }
  std::sort(open.begin(), open.end());
  CHECK(open == std::vector<std::string>{"auth", "hello", "quit", "reset"});
}

TEST_CASE("command rows: arities and first keys are Redis's", "[server]") {
  struct Fact {
    const char* name;
    int arity;
    int first_key;
  };

  for (const Fact& fact : std::to_array<Fact>({{"ping", -1, 0},
                                               {"auth", -2, 0},
                                               {"select", 2, 0},
                                               {"client", -2, 0},
                                               {"client|kill", -3, 0},
                                               {"client|setinfo", 4, 0},
                                               {"client|no-touch", 3, 0},
                                               {"watch", -2, 1},
                                               {"config|set", -4, 0},
                                               {"command", -1, 0},
                                               {"command|getkeys", -4, 0},
                                               {"memory|usage", -3, 2},
                                               {"latency|history", 3, 0},
                                               {"debug", -2, 0},
                                               {"wait", 3, 0}})) {
    CAPTURE(fact.name);
    const Command* command = table().find_full(fact.name);
    REQUIRE(command != nullptr);
    CHECK(command->spec->arity == fact.arity);
    CHECK(command->first_key == fact.first_key);
  }
  CHECK_FALSE(table().find("DEBUG")->is_container());
}

TEST_CASE("command rows: CONSISTENCY has the keys of the command it runs", "[server]") {
  CHECK(key_positions({"CONSISTENCY"}) == Positions{});
  CHECK(key_positions({"CONSISTENCY", "ALL"}) == Positions{});
  CHECK(key_positions({"CONSISTENCY", "READ", "ONE", "WRITE", "ALL"}) == Positions{});
  CHECK(key_positions({"CONSISTENCY", "all", "set", "k", "v"}) == Positions{3});
  CHECK(key_positions({"CONSISTENCY", "ONE", "MGET", "a", "b"}) == Positions{3, 4});
  CHECK(key_positions({"CONSISTENCY", "ONE", "OBJECT", "FREQ", "a"}) == Positions{4});
  CHECK(key_positions({"CONSISTENCY", "ONE", "PING"}) == Positions{});
}

TEST_CASE("command rows: CONSISTENCY around nonsense has no keys to tell", "[server]") {
  CHECK(key_positions({"CONSISTENCY", "ALL", "NOPE", "a"}) == std::nullopt);
  CHECK(key_positions({"CONSISTENCY", "ALL", "GET"}) == std::nullopt);
  CHECK(key_positions({"CONSISTENCY", "ALL", "OBJECT", "NOPE", "a"}) == std::nullopt);
  Words nested;
  for (int i = 0; i < 100'000; ++i) {
    nested.emplace_back("CONSISTENCY");
    nested.emplace_back("ALL");
  }
  CHECK(key_positions(nested) == std::nullopt);
  CHECK(table().find("CONSISTENCY")->has(command::movablekeys));
  CHECK(command::static_first_key(*table().find("CONSISTENCY")) == 0);
}

}  // namespace quoris::server
