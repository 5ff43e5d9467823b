#include "server/monitoring/info_sections.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "server/monitoring/cluster_sections.h"
#include "server/monitoring/keyspace_figures.h"
#include "server/monitoring/memory_figures.h"
#include "server/node.h"
#include "server/versions.h"

namespace quoris::server {
namespace {

constexpr uint64_t kNsPerUs = 1000;
constexpr uint64_t kUsPerMs = 1000;
constexpr int64_t kSecondsPerDay = int64_t{24} * 3600;
constexpr std::string_view kNoReplicationId = "0000000000000000000000000000000000000000";

int64_t now_s(const Node& node) { return node.now_us() / 1'000'000; }

void write_server(Node& node, InfoWriter& out) {
  const HostFacts& host = node.host().facts();
  const int64_t uptime_s = now_s(node) - node.started_at_s();
  constexpr int64_t kLruClockMask = (1 << 24) - 1;
  out.add("redis_version", kRedisVersion);
  out.add("redis_git_sha1", "00000000");
  out.add_zeros({"redis_git_dirty", "redis_build_id"});
  out.add("redis_mode", node.cluster() == nullptr ? "standalone" : "cluster");
  out.add("os", host.os);
  out.add("arch_bits", host.arch_bits);
  out.add("monotonic_clock", host.monotonic_clock);
  out.add("multiplexing_api", host.multiplexing_api);
  out.add("atomicvar_api", "c11-builtin");
  out.add("gcc_version", host.compiler_version);
  out.add("process_id", host.pid);
  out.add("process_supervised", "no");
  out.add("run_id", node.run_id());
  out.add("tcp_port", node.values().port);
  out.add("server_time_usec", node.now_us());
  out.add("uptime_in_seconds", uptime_s);
  out.add("uptime_in_days", uptime_s / kSecondsPerDay);
  out.add("hz", node.values().hz);
  out.add("configured_hz", node.values().hz);
  out.add("lru_clock", now_s(node) & kLruClockMask);
  out.add("executable", host.executable);
  out.add("config_file", node.settings().config_file());
  out.add("io_threads_active", 0);
  out.add("quoris_version", kQuorisVersion);
  out.add("quoris_node_id", node.node_id());
}

void write_clients(Node& node, InfoWriter& out) {
  const LastingStats& lasting = node.stats().lasting;
  size_t with_timeout = 0;
  for (const Session* session : node.sessions()) {
    if (session->is_blocked_with_timeout()) ++with_timeout;
  }
  out.add("connected_clients", node.session_count());
  out.add("cluster_connections", cluster_connections(node));
  out.add("maxclients", node.values().maxclients);
  out.add("client_recent_max_input_buffer", lasting.recent_input.max(now_s(node)));
  out.add("client_recent_max_output_buffer", lasting.recent_output.max(now_s(node)));
  out.add("blocked_clients", node.blocked_count());
  out.add("tracking_clients", 0);
  out.add("clients_in_timeout_table", with_timeout);
}

// --- memory -------------------------------------------------------------------------------------

void add_use(InfoWriter& out, const MemoryFigures& memory) {
  const AllocatorStats& allocator = memory.allocator;
  out.add("used_memory", memory.used);
  out.add("used_memory_human", human_bytes(memory.used));
  out.add("used_memory_rss", memory.resident);
  out.add("used_memory_rss_human", human_bytes(memory.resident));
  out.add("used_memory_peak", memory.peak);
  out.add("used_memory_peak_human", human_bytes(memory.peak));
  out.add_percent("used_memory_peak_perc", memory.peak_percent());
  out.add("used_memory_overhead", memory.overhead);
  out.add("used_memory_startup", memory.startup);
  out.add("used_memory_dataset", memory.dataset);
  out.add_percent("used_memory_dataset_perc", memory.dataset_percent());
  out.add("allocator_allocated", allocator.allocated);
  out.add("allocator_active", allocator.active);
  out.add("allocator_resident", allocator.resident);
}

void add_scripts(InfoWriter& out) {
  out.add_zeros({"used_memory_lua", "used_memory_vm_eval"});
  out.add("used_memory_lua_human", "0B");
  out.add_zeros({"used_memory_scripts_eval", "number_of_cached_scripts", "number_of_functions",
                 "number_of_libraries", "used_memory_vm_functions", "used_memory_vm_total"});
  out.add("used_memory_vm_total_human", "0B");
  out.add_zeros({"used_memory_functions", "used_memory_scripts"});
  out.add("used_memory_scripts_human", "0B");
}

void add_ratios(InfoWriter& out, const MemoryFigures& memory) {
  const AllocatorStats& allocator = memory.allocator;
  out.add_decimal("allocator_frag_ratio", memory.allocator_fragmentation());
  out.add("allocator_frag_bytes", difference(allocator.active, allocator.allocated));
  out.add_decimal("allocator_rss_ratio", memory.allocator_rss());
  out.add("allocator_rss_bytes", difference(allocator.resident, allocator.active));
  out.add_decimal("rss_overhead_ratio", memory.rss_overhead());
  out.add("rss_overhead_bytes", difference(memory.resident, allocator.resident));
  out.add_decimal("mem_fragmentation_ratio", memory.fragmentation());
  out.add("mem_fragmentation_bytes", difference(memory.resident, memory.used));
}

void write_memory(Node& node, InfoWriter& out) {
  const MemoryFigures memory = memory_figures(node);
  const HostFacts& host = node.host().facts();
  const SettingRow* policy = find_setting("maxmemory-policy");
  add_use(out, memory);
  out.add("total_system_memory", host.total_memory_bytes);
  out.add("total_system_memory_human", human_bytes(host.total_memory_bytes));
  add_scripts(out);
  out.add("maxmemory", node.values().maxmemory);
  out.add("maxmemory_human", human_bytes(node.values().maxmemory));
  out.add("maxmemory_policy", format_setting(*policy, node.values()));
  add_ratios(out, memory);
  out.add_zeros({"mem_not_counted_for_evict", "mem_replication_backlog",
                 "mem_total_replication_buffers", "mem_clients_slaves"});
  out.add("mem_clients_normal", memory.clients);
  out.add("mem_cluster_links", cluster_link_memory(node));
  out.add("mem_aof_buffer", 0);
  out.add("mem_allocator", host.allocator);
  out.add("active_defrag_running",
          node.defragmentation().is_running()
              ? static_cast<uint64_t>(node.values().active_defrag_cycle_max)
              : 0);
  out.add("lazyfree_pending_objects", memory.lazily_pending);
  out.add("lazyfreed_objects", node.store().lazily_freed() - node.stats().lazily_freed_before);
}

// --- persistence, stats, replication ------------------------------------------------------------

void add_loading(Node& node, InfoWriter& out) {
  const Durability& durability = node.durability();
  if (!durability.is_loading()) return;
  const auto progress = durability.load_progress();
  const int64_t elapsed_s =
      std::max<int64_t>(node.now_us() / 1'000'000 - durability.load_began_s(), 0);
  const double share = progress.total == 0 ? 0 : ratio(progress.done, progress.total);
  out.add("loading_start_time", durability.load_began_s());
  out.add("loading_total_bytes", progress.total);
  out.add("loading_rdb_used_mem", node.used_memory());
  out.add("loading_loaded_bytes", progress.done);
  out.add_decimal("loading_loaded_perc", share * 100);
  const double left_s = share > 0 ? static_cast<double>(elapsed_s) * (1 - share) / share : 1;
  out.add("loading_eta_seconds", static_cast<int64_t>(left_s));
}

void add_log_figures(const persistence::LogFigures& log, const Saving::Figures& saving,
                     InfoWriter& out) {
  out.add("aof_current_size", log.size);
  out.add("aof_base_size", saving.last_bytes);
  out.add("aof_pending_rewrite", 0);
  out.add("aof_buffer_length", log.unwritten);
  out.add("aof_pending_bio_fsync", log.sync_in_flight ? 1 : 0);
  out.add("aof_delayed_fsync", log.delayed_syncs);
  out.add("log_segments", log.segments);
  out.add("log_unsynced_bytes", log.unsynced);
  out.add("log_fsyncs", log.syncs);
  out.add("log_last_fsync_usec", log.last_sync_us);
  out.add("log_failures", log.failures);
}

void write_persistence(Node& node, InfoWriter& out) {
  const Durability& durability = node.durability();
  const Saving::Figures saving = durability.saving().figures();
  const bool runs = durability.saving().is_running();
  const int64_t runs_for_s = runs ? node.now_us() / 1'000'000 - saving.running_since_s : -1;
  const persistence::AppendLog* log = durability.log();
  const bool logs = log != nullptr && node.values().appendonly;
  const persistence::LogFigures log_figures =
      log != nullptr ? log->figures() : persistence::LogFigures();
  const auto* recovered = durability.recovered();

  out.add("loading", durability.is_loading() ? 1 : 0);
  out.add_zeros({"async_loading", "current_cow_peak"});
  out.add("current_cow_size", saving.memory);
  out.add("current_cow_size_age", 0);
  out.add_decimal("current_fork_perc", 0);
  out.add("current_save_keys_processed", runs ? saving.entries_done : 0);
  out.add("current_save_keys_total", runs ? saving.entries_total : 0);
  out.add("rdb_changes_since_last_save", node.stats().keyspace.changes);
  out.add("rdb_bgsave_in_progress", runs ? 1 : 0);
  out.add("rdb_last_save_time",
          durability.directory() != nullptr ? saving.last_save_s : node.started_at_s());
  out.add("rdb_last_bgsave_status", saving.last_was_good ? "ok" : "err");
  out.add("rdb_last_bgsave_time_sec", saving.last_took_s);
  out.add("rdb_current_bgsave_time_sec", runs_for_s);
  out.add("rdb_saves", saving.saves);
  out.add("rdb_last_cow_size", 0);
  out.add("rdb_last_load_keys_expired", recovered != nullptr ? recovered->expired : 0);
  out.add("rdb_last_load_keys_loaded", recovered != nullptr ? recovered->keys : 0);
  out.add("aof_enabled", logs ? 1 : 0);
  // A snapshot is what rewrites the log.
  out.add("aof_rewrite_in_progress", runs && logs ? 1 : 0);
  out.add("aof_rewrite_scheduled", durability.saving().is_another_scheduled() ? 1 : 0);
  out.add("aof_last_rewrite_time_sec", saving.last_took_s);
  out.add("aof_current_rewrite_time_sec", logs ? runs_for_s : -1);
  out.add("aof_last_bgrewrite_status", saving.last_was_good ? "ok" : "err");
  out.add("aof_rewrites", saving.saves);
  out.add("aof_rewrites_consecutive_failures", saving.failures_in_a_row);
  out.add("aof_last_write_status", log_figures.failed ? "err" : "ok");
  out.add_zeros({"aof_last_cow_size", "module_fork_in_progress", "module_fork_last_cow_size"});
  if (logs) add_log_figures(log_figures, saving, out);
  add_loading(node, out);
}

void add_traffic(InfoWriter& out, const NodeStats& stats) {
  out.add("total_connections_received", stats.connections_received);
  out.add("total_commands_processed", stats.commands_processed);
  out.add("instantaneous_ops_per_sec", stats.ops_rate.per_second());
  out.add("total_net_input_bytes", stats.input_bytes);
  out.add("total_net_output_bytes", stats.output_bytes);
  out.add_zeros({"total_net_repl_input_bytes", "total_net_repl_output_bytes"});
  out.add_decimal("instantaneous_input_kbps", ratio(stats.input_rate.per_second(), 1024));
  out.add_decimal("instantaneous_output_kbps", ratio(stats.output_rate.per_second(), 1024));
  out.add_decimal("instantaneous_input_repl_kbps", 0);
  out.add_decimal("instantaneous_output_repl_kbps", 0);
  out.add("rejected_connections", stats.connections_rejected);
  out.add_zeros({"sync_full", "sync_partial_ok", "sync_partial_err"});
}

void add_own_stats(Node& node, InfoWriter& out) {
  const NodeStats& stats = node.stats();
  out.add("client_query_buffer_limit_disconnections", stats.query_buffer_limit_disconnections);
  out.add("client_output_buffer_limit_disconnections", stats.output_buffer_limit_disconnections);
  out.add("connections_unserved", stats.connections_unserved);
  out.add("expired_backlog", expired_backlog(node));
  out.add("loop_turns", stats.turns);
  out.line("loop_turn_cpu_usec:p50={},p99={},p99.9={},max={}",
           stats.turn_cpu.percentile(50) / kNsPerUs, stats.turn_cpu.percentile(99) / kNsPerUs,
           stats.turn_cpu.percentile(99.9) / kNsPerUs, stats.turn_cpu.max() / kNsPerUs);
}

// Keys and elements of large values are counted alike.
void add_defragmentation(const Defragmentation& defragmentation, InfoWriter& out) {
  out.add("active_defrag_hits", defragmentation.moved());
  out.add("active_defrag_misses", defragmentation.left());
  out.add("active_defrag_key_hits", defragmentation.moved());
  out.add("active_defrag_key_misses", defragmentation.left());
  out.add("total_active_defrag_time", defragmentation.spent_ns() / 1'000'000);
  out.add("current_active_defrag_time", defragmentation.current_ns() / 1'000'000);
}

void write_stats(Node& node, InfoWriter& out) {
  const NodeStats& stats = node.stats();
  add_traffic(out, stats);
  out.add("expired_keys", stats.keyspace.expired);
  out.add_decimal("expired_stale_perc", expired_percent(node));
  out.add("expired_time_cap_reached_count", stats.expire_time_cap_reached);
  out.add("expire_cycle_cpu_milliseconds", stats.expire_cycle_cpu_ns / 1'000'000);
  const int64_t over_since_us = stats.over_memory_since_us;
  const auto over_us =
      static_cast<uint64_t>(over_since_us == 0 ? 0 : node.now_us() - over_since_us);
  out.add("evicted_keys", stats.keyspace.evicted);
  out.add("evicted_clients", 0);
  out.add("total_eviction_exceeded_time", (stats.over_memory_us + over_us) / kUsPerMs);
  out.add("current_eviction_exceeded_time", over_us / kUsPerMs);
  out.add("keyspace_hits", stats.keyspace.hits);
  out.add("keyspace_misses", stats.keyspace.misses);
  out.add("pubsub_channels", node.pubsub().channels(PubSub::Kind::channel).size());
  out.add("pubsub_patterns", node.pubsub().channels(PubSub::Kind::pattern).size());
  out.add("pubsubshard_channels", node.pubsub().channels(PubSub::Kind::shard_channel).size());
  out.add_zeros(
      {"latest_fork_usec", "total_forks", "migrate_cached_sockets", "slave_expires_tracked_keys"});
  add_defragmentation(node.defragmentation(), out);
  out.add_zeros({"tracking_total_keys", "tracking_total_items", "tracking_total_prefixes",
                 "unexpected_error_replies"});
  out.add("total_error_replies", stats.errors);
  out.add("dump_payload_sanitizations", 0);
  out.add("total_reads_processed", stats.reads);
  out.add("total_writes_processed", stats.writes);
  out.add_zeros({"io_threaded_reads_processed", "io_threaded_writes_processed",
                 "reply_buffer_shrinks", "reply_buffer_expands"});
  add_own_stats(node, out);
}

void write_replication(Node& node, InfoWriter& out) {
  out.add("role", "master");
  out.add("connected_slaves", 0);
  out.add("master_failover_state", "no-failover");
  out.add("master_replid", node.run_id());
  out.add("master_replid2", kNoReplicationId);
  out.add("master_repl_offset", 0);
  out.add("second_repl_offset", -1);
  out.add("repl_backlog_active", 0);
  out.add("repl_backlog_size", 1048576);
  out.add_zeros({"repl_backlog_first_byte_offset", "repl_backlog_histlen"});
}

void write_cpu(Node& node, InfoWriter& out) {
  const CpuUsage usage = node.host().cpu_usage();
  out.add_seconds("used_cpu_sys", usage.process.system_us);
  out.add_seconds("used_cpu_user", usage.process.user_us);
  out.add_seconds("used_cpu_sys_children", usage.children.system_us);
  out.add_seconds("used_cpu_user_children", usage.children.user_us);
  out.add_seconds("used_cpu_sys_main_thread", usage.thread.system_us);
  out.add_seconds("used_cpu_user_main_thread", usage.thread.user_us);
}

void write_modules(Node& /*node*/, InfoWriter& /*out*/) {}

// --- figures by command and by error ------------------------------------------------------------

void write_commandstats(Node& node, InfoWriter& out) {
  for (uint32_t index = 0; index < node.commands().size(); ++index) {
    const CommandStats& stats = node.stats().commands[index];
    if (stats.calls == 0 && stats.rejected == 0 && stats.failed == 0) continue;
    const uint64_t microseconds = stats.nanoseconds / kNsPerUs;
    out.line("cmdstat_{}:calls={},usec={},usec_per_call={:.2f},rejected_calls={},failed_calls={}",
             node.commands().at(index).full_name, stats.calls, microseconds,
             ratio(microseconds, stats.calls), stats.rejected, stats.failed);
  }
}

void write_errorstats(Node& node, InfoWriter& out) {
  for (const auto& [code, count] : node.stats().error_codes) {
    out.line("errorstat_{}:count={}", code, count);
  }
}

void write_latencystats(Node& node, InfoWriter& out) {
  for (uint32_t index = 0; index < node.commands().size(); ++index) {
    const CommandStats& stats = node.stats().commands[index];
    if (!stats.latency || stats.latency->count() == 0) continue;
    std::string percentiles;
    for (const double percentile : node.values().latency_tracking_info_percentiles) {
      fmt::format_to(std::back_inserter(percentiles), "{}p{}={:.3f}",
                     percentiles.empty() ? "" : ",", percentile,
                     ratio(stats.latency->percentile(percentile), kNsPerUs));
    }
    out.line("latency_percentiles_usec_{}:{}", node.commands().at(index).full_name, percentiles);
  }
}

void write_keyspace(Node& node, InfoWriter& out) {
  for (size_t index = 0; index < node.store().databases(); ++index) {
    const DbIndex db{static_cast<uint16_t>(index)};
    const store::Keyspace& keyspace = node.store().db(db);
    if (keyspace.size() == 0) continue;
    out.line("db{}:keys={},expires={},avg_ttl={}", index, keyspace.size(), keyspace.expiring(),
             mean_ttl_ms(node, db));
  }
}

constexpr auto kSections = std::to_array<InfoSection>({
    {.name = "server", .title = "Server", .write = &write_server},
    {.name = "clients", .title = "Clients", .write = &write_clients},
    {.name = "memory", .title = "Memory", .write = &write_memory},
    {.name = "persistence", .title = "Persistence", .write = &write_persistence},
    {.name = "stats", .title = "Stats", .write = &write_stats},
    {.name = "replication", .title = "Replication", .write = &write_replication},
    {.name = "cpu", .title = "CPU", .write = &write_cpu},
    {.name = "modules", .title = "Modules", .write = &write_modules},
    {.name = "commandstats",
     .title = "Commandstats",
     .by_default = false,
     .write = &write_commandstats},
    {.name = "errorstats", .title = "Errorstats", .write = &write_errorstats},
    {.name = "latencystats",
     .title = "Latencystats",
     .by_default = false,
     .write = &write_latencystats},
    {.name = "cluster", .title = "Cluster", .write = &write_cluster_section},
    {.name = "raft", .title = "Raft", .needs_cluster = true, .write = &write_raft_section},
    {.name = "gossip", .title = "Gossip", .needs_cluster = true, .write = &write_gossip_section},
    {.name = "keyspace", .title = "Keyspace", .write = &write_keyspace},
});

bool is_asked_for(const InfoSection& section, std::span<const std::string_view> names) {
  if (names.empty()) return section.by_default;
  return std::ranges::any_of(names, [&](std::string_view name) {
    if (equals_ignoring_case(name, "all") || equals_ignoring_case(name, "everything")) return true;
    if (equals_ignoring_case(name, "default")) return section.by_default;
    if (section.name == "modules" && equals_ignoring_case(name, "module_list")) return true;
    return equals_ignoring_case(name, section.name);
  });
}

}  // namespace

std::span<const InfoSection> info_sections() { return kSections; }

std::string info_text(Node& node, std::span<const std::string_view> names) {
  std::string text;
  InfoWriter out(text);
  for (const InfoSection& section : info_sections()) {
    if (!is_asked_for(section, names)) continue;
    if (section.needs_cluster && node.cluster() == nullptr) continue;
    if (!text.empty()) text += "\r\n";
    out.title(section.title);
    section.write(node, out);
  }
  return text;
}

}  // namespace quoris::server
