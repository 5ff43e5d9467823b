#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string>

#include "command/args.h"
#include "command/errors.h"
#include "command/help.h"
#include "server/commands/monitoring_commands.h"
#include "server/monitoring/cluster_sections.h"
#include "server/monitoring/memory_figures.h"
#include "server/node.h"
#include "server/node_context.h"

namespace quoris::server {
namespace {

namespace errors = command::errors;

// The options of MEMORY USAGE. SAMPLES is about collections, which are not sampled here: their
// memory is known.
command::Parsed<Done> check_usage_options(const NodeContext& context) {
  for (size_t index = 3; index < context.count(); index += 2) {
    if (!command::is(context.argument(index), "SAMPLES") || index + 1 == context.count()) {
      return std::string(errors::kSyntax);
    }
    const auto samples = command::integer_argument(context.argument(index + 1));
    if (!samples) return samples.error();
    if (*samples < 0) return std::string(errors::kSyntax);
  }
  return Done{};
}

struct Fields {
  resp::ReplyWriter& reply;

  void integer(std::string_view name, int64_t value) {
    reply.bulk(name);
    reply.integer(value);
  }

  void bytes(std::string_view name, uint64_t value) { integer(name, static_cast<int64_t>(value)); }

  void number(std::string_view name, double value) {
    reply.bulk(name);
    reply.number(value);
  }
};

void add_databases(Fields& fields, const MemoryFigures& figures) {
  for (const DatabaseMemory& database : figures.databases) {
    fields.reply.bulk(fmt::format("db.{}", raw(database.db)));
    fields.reply.map(3);
    fields.bytes("overhead.hashtable.main", database.table);
    // Expiry stands in the entries, slots have no index of their own.
    fields.integer("overhead.hashtable.expires", 0);
    fields.integer("overhead.hashtable.slot-to-keys", 0);
  }
}

void add_allocator(Fields& fields, const MemoryFigures& figures) {
  const AllocatorStats& allocator = figures.allocator;
  fields.bytes("allocator.allocated", allocator.allocated);
  fields.bytes("allocator.active", allocator.active);
  fields.bytes("allocator.resident", allocator.resident);
  fields.number("allocator-fragmentation.ratio", figures.allocator_fragmentation());
  fields.integer("allocator-fragmentation.bytes",
                 difference(allocator.active, allocator.allocated));
  fields.number("allocator-rss.ratio", figures.allocator_rss());
  fields.integer("allocator-rss.bytes", difference(allocator.resident, allocator.active));
  fields.number("rss-overhead.ratio", figures.rss_overhead());
  fields.integer("rss-overhead.bytes", difference(figures.resident, allocator.resident));
  fields.number("fragmentation", figures.fragmentation());
  fields.integer("fragmentation.bytes", difference(figures.resident, figures.used));
}

// --- the doctor ---------------------------------------------------------------------------------

// Below this a node is mostly its own start-up, and shares of it say nothing.
constexpr uint64_t kWorthALook = 5ULL * 1024 * 1024;

// What is above these is worth a word. Ratios as MemoryFigures names them; the second number is
// the least that must be lost, so that small nodes are left in peace.
constexpr double kPeakFactor = 1.5;
constexpr double kFragmentationFactor = 1.4;
constexpr double kResidentFactor = 1.1;
constexpr double kProcessFactor = 1.1;
constexpr uint64_t kLostBytes = 10ULL * 1024 * 1024;
constexpr uint64_t kClientBytes = 200ULL * 1024;
constexpr double kNearLimit = 0.9;

bool is_high(double factor, double limit, uint64_t a, uint64_t b) {
  return factor > limit && difference(a, b) > static_cast<int64_t>(kLostBytes);
}

std::string diagnosis(const MemoryFigures& figures, uint64_t maxmemory) {
  const AllocatorStats& allocator = figures.allocator;
  std::string found;
  auto out = std::back_inserter(found);
  if (maxmemory != 0 && ratio(figures.used, maxmemory) > kNearLimit) {
    fmt::format_to(out,
                   "- Near the limit: {} of maxmemory {} are in use. Writes that need memory will "
                   "be refused: raise maxmemory, or let keys go.\n",
                   human_bytes(figures.used), human_bytes(maxmemory));
  }
  if (is_high(ratio(figures.peak, figures.used), kPeakFactor, figures.peak, figures.used)) {
    fmt::format_to(out,
                   "- The peak was {}, now {} are in use: the process may hold pages of that time. "
                   "MEMORY PURGE gives them back.\n",
                   human_bytes(figures.peak), human_bytes(figures.used));
  }
  if (is_high(figures.allocator_fragmentation(), kFragmentationFactor, allocator.active,
              allocator.allocated)) {
    fmt::format_to(out,
                   "- Fragmentation: pages of {} hold {}. It comes from values that changed their "
                   "size, and goes as the pages are filled again.\n",
                   human_bytes(allocator.active), human_bytes(allocator.allocated));
  }
  if (is_high(figures.allocator_rss(), kResidentFactor, allocator.resident, allocator.active)) {
    fmt::format_to(out,
                   "- The allocator keeps {} of which {} are in use. MEMORY PURGE gives the rest "
                   "back at once, else it goes within seconds.\n",
                   human_bytes(allocator.resident), human_bytes(allocator.active));
  }
  if (is_high(figures.rss_overhead(), kProcessFactor, figures.resident, allocator.resident)) {
    fmt::format_to(out, "- The process has {} beside what the allocator knows of.\n",
                   human_bytes(figures.resident - allocator.resident));
  }
  if (figures.clients_count > 0 && figures.clients / figures.clients_count > kClientBytes) {
    fmt::format_to(out,
                   "- Clients hold {} on average: slow readers, or large requests. CLIENT LIST "
                   "shows qbuf, omem and tot-mem of each.\n",
                   human_bytes(figures.clients / figures.clients_count));
  }
  if (figures.lazily_pending > 0) {
    fmt::format_to(out, "- {} entries of flushed databases wait to be freed.\n",
                   figures.lazily_pending);
  }
  return found;
}

}  // namespace

void handle_memory_usage(NodeContext& context) {
  if (const auto options = check_usage_options(context); !options) {
    return context.reply().error(options.error());
  }
  store::Keyspace& keyspace = context.node().store().db(context.session().db);
  const store::Entry* entry = keyspace.find(keyspace.hashed(context.argument(2)));
  if (entry == nullptr || entry->is_expired(context.node().now_ms())) {
    return context.reply().null();
  }
  // Its own allocation, and its share of the table.
  const size_t share = keyspace.table_memory() / std::max<size_t>(keyspace.table_slots(), 1);
  context.reply().integer(static_cast<int64_t>(entry->memory() + share));
}

void handle_memory_stats(NodeContext& context) {
  const MemoryFigures figures = memory_figures(context.node());
  constexpr size_t kFields = 27;
  Fields fields{context.reply()};
  fields.reply.map(kFields + figures.databases.size());
  fields.bytes("peak.allocated", figures.peak);
  fields.bytes("total.allocated", figures.used);
  fields.bytes("startup.allocated", figures.startup);
  fields.integer("replication.backlog", 0);
  fields.integer("clients.slaves", 0);
  fields.bytes("clients.normal", figures.clients);
  fields.bytes("cluster.links", cluster_link_memory(context.node()));
  fields.integer("aof.buffer", 0);
  fields.integer("lua.caches", 0);
  fields.integer("functions.caches", 0);
  add_databases(fields, figures);
  fields.bytes("overhead.total", figures.overhead);
  fields.bytes("keys.count", figures.keys);
  fields.bytes("keys.bytes-per-key", figures.bytes_per_key());
  fields.bytes("dataset.bytes", figures.dataset);
  fields.number("dataset.percentage", figures.dataset_percent());
  fields.number("peak.percentage", figures.peak_percent());
  add_allocator(fields, figures);
}

void handle_memory_doctor(NodeContext& context) {
  const MemoryFigures figures = memory_figures(context.node());
  std::string report;
  if (figures.used < kWorthALook) {
    report =
        fmt::format("There is nothing to examine yet: this node uses {}, most of it for itself.\n",
                    human_bytes(figures.used));
  } else {
    const std::string found = diagnosis(figures, context.node().values().maxmemory);
    report = fmt::format("In use {}, of it data {}; resident {}; {} keys of {} bytes each.\n",
                         human_bytes(figures.used), human_bytes(figures.dataset),
                         human_bytes(figures.resident), figures.keys, figures.bytes_per_key());
    report += found.empty() ? "No problem was found.\n" : found;
  }
  context.reply().verbatim("txt", report);
}

void handle_memory_purge(NodeContext& context) {
  context.node().host().purge_allocator();
  context.reply().ok();
}

void handle_memory_malloc_stats(NodeContext& context) {
  const AllocatorStats stats = context.node().host().allocator_stats();
  const std::string report = fmt::format(
      "allocator: {}\nallocated: {}\nactive: {}\nmetadata: {}\nresident: {}\nmapped: {}\n"
      "retained: {}\n",
      context.node().host().facts().allocator, stats.allocated, stats.active, stats.metadata,
      stats.resident, stats.mapped, stats.retained);
  context.reply().verbatim("txt", report);
}

void handle_memory_help(NodeContext& context) {
  static constexpr auto kLines = std::to_array<std::string_view>({
      "DOCTOR",
      "    What looks wrong about the memory in use, in plain words.",
      "MALLOC-STATS",
      "    The allocator's own figures.",
      "PURGE",
      "    Give memory that was freed back to the system.",
      "STATS",
      "    Where the memory goes, in figures.",
      "USAGE <key> [SAMPLES <count>]",
      "    Bytes that a key takes with its value. SAMPLES is accepted and changes nothing:",
      "    the figure is exact.",
  });
  command::reply_help(context.reply(), "MEMORY", kLines);
}

}  // namespace quoris::server
