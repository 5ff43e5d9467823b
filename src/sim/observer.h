// Observer: who watches a simulation, and Checker: who watches and complains.
//
// Observers see the world from outside; they change nothing and cost no simulated time, so a run is
// the same whoever watches. Calls come from inside events: what an observer keeps of a node it
// copies.
// Used by: World (calls them), checkers, trace, narrator, the fault driver's aimed faults.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "cluster/control/proposals.h"
#include "sim/env/sim_network.h"
#include "sim/faults/faults.h"
#include "sim/history.h"

namespace quoris::sim {

class Machine;
class World;

enum class ProcessEvent : uint8_t {
  started,       // the process runs
  ready,         // its data is loaded
  start_failed,  // it could not start, or ended while loading
  stopped,       // it ended by itself
  killed,
  power_cut,
  paused,
  resumed,
  gave_up,  // it ended by itself: it has no place in its cluster
};

[[nodiscard]] std::string_view name_of(ProcessEvent event);

// One fault as it was played.
struct FaultEvent {
  FaultKind kind = FaultKind::partition;
  size_t node = 0;
  bool begins = true;  // false: it is over
  std::string detail;
};

// A change of the cluster's map that somebody asks a node for.
struct Proposal {
  uint64_t id = 0;
  size_t node = 0;
  uint64_t life = 0;   // of the machine's process: with it the answer is lost
  std::string change;  // topology::encode_change()
  uint64_t asked_us = 0;
  uint64_t ended_us = 0;                               // 0: it is under way
  std::optional<control::ProposalResult> result = {};  // when it has ended
};

class Observer {
 public:
  virtual ~Observer() = default;

  // At `killed` and `power_cut` the machine's data is as it was just before.
  virtual void on_process(Machine& /*machine*/, ProcessEvent /*event*/) {}

  // Behind each turn of a node.
  virtual void on_turn(Machine& /*machine*/) {}

  virtual void on_node_log(Machine& /*machine*/, LogLevel /*level*/, std::string_view /*line*/) {}

  virtual void on_operation(const Operation& /*operation*/) {}

  virtual void on_fault(const FaultEvent& /*fault*/) {}

  // When it is asked for, and when it has ended.
  virtual void on_proposal(const Proposal& /*proposal*/) {}

  virtual void on_delivered(HostId /*from*/, HostId /*to*/, std::string_view /*bytes*/) {}

  virtual void on_connection(HostId /*from*/, HostId /*to*/, std::string_view /*what*/) {}

  virtual void on_disk_step(Machine& /*machine*/, SimDisk::Operation /*operation*/,
                            const std::string& /*path*/, std::string_view /*bytes*/) {}

  // No fault is at work any more, and none will be.
  virtual void on_quiet() {}

  // Nobody asks for anything any more, and the cluster had time to come to rest.
  virtual void on_rest() {}

  // Clients are through.
  virtual void on_end() {}

 protected:
  Observer() = default;
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;
};

class Checker : public Observer {
 public:
  // More would not help anybody.
  static constexpr size_t kComplaintsMax = 20;

  explicit Checker(World& world) : world_(world) {}

  [[nodiscard]] virtual std::string_view name() const = 0;

  // Each a sentence that says what happened when. Empty: all is well.
  [[nodiscard]] const std::vector<std::string>& complaints() const { return complaints_; }

  // What it could not decide: reported, no failure.
  [[nodiscard]] uint64_t undecided() const { return undecided_; }

 protected:
  void complain(std::string text);

  void note_undecided() { ++undecided_; }

  [[nodiscard]] World& world() { return world_; }

 private:
  World& world_;
  std::vector<std::string> complaints_;
  uint64_t undecided_ = 0;
};

}  // namespace quoris::sim
