#include "cluster/membership/clock_estimate.h"

#include <algorithm>
#include <cstdlib>

#include "base/assert.h"

namespace quoris::membership {

namespace {

// Two clocks that are both 200 ppm off, in opposite directions.
constexpr uint64_t kDriftDivisor = 2500;

}  // namespace

void ClockEstimate::add(uint64_t sent_us, int64_t their_wall_us, Moment now,
                        const Options& options) {
  // A clock that no machine shows; sums with it would not fit.
  constexpr int64_t kWallMax = int64_t{1} << 60;
  if (their_wall_us > kWallMax || their_wall_us < -kWallMax) return;
  QUORIS_ASSERT(sent_us <= now.monotonic_us);
  const uint64_t rtt_us = now.monotonic_us - sent_us;
  const uint64_t middle_us = sent_us + rtt_us / 2;
  const Sample sample{.taken_us = middle_us,
                      .rtt_us = rtt_us,
                      .wall_at_zero = their_wall_us - static_cast<int64_t>(middle_us)};
  std::erase_if(samples_, [&sample](const Sample& old) { return contradicts(old, sample); });
  if (samples_.size() >= options.clock_samples) samples_.erase(samples_.begin());
  samples_.push_back(sample);
}

std::optional<ClockEstimate::Reading> ClockEstimate::read(Moment now,
                                                          const Options& options) const {
  const Sample* best = nullptr;
  for (const Sample& sample : samples_) {
    if (sample.taken_us + options.clock_sample_age_us < now.monotonic_us) continue;
    if (best == nullptr || sample.rtt_us <= best->rtt_us) best = &sample;
  }
  if (best == nullptr) return std::nullopt;
  const int64_t our_wall_at_zero = now.wall_us - static_cast<int64_t>(now.monotonic_us);
  return Reading{.offset_us = best->wall_at_zero - our_wall_at_zero, .rtt_us = best->rtt_us};
}

bool ClockEstimate::contradicts(const Sample& a, const Sample& b) {
  const uint64_t apart_us = b.taken_us > a.taken_us ? b.taken_us - a.taken_us : 0;
  const uint64_t errors_us = (a.rtt_us + b.rtt_us) / 2 + apart_us / kDriftDivisor + 1;
  return static_cast<uint64_t>(std::abs(a.wall_at_zero - b.wall_at_zero)) > errors_us;
}

std::optional<int64_t> median_offset_us(std::vector<int64_t> offsets_us, size_t members,
                                        uint64_t doubt_us) {
  offsets_us.push_back(0);
  if (offsets_us.size() <= members / 2) return std::nullopt;
  std::ranges::sort(offsets_us);
  const int64_t upper = offsets_us[offsets_us.size() / 2];
  const int64_t lower = offsets_us[(offsets_us.size() - 1) / 2];
  if (static_cast<uint64_t>(upper) - static_cast<uint64_t>(lower) > doubt_us) return std::nullopt;
  return std::abs(lower) <= std::abs(upper) ? lower : upper;
}

}  // namespace quoris::membership
