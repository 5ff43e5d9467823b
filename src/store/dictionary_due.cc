// Dictionary: the search for what is due, and random items.
#include <algorithm>
#include <array>

#include "base/assert.h"
#include "store/dictionary.h"

namespace quoris::store {

namespace {

// Costs in units of work (one is an item read): so many entries of the directory, or so many
// buckets' due times, are looked at for one.
constexpr size_t kEntriesPerWork = 32;
constexpr size_t kDuesPerWork = 32;

// Directory entries that one round looks at for segments that are due.
constexpr size_t kEntriesPerBatch = 1024;

// Buckets that an estimate reads items of, and segments that it looks at.
constexpr size_t kSampleBuckets = 64;
constexpr size_t kSampleSegments = 1024;

// Draws of a random slot before random() takes the next item it finds. A draw hits with a
// probability of about 0.2 to 0.9, so this is never reached but by a table just emptied by
// take_some().
constexpr unsigned kRandomDraws = 200;
constexpr uint64_t kBucketCountMax = 481;

}  // namespace

// One round of the search: some segments that are due, the buckets in them that are, the items in
// those. Each step touches memory for the whole batch before the next step reads it.
struct Dictionary::DueBatch {
  struct MarkedSegment {
    size_t index = 0;
    bool is_whole = false;  // all its due buckets are in the batch
  };

  struct MarkedBucket {
    Segment* segment = nullptr;
    unsigned at = 0;
  };

