#include "server/monitoring/stats.h"

namespace quoris::server {

void InstantaneousRate::sample(uint64_t total, uint64_t now_us) {
  if (last_us_ != 0 && now_us > last_us_) {
    const uint64_t grown = total >= last_total_ ? total - last_total_ : 0;
    samples_[next_] = grown * 1'000'000 / (now_us - last_us_);
    next_ = (next_ + 1) % kSamples;
  }
  last_total_ = total;
  last_us_ = now_us;
}

uint64_t InstantaneousRate::per_second() const {
  uint64_t sum = 0;
  for (const uint64_t sample : samples_) sum += sample;
  return sum / kSamples;
}

void InstantaneousRate::reset() { *this = InstantaneousRate(); }

uint64_t RecentMax::max(int64_t now_s) const {
  uint64_t largest = 0;
  for (const Second& second : seconds_) {
    const bool recent = now_s - second.at_s < static_cast<int64_t>(kSeconds);
    if (recent) largest = std::max(largest, second.max);
  }
  return largest;
}

}  // namespace quoris::server
