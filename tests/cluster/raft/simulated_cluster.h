// SimulatedCluster: whole Rafts over a simulated network, disk and clocks, from one seed, and the
// checkers that watch them.
//
// Each node has a clock of its own that drifts, a disk that takes its time and loses what was not
// durable, and a state machine: a digest over the commands it was given. Messages are lost,
// doubled, delayed and overtake one another. Nodes crash, pause, are cut off, join, leave, hand
// over.
//
// Checked after each event: one leader per term; what is applied is the same everywhere, in the
// proposer's words, and durable where it is applied; a digest tells no other history; logs match;
// no lease lives while a leader of a later term may act. At the end, when all is well again: a
// leader, progress, equal states. The first violation ends the run.
// Used by: simulation_test.cc at random, the other tests by hand (faults off).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cluster/raft/raft.h"
#include "sim/env/sim_env.h"
#include "tests/cluster/raft/simulated_disk.h"

namespace quoris::raft::testing {

struct Network {
  uint64_t loss_permille = 0;
  uint64_t duplicate_permille = 0;
  uint64_t late_permille = 0;  // delayed by up to late_us
  uint64_t late_us = 3'000'000;
  uint64_t delay_min_us = 500;
  uint64_t delay_max_us = 500;
};

// Mean time between two of a kind; 0: never.
struct FaultPlan {
  uint64_t crash_us = 0;
  uint64_t pause_us = 0;
  uint64_t cut_us = 0;
  uint64_t change_us = 0;
  uint64_t hand_over_us = 0;
};

struct Setup {
  uint64_t seed = 1;
  uint16_t voters = 3;
  uint16_t spares = 0;  // run, and are no members at first
  bool has_files = false;
  uint64_t disk_us_max = 1000;
  uint64_t disk_stall_permille = 0;  // of the writes, while there are faults; up to 0.8 s
  uint64_t drift_ppm_max = 0;
  uint64_t propose_us = 20'000;
  uint64_t compact_after = 40;  // entries
  Options options = {};
  Network network = {};
  FaultPlan faults = {};
};

// All of it drawn from the seed.
[[nodiscard]] Setup random_setup(uint64_t seed, uint16_t voters);

struct Tally {
  uint64_t events = 0;
  uint64_t messages = 0;
  uint64_t elections = 0;
  uint64_t forced_elections = 0;  // that a leader asked for
  uint64_t committed = 0;
  uint64_t crashes = 0;
  uint64_t pauses = 0;
  uint64_t cuts = 0;
  uint64_t changes = 0;
  uint64_t hand_overs = 0;
  uint64_t snapshots_taken = 0;
  uint64_t snapshots_installed = 0;
};

class SimulatedCluster {
 public:
  explicit SimulatedCluster(const Setup& setup);
  ~SimulatedCluster();

  // --- at random ------------------------------------------------------------------------------
  // Faults and proposals for so long; then all is well, and the end is checked. The violation.
  [[nodiscard]] std::string run(uint64_t us);

  // --- by hand --------------------------------------------------------------------------------
  void advance(uint64_t us);
  // False if it didn't come about.
  [[nodiscard]] bool advance_until(const std::function<bool()>& holds, uint64_t us_max);

  [[nodiscard]] Raft& raft(uint16_t node) { return *nodes_.at(node)->raft; }

  // The one leader that is up, with the highest term; 0: none.
  [[nodiscard]] uint16_t leader() const;
  // Waits for one that has committed in its term. REQUIRES: it comes about.
  uint16_t settle();
  [[nodiscard]] bool propose(uint16_t node);
  [[nodiscard]] bool change(uint16_t leader, ChangeKind kind, uint16_t node);
  void hand_over(uint16_t leader, uint16_t target);
  void crash(uint16_t node, bool loses_power = true);
  void start(uint16_t node);
  void pause(uint16_t node);
  void resume(uint16_t node);
  // Both ways, or what `from` sends to `to`.
  void cut(uint16_t a, uint16_t b);

  void cut_one_way(uint16_t from, uint16_t to) { cuts_.insert({from, to}); }

  void isolate(uint16_t node);

  void heal() { cuts_.clear(); }

  [[nodiscard]] uint64_t applied_by(uint16_t node) const { return nodes_.at(node)->applied; }

  [[nodiscard]] const std::string& violation() const { return violation_; }

  [[nodiscard]] const Tally& tally() const { return tally_; }

  // Over all messages and all that was applied.
  [[nodiscard]] uint64_t hash() const { return hash_; }

  [[nodiscard]] uint64_t now_us() { return env_.clock().now_us(); }

  [[nodiscard]] uint64_t local_us(uint16_t node) { return local_us(*nodes_.at(node)); }

  // Looks at each message before it is sent; false: it is lost.
  std::function<bool(uint16_t from, uint16_t to, const Message&)> filter;

 private:
  struct Node {
    uint16_t number = 0;
    std::unique_ptr<SimulatedDisk> disk;
    std::unique_ptr<Raft> raft;  // null: down
    std::unique_ptr<sim::SimRng> rng;
    uint64_t life = 0;
    uint64_t clock_ahead_us = 0;
    int64_t drift_ppm = 0;
    bool is_paused = false;
    std::vector<std::function<void()>> inbox;  // what came while it was paused
    TimerId timer{0};
    uint64_t timer_at_us = 0;
    // The state machine.
    uint64_t digest = 0;
    uint64_t applied = 0;
    uint64_t snapshot_at = 0;
    // What the checkers remember.
    Term seen_term{0};
    bool was_leader = false;
    Term lease_term{0};
    uint64_t lease_end_us = 0;  // by the real clock
  };

  [[nodiscard]] uint64_t local_us(const Node& node);
  [[nodiscard]] uint64_t real_us(const Node& node, uint64_t local_us) const;

  void run_on(Node& node, std::function<void()> call);
  void drain(Node& node);
  void arm(Node& node);
  void transmit(Node& from, const Outgoing& outgoing);
  void deliver(uint16_t from, uint16_t to, const Message& message);
  void apply(Node& node, const LogEntry& entry);
  void restore(Node& node, const Snapshot& snapshot);
  void compact(Node& node);

  void observe(Node& node);
  void observe_leader(Node& node);
  void check_leases();
  void check_logs();
  void check_end();
  [[nodiscard]] std::string describe() const;
  void fail(std::string what);

  void every(uint64_t mean_us, const std::function<void()>& what);
  void plan_faults();
  void change_at_random();
  void cut_at_random();
  void end_faults();
  [[nodiscard]] Node* random_node();
  [[nodiscard]] Node* random_up_node();
  [[nodiscard]] bool all_members_equal();
  void note(uint64_t value);

  Setup setup_;
  sim::SimEnv env_;
  sim::SimRng rng_;
  std::map<uint16_t, std::unique_ptr<Node>> nodes_;
  std::set<std::pair<uint16_t, uint16_t>> cuts_;
  bool has_faults_ = false;
  uint64_t proposals_ = 0;
  std::map<Term, uint16_t> leaders_;
  std::map<uint64_t, LogEntry> committed_;
  std::map<uint64_t, Term> commit_terms_;  // of whoever was the first to apply it
  std::map<uint64_t, uint64_t> digests_;   // after an index
  std::set<std::string> proposed_;
  std::string violation_;
  Tally tally_;
  uint64_t hash_ = 0;
};

}  // namespace quoris::raft::testing
