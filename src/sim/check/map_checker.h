// MapChecker: nodes that are at one version have one map; each map is what a map always is, and so
// is each that follows another.
//
// Looked at behind each turn in which a node's map has become another one. Keeps the newest map for
// others to look at, and counts what changed in it.
// Used by: Simulation; LeaseChecker, ClusterChecker (read it). See topology/map_check.h.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "sim/observer.h"
#include "sim/world.h"

namespace quoris::sim {

class MapChecker final : public Checker {
 public:
  using MapPtr = std::shared_ptr<const topology::ClusterMap>;  // several nodes have the same one

  using Checker::Checker;

  [[nodiscard]] std::string_view name() const override { return "maps"; }

  // Of the cluster that was founded first; null: none.
  [[nodiscard]] const topology::ClusterMap* newest() const { return newest_.get(); }

  struct Figures {
    uint64_t versions = 0;
    uint64_t joins = 0;
    uint64_t leaves = 0;
    uint64_t downs = 0;
  };

  [[nodiscard]] const Figures& figures() const { return figures_; }

 private:
  struct Known {
    uint64_t hash = 0;
    size_t node = 0;  // where it was seen first
    MapPtr map;       // while it is one of the last
  };

  using Versions = std::map<LogIndex, Known>;

  struct Seen {
    uint64_t life = 0;
    MapPtr map;
  };

  void on_turn(Machine& machine) override;

  [[nodiscard]] MapPtr take(Machine& machine, const topology::ClusterMap& map, Versions& versions);
  void check_succession_of(Machine& machine, const MapPtr& before, const MapPtr& after);
  void note_newest(const MapPtr& map);

  std::map<std::string, Versions> versions_;  // by the id of the cluster
  std::map<size_t, Seen> seen_;               // by machine
  std::set<std::pair<LogIndex, LogIndex>> successions_;
  MapPtr newest_;
  Figures figures_;
};

}  // namespace quoris::sim
