#include "store/dictionary.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/assert.h"
#include "store/size_class.h"

namespace quoris::store {

namespace {

constexpr size_t kBucketBytes = 64 + sizeof(uint32_t);  // with its due time

// Bucket counts of a segment: each the largest that a size class of the allocator has room for.
// From 16 KiB on the allocator gives an allocation pages of its own: segments of a large table are
// of these sizes, so that those that all of them have left behind leave no half-empty slabs.
constexpr auto kBucketCounts = std::to_array<uint16_t>(
    {1,  2,  3,  4,  5,  6,   7,   9,   11,  13,  15,  18,  22,  26,  30, 37,
     45, 52, 60, 75, 90, 105, 120, 150, 180, 210, 240, 301, 361, 421, 481});
constexpr unsigned kBucketCountMax = kBucketCounts.back();

// How full a segment gets before it grows, in 256ths of its slots: from this on, in as many steps,
// by the segment's number. Higher: fewer bytes per item; longer probes. The spread levels out
// bytes per item over counts of items.
constexpr size_t kFullMin = 222;  // 0.87
constexpr size_t kFullSteps = 26;
constexpr size_t kFullScale = 256;
// Tiny segments fill up wholly: their probes are short anyway.
constexpr unsigned kTinyBucketCount = 2;

// A new size is chosen with this much room for more: a little at a split, an eighth when a segment
// shrinks, so that it does not grow again at once.
constexpr size_t kRoomScale = 32;
constexpr size_t kRoomForSplit = 33;
constexpr size_t kRoomForShrinking = 36;

// Below this share of its slots a segment shrinks; and siblings whose items together fill less
// than half of the largest segment become one (a split leaves about 3,100 in two).
constexpr size_t kSparseNumerator = 3;
constexpr size_t kSparseDenominator = 5;
constexpr size_t kMergeItemsMax = 1600;

// Items that go in the order of their hash (those that expire, a SCAN that deletes) leave a segment
// empty at one end and full at the other. A smaller one, where all stand that are left, would be a
// single run of full buckets, which every lookup walks along: a segment shrinks to what its fullest
// range of buckets needs, with the room above. Counted once for so many items that go.
constexpr unsigned kRanges = 8;
constexpr unsigned kRangesRoom = 7;
constexpr size_t kItemsPerCount = 32;

void* allocate_lines(size_t bytes) {
  // jemalloc puts what is aligned to less somewhere into one page more.
  constexpr size_t kPage = 4096;
  const size_t alignment = bytes >= 4 * kPage && bytes % kPage == 0 ? kPage : kCacheLine;
  void* memory = std::aligned_alloc(alignment, bytes);
  QUORIS_ASSERT(memory != nullptr);
  return memory;
}

}  // namespace

// What all empty dictionaries and segments share; never written, for they count as full.
struct Dictionary::Nothing {
  Bucket bucket;
  uint32_t due = kNeverDue;
  Segment directory;

