// Log-linear histogram of latencies: 16 linear steps per power of two, so every figure is within
// 6.25 % of the truth, in a fixed array without allocation.
//
// Values are nanoseconds up to about 73 minutes; larger ones count as the largest.
// Used by: server (LATENCY HISTOGRAM, INFO latencystats, the loop's own turn times).
// Source: the bucket scheme of HdrHistogram (Tene), with a fixed precision.
#pragma once

#include <array>
#include <cstdint>

namespace quoris {

class Histogram {
 public:
  void record(uint64_t value) {
    counts_[index_of(value)]++;
    count_++;
    if (value > max_) max_ = value;
  }

  void reset() { *this = Histogram(); }

  [[nodiscard]] uint64_t count() const { return count_; }

  [[nodiscard]] uint64_t max() const { return max_; }

  // The smallest recorded bucket's upper end such that `percentile` (0 to 100) of the values are
  // at or below it; 0 when empty.
  [[nodiscard]] uint64_t percentile(double percentile) const;

  // How many values were at or below `value` (to the precision of a bucket).
  [[nodiscard]] uint64_t count_at_or_below(uint64_t value) const;

 private:
  static constexpr unsigned kSubBits = 4;
  static constexpr unsigned kSubBuckets = 1U << kSubBits;
  static constexpr unsigned kMaxBits = 42;
  static constexpr unsigned kBuckets = (kMaxBits - kSubBits + 1) * kSubBuckets;

  [[nodiscard]] static unsigned index_of(uint64_t value);
  [[nodiscard]] static uint64_t upper_end(unsigned index);

  std::array<uint64_t, kBuckets> counts_{};
  uint64_t count_ = 0;
  uint64_t max_ = 0;
};

}  // namespace quoris
