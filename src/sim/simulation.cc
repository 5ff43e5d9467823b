#include "sim/simulation.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "base/assert.h"
#include "base/planted.h"
#include "sim/check/convergence_checker.h"
#include "sim/check/order_checker.h"
#include "sim/check/progress_checker.h"
#include "sim/check/register_checker.h"

namespace quoris::sim {

namespace {

constexpr uint64_t kSecond = 1'000'000;

// The part without faults: long enough for nodes and clients to be themselves again, and then for
// some work.
constexpr uint64_t kQuietMinUs = 5 * kSecond;
constexpr uint64_t kQuietMaxUs = 12 * kSecond;

// Until a stopped node serves again, at the end.
constexpr uint64_t kRestartUs = 3 * kSecond;
constexpr uint64_t kSettleUs = 3 * kSecond;

uint64_t quiet_of(uint64_t time_us) {
  static_assert(kQuietMinUs < SimOptions::kTimeMinUs);
  return std::clamp(time_us / 4, kQuietMinUs, kQuietMaxUs);
}

// What a node is started with. Small limits, so that a short run meets what takes days outside.
std::vector<std::pair<std::string, std::string>> settings_of(const SimOptions& options) {
  return {{"protected-mode", "no"},
          {"appendfsync", std::string(name_of(options.appendfsync))},
          {"save", ""},
          {"databases", "1"},
          {"auto-aof-rewrite-min-size", "200000"},
          {"hash-max-listpack-entries", "32"},
          {"loglevel", "notice"}};
}

class Counter final : public Observer {
 public:
  explicit Counter(SimReport& report) : report_(report) {}

 private:
  void on_operation(const Operation& operation) override {
    ++report_.outcomes[static_cast<size_t>(operation.outcome)];
  }

  void on_process(Machine& /*machine*/, ProcessEvent event) override {
    if (event == ProcessEvent::started) ++report_.starts;
  }

  SimReport& report_;
};

class Run {
 public:
  Run(const SimOptions& options, uint64_t seed, const std::vector<FaultDriver::Planned>& plan,
      const MakeObserver& make_observer);

  [[nodiscard]] SimReport run();

 private:
  [[nodiscard]] uint64_t quiet_at_us() const {
    return options_.time_us - quiet_of(options_.time_us);
  }

  [[nodiscard]] bool clients_are_idle() const;
  void end_clients();
  void stop_and_start(const std::function<void(Machine&)>& stop, std::string_view what);

