// Dictionary: a hash table of pointers that grows segment by segment and is walked in the order
// of the hash's top bits.
//
// Extendible hashing: a directory of 2^depth segments, indexed by the hash's top bits; neighbours
// share a segment that has not been split as often as the directory has doubled. A segment is 1 to
// 481 buckets of one cache line, then per bucket the earliest time at which an item in it is due.
// A bucket holds seven slots. The 24 bits of hash below those that chose the segment are an item's
// `fraction`: bucket = fraction * buckets / 2^24, so buckets too are in the order of the hash, and
// since the fraction stands in the bucket, a segment grows or shrinks without reading its items.
// Only a split (and nothing else) asks items for their hash. A full bucket overflows into the next
// one, wrapping within the segment; `reach` says how far, so a lookup knows where to stop.
//
// No operation touches more than one or two segments (some 3,200 items), but for the directory's
// doubling: 16 bytes per 2,400 items or so are copied. Segments fill up to limits that differ from
// one to the next, so that they do not all grow at once: bytes per item hardly swing with the
// count of items.
//
// Positions are the hash's top 48 bits. A SCAN cursor is a position, items never change theirs,
// so a walk in their order misses nothing whatever grows and shrinks meanwhile.
//
// Invariants: an item stands once. `due` of a bucket, of a segment and of the whole are lower
// bounds: never later than the earliest due time of an item below them. Which slot an item gets
// depends on hashes and on the operations so far only, never on a pointer's value.
// Used by: Keyspace. Knows of its items what ItemTraits says.
// Sources: Fagin et al. 1979 (extendible hashing); one-byte tags compared a word at a time, as in
// Google's and Meta's tables; all arranged for a cursor and for bytes per key.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <string_view>

#include "base/env.h"
#include "store/prefetch.h"

namespace quoris::store {

// How the dictionary reads an item.
struct ItemTraits {
  uint64_t (*hash)(const void* item, uint64_t seed) = nullptr;

  // When it is due, in coarse units (the owner's); Dictionary::kNeverDue: never.
  uint32_t (*due)(const void* item) = nullptr;

  // Bytes from its start that these two mostly read; at most a cache line.
  size_t head = kCacheLine;
};

class Dictionary {
 public:
  static constexpr uint32_t kNeverDue = std::numeric_limits<uint32_t>::max();
  static constexpr unsigned kPositionBits = 48;

  // `traits` outlives the dictionary. An empty dictionary holds no memory.
  Dictionary(const ItemTraits& traits, uint64_t seed) noexcept;
  ~Dictionary();  // frees the table, not the items
  Dictionary(Dictionary&& other) noexcept;
  Dictionary& operator=(Dictionary&& other) noexcept;
  Dictionary(const Dictionary&) = delete;
  Dictionary& operator=(const Dictionary&) = delete;

  [[nodiscard]] size_t size() const noexcept { return size_; }

  // Bytes of directory and segments, as the allocator counts them.
  [[nodiscard]] size_t memory() const noexcept { return memory_; }

  [[nodiscard]] size_t slots() const noexcept { return slots_; }

  // The item of this hash that `matches(item)`; null if there is none.
  template <class Matches>
  [[nodiscard]] void* find(uint64_t hash, Matches&& matches) const;

  // Touches the bucket's line; then the lines of what find() would look at (call it for a whole
  // batch before the next step). `long_items`: the key may reach into the item's second line.
  void prefetch_bucket(uint64_t hash) const noexcept;
  void prefetch_items(uint64_t hash, bool long_items) const noexcept;

  // Makes the table that so many items will need. Worth it before they are inserted in the order
  // of their hash, which otherwise fills one end of each segment after another: every insert
  // looks through all that is there then. REQUIRES: empty.
  void reserve(size_t count);

  // REQUIRES: no equal item is there.
  void insert(uint64_t hash, void* item, uint32_t due);

  // The item itself must be there, which is not read (but others may be).
  void erase(uint64_t hash, const void* item);
  void replace(uint64_t hash, const void* item, void* by);