  uint32_t now = 0;
  size_t work = 0;
  size_t segment_count = 0;
  size_t bucket_count = 0;
  size_t item_count = 0;
  size_t end = 0;  // directory entry behind the last one looked at
  std::array<MarkedSegment, 8> segments;
  std::array<MarkedBucket, 32> buckets;
  std::array<void*, 32 * kSlotsPerBucket> items{};
};

Dictionary::DueResult Dictionary::take_due(uint32_t now, size_t work_max,
                                           const std::function<void(void*)>& take) {
  DueResult result;
  size_t work = 0;
  while (earliest_ <= now) {
    if (work >= work_max) return result;
    DueBatch batch;
    batch.now = now;
    gather_segments(batch);
    gather_buckets(batch);
    result.looked_at += gather_items(batch);
    advance_pass(batch);
    // All marks are true already without what is taken now, which may move everything but items.
    const size_t size_before = size_;
    for (size_t i = 0; i < batch.item_count; ++i) take(batch.items[i]);
    QUORIS_ASSERT(size_ + batch.item_count == size_before);
    result.removed += batch.item_count;
    work += batch.work;
  }
  result.finished = true;
  return result;
}

// The next segments from the pass's position on that are marked as due.
void Dictionary::gather_segments(DueBatch& batch) {
  size_t index = canonical(pass_position_ >> (kPositionBits - depth_));
  size_t looked_at = 0;
  while (index < directory_size() && batch.segment_count < batch.segments.size() &&
         looked_at < kEntriesPerBatch) {
    const Segment& segment = directory_[index];
    if (segment.due <= batch.now) {
      batch.segments[batch.segment_count++] = {.index = index, .is_whole = true};
      const uint32_t* dues = segment.dues();
      for (size_t at = 0; at < segment.bucket_count(); at += kCacheLine / sizeof(uint32_t)) {
        prefetch(dues + at);
      }
      batch.work += segment.bucket_count() / kDuesPerWork + 1;
    } else {
      pass_earliest_ = std::min(pass_earliest_, segment.due);
    }
    index += run_length(segment.depth());
    ++looked_at;
  }
  batch.end = index;
  batch.work += looked_at / kEntriesPerWork + 1;
}

// Their buckets that are marked as due, as many as there is room for.
void Dictionary::gather_buckets(DueBatch& batch) {
  for (size_t i = 0; i < batch.segment_count; ++i) {
    DueBatch::MarkedSegment& marked = batch.segments[i];
    Segment& segment = directory_[marked.index];
    for (unsigned at = 0; at < segment.bucket_count() && marked.is_whole; ++at) {
      if (segment.dues()[at] > batch.now) continue;
      if (batch.bucket_count == batch.buckets.size()) {
        marked.is_whole = false;
      } else {
        prefetch(&segment.buckets[at]);
        batch.buckets[batch.bucket_count++] = {.segment = &segment, .at = at};
      }
    }
  }
}

// Their items that are due; what is left in the buckets is marked anew. Returns how many were read.
size_t Dictionary::gather_items(DueBatch& batch) {
  for (size_t i = 0; i < batch.bucket_count; ++i) {
    const auto& [segment, at] = batch.buckets[i];
    for (const uint64_t slot : segment->buckets[at].slots) prefetch_head_of(slot);
  }
  size_t read = 0;
  for (size_t i = 0; i < batch.bucket_count; ++i) {
    const auto& [segment, at] = batch.buckets[i];
    uint32_t earliest = kNeverDue;
    for (const uint64_t slot : segment->buckets[at].slots) {
      if (slot == 0) continue;
      void* item = item_of(slot);
      ++read;
      const uint32_t due = traits_->due(item);
      if (due <= batch.now) {
        batch.items[batch.item_count++] = item;
      } else {
        earliest = std::min(earliest, due);
      }
    }
    segment->dues()[at] = earliest;
  }
  batch.work += read;
  return read;
}

// Marks the segments of the batch anew and moves on behind the last one that is done with.
void Dictionary::advance_pass(const DueBatch& batch) {
  size_t index = batch.end;
  for (size_t i = 0; i < batch.segment_count; ++i) {
    const DueBatch::MarkedSegment& marked = batch.segments[i];
    Segment& segment = directory_[marked.index];
    segment.due = *std::min_element(segment.dues(), segment.dues() + segment.bucket_count());
    if (!marked.is_whole) {
      index = marked.index;
      break;
    }
    pass_earliest_ = std::min(pass_earliest_, segment.due);
  }
  pass_position_ = static_cast<uint64_t>(index) << (kPositionBits - depth_);
  if (index < directory_size()) return;
  // Once round: what the segments are marked with, and what came meanwhile, is the new bound.
  earliest_ = std::min(pass_earliest_, earliest_since_pass_);
  pass_position_ = 0;
  pass_earliest_ = kNeverDue;
  earliest_since_pass_ = kNeverDue;
}

size_t Dictionary::estimate_due(uint32_t now) const {
  if (earliest_ > now) return 0;
  const size_t step = std::max<size_t>(1, directory_size() / kSampleSegments);
  size_t due_buckets = 0;
  size_t read_buckets = 0;
  size_t due_items = 0;
  for (size_t at = 0; at < directory_size(); at += step) {
    if (canonical(at) != at) continue;
    const Segment& segment = directory_[at];
    if (segment.due > now) continue;
    // A segment stands for those between it and the next that is looked at.
    const size_t weight = std::max<size_t>(1, step / run_length(segment.depth()));
    for (unsigned index = 0; index < segment.bucket_count(); ++index) {
      if (segment.dues()[index] > now) continue;
      due_buckets += weight;
      if (read_buckets == kSampleBuckets) continue;
      ++read_buckets;
      for (const uint64_t slot : segment.buckets[index].slots) {
        if (slot != 0 && traits_->due(item_of(slot)) <= now) ++due_items;
      }
    }
  }
  return read_buckets == 0 ? 0 : due_buckets * due_items / read_buckets;
}

void Dictionary::sample(Rng& rng, size_t count, bool due_only,
                        const std::function<void(void*)>& visit) const {
  if (size_ == 0) return;
  size_t visited = 0;
  const size_t start = canonical(rng.below(directory_size()));
  const auto start_bucket = static_cast<unsigned>(rng.below(directory_[start].bucket_count()));
  size_t index = start;
  unsigned at = start_bucket;
  // Once round at most; the first segment's head comes last.
  for (bool wrapped = false; visited < count;) {
    const Segment& segment = directory_[index];
    const bool is_last = wrapped && index == start;
    const unsigned end = is_last ? start_bucket : segment.bucket_count();
    const bool is_skipped = due_only && segment.due == kNeverDue;
    for (; at < end && !is_skipped && visited < count; ++at) {
      if (due_only && segment.dues()[at] == kNeverDue) continue;
      const Bucket& bucket = segment.buckets[at];
      for (const uint64_t slot : bucket.slots) prefetch_head_of(slot);
      for (const uint64_t slot : bucket.slots) {
        if (slot == 0 || (due_only && traits_->due(item_of(slot)) == kNeverDue)) continue;
        visit(item_of(slot));
        ++visited;
      }
    }
    if (is_last) return;
    index += run_length(segment.depth());
    at = 0;
    if (index >= directory_size()) {
      index = 0;
      wrapped = true;
    }
  }
}

void* Dictionary::random(Rng& rng) const {
  if (size_ == 0) return nullptr;
  // A directory entry, then one of as many slots as the largest segment has: a hit if the entry is
  // its segment's first and the slot is there and taken. So each item is as likely as any other.
  const uint64_t bucket_count_max = depth_ == 0 ? directory_[0].bucket_count() : kBucketCountMax;
  for (unsigned draw = 0; draw < kRandomDraws; ++draw) {
    const size_t index = rng.below(directory_size());
    if (canonical(index) != index) continue;
    const Segment& segment = directory_[index];
    const uint64_t at = rng.below(bucket_count_max * kSlotsPerBucket);
    const auto bucket = static_cast<unsigned>(at / kSlotsPerBucket);
    if (bucket >= segment.bucket_count()) continue;
    const uint64_t slot = segment.buckets[bucket].slots[at % kSlotsPerBucket];
    if (slot != 0) return item_of(slot);
  }
  void* found = nullptr;
  const auto first = [&found](void* item) {
    if (found == nullptr) found = item;
  };
  uint64_t cursor = rng.below(kPositionEnd);
  while (found == nullptr) cursor = scan(cursor, 1, first);
  return found;
}

}  // namespace quoris::store
