// Where a simulated node keeps its Raft's state: in memory, fast and without files; or by
// RaftStorage in the files of a SimDisk.
//
// Both report what is durable later, one job at a time, and lose in a power cut what was not, but
// for any part of it.
#pragma once

#include <functional>
#include <memory>

#include "cluster/raft/raft_files.h"
#include "cluster/raft/raft_storage.h"
#include "sim/env/sim_env.h"

namespace quoris::raft::testing {

class SimulatedDisk {
 public:
  // Calls `on_persisted` with the sequence, later.
  using Persisted = std::function<void(uint64_t)>;

  virtual ~SimulatedDisk() = default;

  // What a new life finds. Empty: an error of the disk.
  [[nodiscard]] virtual std::optional<StoredState> start(Persisted on_persisted) = 0;
  virtual void persist(Persist batch) = 0;
  // The process ends; with the power what was not durable goes, too.
  virtual void stop(bool loses_power) = 0;
  // From submit to done.
  virtual void set_latency_us(uint64_t us) = 0;
  // A power cut leaves this entry. The disk with files doesn't look and says yes.
  [[nodiscard]] virtual bool is_durable(const LogEntry& entry) const = 0;
};

// `first`: what the cluster begins with; null: nothing.
[[nodiscard]] std::unique_ptr<SimulatedDisk> make_memory_disk(sim::SimTimers& timers, Rng& rng,
                                                              SnapshotPtr first);
[[nodiscard]] std::unique_ptr<SimulatedDisk> make_file_disk(sim::SimTimers& timers, Rng& rng,
                                                            SnapshotPtr first);

}  // namespace quoris::raft::testing
