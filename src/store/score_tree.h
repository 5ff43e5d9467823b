// ScoreTree: the members of a large sorted set in order: a B+-tree with counts.
//
// Ordered by score, then by the member's bytes. A leaf holds scores and items in two arrays, so a
// search reads scores side by side and an item only where scores are equal. An inner node holds
// per child: its first entry (that of child 0 is unused), and how many entries are below it, so
// ranks and entries at ranks are found on the way down. Leaves are linked both ways.
//
// A leaf that is full while its entry comes behind all others (or in front of them) is left full:
// a set that is filled in order has full leaves. Nodes below a third are merged with a neighbour or
// share its entries, so the depth stays logarithmic.
//
// Invariants: leaves that have company are not empty, inner nodes have two children at least; the
// first entries and counts in inner nodes are exact. The tree does not own its items, and holds
// their scores as the items do.
// Used by: SortedMembers. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "store/member_table.h"
#include "store/score_bounds.h"

namespace quoris::store {

class ScoreTree {
 public:
  using Item = ScoreTable::Item;

 private:
  struct Leaf;

 public:
  // An entry, or (not valid()) what is before the first and behind the last.
  class Cursor {
   public:
    Cursor() = default;

    [[nodiscard]] bool valid() const { return leaf_ != nullptr; }

    // REQUIRES of all: valid().
    [[nodiscard]] double score() const;
    [[nodiscard]] Item& item() const;
    void next();
    void previous();

   private:
    friend class ScoreTree;

    Cursor(Leaf* leaf, size_t position) : leaf_(leaf), position_(position) {}

    Leaf* leaf_ = nullptr;
    size_t position_ = 0;
  };

  ScoreTree() = default;
  ~ScoreTree();
  ScoreTree(const ScoreTree&) = delete;
  ScoreTree& operator=(const ScoreTree&) = delete;

  [[nodiscard]] size_t size() const { return size_; }

  // Bytes of the nodes as the allocator counts them.
  [[nodiscard]] size_t memory() const { return memory_; }

  // By the score that the item has. REQUIRES: no equal entry is there.
  void insert(Item& item);
  // REQUIRES of both: it is there, by the score that it has.
  void erase(const Item& item);
  void move(Item& item, double score);

  // Takes out entries from `rank` on, at most `count_max` and those of one leaf, and hands each to
  // `take(Item&)`, which may free it. Returns how many. REQUIRES: rank < size().
  template <class Take>
  size_t erase_run(size_t rank, size_t count_max, Take&& take);

  // How many entries are in front of it.
  [[nodiscard]] size_t rank_of(const Item& item) const;
  [[nodiscard]] size_t rank_of(const ScoreBound& bound) const;
  // Makes sense where all scores are equal (else it is some number up to size()).
  [[nodiscard]] size_t rank_of(const LexBound& bound) const;

  // Not valid if `rank` is size() or more.
  [[nodiscard]] Cursor at(size_t rank) const;

  // Frees up to so many leaves; returns how many. Once it has begun nothing else is called but this
  // and the destructor.
  size_t free_some(size_t leaves_max);

  // All invariants hold. O(n), for tests.
  [[nodiscard]] bool is_consistent() const;

 private:
  // Node sizes fill size classes of 1024 and 2048 bytes.
  static constexpr size_t kLeafCapacity = 62;
  static constexpr size_t kInnerCapacity = 63;
  static constexpr size_t kLeafMin = kLeafCapacity / 3;
  static constexpr size_t kInnerMin = kInnerCapacity / 3;
  // More than 2^64 entries need.
  static constexpr size_t kDepthMax = 20;

  // What is behind `count` is never read, here and in Inner.
  struct Leaf {  // NOLINT(cppcoreguidelines-pro-type-member-init): see above
    Leaf* previous = nullptr;
    Leaf* next = nullptr;
    size_t count = 0;
    std::array<double, kLeafCapacity> scores;
    std::array<Item*, kLeafCapacity> items;

    void insert(size_t position, Item& item);
    void erase(size_t position, size_t entries);
    // `entries` of ours from `position` on go to another leaf's `to`.
    void move_to(Leaf& other, size_t to, size_t position, size_t entries);
  };

