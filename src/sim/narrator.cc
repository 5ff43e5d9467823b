#include "sim/narrator.h"

#include <fmt/format.h>

#include <utility>

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
        return say("{} is killed (kill -9). {} operations were answered so far.", machine.name(),
                   answered_[0]);
      case ProcessEvent::power_cut:
        return say(
            "The power of {} fails; what was not fsynced is torn or gone. {} operations "
            "were answered so far.",
            machine.name(), answered_[0]);
      case ProcessEvent::paused:
        return say("{} stands still (SIGSTOP): its kernel takes requests, nobody answers.",
                   machine.name());
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

  void on_fault(const FaultEvent& fault) override {
    if (fault.kind == FaultKind::partition) {
      if (fault.begins) {
        say("Nobody can reach node {} any more, and nobody is told so.", fault.node + 1);
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

  void on_quiet() override { say("From here on nothing goes wrong any more."); }

  void on_end() override {
    say("The end: {} operations were answered, {} were refused or nobody knows.", answered_[0],
        answered_[1]);
  }

  World& world_;
  PrintLine print_;
  std::array<uint64_t, 2> answered_{};
};

}  // namespace

std::unique_ptr<Observer> make_narrator(World& world, PrintLine print) {
  return std::make_unique<Narrator>(world, std::move(print));
}

SimOptions demo_options(const SimOptions& asked) {
  SimOptions options = asked;
  options.last_seed = options.first_seed;
  options.nodes = 1;
  options.clients = 4;
  options.time_us = 24 * kSecond;
  options.faults = "none";
  options.fault_kinds.clear();
  options.workload = "writes";
  return options;
}

std::vector<FaultDriver::Planned> demo_plan() {
  using enum FaultKind;
  return {
      {.kind = kill, .node = 0, .at_us = 2 * kSecond, .lasts_us = 300 * kMs},
      {.kind = power_cut_at_reply, .node = 0, .at_us = 5 * kSecond, .lasts_us = 300 * kMs},
      {.kind = failing_syncs, .node = 0, .at_us = 9 * kSecond, .lasts_us = 1'500 * kMs},
      {.kind = partition, .node = 0, .at_us = 12 * kSecond, .lasts_us = 1'000 * kMs},
      {.kind = pause, .node = 0, .at_us = 15 * kSecond, .lasts_us = 700 * kMs},
  };
}

}  // namespace quoris::sim
