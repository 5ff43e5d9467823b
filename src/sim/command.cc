#include "sim/command.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "server/versions.h"
#include "sim/narrator.h"
#include "sim/sim_options.h"
#include "sim/world.h"

namespace quoris::sim {

namespace {

constexpr int kPassed = 0;
constexpr int kFailed = 1;
constexpr int kWrongOptions = 2;

constexpr uint64_t kProgressNs = 10'000'000'000;
constexpr double kNsPerSecond = 1e9;
constexpr uint64_t kUsPerSecond = 1'000'000;

// How often a run asks what time it is outside, in simulated time.
constexpr uint64_t kLookUs = kUsPerSecond / 10;

// Runs of which nothing but their seed is told.
constexpr size_t kShownFailures = 10;

// Tells now and then how far a run is. It takes no part in it: the run is the same without it.
class RunProgress final : public Observer {
 public:
  using Tell = std::function<void(uint64_t at_us)>;

  // REQUIRES: `world` outlives this.
  RunProgress(const World& world, Tell tell) : world_(world), tell_(std::move(tell)) {}

 private:
  void on_turn(Machine& /*machine*/) override {
    if (world_.now_us() < next_look_us_) return;
    next_look_us_ = world_.now_us() + kLookUs;
    tell_(world_.now_us());
  }

  const World& world_;
  Tell tell_;
  uint64_t next_look_us_ = 0;
};

class Command {
 public:
  Command(const SimOptions& options, const CommandEdge& edge) : options_(options), edge_(edge) {}

  int run();

 private:
  [[nodiscard]] SimReport run_seed(uint64_t seed);
  void print_failure(const SimReport& report);
  // `at_us`: how far its run is; nothing: it is over.
  void print_progress(uint64_t seed, std::optional<uint64_t> at_us);
  void print_counts(uint64_t took_ns);

  template <class... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    edge_.print(fmt::format(format, std::forward<Args>(args)...));
  }

  const SimOptions& options_;
  const CommandEdge& edge_;
  SimReport sum_;
  std::vector<uint64_t> failed_;
  uint64_t began_ns_ = 0;
  uint64_t next_progress_ns_ = 0;
};

SimReport Command::run_seed(uint64_t seed) {
  MakeObserver make_observer;
  if (options_.trace) {
    make_observer = [this](World& world) { return make_trace(world, edge_.print); };
  } else if (options_.demo) {
    make_observer = [this](World& world) { return make_narrator(world, edge_.print); };
  } else {
    make_observer = [this, seed](World& world) {
      return std::make_unique<RunProgress>(
          world, [this, seed](uint64_t at_us) { print_progress(seed, at_us); });
    };
  }
  std::vector<FaultDriver::Planned> plan;
  if (options_.demo) plan = demo_plan();
  return run_simulation(options_, seed, make_observer, plan);
}

void Command::print_failure(const SimReport& report) {
  failed_.push_back(report.seed);
  if (failed_.size() > kShownFailures) return;
  line("seed {} FAILED, hash {:016x}:", report.seed, report.hash);
  for (const std::string& complaint : report.complaints) line("  {}", complaint);
  line("  replay: {}", replay_command(options_, report.seed));
}

void Command::print_progress(uint64_t seed, std::optional<uint64_t> at_us) {
  const uint64_t now_ns = edge_.clock.monotonic_ns();
  if (now_ns < next_progress_ns_) return;
  next_progress_ns_ = now_ns + kProgressNs;
  std::string where;
  if (at_us) {
    // The end of a run, when clients are through, takes some time beside.
    where = fmt::format(" at {} of {} s", std::min(*at_us, options_.time_us) / kUsPerSecond,
                        options_.time_us / kUsPerSecond);
  }
  line("... seed {}{}, {:.0f} s, {} failed", seed, where,
       static_cast<double>(now_ns - began_ns_) / kNsPerSecond, failed_.size());
}

void Command::print_counts(uint64_t took_ns) {
  const NetworkFigures& network = sum_.network;
  line(
      "operations  {} ok, {} refused, {} unknown; {} of {} that nothing stood in the way of were "
      "done",
      sum_.outcomes[static_cast<size_t>(Outcome::ok)],
      sum_.outcomes[static_cast<size_t>(Outcome::refused)],
      sum_.outcomes[static_cast<size_t>(Outcome::unknown)], sum_.kept, sum_.promised);
  line("network     {} delivered ({} bytes), {} dropped, {} duplicated, {} delayed",
       network.delivered, network.bytes, network.dropped, network.duplicated, network.delayed);
  line("connections {} made, {} refused, {} reset, {} timed out", network.connected,
       network.refused, network.reset, network.timed_out);
  std::string faults;
  for (size_t i = 0; i < sum_.faults.size(); ++i) {
    if (sum_.faults[i] == 0) continue;
    faults += fmt::format("{}{} {}", faults.empty() ? "" : ", ", sum_.faults[i],
                          name_of(static_cast<FaultKind>(i)));
  }
  line("faults      {}", faults.empty() ? "none" : faults);
  line("nodes       {} starts", sum_.starts);
  if (options_.is_cluster()) {
    const ClusterFigures& cluster = sum_.cluster;
    line("cluster     {} elections, {} entries of the log, {} proposals applied, {} without answer",
         cluster.elections, cluster.entries, cluster.proposals, cluster.proposals_lost);
    line("members     {} versions of the map, {} joins, {} leaves, {} times down, {} leases",
         cluster.map_versions, cluster.joins, cluster.leaves, cluster.downs, cluster.leases);
  }
  if (sum_.undecided > 0) line("undecided   {} searches were given up", sum_.undecided);
  const double seconds = std::max(static_cast<double>(took_ns) / kNsPerSecond, 1e-9);
  const double simulated = static_cast<double>(sum_.simulated_us) / double{kUsPerSecond};
  line("events      {} in {:.2f} s: {:.0f} per second; {:.0f} simulated seconds per second",
       sum_.events, seconds, static_cast<double>(sum_.events) / seconds, simulated / seconds);
}

int Command::run() {
  line("quoris {} sim {}", server::kQuorisVersion, format_sim_options(options_));
  began_ns_ = edge_.clock.monotonic_ns();
  next_progress_ns_ = began_ns_ + kProgressNs;
  const uint64_t count = options_.last_seed - options_.first_seed + 1;
  for (uint64_t seed = options_.first_seed; seed <= options_.last_seed; ++seed) {
    const SimReport report = run_seed(seed);
    sum_.add(report);
    sum_.hash = hash_bytes({reinterpret_cast<const char*>(&report.hash), sizeof report.hash},
                           {.seed = sum_.hash});
    if (count == 1) sum_.hash = report.hash;
    if (!report.passed()) print_failure(report);
    print_progress(seed, std::nullopt);
  }
  print_counts(edge_.clock.monotonic_ns() - began_ns_);
  line("hash        {:016x}", sum_.hash);
  if (failed_.empty()) {
    line("PASSED: {} seed{}", count, count == 1 ? "" : "s");
    return kPassed;
  }
  line("FAILED: {} of {} seeds: {}", failed_.size(), count, fmt::join(failed_, " "));
  return kFailed;
}

}  // namespace

int run_command(std::span<const std::string> arguments, const CommandEdge& edge) {
  if (std::ranges::find(arguments, "--help") != arguments.end()) {
    edge.print(sim_help());
    return kPassed;
  }
  Result<SimOptions> options = parse_sim_options(arguments);
  if (!options) {
    edge.complain(options.error().message);
    return kWrongOptions;
  }
  if (options->demo) *options = demo_options(*options);
  return Command(*options, edge).run();
}

}  // namespace quoris::sim
