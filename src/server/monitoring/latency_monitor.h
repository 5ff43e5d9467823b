// Latency events: spikes above `latency-monitor-threshold`, by event name, the last 160 of each.
//
// Events are those of Redis that exist here ("command", "fast-command", "expire-cycle", ...), so
// that LATENCY LATEST, HISTORY, GRAPH and DOCTOR say what they say there.
// Used by: dispatcher, expiry cycle, LATENCY. Source: redis.io, "Redis latency monitoring".
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace quoris::server {

struct LatencySample {
  int64_t time_s = 0;
  uint32_t latency_ms = 0;
};

class LatencySeries {
 public:
  static constexpr size_t kSamples = 160;

  // Samples of the same second are merged: the largest stays.
  void add(int64_t time_s, uint32_t latency_ms);
  // Oldest first.
  [[nodiscard]] std::vector<LatencySample> samples() const;

  [[nodiscard]] uint32_t max_ms() const { return max_ms_; }

 private:
  std::array<LatencySample, kSamples> ring_{};
  size_t next_ = 0;
  size_t count_ = 0;
  uint32_t max_ms_ = 0;
};

class LatencyMonitor {
 public:
  // Does nothing if threshold_ms is 0 or the latency is below it.
  void note(std::string_view event, uint64_t latency_ms, uint64_t threshold_ms, int64_t time_s);

  [[nodiscard]] const std::map<std::string, LatencySeries, std::less<>>& events() const {
    return events_;
  }

  // Drops one event's series (all if empty); how many were dropped.
  size_t reset(std::string_view event = {});

 private:
  std::map<std::string, LatencySeries, std::less<>> events_;
};

}  // namespace quoris::server
