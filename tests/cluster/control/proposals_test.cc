#include "cluster/control/proposals.h"

#include <catch2/catch.hpp>
#include <limits>

namespace quoris::control {
namespace {

constexpr uint64_t kRetryUs = 250'000;
constexpr uint64_t kTimeoutUs = 10'000'000;

struct Outcome {
  int calls = 0;
  ProposalResult result{};

  [[nodiscard]] ProposalDone done() {
    return [this](const ProposalResult& given) {
      ++calls;
      result = given;
    };
  }
};

void deliver(Proposals& proposals) {
  for (auto& [done, result] : proposals.take_ready()) done(result);
}

ProposeAnswer answer_to(uint64_t request, uint64_t index) {
  ProposeAnswer answer;
  answer.request = request;
  answer.index = LogIndex{index};
  return answer;
}

}  // namespace

TEST_CASE("proposals: one is over when what the leader did is applied here", "[control]") {
  Proposals proposals;
  Outcome outcome;
  proposals.add("change", outcome.done(), 0, kTimeoutUs);
  const auto due = proposals.take_due(0, kRetryUs);
  REQUIRE(due.size() == 1);
  CHECK(due[0].change == "change");
  ProposeAnswer answer = answer_to(due[0].request, 9);
  answer.number = NodeNumber{4};
  proposals.on_answer(answer, LogIndex{8}, 10, kRetryUs);
  deliver(proposals);
  CHECK(outcome.calls == 0);
  proposals.on_applied(LogIndex{9});
  deliver(proposals);
  CHECK(outcome.calls == 1);
  CHECK(outcome.result.kind == ProposalResult::Kind::applied);
  CHECK(outcome.result.applied.number == NodeNumber{4});
  CHECK(proposals.size() == 0);
}

TEST_CASE("proposals: without an answer one is sent again, and given up in the end", "[control]") {
  Proposals proposals;
  Outcome outcome;
  proposals.add("change", outcome.done(), 0, kTimeoutUs);
  CHECK(proposals.take_due(0, kRetryUs).size() == 1);
  CHECK(proposals.take_due(kRetryUs - 1, kRetryUs).empty());
  CHECK(proposals.next_due_us() == kRetryUs);
  CHECK(proposals.take_due(kRetryUs, kRetryUs).size() == 1);
  proposals.send_again(kRetryUs + 5);
  CHECK(proposals.take_due(kRetryUs + 5, kRetryUs).size() == 1);
  proposals.give_up(kTimeoutUs - 1);
  deliver(proposals);
  CHECK(outcome.calls == 0);
  proposals.give_up(kTimeoutUs);
  deliver(proposals);
  CHECK(outcome.calls == 1);
  CHECK(outcome.result.kind == ProposalResult::Kind::unreachable);
  CHECK(proposals.next_due_us() == std::numeric_limits<uint64_t>::max());
}

TEST_CASE("proposals: what a node can't take now is asked again soon, a refusal is final",
          "[control]") {
  Proposals proposals;
  Outcome outcome;
  proposals.add("change", outcome.done(), 0, kTimeoutUs);
  const uint64_t request = proposals.take_due(0, kRetryUs).at(0).request;
  proposals.on_answer(answer_to(request, 0), LogIndex{5}, 10, kRetryUs);
  CHECK(proposals.next_due_us() < kRetryUs);
  CHECK(proposals.take_due(kRetryUs, kRetryUs).size() == 1);
  ProposeAnswer refusal = answer_to(request, 5);
  refusal.is_refused = true;
  refusal.why = static_cast<uint8_t>(topology::Refusal::name_taken);
  refusal.message = "taken";
  proposals.on_answer(refusal, LogIndex{5}, 20, kRetryUs);
  // A second answer, to a request that is over.
  proposals.on_answer(answer_to(request, 6), LogIndex{6}, 30, kRetryUs);
  deliver(proposals);
  CHECK(outcome.calls == 1);
  CHECK(outcome.result.kind == ProposalResult::Kind::refused);
  CHECK(outcome.result.why == topology::Refusal::name_taken);
  CHECK(outcome.result.message == "taken");
}

TEST_CASE("requests: a leader knows what is under way, and for whom", "[control]") {
  Requests requests;
  requests.add(LogIndex{5}, {.from = NodeNumber{2}, .request = 1, .term = Term{3}});
  requests.add(LogIndex{7}, {.from = NodeNumber{3}, .request = 1, .term = Term{3}});
  CHECK(requests.has(NodeNumber{2}, 1));
  CHECK_FALSE(requests.has(NodeNumber{2}, 2));
  CHECK(requests.take(LogIndex{4}).empty());
  const auto taken = requests.take(LogIndex{6});
  REQUIRE(taken.size() == 1);
  CHECK(taken[0].first == LogIndex{5});
  CHECK(taken[0].second.from == NodeNumber{2});
  CHECK(requests.size() == 1);
  requests.clear();
  CHECK(requests.size() == 0);
}

}  // namespace quoris::control