  // A child as its parent sees it.
  struct Child {
    void* node = nullptr;
    double score = 0;
    Item* item = nullptr;
    size_t entries = 0;
  };

  struct Inner {  // NOLINT(cppcoreguidelines-pro-type-member-init): see above
    size_t count = 0;
    std::array<double, kInnerCapacity> scores;
    std::array<Item*, kInnerCapacity> items;
    std::array<void*, kInnerCapacity> children;
    std::array<size_t, kInnerCapacity> entries;

    void insert(size_t index, const Child& child);
    void erase(size_t index);
    void set_first(size_t index, double score, Item* item);
    void move_to(Inner& other, size_t to, size_t index, size_t children_moved);
    [[nodiscard]] size_t total() const;
  };

  static_assert(sizeof(Leaf) <= 1024);
  static_assert(sizeof(Inner) <= 2048);

  // The way from the root to a place in a leaf.
  struct Path {
    struct Step {
      Inner* node = nullptr;
      size_t index = 0;
    };

    std::array<Step, kDepthMax> steps;
    Leaf* leaf = nullptr;
    size_t position = 0;
  };

  template <class Node>
  [[nodiscard]] Node* make_node();
  template <class Node>
  void free_node(Node* node);
  void free_inner(void* node, size_t level);

  // To the end of what is `before`, by way of the children whose first entries are `child_before`.
  template <class Before>
  [[nodiscard]] Path descend(const Before& child_before, const Before& before) const;
  [[nodiscard]] Path descend_to_rank(size_t rank) const;
  [[nodiscard]] Path path_of(const Item& item) const;
  template <class Before>
  [[nodiscard]] size_t count_before(const Before& before) const;

  void insert_splitting(const Path& path, Item& item);
  void add_child(const Path& path, Child added, bool behind_all);
  void erase_at(const Path& path, size_t entries);
  [[nodiscard]] bool repair_leaf(const Path& path);
  void set_first_of(const Path& path);
  void repair_inner(Inner& parent, size_t index);
  void shrink_root();
  [[nodiscard]] Leaf* first_leaf() const;
  [[nodiscard]] bool check_node(const void* node, size_t level, const Item* first,
                                size_t entries) const;

  void* root_ = nullptr;
  size_t depth_ = 0;  // levels of inner nodes
  size_t size_ = 0;
  size_t memory_ = 0;
  Leaf* unfreed_ = nullptr;  // free_some: the next leaf to go
  bool leaves_freed_ = false;
};

// --- templates ----------------------------------------------------------------------------------

template <class Take>
size_t ScoreTree::erase_run(size_t rank, size_t count_max, Take&& take) {
  constexpr size_t kAhead = 4;
  const Path path = descend_to_rank(rank);
  Leaf& leaf = *path.leaf;
  const size_t left = leaf.count - path.position;
  const size_t count = count_max < left ? count_max : left;
  // The items are read when they are looked up in their table, and again to be freed.
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): filled below
  std::array<Item*, kLeafCapacity> taken;
  for (size_t i = 0; i < count; ++i) taken[i] = leaf.items[path.position + i];
  if (path.position + count + kAhead < leaf.count) {
    prefetch(leaf.items[path.position + count + kAhead]);  // of the next ZPOPMIN but a few
  }
  erase_at(path, count);
  for (size_t i = 0; i < count; ++i) {
    if (i + kAhead < count) prefetch(taken[i + kAhead]);
    take(*taken[i]);
  }
  return count;
}

inline double ScoreTree::Cursor::score() const { return leaf_->scores[position_]; }

inline ScoreTree::Item& ScoreTree::Cursor::item() const { return *leaf_->items[position_]; }

inline void ScoreTree::Cursor::next() {
  if (++position_ < leaf_->count) return;
  leaf_ = leaf_->next;
  position_ = 0;
}

inline void ScoreTree::Cursor::previous() {
  if (position_-- > 0) return;
  leaf_ = leaf_->previous;
  if (leaf_ != nullptr) position_ = leaf_->count - 1;
}

}  // namespace quoris::store
