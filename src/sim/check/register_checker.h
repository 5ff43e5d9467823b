// RegisterChecker: no acknowledged write is lost, none is undone, none comes from nowhere: the
// history of each register is linearizable, over crashes and restarts, and what a node holds when
// it has recovered fits into it.
//
// A killed process, and under `appendfsync always` a power cut as well, may lose nothing that was
// answered: the history goes on across it. Under `everysec` a power cut may undo what was answered
// within the last two seconds that the node served (time in which it stood still or its log failed
// gives no chance to fsync), under `no` anything since the node was last started: the history up to
// there has to be linearizable by itself, and with those answers taken as unknown it has to lead to
// what the node recovered, from where the history goes on.
//
// After each recovery it looks at every register of the node that clients have touched (not at
// those with an expiry).
// Used by: Simulation. See linearizability.h.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "server/settings/settings.h"
#include "sim/check/linearizability.h"
#include "sim/observer.h"

namespace quoris::sim {

class RegisterChecker final : public Checker {
 public:
  struct Options {
    server::AppendFsync policy = server::AppendFsync::everysec;
    bool clocks_are_wrong = false;  // expiry may come at any time
    uint64_t configurations_max = 100'000;
  };

  // What a power cut may cost under everysec (docs/durability.md), and a little for timers.
  static constexpr uint64_t kEverysecUs = 2'000'000 + 20'000;

  RegisterChecker(World& world, const Options& options) : Checker(world), options_(options) {}

  [[nodiscard]] std::string_view name() const override { return "registers"; }

  // Searched in all.
  [[nodiscard]] uint64_t configurations() const { return configurations_; }

  [[nodiscard]] size_t registers() const { return histories_.size(); }

 private:
  // A call with what it belongs to. Its action stays where it is while the history grows.
  struct Entry {
    Action action;
    uint64_t invoked_us = 0;
    uint64_t returned_us = Operation::kNotReturned;
    bool has_result = false;
  };

  // A node serves again.
  struct Recovery {
    uint64_t at_us = 0;
    bool may_have_lost = false;
    uint64_t lost_since_us = 0;
    uint64_t cut_us = 0;
  };

  struct History {
    std::vector<Entry> entries;
    std::map<size_t, std::optional<std::string>> recovered;  // by the number of the recovery
  };

  // What is left to be explained of a history, and from where.
  struct Part {
    std::vector<Entry> entries;
    RegisterState initial;
  };

  using Name = std::pair<size_t, std::string>;  // keyspace, target

  void on_operation(const Operation& operation) override;
  void on_process(Machine& machine, ProcessEvent event) override;
  // All is checked in the end: what was under way at a crash is known only later.
  void on_end() override;

  [[nodiscard]] static Entry seen_at(uint64_t at_us, const std::string& target,
                                     const std::optional<std::string>& value);
  void look_at_recovered(Machine& machine);
  void check_history(const Name& name, History& history);
  void close_part(const Name& name, const Recovery& recovery,
                  const std::optional<std::string>* value, Part& part);
  void check(const Name& name, const std::vector<Entry>& entries, const RegisterState& initial,
             std::string_view what);

  Options options_;
  std::map<Name, History> histories_;
  std::map<size_t, std::vector<Recovery>> recoveries_;  // by keyspace
  std::map<size_t, Recovery> cuts_;  // by keyspace: what a recovery will answer for
  uint64_t configurations_ = 0;
};

// What a node's store holds in a register now; nothing if there is none.
[[nodiscard]] std::optional<std::string> stored_value(Machine& machine, const std::string& target);

}  // namespace quoris::sim
