// Simulation: one run from one seed: a world, clients, faults and checkers, and what came of it.
//
// A run: nodes start, clients work; faults come and go; a quiet part in which everything is well
// and every operation has to succeed; clients end, and a cluster comes to rest; each node is
// stopped and started again, and what it holds compared. The same options, seed and build give the
// same report, the hash included. Used by: command (`quoris sim`), tests.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/settings/settings.h"
#include "sim/faults/fault_driver.h"
#include "sim/observer.h"

namespace quoris::sim {

struct SimOptions {
  // Bounds of what may be asked for.
  static constexpr uint64_t kTimeMinUs = 10'000'000;
  static constexpr uint64_t kTimeMaxUs = 86'400'000'000;
  static constexpr size_t kNodesMax = 100;
  static constexpr size_t kClientsMax = 1'000;

  uint64_t first_seed = 1;
  uint64_t last_seed = 1;
  size_t nodes = 3;
  size_t clients = 2;  // of each node
  uint64_t time_us = 60'000'000;
  std::string faults = "all";
  std::vector<FaultKind> fault_kinds;  // what `faults` means
  std::string workload = "mixed";
  server::AppendFsync appendfsync = server::AppendFsync::everysec;
  std::string plant;            // a bug (base/planted.h); empty: none
  std::optional<bool> cluster;  // nothing: where there are several nodes
  bool trace = false;
  bool demo = false;

  [[nodiscard]] bool is_cluster() const { return cluster.value_or(nodes > 1); }
};

[[nodiscard]] std::string_view name_of(server::AppendFsync policy);

// Of the cluster as the checkers saw it.
struct ClusterFigures {
  uint64_t elections = 0;
  uint64_t entries = 0;  // of Raft's log
  uint64_t map_versions = 0;
  uint64_t joins = 0;
  uint64_t leaves = 0;
  uint64_t downs = 0;
  uint64_t leases = 0;     // given or made longer
  uint64_t proposals = 0;  // that were applied
  uint64_t proposals_lost = 0;
};

struct SimReport {
  uint64_t seed = 0;
  std::vector<std::string> complaints;  // "registers: ..."; empty: passed
  uint64_t undecided = 0;               // searches that were given up
  uint64_t hash = 0;
  uint64_t events = 0;
  uint64_t simulated_us = 0;
  NetworkFigures network;
  std::array<uint64_t, kFaultKinds> faults{};
  std::array<uint64_t, 4> outcomes{};  // by Outcome
  uint64_t starts = 0;
  ClusterFigures cluster;
  uint64_t promised = 0;
  uint64_t kept = 0;

  [[nodiscard]] bool passed() const { return complaints.empty(); }

  // Sums, for a run of many seeds; complaints and hash stay.
  void add(const SimReport& other);
};

// Whom it tells its story, beside the checkers. Added before anything happens.
using MakeObserver = std::function<std::unique_ptr<Observer>(World&)>;

// `plan`, where it is not empty: faults of one's own instead of the seed's.
// REQUIRES: the options are good (parse_sim_options).
[[nodiscard]] SimReport run_simulation(const SimOptions& options, uint64_t seed,
                                       const MakeObserver& make_observer = {},
                                       const std::vector<FaultDriver::Planned>& plan = {});

}  // namespace quoris::sim
