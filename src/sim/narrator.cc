#include "sim/narrator.h"

#include <fmt/format.h>

#include <map>
#include <utility>

#include "cluster/topology/cluster_views.h"
#include "sim/cluster_looks.h"
#include "sim/world.h"

namespace quoris::sim {

namespace {

constexpr uint64_t kMs = 1'000;
constexpr uint64_t kSecond = 1'000 * kMs;

class Narrator final : public Observer {
 public:
  Narrator(World& world, PrintLine print) : world_(world), print_(std::move(print)) {}

 private:
  template <class... Args>
  void say(fmt::format_string<Args...> format, Args&&... args) {
    const uint64_t now_ms = world_.now_us() / kMs;
    print_(fmt::format("{:>3}.{:03} s  {}", now_ms / 1'000, now_ms % 1'000,
                       fmt::format(format, std::forward<Args>(args)...)));
  }

  void on_operation(const Operation& operation) override {
    ++answered_[operation.outcome == Outcome::ok ? 0 : 1];
  }

  void on_process(Machine& machine, ProcessEvent event) override {
    switch (event) {
      case ProcessEvent::ready:
        return tell_ready(machine);
      case ProcessEvent::killed:
        say("{} is killed (kill -9). {} operations were answered so far.", machine.name(),
            answered_[0]);
        return note_end_of(machine);
      case ProcessEvent::power_cut:
        say("The power of {} fails; what was not fsynced is torn or gone. {} operations "
            "were answered so far.",
            machine.name(), answered_[0]);
        return note_end_of(machine);
      case ProcessEvent::paused:
        say("{} stands still (SIGSTOP): its kernel takes requests, nobody answers.",
            machine.name());
        return note_end_of(machine);
      case ProcessEvent::stopped:
        return say("{} has stopped cleanly.", machine.name());
      case ProcessEvent::gave_up:
        return say("{} has no place in the cluster any more, and ends.", machine.name());
      case ProcessEvent::resumed:
        return say("{} goes on as if nothing had been.", machine.name());
      case ProcessEvent::start_failed:
        return say("{} does not start.", machine.name());
      default:
        return;
    }
  }

  void tell_ready(Machine& machine) {
    const auto* report = machine.node()->durability().recovered();
    if (machine.lives() == 1) {
      return say("{} runs, with an empty data directory, and takes clients.", machine.name());
    }
    say("{} is back: {} keys, {} bytes of log read{}{}.", machine.name(), report->keys,
        report->log_bytes,
        report->snapshot.empty() ? "" : fmt::format(" behind {}", report->snapshot),
        report->log.torn_bytes == 0
            ? ""
            : fmt::format(", a torn tail of {} bytes cut off", report->log.torn_bytes));
  }

  void tell_of_cluster(const FaultEvent& fault) {
    if (!fault.begins) return;
    switch (fault.kind) {
      case FaultKind::join:
        return say("A new machine, node {}, is to join.", fault.node + 1);
      case FaultKind::leave:
        return say("Node {} is asked to leave.", fault.node + 1);
      case FaultKind::wipe:
        return say("Node {} loses its disk; it comes back with an empty one.", fault.node + 1);
      case FaultKind::hand_over:
        return say("Node {} is asked to hand leadership over.", fault.node + 1);
      case FaultKind::restart:
        return say("Node {} is asked to stop (SIGTERM); its supervisor starts it again.",
                   fault.node + 1);
      default:
        return;
    }
  }

  void on_fault(const FaultEvent& fault) override {
    tell_of_cluster(fault);
    if (fault.kind == FaultKind::partition) {
      if (fault.begins) {
        say("Nobody can reach node {} any more, and nobody is told so.", fault.node + 1);
        if (fault.node == leader_) note_end_of(world_.machine(fault.node));
      } else {
        say("Node {} can be reached again.", fault.node + 1);
      }
    }
    if (fault.kind == FaultKind::failing_syncs) {
      if (fault.begins) {
        say("The disk of node {} refuses to fsync: writers have to wait, or are refused.",
            fault.node + 1);
      } else {
        say("The disk of node {} works again.", fault.node + 1);
      }
    }
    if (fault.kind == FaultKind::power_cut_at_reply && fault.begins) {
      say("The next reply of node {} is going to be its last word.", fault.node + 1);
    }
  }

