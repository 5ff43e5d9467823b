// Dictionary: its invariants, checked from end to end (tests and debugging; O(n)).
#include <algorithm>

#include "store/dictionary.h"
#include "store/size_class.h"

namespace quoris::store {

// One bucket: its items hash to here, their home's reach covers them, nothing is due before the
// marks say so. Adds to `used`.
bool Dictionary::is_bucket_consistent(size_t index, unsigned at, size_t& used) const {
  const Segment& segment = directory_[index];
  const unsigned count = segment.bucket_count();
  const Bucket& bucket = segment.buckets[at];
  for (unsigned slot = 0; slot < kSlotsPerBucket; ++slot) {
    if (bucket.slots[slot] == 0) {
      if (bucket.tag(slot) != 0) return false;
      continue;
    }
    ++used;
    const void* item = item_of(bucket.slots[slot]);
    const uint64_t hash = traits_->hash(item, seed_);
    if (canonical(index_of(hash)) != index) return false;
    if (fraction_of(hash, segment.depth()) != bucket.fraction(slot)) return false;
    const unsigned home = home_of(bucket.fraction(slot), count);
    if ((at + count - home) % count > segment.reach_of(segment.buckets[home])) return false;
    if (traits_->due(item) < segment.dues()[at]) return false;
  }
  const uint32_t due = segment.dues()[at];
  return due >= segment.due && due >= earliest_;
}

double Dictionary::mean_reach() const {
  size_t reaches = 0;
  size_t buckets = 0;
  for (size_t index = 0; index < directory_size(); index += run_length(directory_[index].depth())) {
    const Segment& segment = directory_[index];
    for (unsigned at = 0; at < segment.bucket_count(); ++at) reaches += segment.buckets[at].reach();
    buckets += segment.bucket_count();
  }
  return static_cast<double>(reaches) / static_cast<double>(buckets);
}

bool Dictionary::is_consistent() const {
  if (directory_ == nothing_directory()) return size_ == 0 && memory_ == 0 && slots_ == 0;
  size_t items = 0;
  size_t slots = 0;
  size_t bytes = std::max(directory_size() * sizeof(Segment), sizeof(Bucket));
  std::array<uint32_t, kDepthMax + 1> of_depth{};
  for (size_t index = 0; index < directory_size(); index += run_length(directory_[index].depth())) {
    const Segment& segment = directory_[index];
    ++of_depth[segment.depth()];
    for (size_t same = index; same < index + run_length(segment.depth()); ++same) {
      if (directory_[same].buckets != segment.buckets) return false;
      if (directory_[same].bucket_count() != segment.bucket_count()) return false;
      if (directory_[same].depth() != segment.depth()) return false;
    }
    if (is_empty_segment(segment)) {
      if (segment.used != 0) return false;
      continue;
    }
    size_t used = 0;
    for (unsigned at = 0; at < segment.bucket_count(); ++at) {
      if (!is_bucket_consistent(index, at, used)) return false;
    }
    if (used != segment.used) return false;
    items += used;
    slots += size_t{segment.bucket_count()} * kSlotsPerBucket;
    bytes += segment_bytes(segment.bucket_count());
  }
  return items == size_ && slots == slots_ && bytes == memory_ && of_depth == segments_of_depth_;
}

}  // namespace quoris::store
