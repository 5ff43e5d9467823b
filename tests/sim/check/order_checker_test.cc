#include "sim/check/order_checker.h"

#include <catch2/catch.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/history.h"
#include "sim/world.h"

namespace quoris::sim {
namespace {

// What the checker says of one operation.
std::vector<std::string> complaints_about(const Operation& operation) {
  World world({.seed = 1, .nodes = 1, .settings = {}});
  OrderChecker checker(world);
  static_cast<Observer&>(checker).on_operation(operation);
  return checker.complaints();
}

Operation read_of_a_pair(std::optional<std::string> first, std::optional<std::string> second) {
  Operation operation;
  operation.command = "MGET";
  operation.outcome = Outcome::ok;
  operation.actions = {
      {.kind = ActionKind::read, .target = "p:0:a", .text = std::move(first)},
      {.kind = ActionKind::read, .target = "p:0:b", .text = std::move(second)},
  };
  return operation;
}

TEST_CASE("order checker: a reply that fits no request is complained of", "[sim]") {
  Operation operation;
  operation.client = 3;
  operation.command = "GET";
  operation.outcome = Outcome::ok;
  CHECK(complaints_about(operation).empty());
  operation.complaint = "a reply of another kind or to another request";
  const auto complaints = complaints_about(operation);
  REQUIRE(complaints.size() == 1);
  CHECK(complaints[0].find("client 3 asked node 1 for GET and got a reply of another kind") !=
        std::string::npos);
}

TEST_CASE("order checker: what is written together is read together", "[sim]") {
  CHECK(complaints_about(read_of_a_pair("p:0=1.7", "p:0=1.7")).empty());
  CHECK(complaints_about(read_of_a_pair({}, {})).empty());
  for (const auto& [first, second] :
       {std::pair<std::optional<std::string>, std::optional<std::string>>("p:0=1.7", "p:0=1.9"),
        std::pair<std::optional<std::string>, std::optional<std::string>>("p:0=1.7", {})}) {
    const auto complaints = complaints_about(read_of_a_pair(first, second));
    REQUIRE(complaints.size() == 1);
    CHECK(complaints[0].find("client 0 read p:0:a as 'p:0=1.7' and p:0:b as ") !=
          std::string::npos);
  }
}

TEST_CASE("order checker: of one that failed nothing is known", "[sim]") {
  Operation operation = read_of_a_pair("p:0=1.7", {});
  operation.outcome = Outcome::unknown;
  CHECK(complaints_about(operation).empty());
}

}  // namespace
}  // namespace quoris::sim