  // The item became due at `due`, if that is earlier than it was.
  void lower_due(uint64_t hash, const void* item, uint32_t due);

  // Takes up to `count_max` items out, in no particular order, and hands each to `take`; the table
  // shrinks with them. Cheaper than erase, and does not read them.
  size_t take_some(size_t count_max, const std::function<void(void*)>& take);

  // --- walks --------------------------------------------------------------------------------
  // Visits the items of whole buckets from position `cursor` on until `count` have been visited
  // or ten times as many buckets looked at. Returns where to go on, 0 at the end. `visit` must
  // not change the dictionary.
  template <class Visit>
  uint64_t scan(uint64_t cursor, size_t count, Visit&& visit) const;

  // Visits all items in the order of scan() while `visit` returns true; it must not change the
  // dictionary.
  template <class Visit>
  void for_each(Visit&& visit) const;

  // A random item, each as likely as any other; null if empty.
  [[nodiscard]] void* random(Rng& rng) const;

  // Visits at least `count` items (all, if there are fewer) that stand together, from a random
  // place on; of `due_only` only those with a due time. Cheaper than as many random ones, and less
  // fair: what stands behind a gap is met more often.
  void sample(Rng& rng, size_t count, bool due_only, const std::function<void(void*)>& visit) const;

  // --- what is due --------------------------------------------------------------------------
  struct DueResult {
    size_t removed = 0;
    size_t looked_at = 0;
    bool finished = false;
  };

  // Hands items that are due at `now` to `take`, which erases them (and does nothing else), for
  // about `work_max` units of work: one is an item read, or a few lines of the table. Goes on
  // where the last call stopped.
  DueResult take_due(uint32_t now, size_t work_max, const std::function<void(void*)>& take);

  // About how many items are due, from the marks and a sample.
  [[nodiscard]] size_t estimate_due(uint32_t now) const;

  // How many buckets behind the first a lookup of what is not there reads on average. O(n).
  [[nodiscard]] double mean_reach() const;

  // All invariants hold. O(n), for tests.
  [[nodiscard]] bool is_consistent() const;

 private:
  static constexpr size_t kSlotsPerBucket = 7;
  static constexpr unsigned kFractionBits = 24;
  static constexpr unsigned kDepthMax = kPositionBits - kFractionBits;
  static constexpr unsigned kDepthBits = 5;
  static_assert(kDepthMax < 1U << kDepthBits);
  static constexpr unsigned kTagBits = 8;
  static constexpr unsigned kPointerBits = 48;
  static constexpr uint64_t kPositionEnd = uint64_t{1} << kPositionBits;
  static constexpr uint64_t kScanBucketsPerCount = 10;
  // Look-ahead of prefetches while a segment's items are read.
  static constexpr size_t kPrefetchAhead = 8;

  // One cache line. `meta`: bytes 0 to 6 are the tags (low 8 bits of the fraction) of the slots,
  // byte 7 the reach: how many buckets on the furthest item stands whose home this is. A slot:
  // high 16 bits of the fraction, then the item's pointer; 0 is empty.
  struct alignas(64) Bucket {
    uint64_t meta = 0;
    std::array<uint64_t, kSlotsPerBucket> slots{};

    // kReachMax stands for that and for all that is more.
    static constexpr unsigned kReachMax = 0xFF;

    [[nodiscard]] unsigned reach() const noexcept { return static_cast<unsigned>(meta >> 56); }

    void set_reach(unsigned reach) noexcept {
      const uint64_t kept = reach < kReachMax ? reach : kReachMax;
      meta = (meta & ~(uint64_t{0xFF} << 56)) | (kept << 56);
    }

    [[nodiscard]] unsigned tag(unsigned slot) const noexcept {
      return static_cast<unsigned>(meta >> (slot * kTagBits)) & 0xFF;
    }

