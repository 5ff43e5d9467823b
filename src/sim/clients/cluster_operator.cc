#include "sim/clients/cluster_operator.h"

#include <fmt/format.h>

namespace quoris::sim {

namespace {

constexpr uint64_t kPauseMinUs = 50'000;
constexpr uint64_t kPauseMaxUs = 400'000;

// Settings that take turns.
constexpr uint64_t kNames = 16;

// Mostly short; now and then so much that the log is soon to be made short.
constexpr uint64_t kLongPermille = 100;
constexpr size_t kLongBytes = 2'000;

}  // namespace

void ClusterOperator::ask_later() {
  if (is_finished_) return;
  world_.queue().schedule(rng_.between(kPauseMinUs, kPauseMaxUs), [this] {
    ask();
    ask_later();
  });
}

void ClusterOperator::ask() {
  Machine& machine = world_.machine(rng_.below(world_.nodes()));
  const uint64_t id = ++last_id_;
  std::string value = fmt::format("{}", id);
  if (rng_.chance(kLongPermille)) value.resize(kLongBytes, '.');
  if (is_finished_ || machine.state() != Machine::State::running) return;
  if (machine.control() == nullptr || !machine.control()->is_member()) return;
  const topology::SetSetting change{.name = fmt::format("sim-{}", id % kNames), .value = value};
  const Proposal asked{.id = id,
                       .node = machine.index(),
                       .life = machine.lives(),
                       .change = topology::encode_change(change),
                       .asked_us = world_.now_us()};
  for (Observer* observer : world_.observers()) observer->on_proposal(asked);
  machine.post([this, asked, change](control::Control& control) {
    control.propose(change, [this, asked](const control::ProposalResult& result) {
      Proposal ended = asked;
      ended.ended_us = world_.now_us();
      ended.result = result;
      for (Observer* observer : world_.observers()) observer->on_proposal(ended);
    });
  });
}

}  // namespace quoris::sim
