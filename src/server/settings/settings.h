// SettingValues: the settings in force, with their defaults.
//
// Read directly by everybody, changed only through Settings (settings_table.h), whose rows say
// what each one means. Names and values are redis.conf's where Redis has the setting.
// Used by: main (start), CONFIG, node. Source: redis.conf of 7.0, docs/settings.md.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "base/transport.h"
#include "server/consistency.h"

namespace quoris::server {

enum class EvictionPolicy : uint8_t {
  volatile_lru,
  volatile_lfu,
  volatile_random,
  volatile_ttl,
  allkeys_lru,
  allkeys_lfu,
  allkeys_random,
  noeviction,
};

// enable-debug-command, enable-fault-command
enum class AccessLevel : uint8_t { no, local, yes };

enum class ClusterClientMode : uint8_t { any, slots };

enum class AppendFsync : uint8_t { everysec, always, no };

struct OutputLimit {
  uint64_t hard = 0;  // bytes; 0: none
  uint64_t soft = 0;  // bytes; 0: none
  int64_t soft_seconds = 0;
  bool operator==(const OutputLimit&) const = default;
};

inline constexpr uint64_t kMiB = 1024ULL * 1024;

struct SavePoint {
  int64_t seconds = 0;
  int64_t changes = 0;
  bool operator==(const SavePoint&) const = default;
};

// The values in force, by topic. Units stand in the names or comments; sizes are bytes.
// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): one per process, ordered for readers
struct SettingValues {
  std::vector<std::string> bind = {"*", "-::*"};
  int64_t port = 6379;  // 0: no TCP
  int64_t tcp_backlog = 511;
  int64_t tcp_keepalive_s = 300;
  int64_t timeout_s = 0;
  std::string unixsocket;
  int64_t unixsocketperm = 0;  // octal; 0: as umask leaves it
  bool protected_mode = true;
  std::string requirepass;
  int64_t maxclients = 10000;
  int64_t databases = 16;
  std::string data_dir = "./data";
  std::string pidfile;
  std::string logfile;
  LogLevel loglevel = LogLevel::notice;
  uint32_t log_topics = 0;  // log-debug
  int64_t hz = 10;
  uint64_t maxmemory = 0;
  EvictionPolicy maxmemory_policy = EvictionPolicy::noeviction;
  int64_t maxmemory_samples = 5;
  int64_t maxmemory_eviction_tenacity = 10;
  bool activedefrag = true;
  uint64_t active_defrag_ignore_bytes = 100 * kMiB;
  int64_t active_defrag_threshold_lower = 10;
  int64_t active_defrag_cycle_max = 25;
  int64_t lfu_log_factor = 10;
  int64_t lfu_decay_time = 1;
  uint64_t proto_max_bulk_len = 512 * kMiB;
  uint64_t client_query_buffer_limit = 1024 * kMiB;
  // Of the classes normal, replica, pubsub.
  std::array<OutputLimit, 3> client_output_buffer_limit = {
      {{0, 0, 0}, {256 * kMiB, 64 * kMiB, 60}, {32 * kMiB, 8 * kMiB, 60}}};
  // Up to which size a collection stays in one block (store/collection_limits.h).
  int64_t hash_max_listpack_entries = 512;
  uint64_t hash_max_listpack_value = 64;
  int64_t set_max_intset_entries = 512;
  int64_t zset_max_listpack_entries = 128;
  uint64_t zset_max_listpack_value = 64;
  int64_t list_max_listpack_size = -2;
  int64_t list_compress_depth = 0;
  bool lazyfree_lazy_user_del = false;
  bool lazyfree_lazy_user_flush = false;
  int64_t slowlog_log_slower_than_us = 10000;  // negative: never
  int64_t slowlog_max_len = 128;
  int64_t latency_monitor_threshold_ms = 0;
  bool latency_tracking = true;
  std::vector<double> latency_tracking_info_percentiles = {50, 99, 99.9};
  AccessLevel enable_debug_command = AccessLevel::no;
  std::vector<SavePoint> save = {{3600, 1}, {300, 100}, {60, 10000}};
  bool stop_writes_on_bgsave_error = true;
  bool appendonly = true;
  AppendFsync appendfsync = AppendFsync::everysec;
  int64_t auto_aof_rewrite_percentage = 100;  // 0: never
  uint64_t auto_aof_rewrite_min_size = 64 * kMiB;
  std::string node_id;
  // Of a cluster; empty or 0: nothing was said.
  int64_t cluster_port = 0;
  std::string cluster_name;
  std::string cluster_secret;
  std::vector<HostPort> seeds;
  std::string announce_host;
  std::string rack;
  int64_t weight = 0;
  int64_t replication_factor = 0;
  int64_t partitions = 0;
  AccessLevel enable_fault_command = AccessLevel::local;
  ClusterClientMode cluster_client_mode = ClusterClientMode::any;
  Consistency consistency;
  uint32_t notify_keyspace_events = 0;  // EventMask of server/notifications.h
};

}  // namespace quoris::server