  const SimOptions& options_;
  SimReport report_;
  World world_;
  Workload workload_;
  FaultDriver faults_;
  std::unique_ptr<Observer> extra_;
  Counter counter_;
  RegisterChecker registers_;
  OrderChecker order_;
  ProgressChecker progress_;
  ConvergenceChecker convergence_;
  std::vector<Checker*> checkers_;
  std::vector<std::unique_ptr<SimClient>> clients_;
};

Run::Run(const SimOptions& options, uint64_t seed, const std::vector<FaultDriver::Planned>& plan,
         const MakeObserver& make_observer)
    : options_(options),
      world_({.seed = seed, .nodes = options.nodes, .settings = settings_of(options)}),
      workload_(Workload::named(options.workload).value()),
      faults_(world_, {.kinds = options.fault_kinds, .until_us = quiet_at_us(), .plan = plan}),
      counter_(report_),
      registers_(world_, {.policy = options.appendfsync,
                          .clocks_are_wrong =
                              std::ranges::find(options.fault_kinds, FaultKind::clock_jump) !=
                              options.fault_kinds.end()}),
      order_(world_),
      progress_(world_, faults_),
      convergence_(world_),
      checkers_({&registers_, &order_, &progress_, &convergence_}) {
  report_.seed = seed;
  if (make_observer) {
    extra_ = make_observer(world_);
    world_.add_observer(*extra_);
  }
  world_.add_observer(counter_);
  for (Checker* checker : checkers_) world_.add_observer(*checker);
  for (size_t node = 0; node < options.nodes; ++node) {
    for (size_t i = 0; i < options.clients; ++i) {
      clients_.push_back(std::make_unique<SimClient>(
          world_, workload_,
          SimClient::Options{.index = node * options.clients + i, .node = node}));
      faults_.add_client(*clients_.back());
    }
  }
}

bool Run::clients_are_idle() const {
  return std::ranges::all_of(clients_, [](const auto& client) { return client->is_idle(); });
}

void Run::end_clients() {
  for (const auto& client : clients_) client->finish();
  const uint64_t until_us = world_.now_us() + SimClient::kAnswerUs;
  while (!clients_are_idle() && world_.queue().run_next(until_us)) {
  }
}

void Run::stop_and_start(const std::function<void(Machine&)>& stop, std::string_view what) {
  world_.queue().run_until(world_.now_us() + kSettleUs);
  convergence_.remember();
  for (size_t i = 0; i < world_.nodes(); ++i) stop(world_.machine(i));
  world_.queue().run_until(world_.now_us() + 1);
  for (size_t i = 0; i < world_.nodes(); ++i) world_.machine(i).heal();
  world_.queue().run_until(world_.now_us() + kRestartUs);
  convergence_.compare(what);
}

SimReport Run::run() {
  world_.start();
  for (const auto& client : clients_) client->start();
  faults_.start();
  world_.queue().run_until(options_.time_us);
  end_clients();
  stop_and_start([](Machine& machine) { machine.kill(); }, "a killed process");
  if (options_.appendfsync != server::AppendFsync::no) {
    stop_and_start([](Machine& machine) { machine.cut_power(); }, "a power cut");
  }
  for (Observer* observer : world_.observers()) observer->on_end();
  for (const Checker* checker : checkers_) {
    for (const std::string& text : checker->complaints()) {
      report_.complaints.push_back(fmt::format("{}: {}", checker->name(), text));
    }
    report_.undecided += checker->undecided();
  }
  report_.hash = world_.hash();
  report_.events = world_.queue().happened();
  report_.simulated_us = world_.now_us();
  report_.network = world_.network().figures();
  report_.faults = faults_.played();
  report_.promised = progress_.promised();
  report_.kept = progress_.kept();
  return report_;
}

// A bug that is planted while it lives.
class Planting {
 public:
  explicit Planting([[maybe_unused]] const std::string& name) {
#ifdef QUORIS_PLANTED_BUGS
    before_ = planted_bug();
    if (!name.empty()) plant_bug(name);
#endif
  }

  Planting(const Planting&) = delete;
  Planting& operator=(const Planting&) = delete;

#ifdef QUORIS_PLANTED_BUGS
  ~Planting() { plant_bug(before_); }

 private:
  std::string_view before_;
#endif
};

}  // namespace

std::string_view name_of(server::AppendFsync policy) {
  switch (policy) {
    case server::AppendFsync::everysec:
      return "everysec";
    case server::AppendFsync::always:
      return "always";
    case server::AppendFsync::no:
      break;
  }
  return "no";
}

void SimReport::add(const SimReport& other) {
  undecided += other.undecided;
  events += other.events;
  simulated_us += other.simulated_us;
  network.delivered += other.network.delivered;
  network.bytes += other.network.bytes;
  network.dropped += other.network.dropped;
  network.duplicated += other.network.duplicated;
  network.delayed += other.network.delayed;
  network.connected += other.network.connected;
  network.refused += other.network.refused;
  network.reset += other.network.reset;
  network.timed_out += other.network.timed_out;
  for (size_t i = 0; i < faults.size(); ++i) faults[i] += other.faults[i];
  for (size_t i = 0; i < outcomes.size(); ++i) outcomes[i] += other.outcomes[i];
  starts += other.starts;
  promised += other.promised;
  kept += other.kept;
}

SimReport run_simulation(const SimOptions& options, uint64_t seed,
                         const MakeObserver& make_observer,
                         const std::vector<FaultDriver::Planned>& plan) {
  const Planting planting(options.plant);
  return Run(options, seed, plan, make_observer).run();
}

}  // namespace quoris::sim
