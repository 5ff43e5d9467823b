#include "sim/trace.h"

#include <fmt/format.h>

#include <utility>

#include "sim/world.h"

namespace quoris::sim {

namespace {

constexpr std::array<std::string_view, static_cast<size_t>(SimDisk::Operation::count_of_operations)>
    kSteps = {"open", "read",     "list",   "lock",   "create",         "write",
              "sync", "truncate", "rename", "remove", "make directory", "sync directory"};

class Trace final : public Observer {
 public:
  Trace(World& world, PrintLine print) : world_(world), print_(std::move(print)) {}

 private:
  template <class... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    const uint64_t now_us = world_.now_us();
    print_(fmt::format("{:>4}.{:06} {}", now_us / 1'000'000, now_us % 1'000'000,
                       fmt::format(format, std::forward<Args>(args)...)));
  }

  void on_process(Machine& machine, ProcessEvent event) override {
    line("{}: {}", machine.name(), name_of(event));
  }

  void on_node_log(Machine& machine, LogLevel /*level*/, std::string_view text) override {
    line("{} says: {}", machine.name(), text);
  }

  void on_operation(const Operation& operation) override {
    std::string actions;
    for (const Action& action : operation.actions) {
      actions += (actions.empty() ? "" : ", ") + describe(action, operation.outcome == Outcome::ok);
    }
    line("client {}, node {}: {} since {} us: {}{} {}", operation.client, operation.node + 1,
         operation.command, operation.invoked_us, name_of(operation.outcome),
         operation.error.empty() ? "" : " (" + operation.error + ")", actions);
  }

  void on_fault(const FaultEvent& fault) override {
    line("fault {} of node {} {} {}", name_of(fault.kind), fault.node + 1,
         fault.begins ? "begins" : "ends", fault.detail);
  }

  void on_delivered(HostId from, HostId to, std::string_view bytes) override {
    line("{} -> {}: {} bytes", world_.network().address(from), world_.network().address(to),
         bytes.size());
  }

  void on_connection(HostId from, HostId to, std::string_view what) override {
    line("{} -> {}: {}", world_.network().address(from), world_.network().address(to), what);
  }

  void on_disk_step(Machine& machine, SimDisk::Operation operation, const std::string& path,
                    std::string_view bytes) override {
    line("{}: {} {} ({} bytes)", machine.name(), kSteps[static_cast<size_t>(operation)], path,
         bytes.size());
  }

  void on_quiet() override { line("quiet: all faults are over"); }

  World& world_;
  PrintLine print_;
};

}  // namespace

std::unique_ptr<Observer> make_trace(World& world, PrintLine print) {
  return std::make_unique<Trace>(world, std::move(print));
}

}  // namespace quoris::sim
