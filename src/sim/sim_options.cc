#include "sim/sim_options.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/planted.h"
#include "base/text.h"
#include "sim/clients/workload.h"

namespace quoris::sim {

namespace {

constexpr uint64_t kUsPerSecond = 1'000'000;
constexpr uint64_t kSecondsPerMinute = 60;
constexpr uint64_t kMinutesPerHour = 60;

struct Row {
  std::string_view name;
  std::string_view value;  // what stands for it in the help; empty: it takes none
  std::string_view help;
  Status (*set)(SimOptions& options, std::string_view value);
  std::string (*get)(const SimOptions& options);  // null: it is not part of what a run is
  bool is_of_demo = false;                        // the demo says it
};

Error wrong(std::string_view value, std::string_view allowed) {
  return {Errc::invalid_argument, fmt::format("'{}' is not allowed; {}", value, allowed)};
}

Result<uint64_t> number(std::string_view value, uint64_t low, uint64_t high) {
  const std::optional<uint64_t> parsed = parse_uint64(value);
  if (parsed && *parsed >= low && *parsed <= high) return *parsed;
  return wrong(value, fmt::format("a number from {} to {}", low, high));
}

// "90", "90s", "5m", "1h".
Result<uint64_t> duration_us(std::string_view value) {
  uint64_t unit_us = kUsPerSecond;
  std::string_view digits = value;
  if (!digits.empty()) {
    if (digits.back() == 'm') unit_us *= kSecondsPerMinute;
    if (digits.back() == 'h') unit_us *= kSecondsPerMinute * kMinutesPerHour;
    if (std::string_view("smh").find(digits.back()) != std::string_view::npos)
      digits.remove_suffix(1);
  }
  const std::optional<uint64_t> count = parse_uint64(digits);
  if (count && *count <= SimOptions::kTimeMaxUs / unit_us &&
      *count * unit_us >= SimOptions::kTimeMinUs) {
    return *count * unit_us;
  }
  return wrong(value, "a time from 10s to 24h, as in 60s, 5m, 1h");
}

Status set_seeds(SimOptions& options, std::string_view value) {
  constexpr std::string_view kAllowed = "a row of seeds is written as 1..1000";
  const size_t dots = value.find("..");
  if (dots == std::string_view::npos) return wrong(value, kAllowed);
  const std::optional<uint64_t> first = parse_uint64(value.substr(0, dots));
  const std::optional<uint64_t> last = parse_uint64(value.substr(dots + 2));
  if (!first || !last || *first > *last || *last == ~uint64_t{0}) return wrong(value, kAllowed);
  options.first_seed = *first;
  options.last_seed = *last;
  return ok();
}

Status set_number(size_t& out, std::string_view value, uint64_t low, uint64_t high) {
  const Result<uint64_t> parsed = number(value, low, high);
  if (!parsed) return parsed.error();
  out = *parsed;
  return ok();
}

Status set_faults(SimOptions& options, std::string_view value) {
  Result<std::vector<FaultKind>> kinds = parse_faults(value);
  if (!kinds) return kinds.error();
  options.faults = value;
  options.fault_kinds = std::move(kinds).value();
  return ok();
}

Status set_workload(SimOptions& options, std::string_view value) {
  const Result<Workload> workload = Workload::named(value);
  if (!workload) return workload.error();
  options.workload = value;
  return ok();
}

Status set_policy(SimOptions& options, std::string_view value) {
  using server::AppendFsync;
  for (const AppendFsync policy : {AppendFsync::always, AppendFsync::everysec, AppendFsync::no}) {
    if (name_of(policy) != value) continue;
    options.appendfsync = policy;
    return ok();
  }
  return wrong(value, "always, everysec or no");
}

constexpr std::array kRows = {
    Row{.name = "seed",
        .value = "N",
        .help = "One run, from this seed (default: 1)",
        .set = [](SimOptions& options, std::string_view value) -> Status {
          const Result<uint64_t> seed = number(value, 0, ~uint64_t{0} - 1);
          if (!seed) return seed.error();
          options.first_seed = options.last_seed = *seed;
          return ok();
        },
        .get = nullptr},
    Row{.name = "seeds",
        .value = "A..B",
        .help = "A run from each of these",
        .set = &set_seeds,
        .get = nullptr,
        .is_of_demo = true},
    Row{.name = "nodes",
        .value = "N",
        .help = "How many nodes (default: 3)",
        .set =
            [](SimOptions& options, std::string_view value) {
              return set_number(options.nodes, value, 1, SimOptions::kNodesMax);
            },
        .get = [](const SimOptions& options) { return std::to_string(options.nodes); },
        .is_of_demo = true},
    Row{.name = "clients",
        .value = "N",
        .help = "How many clients of each node (default: 2)",
        .set =
            [](SimOptions& options, std::string_view value) {
              return set_number(options.clients, value, 1, SimOptions::kClientsMax);
            },
        .get = [](const SimOptions& options) { return std::to_string(options.clients); },
        .is_of_demo = true},
    Row{.name = "time",
        .value = "60s",
        .help = "How long clients work, in simulated time; the last quarter, 5 to 12 s, is without "
                "faults (10s to 24h, default: 60s)",
        .set = [](SimOptions& options, std::string_view value) -> Status {
          const Result<uint64_t> us = duration_us(value);
          if (!us) return us.error();
          options.time_us = *us;
          return ok();
        },
        .get =
            [](const SimOptions& options) {
              return fmt::format("{}s", options.time_us / kUsPerSecond);
            },
        .is_of_demo = true},
    Row{.name = "faults",
        .value = "LIST",
        .help = "Profiles and kinds of faults, with commas (default: all)",
        .set = &set_faults,
        .get = [](const SimOptions& options) { return options.faults; },
        .is_of_demo = true},
    Row{.name = "workload",
        .value = "NAME",
        .help = "What clients do (default: mixed)",
        .set = &set_workload,
        .get = [](const SimOptions& options) { return options.workload; },
        .is_of_demo = true},
    Row{.name = "appendfsync",
        .value = "POLICY",
        .help = "The nodes' setting: always, everysec, no (default: everysec)",
        .set = &set_policy,
        .get = [](const SimOptions& options) { return std::string(name_of(options.appendfsync)); }},
    Row{.name = "cluster",
        .value = "",
        .help = "The nodes are a cluster, be it of one (default where there are several)",
        .set = [](SimOptions& options, std::string_view) -> Status {
          options.cluster = true;
          return ok();
        },
        .get = nullptr,
        .is_of_demo = true},
    Row{.name = "alone",
        .value = "",
        .help = "Each node stands for itself (default where there is one)",
        .set = [](SimOptions& options, std::string_view) -> Status {
          options.cluster = false;
          return ok();
        },
        .get = nullptr,
        .is_of_demo = true},
    Row{.name = "plant",
        .value = "BUG",
        .help = "A bug that is planted in the code, to see it found (builds with tests only)",
        .set = [](SimOptions& options, std::string_view value) -> Status {
          if (!kHasPlantedBugs && !value.empty()) {
            return wrong(value, "this build has no planted bugs");
          }
          options.plant = value;
          return ok();
        },
        .get = [](const SimOptions& options) { return options.plant; }},
    Row{.name = "trace",
        .value = "",
        .help = "Prints a line per event",
        .set = [](SimOptions& options, std::string_view) -> Status {
          options.trace = true;
          return ok();
        },
        .get = nullptr},
    Row{.name = "demo",
        .value = "",
        .help = "A short run that tells its story",
        .set = [](SimOptions& options, std::string_view) -> Status {
          options.demo = true;
          return ok();
        },
        .get = nullptr},
};

// A value with spaces in quotes, so that the line can be pasted into a shell.
std::string quoted(const std::string& value) {
  return value.find(' ') == std::string::npos ? value : "'" + value + "'";
}

std::string without_seeds(const SimOptions& options) {
  std::string text;
  if (options.demo) text += " --demo";
  for (const Row& row : kRows) {
    if (row.get == nullptr) continue;
    if (options.demo && row.is_of_demo) continue;
    const std::string value = row.get(options);
    if (!value.empty()) text += fmt::format(" --{} {}", row.name, quoted(value));
  }
  if (options.cluster && !options.demo) text += *options.cluster ? " --cluster" : " --alone";
  return text;
}

Error contradiction(std::string_view one, std::string_view other, std::string_view why) {
  return {Errc::invalid_argument,
          fmt::format("sim: --{} and --{} contradict each other: {}", one, other, why)};
}

// A profile or kind of which nothing can happen would be passed in silence.
Status check_faults(const SimOptions& options) {
  if (options.is_cluster()) return ok();
  for (const std::string_view word : words_of_faults(options.faults)) {
    const Result<std::vector<FaultKind>> kinds = parse_faults(word);
    if (!kinds || kinds->empty() || !std::ranges::all_of(*kinds, &is_of_cluster)) continue;
    return Error{Errc::invalid_argument,
                 fmt::format("sim: --faults: '{}' happens in a cluster only, and {}", word,
                             options.nodes == 1 ? "one node is alone without --cluster"
                                                : "--alone makes none")};
  }
  return ok();
}

// `said`: rows, in the order of the command line.
Status check_together(const SimOptions& options, const std::vector<const Row*>& said) {
  const auto has = [&said](std::string_view name) {
    return std::ranges::find(said, name, &Row::name) != said.end();
  };
  if (has("seed") && has("seeds")) return contradiction("seed", "seeds", "say which of them");
  if (has("cluster") && has("alone")) return contradiction("cluster", "alone", "say which of them");
  for (const Row* row : said) {
    if (options.demo && row->is_of_demo) {
      return contradiction("demo", row->name, "the demo is one run whose story is written");
    }
  }
  if (options.demo && options.trace) {
    return contradiction("demo", "trace", "one tells the story, the other every event");
  }
  if (options.trace && options.first_seed != options.last_seed) {
    return contradiction("trace", "seeds", "events are told of one run; give it with --seed");
  }
  return check_faults(options);
}

}  // namespace

Result<SimOptions> parse_sim_options(std::span<const std::string> arguments) {
  SimOptions options;
  std::vector<const Row*> said;
  if (Status known = set_faults(options, options.faults); !known) return known.error();
  for (size_t i = 0; i < arguments.size(); ++i) {
    std::string_view word = arguments[i];
    if (!word.starts_with("--")) {
      return Error{Errc::invalid_argument,
                   fmt::format("sim: '{}' is not expected here; quoris sim --help", word)};
    }
    word.remove_prefix(2);
    const size_t equals = std::min(word.find('='), word.size());
    const auto row = std::ranges::find(kRows, word.substr(0, equals), &Row::name);
    if (row == kRows.end()) {
      return Error{
          Errc::invalid_argument,
          fmt::format("sim: there is no option --{}; quoris sim --help", word.substr(0, equals))};
    }
    if (std::ranges::find(said, &*row) != said.end()) {
      return Error{Errc::invalid_argument, fmt::format("sim: --{} is given twice", row->name)};
    }
    said.push_back(&*row);
    std::string_view value;
    if (equals < word.size() && row->value.empty()) {
      return Error{Errc::invalid_argument, fmt::format("sim: --{} takes no value", row->name)};
    }
    if (equals < word.size()) {
      value = word.substr(equals + 1);
    } else if (!row->value.empty()) {
      if (++i == arguments.size()) {
        return Error{Errc::invalid_argument,
                     fmt::format("sim: --{} needs a value ({})", row->name, row->value)};
      }
      value = arguments[i];
    }
    if (const Status set = row->set(options, value); !set) {
      return Error{set.error().code, fmt::format("sim: --{}: {}", row->name, set.error().message)};
    }
  }
  if (const Status fits = check_together(options, said); !fits) return fits.error();
  return options;
}

std::string format_sim_options(const SimOptions& options) {
  if (options.demo) return fmt::format("--seed {}{}", options.first_seed, without_seeds(options));
  return fmt::format("--seeds {}..{}{}", options.first_seed, options.last_seed,
                     without_seeds(options));
}

std::string replay_command(const SimOptions& options, uint64_t seed) {
  return fmt::format("quoris sim --seed {}{}{}", seed, without_seeds(options),
                     options.demo ? "" : " --trace");
}

std::string sim_help() {
  std::string text =
      "usage: quoris sim [--option value]...\n\n"
      "Runs whole nodes with their clients in one thread, with simulated time, network and disk,\n"
      "lets things go wrong, and checks what nodes promise. The same seed and build give the same\n"
      "run. Exit status: 0 if all is well, 1 if something is not, 2 if an option is wrong.\n\n";
  for (const Row& row : kRows) {
    text += fmt::format("  --{:<20} {}\n", fmt::format("{} {}", row.name, row.value), row.help);
  }
  text += "\nProfiles of faults:\n";
  for (const FaultProfile& profile : fault_profiles()) {
    text += fmt::format("  {:<22} {}\n", profile.name, profile.help);
  }
  text += "\nKinds of faults:";
  for (size_t i = 0; i < kFaultKinds; ++i) {
    text += fmt::format("{}{}", i % 5 == 0 ? "\n  " : " ", name_of(static_cast<FaultKind>(i)));
  }
  text += fmt::format("\n\nWorkloads: {}\n", fmt::join(Workload::names(), " "));
  return text;
}

}  // namespace quoris::sim
