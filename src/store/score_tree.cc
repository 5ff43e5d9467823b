#include "store/score_tree.h"

#include <algorithm>
#include <new>

#include "base/assert.h"
#include "store/size_class.h"

namespace quoris::store {

namespace {

using Item = ScoreTree::Item;

// Entries are searched with predicates `before(score, item)`: true for all entries in front of a
// place and for none behind it.

struct BeforeEntry {
  double score;
  std::string_view member;
  bool after = false;  // behind the entry itself, if it is there

  bool operator()(double other, const Item* item) const {
    if (other != score) return other < score;
    const int order = item->member().compare(member);
    return order < 0 || (after && order == 0);
  }
};

struct BeforeScore {
  ScoreBound bound;

  bool operator()(double other, const Item* /*item*/) const { return bound.is_behind(other); }
};

struct BeforeMember {
  LexBound bound;

  bool operator()(double /*other*/, const Item* item) const {
    return bound.is_behind(item->member());
  }
};

// Entries of a node from `from` up to `to`: how many up to there are before.
template <class Before>
size_t partition(const double* scores, Item* const* items, size_t from, size_t to,
                 const Before& before) {
  size_t count = to - from;
  while (count > 0) {
    const size_t half = count / 2;
    if (before(scores[from + half], items[from + half])) {
      from += half + 1;
      count -= half + 1;
    } else {
      count = half;
    }
  }
  return from;
}

// The hot one: without branches as long as scores decide.
size_t partition(const double* scores, Item* const* items, size_t from, size_t to,
                 const BeforeEntry& before) {
  const double* base = scores + from;
  size_t count = to - from;
  while (count > 1) {
    const size_t half = count / 2;
    base += base[half - 1] < before.score ? half : 0;
    count -= half;
  }
  auto at = static_cast<size_t>(base - scores);
  if (count == 1 && *base < before.score) ++at;
  if (at == to || scores[at] != before.score) return at;
  return partition<BeforeEntry>(scores, items, at, to, before);
}

template <class T, size_t kSize>
void open_gap(std::array<T, kSize>& values, size_t at, size_t count, size_t size) {
  std::copy_backward(values.begin() + at, values.begin() + count, values.begin() + count + size);
}

template <class T, size_t kSize>
void close_gap(std::array<T, kSize>& values, size_t at, size_t count, size_t size) {
  std::copy(values.begin() + at + size, values.begin() + count, values.begin() + at);
}

void prefetch_lines(const void* from, size_t bytes) {
  for (size_t offset = 0; offset < bytes; offset += kCacheLine) {
    prefetch(static_cast<const char*>(from) + offset);
  }
}

}  // namespace

// --- nodes --------------------------------------------------------------------------------------

template <class Node>
Node* ScoreTree::make_node() {
  constexpr size_t kSize = size_class(sizeof(Node));
  void* memory = ::operator new(kSize, std::nothrow);
  QUORIS_ASSERT(memory != nullptr);
  memory_ += kSize;
  return new (memory) Node;
}

template <class Node>
void ScoreTree::free_node(Node* node) {
  constexpr size_t kSize = size_class(sizeof(Node));
  memory_ -= kSize;
#ifdef __cpp_sized_deallocation
  ::operator delete(node, kSize);
#else
  ::operator delete(node);
#endif
}

void ScoreTree::Leaf::insert(size_t position, Item& item) {
  open_gap(scores, position, count, 1);
  open_gap(items, position, count, 1);
  scores[position] = item.score();
  items[position] = &item;
  ++count;
}

void ScoreTree::Leaf::erase(size_t position, size_t entries) {
  close_gap(scores, position, count, entries);
  close_gap(items, position, count, entries);
  count -= entries;
}

void ScoreTree::Leaf::move_to(Leaf& other, size_t to, size_t position, size_t entries) {
  open_gap(other.scores, to, other.count, entries);
  open_gap(other.items, to, other.count, entries);
  std::copy_n(scores.begin() + position, entries, other.scores.begin() + to);
  std::copy_n(items.begin() + position, entries, other.items.begin() + to);
  other.count += entries;
  erase(position, entries);
}

void ScoreTree::Inner::insert(size_t index, const Child& child) {
  open_gap(scores, index, count, 1);
  open_gap(items, index, count, 1);
  open_gap(children, index, count, 1);
  open_gap(entries, index, count, 1);
  scores[index] = child.score;
  items[index] = child.item;
  children[index] = child.node;
  entries[index] = child.entries;
  ++count;
}

void ScoreTree::Inner::erase(size_t index) {
  close_gap(scores, index, count, 1);
  close_gap(items, index, count, 1);
  close_gap(children, index, count, 1);
  close_gap(entries, index, count, 1);
  --count;
}

void ScoreTree::Inner::set_first(size_t index, double score, Item* item) {
  scores[index] = score;
  items[index] = item;
}

void ScoreTree::Inner::move_to(Inner& other, size_t to, size_t index, size_t children_moved) {
  for (size_t i = 0; i < children_moved; ++i) {
    other.insert(to + i, {.node = children[index],
                          .score = scores[index],
                          .item = items[index],
                          .entries = entries[index]});
    erase(index);
  }
}

size_t ScoreTree::Inner::total() const {
  size_t sum = 0;
  for (size_t i = 0; i < count; ++i) sum += entries[i];
  return sum;
}

ScoreTree::~ScoreTree() {
  free_some(size_ + 1);
  if (root_ != nullptr) free_inner(root_, depth_);
}

size_t ScoreTree::free_some(size_t leaves_max) {
  if (root_ == nullptr) return 0;
  if (!leaves_freed_) unfreed_ = first_leaf();
  leaves_freed_ = true;
  size_t freed = 0;
  for (; freed < leaves_max && unfreed_ != nullptr; ++freed) {
    Leaf* leaf = unfreed_;
    unfreed_ = leaf->next;
    free_node(leaf);
  }
  return freed;
}

// Leaves are gone already.
void ScoreTree::free_inner(void* node, size_t level) {
  if (level == 0) return;
  auto* inner = static_cast<Inner*>(node);
  for (size_t i = 0; level > 1 && i < inner->count; ++i) {
    free_inner(inner->children[i], level - 1);
  }
  free_node(inner);
}

ScoreTree::Leaf* ScoreTree::first_leaf() const {
  void* node = root_;
  for (size_t level = 0; level < depth_; ++level) node = static_cast<Inner*>(node)->children[0];
  return static_cast<Leaf*>(node);
}

// --- search -------------------------------------------------------------------------------------

template <class Before>
ScoreTree::Path ScoreTree::descend(const Before& child_before, const Before& before) const {
  Path path;
  void* node = root_;
  for (size_t level = 0; level < depth_; ++level) {
    auto* inner = static_cast<Inner*>(node);
    const size_t index =
        partition(inner->scores.data(), inner->items.data(), 1, inner->count, child_before) - 1;
    path.steps[level] = {.node = inner, .index = index};
    node = inner->children[index];
    prefetch_lines(node, sizeof(Leaf::scores));
  }
  path.leaf = static_cast<Leaf*>(node);
  path.position =
      partition(path.leaf->scores.data(), path.leaf->items.data(), 0, path.leaf->count, before);
  return path;
}

ScoreTree::Path ScoreTree::descend_to_rank(size_t rank) const {
  QUORIS_ASSERT(rank < size_);
  Path path;
  void* node = root_;
  for (size_t level = 0; level < depth_; ++level) {
    auto* inner = static_cast<Inner*>(node);
    size_t index = 0;
    while (rank >= inner->entries[index]) rank -= inner->entries[index++];
    path.steps[level] = {.node = inner, .index = index};
    node = inner->children[index];
  }
  path.leaf = static_cast<Leaf*>(node);
  path.position = rank;
  return path;
}

// An entry that is the first of a child is found in that child.
ScoreTree::Path ScoreTree::path_of(const Item& item) const {
  QUORIS_ASSERT(root_ != nullptr);
  const BeforeEntry place{item.score(), item.member()};
  Path path = descend(BeforeEntry{place.score, place.member, true}, place);
  QUORIS_ASSERT(path.position < path.leaf->count);
  QUORIS_ASSERT(path.leaf->items[path.position] == &item);
  return path;
}

template <class Before>
size_t ScoreTree::count_before(const Before& before) const {
  if (root_ == nullptr) return 0;
  const Path path = descend(before, before);
  size_t count = path.position;
  for (size_t level = 0; level < depth_; ++level) {
    const Path::Step& step = path.steps[level];
    for (size_t i = 0; i < step.index; ++i) count += step.node->entries[i];
  }
  return count;
}

size_t ScoreTree::rank_of(const Item& item) const {
  return count_before(BeforeEntry{item.score(), item.member()});
}

size_t ScoreTree::rank_of(const ScoreBound& bound) const {
  return count_before(BeforeScore{bound});
}

size_t ScoreTree::rank_of(const LexBound& bound) const { return count_before(BeforeMember{bound}); }

ScoreTree::Cursor ScoreTree::at(size_t rank) const {
  if (rank >= size_) return {};
  const Path path = descend_to_rank(rank);
  return {path.leaf, path.position};
}

// --- insert -------------------------------------------------------------------------------------

void ScoreTree::insert(Item& item) {
  if (root_ == nullptr) root_ = make_node<Leaf>();
  const BeforeEntry place{item.score(), item.member()};
  const Path path = descend(place, place);
  ++size_;
  for (size_t level = 0; level < depth_; ++level) {
    ++path.steps[level].node->entries[path.steps[level].index];
  }
  if (path.leaf->count == kLeafCapacity) return insert_splitting(path, item);
  path.leaf->insert(path.position, item);
}

void ScoreTree::insert_splitting(const Path& path, Item& item) {
  Leaf& left = *path.leaf;
  Leaf& right = *make_node<Leaf>();
  const bool behind_all = left.next == nullptr && path.position == left.count;
  const bool before_all = left.previous == nullptr && path.position == 0;
  size_t middle = left.count / 2;
  if (behind_all) middle = left.count;
  if (before_all) middle = 0;
  left.move_to(right, 0, middle, left.count - middle);
  right.next = left.next;
  right.previous = &left;
  if (right.next != nullptr) right.next->previous = &right;
  left.next = &right;
  if (path.position > middle || right.count == 0) {
    right.insert(path.position - middle, item);
  } else {
    left.insert(path.position, item);
  }
  add_child(
      path,
      {.node = &right, .score = right.scores[0], .item = right.items[0], .entries = right.count},
      behind_all);
}

// `added` has come into being right of the path's child.
void ScoreTree::add_child(const Path& path, Child added, bool behind_all) {
  for (size_t level = depth_; level-- > 0;) {
    Inner& parent = *path.steps[level].node;
    const size_t index = path.steps[level].index;
    parent.entries[index] -= added.entries;
    if (parent.count < kInnerCapacity) return parent.insert(index + 1, added);
    const size_t middle = behind_all ? parent.count - 1 : parent.count / 2;
    Inner& right = *make_node<Inner>();
    parent.move_to(right, 0, middle, parent.count - middle);
    if (index + 1 <= middle) {
      parent.insert(index + 1, added);
    } else {
      right.insert(index + 1 - middle, added);
    }
    added = {
        .node = &right, .score = right.scores[0], .item = right.items[0], .entries = right.total()};
  }
  QUORIS_ASSERT(depth_ + 1 < kDepthMax);
  Inner& root = *make_node<Inner>();
  root.insert(0, {.node = root_, .entries = size_ - added.entries});
  root.insert(1, added);
  root_ = &root;
  ++depth_;
}

// --- erase --------------------------------------------------------------------------------------

void ScoreTree::erase(const Item& item) { erase_at(path_of(item), 1); }

void ScoreTree::move(Item& item, double score) {
  const Path path = path_of(item);
  Leaf& leaf = *path.leaf;
  const size_t at = path.position;
  // Between its neighbours it stays where it is, unless inner nodes may know it as a first entry.
  const bool low = at > 0 ? leaf.scores[at - 1] < score : leaf.previous == nullptr;
  const bool high = at + 1 < leaf.count ? score < leaf.scores[at + 1] : leaf.next == nullptr;
  if (low && high) {
    leaf.scores[at] = score;
    item.set_score(score);
    return;
  }
  erase_at(path, 1);
  item.set_score(score);
  insert(item);
}

void ScoreTree::erase_at(const Path& path, size_t entries) {
  path.leaf->erase(path.position, entries);
  size_ -= entries;
  for (size_t level = 0; level < depth_; ++level) {
    path.steps[level].node->entries[path.steps[level].index] -= entries;
  }
  if (depth_ == 0) return;
  const bool leaf_left = path.leaf->count >= kLeafMin || repair_leaf(path);
  if (leaf_left && path.position == 0) set_first_of(path);
  for (size_t level = depth_ - 1; level > 0; --level) {
    if (path.steps[level].node->count >= kInnerMin) break;
    const Path::Step& above = path.steps[level - 1];
    repair_inner(*above.node, above.index);
  }
  shrink_root();
}

// The leaf's first entry is another one.
void ScoreTree::set_first_of(const Path& path) {
  for (size_t level = depth_; level-- > 0;) {
    const Path::Step& step = path.steps[level];
    if (step.index == 0) continue;
    return step.node->set_first(step.index, path.leaf->scores[0], path.leaf->items[0]);
  }
}

// A leaf that has become small is merged with a neighbour, or takes some of its entries. False if
// the leaf is gone.
bool ScoreTree::repair_leaf(const Path& path) {
  Inner& parent = *path.steps[depth_ - 1].node;
  const size_t index = path.steps[depth_ - 1].index;
  const size_t left_index = index > 0 ? index - 1 : 0;
  Leaf& left = *static_cast<Leaf*>(parent.children[left_index]);
  Leaf& right = *static_cast<Leaf*>(parent.children[left_index + 1]);
  const size_t total = left.count + right.count;
  if (total <= kLeafCapacity * 3 / 4) {
    right.move_to(left, left.count, 0, right.count);
    left.next = right.next;
    if (left.next != nullptr) left.next->previous = &left;
    parent.entries[left_index] = total;
    parent.erase(left_index + 1);
    free_node(&right);
    return index == 0;
  }
  const size_t half = total / 2;
  if (left.count > half) {
    left.move_to(right, 0, half, left.count - half);
  } else {
    right.move_to(left, left.count, 0, half - left.count);
  }
  parent.entries[left_index] = left.count;
  parent.entries[left_index + 1] = right.count;
  parent.set_first(left_index + 1, right.scores[0], right.items[0]);
  return true;
}

// The same for an inner node.
void ScoreTree::repair_inner(Inner& parent, size_t index) {
  const size_t left_index = index > 0 ? index - 1 : 0;
  Inner& left = *static_cast<Inner*>(parent.children[left_index]);
  Inner& right = *static_cast<Inner*>(parent.children[left_index + 1]);
  right.set_first(0, parent.scores[left_index + 1], parent.items[left_index + 1]);
  const size_t total = left.count + right.count;
  if (total <= kInnerCapacity * 3 / 4) {
    right.move_to(left, left.count, 0, right.count);
    parent.entries[left_index] += parent.entries[left_index + 1];
    parent.erase(left_index + 1);
    free_node(&right);
    return;
  }
  const size_t half = total / 2;
  if (left.count > half) {
    left.move_to(right, 0, half, left.count - half);
  } else {
    right.move_to(left, left.count, 0, half - left.count);
  }
  parent.entries[left_index] = left.total();
  parent.entries[left_index + 1] = right.total();
  parent.set_first(left_index + 1, right.scores[0], right.items[0]);
}

void ScoreTree::shrink_root() {
  while (depth_ > 0) {
    auto* root = static_cast<Inner*>(root_);
    if (root->count > 1) return;
    root_ = root->children[0];
    free_node(root);
    --depth_;
  }
}

// --- checks -------------------------------------------------------------------------------------

bool ScoreTree::check_node(const void* node, size_t level, const Item* first,
                           size_t entries) const {
  if (level == 0) {
    const auto* leaf = static_cast<const Leaf*>(node);
    if (leaf->count != entries || leaf->count > kLeafCapacity) return false;
    return leaf->count > 0 ? first == nullptr || leaf->items[0] == first : depth_ == 0;
  }
  const auto* inner = static_cast<const Inner*>(node);
  if (inner->count < 2 || inner->count > kInnerCapacity || inner->total() != entries) return false;
  for (size_t i = 0; i < inner->count; ++i) {
    const Item* first_of_child = i > 0 ? inner->items[i] : first;
    if (i > 0 && inner->scores[i] != first_of_child->score()) return false;
    if (!check_node(inner->children[i], level - 1, first_of_child, inner->entries[i])) return false;
  }
  return true;
}

bool ScoreTree::is_consistent() const {
  if (root_ == nullptr) return size_ == 0 && memory_ == 0;
  if (!check_node(root_, depth_, nullptr, size_)) return false;
  size_t entries = 0;
  const Leaf* previous = nullptr;
  const Item* last = nullptr;
  for (const Leaf* leaf = first_leaf(); leaf != nullptr; previous = leaf, leaf = leaf->next) {
    if (leaf->previous != previous) return false;
    for (size_t i = 0; i < leaf->count; ++i, ++entries) {
      const Item* item = leaf->items[i];
      if (leaf->scores[i] != item->score()) return false;
      if (last != nullptr && !BeforeEntry{item->score(), item->member()}(last->score(), last)) {
        return false;
      }
      last = item;
    }
  }
  return entries == size_;
}

}  // namespace quoris::store
