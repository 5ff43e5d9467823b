// ClusterOperator: somebody who asks nodes of the cluster for changes of its map, all the time: one
// setting after another, at whichever node is there.
//
// What becomes of each is told to the observers. (Members come and go by the fault driver's doing.)
// Used by: Simulation, in a cluster.
#pragma once

#include <map>

#include "sim/observer.h"
#include "sim/world.h"

namespace quoris::sim {

class ClusterOperator {
 public:
  explicit ClusterOperator(World& world) : world_(world), rng_(world.rng_for("operator")) {}

  ClusterOperator(const ClusterOperator&) = delete;
  ClusterOperator& operator=(const ClusterOperator&) = delete;

  void start() { ask_later(); }

  // Asks for nothing more.
  void finish() { is_finished_ = true; }

 private:
  void ask_later();
  void ask();

  World& world_;
  SimRng rng_;
  uint64_t last_id_ = 0;
  bool is_finished_ = false;
};

}  // namespace quoris::sim
