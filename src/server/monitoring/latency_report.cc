#include "server/monitoring/latency_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <span>

#include "base/assert.h"

namespace quoris::server {
namespace {

// --- the graph ----------------------------------------------------------------------------------

constexpr size_t kColumns = 80;
constexpr size_t kRows = 4;
constexpr std::string_view kTops = "_o#";  // how far a bar reaches into its uppermost row
constexpr size_t kLevels = kRows * kTops.size();

// "12s", "3m", "5h", "2d".
std::string age_text(int64_t seconds) {
  if (seconds < 60) return fmt::format("{}s", seconds);
  if (seconds < 3600) return fmt::format("{}m", seconds / 60);
  if (seconds < 86400) return fmt::format("{}h", seconds / 3600);
  return fmt::format("{}d", seconds / 86400);
}

struct Range {
  uint32_t low = 0;
  uint32_t high = 0;
};

Range range_of(std::span<const LatencySample> samples) {
  Range range{.low = samples.front().latency_ms, .high = samples.front().latency_ms};
  for (const LatencySample& sample : samples) {
    range.low = std::min(range.low, sample.latency_ms);
    range.high = std::max(range.high, sample.latency_ms);
  }
  return range;
}

// 0 to kLevels - 1.
size_t level_of(const LatencySample& sample, const Range& range) {
  const uint64_t width = std::max(range.high - range.low, 1U);
  const uint64_t above = sample.latency_ms - range.low;
  return std::min<size_t>(above * kLevels / width, kLevels - 1);
}

// What a bar shows in a row; row 0 is the lowest.
char bar(size_t level, size_t row) {
  const size_t bottom = row * kTops.size();
  if (level < bottom) return ' ';
  if (level >= bottom + kTops.size()) return '|';
  return kTops[level - bottom];
}

void draw(std::string& out, std::span<const LatencySample> samples, const Range& range,
          int64_t now_s) {
  for (size_t row = kRows; row-- > 0;) {
    for (const LatencySample& sample : samples) out += bar(level_of(sample, range), row);
    out += '\n';
  }
  out.append(samples.size(), ' ');
  out += '\n';
  std::vector<std::string> labels;
  size_t longest = 0;
  for (const LatencySample& sample : samples) {
    labels.push_back(age_text(now_s - sample.time_s));
    longest = std::max(longest, labels.back().size());
  }
  for (size_t line = 0; line < longest; ++line) {
    for (const std::string& label : labels) out += line < label.size() ? label[line] : ' ';
    out += '\n';
  }
}

// --- the doctor ---------------------------------------------------------------------------------

constexpr uint64_t kNsPerUs = 1000;
constexpr uint64_t kNsPerMs = 1'000'000;
// A turn or a command above this is worth a word.
constexpr uint64_t kLongNs = 10 * kNsPerMs;

struct EventFigures {
  double mean_ms = 0;
  double deviation_ms = 0;  // mean of the distances from the mean
  double period_s = 0;      // mean time between two spikes, 0: one spike
};

EventFigures figures_of(std::span<const LatencySample> samples) {
  EventFigures figures;
  const auto count = static_cast<double>(samples.size());
  for (const LatencySample& sample : samples) figures.mean_ms += sample.latency_ms;
  figures.mean_ms /= count;
  for (const LatencySample& sample : samples) {
    figures.deviation_ms += std::abs(sample.latency_ms - figures.mean_ms);
  }
  figures.deviation_ms /= count;
  if (samples.size() > 1) {
    figures.period_s =
        static_cast<double>(samples.back().time_s - samples.front().time_s) / (count - 1);
  }
  return figures;
}

void add_events(std::string& out, const DoctorFindings& findings) {
  auto at = std::back_inserter(out);
  if (findings.threshold_ms == 0) {
    fmt::format_to(at,
                   "Spikes are not recorded: latency-monitor-threshold is 0. CONFIG SET "
                   "latency-monitor-threshold <milliseconds> turns that on.\n");
  } else if (findings.monitor.events().empty()) {
    fmt::format_to(at, "No spike of {} ms or more was seen.\n", findings.threshold_ms);
  }
  for (const auto& [event, series] : findings.monitor.events()) {
    const std::vector<LatencySample> samples = series.samples();
    const EventFigures figures = figures_of(samples);
    fmt::format_to(at, "Spikes of {}: {}, mean {:.0f} ms, mean deviation {:.0f} ms", event,
                   samples.size(), figures.mean_ms, figures.deviation_ms);
    if (figures.period_s > 0) fmt::format_to(at, ", one every {:.1f} s", figures.period_s);
    fmt::format_to(at, ", the last {} ago, the worst ever {} ms.\n",
                   age_text(findings.now_s - samples.back().time_s), series.max_ms());
  }
}

void add_loop(std::string& out, const Histogram& turns) {
  if (turns.count() == 0) return;
  fmt::format_to(std::back_inserter(out),
                 "The loop made {} turns; CPU time of a turn: p50 {} us, p99 {} us, p99.9 {} us, "
                 "longest {} us.\n",
                 turns.count(), turns.percentile(50) / kNsPerUs, turns.percentile(99) / kNsPerUs,
                 turns.percentile(99.9) / kNsPerUs, turns.max() / kNsPerUs);
}

void add_commands(std::string& out, std::span<const CommandTimes> slowest) {
  auto at = std::back_inserter(out);
  for (const CommandTimes& times : slowest) {
    fmt::format_to(at, "Command {}: {} calls, p99 {} us, longest {} us.\n", times.name, times.calls,
                   times.p99_ns / kNsPerUs, times.max_ns / kNsPerUs);
  }
}

void add_advice(std::string& out, const DoctorFindings& findings) {
  const auto& events = findings.monitor.events();
  const bool slow_commands =
      events.contains("command") ||
      (!findings.slowest.empty() && findings.slowest.front().max_ns >= kLongNs);
  std::string advice;
  auto at = std::back_inserter(advice);
  if (slow_commands && findings.slower_than_us < 0) {
    fmt::format_to(at,
                   "- Some commands are slow, and the slow log, which would name them, is off: "
                   "CONFIG SET slowlog-log-slower-than 10000.\n");
  } else if (slow_commands) {
    fmt::format_to(at,
                   "- Some commands are slow: SLOWLOG GET shows those above {} us with their "
                   "arguments.\n",
                   findings.slower_than_us);
  }
  for (const CommandTimes& times : findings.slowest) {
    if (!times.walks_keyspace || times.max_ns < kLongNs) continue;
    fmt::format_to(at,
                   "- {} walks all keys while everybody waits. SCAN goes step by step, UNLINK and "
                   "FLUSHALL ASYNC free memory in the background.\n",
                   times.name);
  }
  if (events.contains("fast-command")) {
    fmt::format_to(at,
                   "- Commands that are done in constant time took long: the machine has too "
                   "little CPU for this process, or swaps it out.\n");
  }
  if (events.contains("expire-cycle") || findings.expired_backlog > 0) {
    fmt::format_to(at,
                   "- Many keys reach the end of their time at once ({} wait to be removed): "
                   "spread their TTLs.\n",
                   findings.expired_backlog);
  }
  if (findings.turns.max() >= kLongNs) {
    fmt::format_to(at,
                   "- The longest turn of the loop took {} ms of CPU: one long command, or many "
                   "clients' commands at once. LATENCY HISTOGRAM tells which commands are long.\n",
                   findings.turns.max() / kNsPerMs);
  }
  if (advice.empty()) {
    out += "Nothing calls for a change.\n";
  } else {
    out += "What to do:\n";
    out += advice;
  }
}

}  // namespace

std::string latency_graph(std::string_view event, const LatencySeries& series, int64_t now_s) {
  const std::vector<LatencySample> samples = series.samples();
  QUORIS_ASSERT(!samples.empty());
  const Range range = range_of(samples);
  std::string out = fmt::format("{} - high {} ms, low {} ms (all time high {} ms)\n", event,
                                range.high, range.low, series.max_ms());
  out.append(kColumns, '-');
  out += '\n';
  std::span<const LatencySample> rest(samples);
  while (!rest.empty()) {
    const size_t width = std::min(kColumns, rest.size());
    draw(out, rest.first(width), range, now_s);
    rest = rest.subspan(width);
    if (!rest.empty()) out += '\n';
  }
  return out;
}

std::string latency_doctor(const DoctorFindings& findings) {
  std::string out;
  add_events(out, findings);
  add_loop(out, findings.turns);
  add_commands(out, findings.slowest);
  add_advice(out, findings);
  return out;
}

}  // namespace quoris::server