  constexpr Nothing() noexcept { directory.buckets = &bucket; }
};

constinit Dictionary::Nothing Dictionary::nothing;

bool Dictionary::is_empty_segment(const Segment& segment) noexcept {
  return segment.buckets == &nothing.bucket;
}

// --- life
// -----------------------------------------------------------------------------------------

Dictionary::Dictionary(const ItemTraits& traits, uint64_t seed) noexcept
    : traits_(&traits), seed_(seed), directory_(&nothing.directory) {}

Dictionary::~Dictionary() { free_table(); }

Dictionary::Dictionary(Dictionary&& other) noexcept
    : traits_(other.traits_), seed_(other.seed_), directory_(&nothing.directory) {
  take_from(other);
}

Dictionary& Dictionary::operator=(Dictionary&& other) noexcept {
  if (this == &other) return *this;
  free_table();
  take_from(other);
  return *this;
}

// REQUIRES: our own table is freed or was never there.
void Dictionary::take_from(Dictionary& other) noexcept {
  traits_ = other.traits_;
  seed_ = other.seed_;
  directory_ = other.directory_;
  depth_ = other.depth_;
  size_ = other.size_;
  slots_ = other.slots_;
  memory_ = other.memory_;
  segments_of_depth_ = other.segments_of_depth_;
  pass_position_ = other.pass_position_;
  pass_earliest_ = other.pass_earliest_;
  earliest_since_pass_ = other.earliest_since_pass_;
  earliest_ = other.earliest_;
  take_index_ = other.take_index_;
  other.reset();
}

void Dictionary::free_table() noexcept {
  if (directory_ == &nothing.directory) return;
  for (size_t index = 0; index < directory_size(); index += run_length(directory_[index].depth())) {
    if (!is_empty_segment(directory_[index])) std::free(directory_[index].buckets);
  }
  std::free(directory_);
}

// Forgets the table, whoever has it now.
void Dictionary::reset() noexcept {
  directory_ = &nothing.directory;
  depth_ = 0;
  size_ = 0;
  slots_ = 0;
  memory_ = 0;
  segments_of_depth_ = {};
  pass_position_ = 0;
  pass_earliest_ = kNeverDue;
  earliest_since_pass_ = kNeverDue;
  earliest_ = kNeverDue;
  take_index_ = 0;
}

const Dictionary::Segment* Dictionary::nothing_directory() noexcept { return &nothing.directory; }

// --- segments
// -------------------------------------------------------------------------------------

size_t Dictionary::segment_bytes(unsigned bucket_count) noexcept {
  const size_t bytes = bucket_count * kBucketBytes;
  return allocator_size_class((bytes + kCacheLine - 1) / kCacheLine * kCacheLine);
}

// How many items the segment that begins at `index` takes before it must grow.
size_t Dictionary::limit_of(size_t index, unsigned depth, unsigned bucket_count) const {
  const size_t slots = size_t{bucket_count} * kSlotsPerBucket;
  if (bucket_count <= kTinyBucketCount) return slots;
  // The segment's number among those of its depth, which it keeps for life, picks the step.
  constexpr uint64_t kGolden = 0x9E3779B97F4A7C15;
  const uint64_t number = (index >> (depth_ - depth)) + (size_t{1} << depth);
  const uint64_t step = (((number * kGolden) >> 32) * kFullSteps) >> 32;
  return slots * (kFullMin + step) / kFullScale;
}

// The size to build for so many items.
unsigned Dictionary::bucket_count_for(size_t index, unsigned depth, size_t wanted) const {
  for (const uint16_t count : kBucketCounts) {
    if (limit_of(index, depth, count) >= wanted) return count;
  }
  return kBucketCountMax;
}

Dictionary::Segment Dictionary::make_segment(unsigned depth, unsigned bucket_count) {
  const size_t bytes = segment_bytes(bucket_count);
  Segment segment;
  segment.buckets = static_cast<Bucket*>(allocate_lines(bytes));
  segment.set_shape(depth, bucket_count);
  std::memset(static_cast<void*>(segment.buckets), 0, bucket_count * sizeof(Bucket));
  std::fill_n(segment.dues(), bucket_count, kNeverDue);
  memory_ += bytes;
  slots_ += size_t{bucket_count} * kSlotsPerBucket;
  return segment;
}

void Dictionary::free_buckets(const Segment& segment) {
  if (is_empty_segment(segment)) return;
  memory_ -= segment_bytes(segment.bucket_count());
  slots_ -= size_t{segment.bucket_count()} * kSlotsPerBucket;
  std::free(segment.buckets);
}

void Dictionary::write_run(size_t index, const Segment& segment) {
  std::fill_n(directory_ + index, run_length(segment.depth()), segment);
}

// Puts an item into the first free slot from its home on; returns the bucket. The caller counts.
unsigned Dictionary::place(Segment& segment, uint32_t fraction, const void* item, uint32_t due) {
  const unsigned count = segment.bucket_count();
  const unsigned home = home_of(fraction, count);
  unsigned index = home;
  for (unsigned distance = 0; distance < count; ++distance) {
    Bucket& bucket = segment.buckets[index];
    for (unsigned slot = 0; slot < kSlotsPerBucket; ++slot) {
      if (bucket.slots[slot] != 0) continue;
      bucket.slots[slot] = (uint64_t{fraction >> kTagBits} << kPointerBits) | pointer_bits(item);
      bucket.set_tag(slot, fraction & 0xFFU);
      Bucket& first = segment.buckets[home];
      if (distance > segment.reach_of(first)) first.set_reach(distance);
      if (due != kNeverDue) {
        uint32_t& bucket_due = segment.dues()[index];
        bucket_due = std::min(bucket_due, due);
        segment.due = std::min(segment.due, due);
      }
      return index;
    }
    if (++index == count) index = 0;
  }
  QUORIS_ASSERT(!"a segment below its limit has a free slot");
  return 0;
}

// All items of `from` into `to`, which is of the same depth.
void Dictionary::move_all(const Segment& from, Segment& to) {
  for (unsigned index = 0; index < from.bucket_count(); ++index) {
    const Bucket& bucket = from.buckets[index];
    const uint32_t due = from.dues()[index];
    for (unsigned slot = 0; slot < kSlotsPerBucket; ++slot) {
      if (bucket.slots[slot] == 0) continue;
      place(to, bucket.fraction(slot), item_of(bucket.slots[slot]), due);
    }
  }
}

// --- change -------------------------------------------------------------------------------------

void Dictionary::insert(uint64_t hash, void* item, uint32_t due) {
  QUORIS_ASSERT(item != nullptr);
  QUORIS_ASSERT(pointer_bits(item) >> kPointerBits == 0);
  size_t index = canonical(index_of(hash));
  for (;;) {
    const Segment& segment = directory_[index];
    if (!is_empty_segment(segment) &&
        segment.used < limit_of(index, segment.depth(), segment.bucket_count())) {
      break;
    }
    make_room(index);
    index = canonical(index_of(hash));
  }
  Segment& segment = directory_[index];
  place(segment, fraction_of(hash, segment.depth()), item, due);
  ++segment.used;
  ++size_;
  earliest_ = std::min(earliest_, due);
  earliest_since_pass_ = std::min(earliest_since_pass_, due);
  take_index_ = std::min(take_index_, index);
}

Dictionary::Place Dictionary::place_of(uint64_t hash, const void* item) const {
  const Segment& segment = directory_[index_of(hash)];
  const uint32_t fraction = fraction_of(hash, segment.depth());
  const uint64_t wanted = (uint64_t{fraction >> kTagBits} << kPointerBits) | pointer_bits(item);
  Place place;
  place.home = home_of(fraction, segment.bucket_count());
  place.index = place.home;
  const unsigned reach = segment.reach_of(segment.buckets[place.home]);
  for (unsigned distance = 0; distance <= reach; ++distance) {
    place.bucket = &segment.buckets[place.index];
    for (place.slot = 0; place.slot < kSlotsPerBucket; ++place.slot) {
      if (place.bucket->slots[place.slot] == wanted) return place;
    }
    if (++place.index == segment.bucket_count()) place.index = 0;
  }
  QUORIS_ASSERT(!"the item is in the dictionary");
  return place;
}

void Dictionary::erase(uint64_t hash, const void* item) {
  const Place place = place_of(hash, item);
  const size_t index = canonical(index_of(hash));
  Segment& segment = directory_[index];
  place.bucket->slots[place.slot] = 0;
  place.bucket->set_tag(place.slot, 0);
  const unsigned distance =
      (place.index + segment.bucket_count() - place.home) % segment.bucket_count();
  if (distance > 0 && distance >= segment.buckets[place.home].reach()) {
    shorten_reach(segment, place.home);
  }
  refill(segment, place.index, place.slot);
  --segment.used;
  --size_;
  shrink_if_sparse(index);
}

// The furthest item of `home` went: finds the new furthest, and returns how far that is.
unsigned Dictionary::shorten_reach(const Segment& segment, unsigned home) {
  const unsigned count = segment.bucket_count();
  Bucket& first = segment.buckets[home];
  for (unsigned distance = segment.reach_of(first); distance > 0; --distance) {
    const Bucket& bucket = segment.buckets[(home + distance) % count];
    for (unsigned slot = 0; slot < kSlotsPerBucket; ++slot) {
      if (bucket.slots[slot] == 0 || home_of(bucket.fraction(slot), count) != home) continue;
      first.set_reach(distance);
      return distance;
    }
  }
  first.set_reach(0);
  return 0;
}

// The slot came free: the furthest item whose home the bucket is comes back to it, then the same
// for the slot that it leaves. So probes don't grow longer as items come and go.
void Dictionary::refill(const Segment& segment, unsigned index, unsigned slot) {
  const unsigned count = segment.bucket_count();
  for (;;) {
    Bucket& bucket = segment.buckets[index];
    unsigned reach = bucket.reach();
    if (reach == Bucket::kReachMax) reach = shorten_reach(segment, index);
    if (reach == 0) return;
    const unsigned far_index = (index + reach) % count;
    Bucket& far = segment.buckets[far_index];
    unsigned far_slot = 0;
    while (far_slot < kSlotsPerBucket &&
           (far.slots[far_slot] == 0 || home_of(far.fraction(far_slot), count) != index)) {
      ++far_slot;
    }
    // take_some() leaves reaches that are too long.
    if (far_slot < kSlotsPerBucket) {
      bucket.slots[slot] = far.slots[far_slot];
      bucket.set_tag(slot, far.tag(far_slot));
      far.slots[far_slot] = 0;
      far.set_tag(far_slot, 0);
      uint32_t* dues = segment.dues();
      dues[index] = std::min(dues[index], dues[far_index]);
    }
    shorten_reach(segment, index);
    if (far_slot == kSlotsPerBucket) continue;
    index = far_index;
    slot = far_slot;
  }
}

void Dictionary::replace(uint64_t hash, const void* item, void* by) {
  QUORIS_ASSERT(by != nullptr);
  QUORIS_ASSERT(pointer_bits(by) >> kPointerBits == 0);
  const Place place = place_of(hash, item);
  uint64_t& slot = place.bucket->slots[place.slot];
  slot = (slot >> kPointerBits << kPointerBits) | pointer_bits(by);
}

void Dictionary::lower_due(uint64_t hash, const void* item, uint32_t due) {
  if (due == kNeverDue) return;
  const Place place = place_of(hash, item);
  Segment& segment = directory_[canonical(index_of(hash))];
  uint32_t& bucket_due = segment.dues()[place.index];
  bucket_due = std::min(bucket_due, due);
  segment.due = std::min(segment.due, due);
  earliest_ = std::min(earliest_, due);
  earliest_since_pass_ = std::min(earliest_since_pass_, due);
}

size_t Dictionary::take_some(size_t count_max, const std::function<void(void*)>& take) {
  size_t taken = 0;
  while (taken < count_max && size_ > 0) {
    QUORIS_ASSERT(take_index_ < directory_size());
    take_index_ = canonical(take_index_);
    Segment& segment = directory_[take_index_];
    for (unsigned index = 0; index < segment.bucket_count() && segment.used > 0; ++index) {
      Bucket& bucket = segment.buckets[index];
      if (index + 1U < segment.bucket_count()) {
        for (const uint64_t slot : segment.buckets[index + 1].slots) {
          prefetch_head_of(slot);
        }
      }
      for (unsigned slot = 0; slot < kSlotsPerBucket && taken < count_max; ++slot) {
        if (bucket.slots[slot] == 0) continue;
        void* item = item_of(bucket.slots[slot]);
        bucket.slots[slot] = 0;  // reaches stay too long: that only costs a look
        bucket.set_tag(slot, 0);
        --segment.used;
        --size_;
        ++taken;
        take(item);
      }
      if (taken == count_max) break;
    }
    if (segment.used > 0) continue;
    free_buckets(segment);
    Segment empty = nothing.directory;
    empty.set_shape(segment.depth(), empty.bucket_count());
    write_run(take_index_, empty);
    take_index_ += run_length(empty.depth());
  }
  if (size_ == 0) {
    free_table();
    reset();
  }
  return taken;
}

// --- growth
// ---------------------------------------------------------------------------------------

// The segment at `index` (canonical) is full: grows or splits it.
void Dictionary::make_room(size_t index) {
  if (directory_ == &nothing.directory) {
    directory_ = static_cast<Segment*>(allocate_lines(size_class(sizeof(Bucket))));
    memory_ += sizeof(Bucket);
    directory_[0] = nothing.directory;
    segments_of_depth_[0] = 1;
  }
  const Segment& segment = directory_[index];
  if (is_empty_segment(segment)) {
    rebuild(index, kBucketCounts.front());
  } else if (segment.bucket_count() == kBucketCountMax) {
    split(index);
  } else {
    rebuild(index,
            *std::upper_bound(kBucketCounts.begin(), kBucketCounts.end(), segment.bucket_count()));
  }
}

// The segment at `index` with another number of buckets (0: none, it is empty).
void Dictionary::rebuild(size_t index, unsigned bucket_count) {
  const Segment old = directory_[index];
  Segment segment = nothing.directory;
  segment.set_shape(old.depth(), segment.bucket_count());
  if (bucket_count > 0) {
    segment = make_segment(old.depth(), bucket_count);
    if (!is_empty_segment(old)) move_all(old, segment);
    segment.used = old.used;
  }
  write_run(index, segment);
  free_buckets(old);
}

void Dictionary::split(size_t index) {
  QUORIS_ASSERT(directory_[index].depth() < kDepthMax);
  if (directory_[index].depth() == depth_) {
    double_directory();
    index *= 2;
  }
  const Segment old = directory_[index];
  const unsigned depth = old.depth() + 1U;
  const size_t middle = index + run_length(depth);

  // What goes to the upper half is told by the fraction's first bit; the rest of the new
  // fractions only by the hashes.
  struct Moving {
    void* item = nullptr;
    uint32_t due = kNeverDue;
  };

  std::array<Moving, kBucketCountMax * kSlotsPerBucket> items{};
  size_t count = 0;
  size_t upper_count = 0;
  for (unsigned at = 0; at < old.bucket_count(); ++at) {
    const Bucket& bucket = old.buckets[at];
    const bool is_timed = old.dues()[at] != kNeverDue;
    for (unsigned slot = 0; slot < kSlotsPerBucket; ++slot) {
      if (bucket.slots[slot] == 0) continue;
      items[count++] = {item_of(bucket.slots[slot]), is_timed ? 0 : kNeverDue};
      upper_count += bucket.fraction(slot) >> (kFractionBits - 1);
    }
  }
  segments_of_depth_[depth] += 2;
  segments_of_depth_[depth - 1] -= 1;
  Segment halves[2] = {
      make_segment(depth, bucket_count_for(index, depth,
                                           (count - upper_count) * kRoomForSplit / kRoomScale)),
      make_segment(depth,
                   bucket_count_for(middle, depth, upper_count * kRoomForSplit / kRoomScale)),
  };
  for (size_t i = 0; i < std::min(kPrefetchAhead, count); ++i)
    prefetch_head(items[i].item, traits_->head);
  for (size_t i = 0; i < count; ++i) {
    if (i + kPrefetchAhead < count) prefetch_head(items[i + kPrefetchAhead].item, traits_->head);
    const uint64_t hash = traits_->hash(items[i].item, seed_);
    const uint32_t due = items[i].due == kNeverDue ? kNeverDue : traits_->due(items[i].item);
    Segment& half = halves[fraction_of(hash, depth - 1) >> (kFractionBits - 1)];
    place(half, fraction_of(hash, depth), items[i].item, due);
    ++half.used;
  }
  write_run(index, halves[0]);
  write_run(middle, halves[1]);
  free_buckets(old);
}

void Dictionary::double_directory() {
  const size_t size = directory_size();
  const size_t bytes = std::max(2 * size * sizeof(Segment), sizeof(Bucket));
  auto* directory = static_cast<Segment*>(allocate_lines(bytes));
  for (size_t index = 0; index < size; ++index) {
    directory[2 * index] = directory_[index];
    directory[2 * index + 1] = directory_[index];
  }
  std::free(directory_);
  memory_ += bytes - std::max(size * sizeof(Segment), sizeof(Bucket));
  directory_ = directory;
  ++depth_;
  take_index_ *= 2;
}

// --- shrinking
// --------------------------------------------------------------------------------------

void Dictionary::shrink_if_sparse(size_t index) {
  const Segment& segment = directory_[index];
  if (segment.used == 0) rebuild(index, 0);
  if (segment.used < kMergeItemsMax && try_merge(index)) {
    if (size_ == 0) {
      free_table();
      reset();
    }
    return;
  }
  if (size_ == 0) {
    free_table();
    reset();
    return;
  }
  const size_t slots = size_t{segment.bucket_count()} * kSlotsPerBucket;
  if (segment.bucket_count() == kBucketCounts.front()) return;
  if (segment.used * kSparseDenominator >= slots * kSparseNumerator) return;
  if (!may_count(segment)) return;
  const unsigned wanted =
      bucket_count_for(index, segment.depth(),
                       std::max<size_t>(segment.used * kRoomForShrinking / kRoomScale,
                                        fullest_range(segment) * kRangesRoom));
  if (wanted < segment.bucket_count()) rebuild(index, wanted);
}

// Whether the segment, which an item left, is to be looked at as a whole now.
bool Dictionary::may_count(const Segment& segment) noexcept {
  return segment.bucket_count() < kRanges || segment.used % kItemsPerCount == 0;
}

// The items in the fullest of kRanges ranges of buckets (in all of a segment that has fewer).
size_t Dictionary::fullest_range(const Segment& segment) noexcept {
  const unsigned count = segment.bucket_count();
  if (count < kRanges) return 0;
  size_t fullest = 0;
  for (unsigned range = 0, at = 0; range < kRanges; ++range) {
    size_t used = 0;
    for (const unsigned end = count * (range + 1) / kRanges; at < end; ++at) {
      for (const uint64_t slot : segment.buckets[at].slots) used += slot != 0 ? 1 : 0;
    }
    fullest = std::max(fullest, used);
  }
  return fullest;
}

// Makes one segment of `index` (canonical) and its sibling if both are small.
bool Dictionary::try_merge(size_t index) {
  const unsigned depth = directory_[index].depth();
  if (depth == 0) return false;
  const size_t lower = index & ~run_length(depth);
  const size_t upper = index | run_length(depth);
  const Segment halves[2] = {directory_[lower], directory_[upper]};
  if (halves[0].depth() != halves[1].depth()) return false;
  const size_t used = size_t{halves[0].used} + halves[1].used;
  size_t wanted = used * kRoomForShrinking / kRoomScale;
  if (used >= kMergeItemsMax) return false;
  if (!may_count(directory_[index])) return false;
  for (const Segment& half : halves) {
    wanted = std::max(wanted, fullest_range(half) * kRangesRoom * 2);
  }
  if (wanted > kMergeItemsMax * kRoomForShrinking / kRoomScale) return false;

  Segment merged = nothing.directory;
  merged.set_shape(depth - 1, merged.bucket_count());
  if (used > 0) merged = make_segment(depth - 1, bucket_count_for(lower, depth - 1, wanted));
  for (uint32_t half = 0; half < 2; ++half) {
    const Segment& from = halves[half];
    if (is_empty_segment(from)) continue;
    for (unsigned at = 0; at < from.bucket_count(); ++at) {
      const Bucket& bucket = from.buckets[at];
      for (unsigned slot = 0; slot < kSlotsPerBucket; ++slot) {
        if (bucket.slots[slot] == 0) continue;
        const uint32_t fraction = (half << (kFractionBits - 1)) | (bucket.fraction(slot) >> 1);
        place(merged, fraction, item_of(bucket.slots[slot]), from.dues()[at]);
      }
    }
  }
  merged.used = static_cast<uint16_t>(used);
  write_run(lower, merged);
  free_buckets(halves[0]);
  free_buckets(halves[1]);
  segments_of_depth_[depth] -= 2;
  segments_of_depth_[depth - 1] += 1;
  halve_directory();
  return true;
}

// Halves the directory as often as no segment needs its last bit.
void Dictionary::halve_directory() {
  while (depth_ > 0 && segments_of_depth_[depth_] == 0) {
    const size_t size = directory_size() / 2;
    const size_t bytes = std::max(size * sizeof(Segment), sizeof(Bucket));
    auto* directory = static_cast<Segment*>(allocate_lines(bytes));
    for (size_t index = 0; index < size; ++index) directory[index] = directory_[2 * index];
    std::free(directory_);
    memory_ -= std::max(2 * size * sizeof(Segment), sizeof(Bucket)) - bytes;
    directory_ = directory;
    --depth_;
    take_index_ /= 2;
  }
}

}  // namespace quoris::store
