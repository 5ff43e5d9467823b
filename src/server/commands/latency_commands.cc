#include <algorithm>
#include <array>
#include <vector>

#include "command/args.h"
#include "command/errors.h"
#include "command/help.h"
#include "server/commands/monitoring_commands.h"
#include "server/monitoring/keyspace_figures.h"
#include "server/monitoring/latency_report.h"
#include "server/node.h"
#include "server/node_context.h"

namespace quoris::server {
namespace {

namespace errors = command::errors;

constexpr uint64_t kNsPerUs = 1000;
// Commands that LATENCY DOCTOR names.
constexpr size_t kNamedCommands = 3;

// --- LATENCY HISTOGRAM --------------------------------------------------------------------------

struct Bucket {
  uint64_t microseconds = 0;
  uint64_t count = 0;  // of calls that took no longer
};

// Powers of two from 1024 ns on, each with the width of Redis's bucket there (1/128 more), as
// whole microseconds; those in which nothing ended are left out.
std::vector<Bucket> buckets_of(const Histogram& histogram) {
  constexpr unsigned kFirstPower = 10;
  constexpr unsigned kLastPower = 63;
  std::vector<Bucket> buckets;
  uint64_t seen = 0;
  for (unsigned power = kFirstPower; power < kLastPower && seen < histogram.count(); ++power) {
    const uint64_t end = (uint64_t{1} << power) + (uint64_t{1} << (power - 7)) - 1;
    const uint64_t count =
        histogram.max() <= end ? histogram.count() : histogram.count_at_or_below(end);
    if (count == seen) continue;
    buckets.push_back({.microseconds = end / kNsPerUs, .count = count});
    seen = count;
  }
  return buckets;
}

void reply_histogram(resp::ReplyWriter& reply, const command::Command& command,
                     const CommandStats& stats) {
  const std::vector<Bucket> buckets = buckets_of(*stats.latency);
  reply.bulk(command.full_name);
  reply.map(2);
  reply.bulk("calls");
  reply.integer(static_cast<int64_t>(stats.latency->count()));
  reply.bulk("histogram_usec");
  reply.map(buckets.size());
  for (const Bucket& bucket : buckets) {
    reply.integer(static_cast<int64_t>(bucket.microseconds));
    reply.integer(static_cast<int64_t>(bucket.count));
  }
}

// The command and its subcommands as far as they have run.
void add_measured(NodeContext& context, const command::Command& command,
                  std::vector<const command::Command*>& measured) {
  const std::vector<CommandStats>& stats = context.node().stats().commands;
  const auto add = [&](const command::Command& one) {
    const CommandStats& of_one = stats[one.index];
    if (of_one.latency && of_one.latency->count() > 0) measured.push_back(&one);
  };
  add(command);
  for (const command::Command* subcommand : command.subcommands) add(*subcommand);
}

// --- LATENCY DOCTOR -----------------------------------------------------------------------------

bool walks_keyspace(const command::Command& command) {
  constexpr auto kWalkers = std::to_array<std::string_view>({"keys", "flushall", "flushdb"});
  return std::ranges::find(kWalkers, command.full_name) != kWalkers.end();
}

std::vector<CommandTimes> slowest_commands(Node& node) {
  std::vector<CommandTimes> all;
  for (uint32_t index = 0; index < node.commands().size(); ++index) {
    const CommandStats& stats = node.stats().commands[index];
    if (!stats.latency || stats.latency->count() == 0) continue;
    const command::Command& command = node.commands().at(index);
    all.push_back({.name = command.full_name,
                   .calls = stats.latency->count(),
                   .p99_ns = stats.latency->percentile(99),
                   .max_ns = stats.latency->max(),
                   .walks_keyspace = walks_keyspace(command)});
  }
  std::ranges::stable_sort(all, std::ranges::greater(), &CommandTimes::max_ns);
  if (all.size() > kNamedCommands) all.resize(kNamedCommands);
  return all;
}

}  // namespace

void handle_latency_latest(NodeContext& context) {
  const auto& events = context.node().latency().events();
  resp::ReplyWriter& reply = context.reply();
  reply.array(events.size());
  for (const auto& [event, series] : events) {
    const LatencySample last = series.samples().back();
    reply.array(4);
    reply.bulk(event);
    reply.integer(last.time_s);
    reply.integer(last.latency_ms);
    reply.integer(series.max_ms());
  }
}

void handle_latency_history(NodeContext& context) {
  const auto& events = context.node().latency().events();
  const auto series = events.find(context.argument(2));
  if (series == events.end()) return context.reply().array(0);
  const std::vector<LatencySample> samples = series->second.samples();
  context.reply().array(samples.size());
  for (const LatencySample& sample : samples) {
    context.reply().array(2);
    context.reply().integer(sample.time_s);
    context.reply().integer(sample.latency_ms);
  }
}

void handle_latency_reset(NodeContext& context) {
  LatencyMonitor& monitor = context.node().latency();
  size_t dropped = 0;
  if (context.count() == 2) dropped = monitor.reset();
  for (const std::string_view event : context.arguments().subspan(2)) {
    if (!event.empty()) dropped += monitor.reset(event);
  }
  context.reply().integer(static_cast<int64_t>(dropped));
}

void handle_latency_graph(NodeContext& context) {
  const auto& events = context.node().latency().events();
  const auto series = events.find(context.argument(2));
  if (series == events.end()) {
    return context.reply().error(errors::no_latency_samples(context.argument(2)));
  }
  context.reply().verbatim(
      "txt", latency_graph(series->first, series->second, context.node().now_ms() / 1000));
}

void handle_latency_doctor(NodeContext& context) {
  Node& node = context.node();
  const DoctorFindings findings{
      .monitor = node.latency(),
      .threshold_ms = static_cast<uint64_t>(node.values().latency_monitor_threshold_ms),
      .slower_than_us = node.values().slowlog_log_slower_than_us,
      .turns = node.stats().turn_cpu,
      .slowest = slowest_commands(node),
      .expired_backlog = expired_backlog(node),
      .now_s = node.now_ms() / 1000};
  context.reply().verbatim("txt", latency_doctor(findings));
}

void handle_latency_histogram(NodeContext& context) {
  std::vector<const command::Command*> measured;
  const command::CommandTable& table = context.node().commands();
  if (context.count() == 2) {
    for (const command::Command* command : table.commands()) {
      add_measured(context, *command, measured);
    }
  }
  for (const std::string_view name : context.arguments().subspan(2)) {
    const command::Command* command = table.find_full(name);
    if (command != nullptr) add_measured(context, *command, measured);
  }
  context.reply().map(measured.size());
  for (const command::Command* command : measured) {
    reply_histogram(context.reply(), *command, context.node().stats().commands[command->index]);
  }
}

// What the simulator and people look at first: how long one turn of the loop keeps the thread.
void handle_latency_loop(NodeContext& context) {
  Histogram& turns = context.node().stats().turn_cpu;
  if (context.count() > 2) {
    if (context.count() > 3 || !command::is(context.argument(2), "RESET")) {
      return context.reply().error(errors::kSyntax);
    }
    turns.reset();
    return context.reply().ok();
  }
  resp::ReplyWriter& reply = context.reply();
  const auto field = [&](std::string_view name, uint64_t value) {
    reply.bulk(name);
    reply.integer(static_cast<int64_t>(value));
  };
  reply.map(5);
  field("count", turns.count());
  field("p50", turns.percentile(50) / kNsPerUs);
  field("p99", turns.percentile(99) / kNsPerUs);
  field("p99.9", turns.percentile(99.9) / kNsPerUs);
  field("max", turns.max() / kNsPerUs);
}

void handle_latency_help(NodeContext& context) {
  static constexpr auto kLines = std::to_array<std::string_view>({
      "DOCTOR",
      "    What was measured and what to do about it, in plain words.",
      "GRAPH <event>",
      "    The spikes of an event as a drawing of characters.",
      "HISTORY <event>",
      "    The spikes of an event with their times.",
      "LATEST",
      "    Of every event the last spike and the worst.",
      "RESET [<event> ...]",
      "    Forget the spikes of these events, or of all.",
      "HISTOGRAM [COMMAND ...]",
      "    How the run times of commands are distributed: microseconds, and how many calls took",
      "    no longer. All commands that have run, or the ones named.",
      "LOOP [RESET]",
      "    CPU time of the event loop's turns in microseconds; RESET begins anew.",
  });
  command::reply_help(context.reply(), "LATENCY", kLines);
}

}  // namespace quoris::server
