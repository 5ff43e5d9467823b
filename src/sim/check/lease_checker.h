// LeaseChecker: nobody believes in a lease that others take for over.
//
// At every moment, by true time, whatever the clocks of the nodes show:
//  - Who is down by the newest map of all, or has started anew by it, has no lease.
//  - Once a leader may act, nobody has a lease that lasts longer than that leader thinks it has
//    granted; so those of the leaders before it are over.
//  - Before a leader may act it proposes nothing.
//  - The leader's own lease is not longer than Raft's.
// A process that stands still is looked at as well: when it goes on it believes what it believed.
// Used by: Simulation. Source: Gray and Cheriton 1989, "Leases"; DESIGN section 5.
#pragma once

#include <map>
#include <string>

#include "sim/check/map_checker.h"
#include "sim/observer.h"
#include "sim/world.h"

namespace quoris::sim {

class LeaseChecker final : public Checker {
 public:
  // REQUIRES: `maps` watches before this does.
  LeaseChecker(World& world, const MapChecker& maps) : Checker(world), maps_(maps) {}

  [[nodiscard]] std::string_view name() const override { return "leases"; }

  // How often one began, or lasted longer than it did.
  [[nodiscard]] uint64_t renewed() const { return renewed_; }

 private:
  struct Seen {
    uint64_t life = 0;
    uint64_t end_us = 0;
  };

  void on_turn(Machine& machine) override;

  void check_map_against_all(const topology::ClusterMap& map);
  void check_map(Machine& machine, const topology::ClusterMap& map, uint64_t end_us);
  void look_at_leader(Machine& machine);
  void check_early(Machine& machine, const raft::Raft& raft);
  void check_grant(Machine& leader, Machine& holder, uint64_t end_us);
  void once(std::string what, std::string text);

  const MapChecker& maps_;
  std::map<size_t, Seen> seen_;  // by machine
  LogIndex checked_{0};          // version of the map that all were compared with
  Term acting_{0};               // the highest in which a leader might act
  size_t actor_ = 0;             // its machine
  uint64_t actor_life_ = 0;
  uint64_t renewed_ = 0;
  std::string last_;  // complaint; the same again says nothing
};

}  // namespace quoris::sim