    void set_tag(unsigned slot, unsigned tag) noexcept {
      const unsigned shift = slot * kTagBits;
      meta = (meta & ~(uint64_t{0xFF} << shift)) | (uint64_t{tag} << shift);
    }

    [[nodiscard]] uint32_t fraction(unsigned slot) const noexcept {
      return static_cast<uint32_t>((slots[slot] >> kPointerBits) << kTagBits) | tag(slot);
    }
  };

  static_assert(sizeof(Bucket) == 64);

  // An entry of the directory. `used` and `due` are true only in the first of those that share a
  // segment (the canonical one).
  struct Segment {
    Bucket* buckets = nullptr;  // then one uint32_t per bucket: its earliest due time
    uint16_t used = 0;
    uint16_t shape = 1 << kDepthBits;  // depth in the low bits, then the number of buckets
    uint32_t due = kNeverDue;

    [[nodiscard]] unsigned depth() const noexcept { return shape & ((1U << kDepthBits) - 1); }

    [[nodiscard]] unsigned bucket_count() const noexcept { return shape >> kDepthBits; }

    void set_shape(unsigned depth, unsigned bucket_count) noexcept {
      shape = static_cast<uint16_t>((bucket_count << kDepthBits) | depth);
    }

    [[nodiscard]] unsigned reach_of(const Bucket& bucket) const noexcept {
      const unsigned reach = bucket.reach();
      return reach < Bucket::kReachMax ? reach : bucket_count() - 1;
    }

    [[nodiscard]] uint32_t* dues() const noexcept {
      return reinterpret_cast<uint32_t*>(buckets + bucket_count());
    }
  };

  static_assert(sizeof(Segment) == 16);

  // Where an item stands.
  struct Place {
    Bucket* bucket = nullptr;
    unsigned slot = 0;
    unsigned index = 0;  // of the bucket
    unsigned home = 0;
  };

  struct Nothing;  // the bucket and directory of an empty dictionary
  static Nothing nothing;

  [[nodiscard]] static void* item_of(uint64_t slot) noexcept {
    constexpr uint64_t kPointerMask = (uint64_t{1} << kPointerBits) - 1;
    // A slot is a pointer with 16 bits of hash above it.
    // NOLINTNEXTLINE(performance-no-int-to-ptr): see there
    return reinterpret_cast<void*>(slot & kPointerMask);
  }

  void prefetch_head_of(uint64_t slot) const noexcept {
    if (slot != 0) prefetch_head(item_of(slot), traits_->head);
  }

  [[nodiscard]] static uint64_t pointer_bits(const void* item) noexcept {
    return reinterpret_cast<uint64_t>(item);
  }

  [[nodiscard]] static uint32_t fraction_of(uint64_t hash, unsigned depth) noexcept {
    return static_cast<uint32_t>((hash << depth) >> (64 - kFractionBits));
  }

  [[nodiscard]] static unsigned home_of(uint32_t fraction, unsigned bucket_count) noexcept {
    return static_cast<unsigned>((uint64_t{fraction} * bucket_count) >> kFractionBits);
  }

  // The smallest fraction whose home is `bucket`.
  [[nodiscard]] static uint64_t first_fraction(unsigned bucket, unsigned bucket_count) noexcept {
    return ((uint64_t{bucket} << kFractionBits) + bucket_count - 1) / bucket_count;
  }

  // A bit (the highest of the byte) for every slot whose tag may be `tag`: no false negatives.
  [[nodiscard]] static uint64_t match_tags(uint64_t meta, uint32_t fraction) noexcept {
    static_assert(std::endian::native == std::endian::little);
    constexpr uint64_t kOnes = 0x0001'0101'0101'0101;
    constexpr uint64_t kHighs = 0x0080'8080'8080'8080;
    const uint64_t difference = meta ^ ((fraction & 0xFFU) * kOnes);
    return (difference - kOnes) & ~difference & kHighs;
  }

  [[nodiscard]] size_t index_of(uint64_t hash) const noexcept {
    return static_cast<size_t>((hash >> 1) >> (63 - depth_));
  }

