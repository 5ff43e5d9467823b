// World: machines on a network, on one event queue, from one seed; who watches them, and the hash
// of all that happened.
//
// Used by: Simulation (owns one), clients, fault driver, checkers; tests.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sim/machine.h"
#include "sim/observer.h"
#include "sim/run_hash.h"

namespace quoris::sim {

class World final : private NetworkWatcher {
 public:
  struct Options {
    uint64_t seed = 1;
    size_t nodes = 1;
    size_t spares = 0;  // machines in store, behind the nodes
    bool is_cluster = false;
    std::vector<std::pair<std::string, std::string>> settings;  // of every node
  };

  explicit World(const Options& options);
  ~World() override;

  // The process of every machine that isn't a spare. Clients come in afterwards.
  void start();

  [[nodiscard]] EventQueue& queue() { return queue_; }

  [[nodiscard]] uint64_t now_us() const { return queue_.now_us(); }

  [[nodiscard]] SimNetwork& network() { return network_; }

  // All machines, those in store among them.
  [[nodiscard]] size_t nodes() const { return machines_.size(); }

  [[nodiscard]] bool is_cluster() const { return is_cluster_; }

  // Those that a newcomer is told; none: it founds the cluster.
  [[nodiscard]] std::vector<HostPort> seeds_for(const Machine& newcomer);

  [[nodiscard]] Machine& machine(size_t index) { return *machines_[index]; }

  // A stream of randomness for somebody who is no machine. Each name once.
  [[nodiscard]] SimRng rng_for(std::string_view name) const;

  // REQUIRES: it outlives the run.
  void add_observer(Observer& observer) { observers_.push_back(&observer); }

  [[nodiscard]] const std::vector<Observer*>& observers() const { return observers_; }

  [[nodiscard]] uint64_t hash() const { return hash_.value(); }

  // --- told by the parts
  // ----------------------------------------------------------------------------
  void note_process(Machine& machine, ProcessEvent event);
  void note_disk_step(Machine& machine, SimDisk::Operation operation, const std::string& path,
                      std::string_view bytes);
  void note_operation(const Operation& operation);
  void note_fault(const FaultEvent& fault);

 private:
  void on_delivered(HostId from, HostId to, uint64_t connection, std::string_view bytes) override;
  void on_connection(HostId from, HostId to, uint64_t connection, std::string_view what) override;

  uint64_t seed_;
  bool is_cluster_;
  size_t deployed_at_start_;
  EventQueue queue_;
  SimNetwork network_;
  RunHash hash_;
  std::vector<Observer*> observers_;
  std::vector<std::unique_ptr<Machine>> machines_;
};

}  // namespace quoris::sim
