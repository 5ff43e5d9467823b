#include "base/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace quoris {

unsigned Histogram::index_of(uint64_t value) {
  if (value < kSubBuckets) return static_cast<unsigned>(value);
  const unsigned bits = static_cast<unsigned>(std::bit_width(value));
  if (bits > kMaxBits) return kBuckets - 1;
  const unsigned shift = bits - 1 - kSubBits;
  return (shift + 1) * kSubBuckets + static_cast<unsigned>((value >> shift) & (kSubBuckets - 1));
}

uint64_t Histogram::upper_end(unsigned index) {
  if (index < kSubBuckets) return index;
  const unsigned shift = index / kSubBuckets - 1;
  const uint64_t low = (uint64_t{kSubBuckets} + index % kSubBuckets) << shift;
  return low + (uint64_t{1} << shift) - 1;
}

uint64_t Histogram::percentile(double percentile) const {
  if (count_ == 0) return 0;
  const double wanted =
      std::ceil(std::clamp(percentile, 0.0, 100.0) / 100.0 * static_cast<double>(count_));
  const uint64_t rank = std::max<uint64_t>(1, static_cast<uint64_t>(wanted));
  uint64_t seen = 0;
  for (unsigned index = 0; index < kBuckets; ++index) {
    seen += counts_[index];
    if (seen >= rank) return std::min(upper_end(index), max_);
  }
  return max_;
}

uint64_t Histogram::count_at_or_below(uint64_t value) const {
  uint64_t seen = 0;
  for (unsigned index = 0; index < kBuckets && upper_end(index) <= value; ++index) {
    seen += counts_[index];
  }
  return seen;
}

}  // namespace quoris
