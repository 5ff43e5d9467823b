// Dictionary: the table for a known number of items, made at once.
#include <cmath>

#include "base/assert.h"
#include "store/dictionary.h"

namespace quoris::store {

namespace {

// What a segment holds on average: between half of it and all of it. Leaves the largest segment
// room for what chance brings above the average, so that few are split.
constexpr size_t kItemsPerSegment = 650;
// Room above the average, in standard deviations of it. More: memory; less: more segments grow.
constexpr double kRoom = 2;

}  // namespace

void Dictionary::reserve(size_t count) {
  QUORIS_ASSERT(size_ == 0);
  if (count == 0 || directory_ != nothing_directory()) return;
  make_room(0);
  while (count >> depth_ > kItemsPerSegment && depth_ < kDepthMax) double_directory();
  const double mean = static_cast<double>(count) / static_cast<double>(directory_size());
  const auto wanted = static_cast<size_t>(mean + kRoom * std::sqrt(mean));
  free_buckets(directory_[0]);
  segments_of_depth_ = {};
  segments_of_depth_[depth_] = static_cast<uint32_t>(directory_size());
  for (size_t index = 0; index < directory_size(); ++index) {
    directory_[index] = make_segment(depth_, bucket_count_for(index, depth_, wanted));
  }
}

}  // namespace quoris::store
