// The texts of LATENCY GRAPH and LATENCY DOCTOR, from what was measured.
//
// Pure: figures in, text out. Used by: latency_commands.cc.
// Source: redis.io, "Redis latency monitoring"; the graph looks as redis-server 7.0.15 draws it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/histogram.h"
#include "server/monitoring/latency_monitor.h"

namespace quoris::server {

// Columns of characters, one per spike, with its age beneath from top to bottom; rows of 80.
// REQUIRES: the series has samples.
[[nodiscard]] std::string latency_graph(std::string_view event, const LatencySeries& series,
                                        int64_t now_s);

// Run times of one command, in nanoseconds.
struct CommandTimes {
  std::string_view name;
  uint64_t calls = 0;
  uint64_t p99_ns = 0;
  uint64_t max_ns = 0;
  bool walks_keyspace = false;  // KEYS, FLUSHALL ...: its time grows with the number of keys
};

struct DoctorFindings {
  const LatencyMonitor& monitor;
  uint64_t threshold_ms = 0;          // latency-monitor-threshold, 0: off
  int64_t slower_than_us = 0;         // slowlog-log-slower-than, negative: off
  const Histogram& turns;             // CPU nanoseconds of the loop's turns
  std::vector<CommandTimes> slowest;  // longest run times first
  uint64_t expired_backlog = 0;       // keys past their time that are still there
  int64_t now_s = 0;
};

[[nodiscard]] std::string latency_doctor(const DoctorFindings& findings);

}  // namespace quoris::server
