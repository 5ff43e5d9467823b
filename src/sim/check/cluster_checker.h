// ClusterChecker: the cluster gets something done, and is in the end what it was asked to be.
//
//  - When a majority of the voters is well, and nothing is wrong between nodes, there is a settled
//    leader within kLeaderUs, every node that is well is ALIVE in its map within kAliveUs, and what
//    is proposed is applied.
//  - When all has come to rest: every machine that is deployed is a member and up, who was let go
//    is none any more, all have the same map, follow one leader, and take each other for alive.
// Well is a node that runs, that no fault was at a moment ago, and that has its log.
// Used by: Simulation, in a cluster.
#pragma once

#include <map>
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

  [[nodiscard]] bool is_well(Machine& machine);
  [[nodiscard]] bool majority_is_well();
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
  std::map<uint64_t, Proposal> pending_;        // by id
  Figures figures_;
};

}  // namespace quoris::sim
