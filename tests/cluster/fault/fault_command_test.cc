#include "cluster/fault/fault_command.h"

#include <catch2/catch.hpp>

#include "base/text.h"
#include "sim/env/sim_env.h"

namespace quoris::fault {

namespace {

std::optional<NodeNumber> resolve(std::string_view word) {
  if (word == "node3") return NodeNumber{3};
  return node_by_number(word);
}

Result<FaultCommand> parse(std::string_view line) {
  const auto words = split_arguments(line);
  REQUIRE(words);
  const std::vector<std::string_view> seen(words->begin(), words->end());
  return parse_fault(seen, resolve);
}

std::string problem(std::string_view line) {
  const auto command = parse(line);
  if (command) return "";
  CHECK(command.error().code == Errc::invalid_argument);
  return command.error().message;
}

}  // namespace

TEST_CASE("fault command: every form, and the form it is written back in", "[fault]") {
  const std::vector<std::pair<std::string, std::string>> forms{
      {"enable", "ENABLE"},
      {"DISABLE", "DISABLE"},
      {"Fail", "FAIL"},
      {"RECOVER", "RECOVER"},
      {"CLEAR", "CLEAR"},
      {"STATUS", "STATUS"},
      {"DELAY 100", "DELAY 100"},
      {"DELAY 100 20", "DELAY 100 20"},
      {"delay 0 0", "DELAY 0"},
      {"DELAY 5 to node3", "DELAY 5 TO 3"},
      {"DELAY 5 1 FROM 1 2", "DELAY 5 1 FROM 1 2"},
      {"DROP 0", "DROP 0"},
      {"DROP 100 WITH 1023", "DROP 100 WITH 1023"},
      {"DROP 0.5", "DROP 0.5"},
      {"DUPLICATE 12.3456 FROM ALL", "DUPLICATE 12.3456 FROM ALL"},
      {"PARTITION 2 node3", "PARTITION WITH 2 3"},
      {"PARTITION TO 2", "PARTITION TO 2"},
      {"PARTITION all", "PARTITION WITH ALL"},
      {"DROP 3 WITH ALL", "DROP 3"},
      {"DROP 3 all", "DROP 3"},
      {"DELAY 5 ALL", "DELAY 5"},
      {"DELAY 5 1 ALL", "DELAY 5 1"},
  };
  for (const auto& [line, written] : forms) {
    INFO(line);
    const auto command = parse(line);
    REQUIRE(command);
    CHECK(format_fault(*command) == written);
    const auto again = parse(written);
    REQUIRE(again);
    CHECK(*again == *command);
  }
}

TEST_CASE("fault command: what is wrong is said", "[fault]") {
  CHECK(problem("") == "FAULT needs a word that says what to do");
  CHECK(problem("DELAYS 1") == "unknown subcommand \"DELAYS\". Try FAULT HELP.");
  CHECK(problem("DELAY") == "a delay is given in milliseconds, 0 to 60000");
  CHECK(problem("DELAY 60001") == "a delay is given in milliseconds, 0 to 60000");
  CHECK(problem("DELAY -1") == "a delay is given in milliseconds, 0 to 60000");
  CHECK(problem("DELAY 1 x") == "a delay is given in milliseconds, 0 to 60000");
  CHECK(problem("DELAY 1 1 1") == "nodes follow WITH, TO or FROM");
  for (const std::string share : {"", "-1", "101", "nan", "inf", "x"}) {
    CHECK(problem("DROP '" + share + "'") == "a share is given as 0 to 100 percent");
  }
  CHECK(problem("DROP 5 3") == "nodes follow WITH, TO or FROM");
  CHECK(problem("DROP 5 TO") == "WITH, TO and FROM are followed by nodes or ALL");
  CHECK(problem("DROP 5 TO 0") == "no node is called \"0\"");
  CHECK(problem("DROP 5 TO 1024") == "no node is called \"1024\"");
  CHECK(problem("DROP 5 TO ALL 1") == "ALL is every node: no other stands beside it");
  CHECK(problem("PARTITION 1 all") == "ALL is every node: no other stands beside it");
  CHECK(problem("DROP 5 ALL 1") == "ALL is every node: no other stands beside it");
  CHECK(problem("PARTITION") == "a partition needs nodes to be cut off from");
  CHECK(problem("PARTITION 1 x") == "no node is called \"x\"");
  CHECK(problem("FAIL 1") == "too many arguments for FAULT");
  CHECK(problem("STATUS now") == "too many arguments for FAULT");
}

TEST_CASE("fault command: nodes are written by name, where that reads back", "[fault]") {
  const auto namer = [](NodeNumber node) -> std::string {
    if (node == NodeNumber{3}) return "node3";
    if (node == NodeNumber{4}) return "All";
    if (node == NodeNumber{5}) return "to";
    return "";
  };
  const auto command = parse("DROP 5 WITH 3 4 5 6");
  REQUIRE(command);
  CHECK(format_fault(*command, namer) == "DROP 5 WITH node3 4 5 6");
}

TEST_CASE("fault command: the node itself is none that a link leads to", "[fault]") {
  for (const std::vector<std::string_view>& words :
       {std::vector<std::string_view>{"PARTITION", "node3"},
        std::vector<std::string_view>{"DROP", "5", "TO", "1", "3"}}) {
    const auto command = parse_fault(words, resolve, NodeNumber{3});
    REQUIRE_FALSE(command);
    CHECK(command.error().message.find(
              "is this node itself, which has no link to itself: name the others") !=
          std::string::npos);
    CHECK(parse_fault(words, resolve, NodeNumber{2}));
  }
}

TEST_CASE("fault command: random words never do more than be refused", "[fault]") {
  const std::vector<std::string> words{"DELAY", "DROP", "TO",  "FROM", "ALL",  "1",
                                       "100",   "-1",   "1.5", "",     "FAIL", "PARTITION"};
  sim::SimRng rng(1);
  size_t good = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::vector<std::string_view> line;
    for (uint64_t left = rng.below(6); left > 0; --left)
      line.push_back(words[rng.below(words.size())]);
    const auto command = parse_fault(line, resolve);
    if (!command) continue;
    ++good;
    const auto again = parse(format_fault(*command));
    REQUIRE(again);
    REQUIRE(*again == *command);
  }
  CHECK(good > 100);
}

}  // namespace quoris::fault
