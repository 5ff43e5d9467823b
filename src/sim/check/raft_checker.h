// RaftChecker: at most one leader per term; one history of entries, and nothing of it is ever lost.
//
// Whatever a node has applied stands at that index, with that term and those bytes, wherever it was
// or is applied; and whoever leads later has it. What is applied is durable where it is applied.
// An answer that a change was applied tells the truth. Looked at behind each turn of a node, only
// what is new there; a cluster that was founded twice has two histories.
// Used by: Simulation. Sources: Ongaro's thesis, figure 3.2 (Election Safety, State Machine Safety,
// Leader Completeness).
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "sim/observer.h"
#include "sim/world.h"

namespace quoris::sim {

class RaftChecker final : public Checker {
 public:
  using Checker::Checker;

  [[nodiscard]] std::string_view name() const override { return "raft"; }

  // Leaders that were seen, each term's once.
  [[nodiscard]] uint64_t elections() const { return elections_; }

  [[nodiscard]] uint64_t entries() const { return entries_; }

 private:
  struct Entry {
    Term term{0};
    uint64_t digest = 0;  // of kind and bytes
    size_t node = 0;      // who applied it first
    Term seen_in{0};      // the term of that node then
  };

  struct Cluster {
    std::map<Term, NodeNumber> leaders;
    std::map<LogIndex, Entry> entries;
    std::set<uint64_t> changes;  // digests of the payloads among them
  };

  // What was looked at of a process.
  struct Seen {
    uint64_t life = 0;
    Cluster* cluster = nullptr;
    Term led{0};
    LogIndex checked{0};
  };

  void on_turn(Machine& machine) override;
  void on_proposal(const Proposal& proposal) override;

  void note_leader(Machine& machine, const raft::Raft& raft, Seen& seen);
  void check_applied(Machine& machine, const raft::Raft& raft, Seen& seen);
  [[nodiscard]] std::string at(Machine& machine) const;

  std::map<std::string, Cluster> clusters_;  // by id
  std::map<size_t, Seen> seen_;              // by machine
  uint64_t elections_ = 0;
  uint64_t entries_ = 0;
};

}  // namespace quoris::sim