  // --- of a cluster
  // -------------------------------------------------------------------------------
  void on_turn(Machine& machine) override {
    const control::Control* control = machine.control();
    if (control == nullptr || control->raft() == nullptr) return;
    if (control->is_settled_leader() && control->raft()->term() > led_) tell_leader(machine);
    if (control->map().version > version_) tell_map(control->map());
  }

  void tell_leader(Machine& machine) {
    led_ = machine.control()->raft()->term();
    const uint64_t silent_us = world_.now_us() - leader_lost_us_;
    const std::string after =
        leader_lost_us_ == 0 ? std::string()
                             : fmt::format(", {} ms after the last one was gone", silent_us / kMs);
    leader_lost_us_ = 0;
    leader_ = machine.index();
    say("{} is the leader (term {}){}.", machine.name(), raw(led_), after);
  }

  void tell_map(const topology::ClusterMap& map) {
    version_ = map.version;
    std::map<NodeNumber, std::string> states;
    for (const topology::Member& member : map.members) {
      std::string state(topology::state_name(member.state));
      const auto known = states_.find(member.number);
      if (known == states_.end()) {
        say("The map has a new member: {} is node number {}, {}.", member.name, raw(member.number),
            state);
      } else if (known->second != state) {
        say("The map, version {}: {} is {}.", raw(map.version), member.name, state);
      }
      states.emplace(member.number, std::move(state));
    }
    for (const auto& [number, state] : states_) {
      if (!states.contains(number)) say("Node number {} is no member any more.", raw(number));
    }
    states_ = std::move(states);
  }

  void note_end_of(const Machine& machine) {
    if (leader_ != machine.index()) return;
    leader_ = ~size_t{0};
    leader_lost_us_ = world_.now_us();
    say("The leader is gone. The others notice that it says nothing any more.");
  }

  void on_proposal(const Proposal& proposal) override {
    const bool is_applied =
        proposal.result && proposal.result->kind == control::ProposalResult::Kind::applied;
    if (is_applied) ++changes_;
  }

  void on_rest() override {
    const topology::ClusterMap* map = newest_map(world_);
    if (map == nullptr) return;
    say("All is at rest: {} members have one map, of version {}; {} changes were asked for and "
        "done.",
        map->members.size(), raw(map->version), changes_);
  }

  void on_quiet() override { say("From here on nothing goes wrong any more."); }

  void on_end() override {
    say("The end: {} operations were answered, {} were refused or nobody knows.", answered_[0],
        answered_[1]);
  }

  World& world_;
  PrintLine print_;
  std::array<uint64_t, 2> answered_{};
  Term led_{0};
  size_t leader_ = ~size_t{0};  // its machine, until it is gone
  uint64_t leader_lost_us_ = 0;
  LogIndex version_{0};
  std::map<NodeNumber, std::string> states_;  // of the members, by the newest map
  uint64_t changes_ = 0;
};

}  // namespace

std::unique_ptr<Observer> make_narrator(World& world, PrintLine print) {
  return std::make_unique<Narrator>(world, std::move(print));
}

SimOptions demo_options(const SimOptions& asked) {
  SimOptions options = asked;
  options.last_seed = options.first_seed;
  options.nodes = 3;
  options.cluster = true;
  options.clients = 2;
  options.time_us = 40 * kSecond;
  // No chance: the plan says what happens. With joins there are machines to join.
  options.faults = "join";
  options.fault_kinds = {FaultKind::join};
  options.workload = "writes";
  return options;
}

std::vector<FaultDriver::Planned> demo_plan() {
  using enum FaultKind;
  constexpr size_t kLeader = FaultDriver::kLeader;
  return {
      {.kind = kill, .node = kLeader, .at_us = 4 * kSecond, .lasts_us = 2'500 * kMs},
      {.kind = partition, .node = kLeader, .at_us = 9 * kSecond, .lasts_us = 3'000 * kMs},
      {.kind = power_cut, .node = kLeader, .at_us = 14 * kSecond, .lasts_us = 300 * kMs},
      {.kind = join, .node = 3, .at_us = 18 * kSecond},
      {.kind = hand_over, .node = kLeader, .at_us = 20 * kSecond, .strength = uint64_t{1} << 32},
      {.kind = pause, .node = kLeader, .at_us = 22 * kSecond, .lasts_us = 1'500 * kMs},
      {.kind = leave, .node = 1, .at_us = 25 * kSecond},
  };
}

}  // namespace quoris::sim
