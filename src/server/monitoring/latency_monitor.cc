#include "server/monitoring/latency_monitor.h"

#include <algorithm>
#include <limits>

namespace quoris::server {

void LatencySeries::add(int64_t time_s, uint32_t latency_ms) {
  max_ms_ = std::max(max_ms_, latency_ms);
  if (count_ > 0) {
    LatencySample& last = ring_[(next_ + kSamples - 1) % kSamples];
    if (last.time_s == time_s) {
      last.latency_ms = std::max(last.latency_ms, latency_ms);
      return;
    }
  }
  ring_[next_] = {.time_s = time_s, .latency_ms = latency_ms};
  next_ = (next_ + 1) % kSamples;
  count_ = std::min(count_ + 1, kSamples);
}

std::vector<LatencySample> LatencySeries::samples() const {
  std::vector<LatencySample> all;
  all.reserve(count_);
  for (size_t age = count_; age > 0; --age) {
    all.push_back(ring_[(next_ + kSamples - age) % kSamples]);
  }
  return all;
}

void LatencyMonitor::note(std::string_view event, uint64_t latency_ms, uint64_t threshold_ms,
                          int64_t time_s) {
  if (threshold_ms == 0 || latency_ms < threshold_ms) return;
  constexpr uint64_t kMax = std::numeric_limits<uint32_t>::max();
  auto series = events_.find(event);
  if (series == events_.end()) series = events_.try_emplace(std::string(event)).first;
  series->second.add(time_s, static_cast<uint32_t>(std::min(latency_ms, kMax)));
}

size_t LatencyMonitor::reset(std::string_view event) {
  if (event.empty()) {
    const size_t dropped = events_.size();
    events_.clear();
    return dropped;
  }
  const auto series = events_.find(event);
  if (series == events_.end()) return 0;
  events_.erase(series);
  return 1;
}

}  // namespace quoris::server
