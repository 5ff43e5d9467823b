#include "sim/simulation.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "base/assert.h"
#include "base/planted.h"
#include "sim/check/cluster_checker.h"
#include "sim/check/convergence_checker.h"
#include "sim/check/lease_checker.h"
#include "sim/check/map_checker.h"
#include "sim/check/order_checker.h"
#include "sim/check/progress_checker.h"
#include "sim/check/raft_checker.h"
#include "sim/check/register_checker.h"
#include "sim/clients/cluster_operator.h"

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

// Machines in store, where members are to come.
constexpr size_t kSpares = 2;

// How often somebody looks whether the cluster is at rest.
constexpr uint64_t kRestLookUs = kSecond / 4;

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

World::Options world_options(const SimOptions& options, uint64_t seed) {
  const bool has_joins =
      std::ranges::find(options.fault_kinds, FaultKind::join) != options.fault_kinds.end();
  return {.seed = seed,
          .nodes = options.nodes,
          .spares = options.is_cluster() && has_joins ? kSpares : 0,
          .is_cluster = options.is_cluster(),
          .settings = settings_of(options)};
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
  void come_to_rest();
  void look_for_spin();

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
  RaftChecker raft_;
  MapChecker maps_;
  LeaseChecker leases_;
  ClusterChecker cluster_;
  ClusterOperator operator_;
  std::vector<Checker*> checkers_;
  std::vector<std::unique_ptr<SimClient>> clients_;
};

Run::Run(const SimOptions& options, uint64_t seed, const std::vector<FaultDriver::Planned>& plan,
         const MakeObserver& make_observer)
    : options_(options),
      world_(world_options(options, seed)),
      workload_(Workload::named(options.workload).value()),
      faults_(world_, {.kinds = options.fault_kinds,
                       .until_us = quiet_at_us(),
                       .nodes_at_start = options.nodes,
                       .plan = plan}),
      counter_(report_),
      registers_(world_, {.policy = options.appendfsync,
                          .clocks_are_wrong =
                              std::ranges::find(options.fault_kinds, FaultKind::clock_jump) !=
                              options.fault_kinds.end()}),
      order_(world_),
      progress_(world_, faults_),
      convergence_(world_),
      raft_(world_),
      maps_(world_),
      leases_(world_, maps_),
      cluster_(world_, faults_),
      operator_(world_),
      checkers_({&registers_, &order_, &progress_, &convergence_}) {
  if (options.is_cluster()) {
    checkers_.insert(checkers_.end(), {&raft_, &maps_, &leases_, &cluster_});
  }
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
  for (size_t i = 0; i < world_.nodes(); ++i) {
    if (world_.machine(i).is_deployed()) stop(world_.machine(i));
  }
  world_.queue().run_until(world_.now_us() + 1);
  for (size_t i = 0; i < world_.nodes(); ++i) world_.machine(i).heal();
  world_.queue().run_until(world_.now_us() + kRestartUs);
  convergence_.compare(what);
  come_to_rest();
}

void Run::come_to_rest() {
  if (!options_.is_cluster()) return;
  const uint64_t until_us = world_.now_us() + ClusterChecker::kRestUs;
  while (world_.now_us() < until_us && !cluster_.unrest().empty()) {
    world_.queue().run_until(world_.now_us() + kRestLookUs);
  }
  for (Observer* observer : world_.observers()) observer->on_rest();
}

// A node that does something again and again, and nothing comes of it. All that clients, disks and
// other nodes give a node to do is some hundred events a second for each.
void Run::look_for_spin() {
  constexpr uint64_t kEventsMax = 2'000;  // a second, for each node and each client
  const uint64_t parties = world_.nodes() * (1 + options_.clients);
  const uint64_t seconds = 1 + report_.simulated_us / 1'000'000;
  const uint64_t rate = report_.events / seconds;
  if (rate <= kEventsMax * parties) return;
  report_.complaints.push_back(
      fmt::format("progress: {} events in a simulated second: something spins", rate));
}

SimReport Run::run() {
  world_.start();
  for (const auto& client : clients_) client->start();
  faults_.start();
  if (options_.is_cluster()) operator_.start();
  world_.queue().run_until(options_.time_us);
  operator_.finish();
  end_clients();
  come_to_rest();
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
  look_for_spin();
  report_.network = world_.network().figures();
  report_.faults = faults_.played();
  report_.promised = progress_.promised();
  report_.kept = progress_.kept();
  report_.cluster = {.elections = raft_.elections(),
                     .entries = raft_.entries(),
                     .map_versions = maps_.figures().versions,
                     .joins = maps_.figures().joins,
                     .leaves = maps_.figures().leaves,
                     .downs = maps_.figures().downs,
                     .leases = leases_.renewed(),
                     .proposals = cluster_.figures().applied,
                     .proposals_lost = cluster_.figures().unreachable};
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
  cluster.elections += other.cluster.elections;
  cluster.entries += other.cluster.entries;
  cluster.map_versions += other.cluster.map_versions;
  cluster.joins += other.cluster.joins;
  cluster.leaves += other.cluster.leaves;
  cluster.downs += other.cluster.downs;
  cluster.leases += other.cluster.leases;
  cluster.proposals += other.cluster.proposals;
  cluster.proposals_lost += other.cluster.proposals_lost;
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
