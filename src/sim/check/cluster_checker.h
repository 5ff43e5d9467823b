// ClusterChecker: the cluster gets something done, and is in the end what it was asked to be.
//
//  - When a majority of the voters is well, and nothing is wrong between nodes, there is a settled
//    leader within kLeaderUs, every node that is well is ALIVE in its map within kAliveUs, and what
//    is proposed is applied.
//  - While others are cut off there is a leader within kLeaderUs all the same, if a majority of the
//    voters can do without them: voters that are well, between whom nothing is wrong, with one
//    configuration, the same ones all that time. What is proposed at one of them is applied while
//    one of them leads.
//  - When all has come to rest: every machine that is deployed is a member and up, who was let go
//    is none any more, all have the same map, follow one leader, and take each other for alive.
// Well is a node that runs, that no fault was at a moment ago, and that has its log. "Cut off"
// means whole nodes and groups (partitions, splits): of links that are slow, lossy or flicker, of
// pairs and of spoilt channels nobody can say what they leave possible, and nothing is asked
// meanwhile.
// Used by: Simulation, in a cluster.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/faults/fault_driver.h"
#include "sim/observer.h"
#include "sim/world.h"

namespace quoris::sim {

class ClusterChecker final : public Checker {
 public:
  static constexpr uint64_t kLeaderUs = 5'000'000;
  static constexpr uint64_t kAliveUs = 10'000'000;
  static constexpr uint64_t kProposalUs = 5'000'000;

  // All has to be at rest so long after the last fault: the slowest is a wiped voter, whose name
  // is not free before it is known to be down, and a voter's place that goes to somebody else.
  static constexpr uint64_t kRestUs = 20'000'000;

  ClusterChecker(World& world, const FaultDriver& faults) : Checker(world), faults_(faults) {}

  [[nodiscard]] std::string_view name() const override { return "cluster"; }

  struct Figures {
    uint64_t applied = 0;  // proposals
    uint64_t refused = 0;
    uint64_t unreachable = 0;
  };

  [[nodiscard]] const Figures& figures() const { return figures_; }

  // What is not as it should be, all being at rest; empty: nothing.
  [[nodiscard]] std::vector<std::string> unrest();

 private:
  static constexpr uint64_t kNever = ~uint64_t{0};
  static constexpr uint64_t kLookUs = 50'000;

  void on_turn(Machine& machine) override;
  void on_proposal(const Proposal& proposal) override;
  void on_rest() override;

  // Machines of voters: a majority by the configuration that each of them has.
  struct Group {
    std::vector<size_t> machines;    // empty: there is none
    std::vector<NodeNumber> voters;  // of that configuration
    uint64_t since_us = 0;
    uint64_t led_at_us = 0;  // when there last was a settled leader, whoever it was
    // Which of them leads, and since when.
    std::optional<size_t> leader;
    Term term{0};
    uint64_t leads_since_us = 0;
  };

  [[nodiscard]] bool is_well(Machine& machine);
  [[nodiscard]] bool majority_is_well();
  void look_at_whole();
  void look_at_group();
  void renew_group();
  [[nodiscard]] bool group_agrees();
  // Those of `machines` that make a group as they are now; empty: they don't.
  [[nodiscard]] std::vector<size_t> group_among(const std::vector<size_t>& machines);
  [[nodiscard]] std::vector<size_t> group_around(size_t one, const std::vector<size_t>& machines,
                                                 const std::vector<size_t>& parts);
  // Since when an answer can be asked for: of a proposal that nothing else stands in the way of.
  [[nodiscard]] uint64_t answerable_since_us(const Proposal& proposal) const;
  void check_alive(const topology::ClusterMap& map);
  void check_proposals();
  [[nodiscard]] int64_t clock_error_us(Machine& machine);
  void check_member(Machine& machine, const topology::ClusterMap& map,
                    std::vector<std::string>& wrong);
  void check_gossip(Machine& machine, const topology::ClusterMap& map,
                    std::vector<std::string>& wrong);

  const FaultDriver& faults_;
  uint64_t next_look_us_ = 0;
  uint64_t well_since_us_ = kNever;             // a majority
  uint64_t led_at_us_ = 0;                      // when there last was a settled leader
  std::map<size_t, uint64_t> node_well_since_;  // by machine
  Group group_;
  std::map<uint64_t, Proposal> pending_;  // by id
  Figures figures_;
};

}  // namespace quoris::sim