  // The first directory entry of those that share the segment of `index`.
  [[nodiscard]] size_t canonical(size_t index) const noexcept {
    return index & ~(run_length(directory_[index].depth()) - 1);
  }

  [[nodiscard]] size_t run_length(unsigned depth) const noexcept {
    return size_t{1} << (depth_ - depth);
  }

  [[nodiscard]] size_t directory_size() const noexcept { return size_t{1} << depth_; }

  template <class Visit>
  static size_t visit_home(const Segment& segment, unsigned home, uint32_t fraction_min,
                           Visit&& visit);

  [[nodiscard]] static bool is_empty_segment(const Segment& segment) noexcept;
  [[nodiscard]] static const Segment* nothing_directory() noexcept;
  [[nodiscard]] static size_t segment_bytes(unsigned bucket_count) noexcept;
  [[nodiscard]] bool is_bucket_consistent(size_t index, unsigned at, size_t& used) const;
  [[nodiscard]] size_t limit_of(size_t index, unsigned depth, unsigned bucket_count) const;
  [[nodiscard]] unsigned bucket_count_for(size_t index, unsigned depth, size_t wanted) const;

  [[nodiscard]] Segment make_segment(unsigned depth, unsigned bucket_count);
  void free_buckets(const Segment& segment);
  void write_run(size_t index, const Segment& segment);
  void free_table() noexcept;
  void reset() noexcept;
  void take_from(Dictionary& other) noexcept;

  static unsigned place(Segment& segment, uint32_t fraction, const void* item, uint32_t due);
  static void move_all(const Segment& from, Segment& to);
  [[nodiscard]] Place place_of(uint64_t hash, const void* item) const;
  static unsigned shorten_reach(const Segment& segment, unsigned home);
  static void refill(const Segment& segment, unsigned index, unsigned slot);

  void make_room(size_t index);
  void rebuild(size_t index, unsigned bucket_count);
  void split(size_t index);
  [[nodiscard]] bool try_merge(size_t index);
  void shrink_if_sparse(size_t index);
  [[nodiscard]] static bool may_count(const Segment& segment) noexcept;
  [[nodiscard]] static size_t fullest_range(const Segment& segment) noexcept;
  void double_directory();
  void halve_directory();

  struct DueBatch;
  void gather_segments(DueBatch& batch);
  void gather_buckets(DueBatch& batch);
  size_t gather_items(DueBatch& batch);
  void advance_pass(const DueBatch& batch);

  const ItemTraits* traits_;
  uint64_t seed_;
  Segment* directory_;
  unsigned depth_ = 0;
  size_t size_ = 0;
  size_t slots_ = 0;
  size_t memory_ = 0;
  std::array<uint32_t, kDepthMax + 1> segments_of_depth_{};

  // The search for what is due goes round in passes.
  uint64_t pass_position_ = 0;                // where it goes on
  uint32_t pass_earliest_ = kNeverDue;        // earliest due of the segments it left behind
  uint32_t earliest_since_pass_ = kNeverDue;  // of what came since it began
  uint32_t earliest_ = kNeverDue;             // lower bound of all
  size_t take_index_ = 0;                     // take_some: segments below are empty
};

// --- templates ----------------------------------------------------------------------------------

template <class Matches>
void* Dictionary::find(uint64_t hash, Matches&& matches) const {
  const Segment& segment = directory_[index_of(hash)];
  const uint32_t fraction = fraction_of(hash, segment.depth());
  const unsigned home = home_of(fraction, segment.bucket_count());
  const uint64_t high_bits = fraction >> kTagBits;
  const unsigned reach = segment.reach_of(segment.buckets[home]);
  unsigned index = home;
  for (unsigned distance = 0;; ++distance) {
    const Bucket& bucket = segment.buckets[index];
    for (uint64_t bits = match_tags(bucket.meta, fraction); bits != 0; bits &= bits - 1) {
      const uint64_t slot = bucket.slots[static_cast<unsigned>(std::countr_zero(bits)) / kTagBits];
      if (slot >> kPointerBits != high_bits) continue;
      void* item = item_of(slot);
      if (item != nullptr && matches(item)) return item;
    }
    if (distance == reach) return nullptr;
    if (++index == segment.bucket_count()) index = 0;
  }
}

inline void Dictionary::prefetch_bucket(uint64_t hash) const noexcept {
  const Segment& segment = directory_[index_of(hash)];
  const uint32_t fraction = fraction_of(hash, segment.depth());
  prefetch(&segment.buckets[home_of(fraction, segment.bucket_count())]);
}

inline void Dictionary::prefetch_items(uint64_t hash, bool long_items) const noexcept {
  (void)find(hash, [long_items](const void* item) {
    prefetch(item);
    if (long_items) prefetch(static_cast<const char*>(item) + kCacheLine);
    return true;  // a second candidate is too rare to look for
  });
}

// Items at home in `home` from `fraction_min` on, wherever they stand.
template <class Visit>
size_t Dictionary::visit_home(const Segment& segment, unsigned home, uint32_t fraction_min,
                              Visit&& visit) {
  const unsigned count = segment.bucket_count();
  const unsigned reach = segment.reach_of(segment.buckets[home]);
  size_t visited = 0;
  unsigned index = home;
  for (unsigned distance = 0; distance <= reach; ++distance) {
    const Bucket& bucket = segment.buckets[index];
    for (unsigned slot = 0; slot < kSlotsPerBucket; ++slot) {
      if (bucket.slots[slot] == 0) continue;
      const uint32_t fraction = bucket.fraction(slot);
      if (fraction < fraction_min || home_of(fraction, count) != home) continue;
      ++visited;
      if (!visit(item_of(bucket.slots[slot]))) return visited;
    }
    if (++index == count) index = 0;
  }
  return visited;
}

template <class Visit>
uint64_t Dictionary::scan(uint64_t cursor, size_t count, Visit&& visit) const {
  if (cursor >= kPositionEnd) return 0;
  constexpr size_t kCountMax = std::numeric_limits<size_t>::max() / kScanBucketsPerCount;
  const size_t buckets_max = (count < kCountMax ? count : kCountMax) * kScanBucketsPerCount;
  size_t visited = 0;
  for (size_t buckets = 0; cursor < kPositionEnd; ++buckets) {
    if (buckets > 0 && (visited >= count || buckets >= buckets_max)) return cursor;
    const Segment& segment = directory_[cursor >> (kPositionBits - depth_)];
    const unsigned shift = kPositionBits - segment.depth();
    const uint64_t prefix = cursor >> shift;
    const uint64_t below = cursor & ((uint64_t{1} << shift) - 1);
    const auto fraction = static_cast<uint32_t>(below >> (shift - kFractionBits));
    const unsigned home = home_of(fraction, segment.bucket_count());
    visited += visit_home(segment, home, fraction, [&visit](void* item) {
      visit(item);
      return true;
    });
    // For the last bucket this is the start of the next segment.
    cursor = (prefix << shift) +
             (first_fraction(home + 1, segment.bucket_count()) << (shift - kFractionBits));
  }
  return 0;
}

template <class Visit>
void Dictionary::for_each(Visit&& visit) const {
  bool go_on = true;
  for (size_t index = 0; index < directory_size(); index += run_length(directory_[index].depth())) {
    const Segment& segment = directory_[index];
    for (unsigned home = 0; home < segment.bucket_count(); ++home) {
      if (home + 1U < segment.bucket_count()) {
        for (const uint64_t slot : segment.buckets[home + 1].slots) {
          prefetch_head_of(slot);
        }
      }
      visit_home(segment, home, 0, [&](void* item) {
        go_on = visit(item);
        return go_on;
      });
      if (!go_on) return;
    }
  }
}

}  // namespace quoris::store
