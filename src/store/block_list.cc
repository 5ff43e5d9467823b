#include "store/block_list.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "store/allocation.h"
#include "store/frozen_list.h"

namespace quoris::store {

namespace {

// A block begins with this many bytes, unless it is to hold few items.
constexpr size_t kFirstBytes = 256;
constexpr size_t kFewItems = 8;
// A row whose used part is smaller than this share of it is written anew.
constexpr size_t kRowShrink = 8;
constexpr size_t kRowMin = 64;

}  // namespace

BlockLimits block_limits(int64_t list_max_packed) {
  constexpr size_t kUnit = 4096;
  constexpr int64_t kLargest = 5;
  constexpr size_t kBytesOfItems = 8192;
  if (list_max_packed >= 0) {
    return {.bytes = kBytesOfItems,
            .items = std::max<size_t>(1, static_cast<size_t>(list_max_packed))};
  }
  const auto doublings = static_cast<size_t>(std::min(-list_max_packed, kLargest) - 1);
  return {.bytes = kUnit << doublings, .items = std::numeric_limits<size_t>::max()};
}

// --- life ---------------------------------------------------------------------------------------

BlockList::BlockList(std::string_view items, size_t count) : size_(count) {
  QUORIS_ASSERT((count == 0) == items.empty());
  if (count == 0) return;
  Block* block = make_block(sizeof(Block) + items.size(), items.size(), Side::back);
  std::memcpy(block->at(block->begin), items.data(), items.size());
  add_slot(0, {.block = block, .count = count});
}

BlockList::~BlockList() {
  for (size_t i = 0; i < blocks(); ++i) free_block(slot(i).block);
  if (frozen_ != nullptr) frozen_->list_ = nullptr;
}

size_t BlockList::memory() const {
  const size_t row = row_.capacity() * sizeof(Slot);
  return size_class(sizeof *this) + block_memory_ + (row == 0 ? 0 : size_class(row));
}

// A block goes with the last of its items.
size_t BlockList::free_some(size_t count_max) {
  size_t freed = 0;
  while (freed < count_max && blocks() > 0) {
    Slot& last = row_.back();
    const size_t some = std::min(last.count, count_max - freed);
    last.count -= some;
    freed += some;
    if (last.count > 0) break;
    free_block(last.block);
    row_.pop_back();
  }
  size_ -= freed;
  return freed;
}

std::unique_ptr<LargeValue> BlockList::clone() const {
  auto copy = std::make_unique<BlockList>();
  copy->row_.reserve(blocks());
  for (size_t i = 0; i < blocks(); ++i) {
    Block* from = slot(i).block;
    Block* to = copy->make_block(sizeof(Block) + from->used(), from->used(), Side::back);
    std::memcpy(to->at(to->begin), from->at(from->begin), from->used());
    copy->row_.push_back({.block = to, .count = slot(i).count});
  }
  copy->size_ = size_;
  return copy;
}

bool BlockList::is_sound() const {
  size_t items = 0;
  size_t bytes = 0;
  for (size_t i = 0; i < blocks(); ++i) {
    Block* block = slot(i).block;
    bytes += block->memory();
    if (block->begin >= block->end || block->end > block->capacity) return false;
    size_t offset = block->begin;
    for (size_t n = 0; n < slot(i).count; ++n) {
      if (offset >= block->end) return false;
      offset += packed::size_at(block->at(offset));
    }
    if (offset != block->end) return false;
    items += slot(i).count;
  }
  return items == size_ && bytes == block_memory_;
}

// --- blocks -------------------------------------------------------------------------------------

// `bytes` with the block's head. `used` bytes are for items that the caller writes, and what is
// left over is in front of them or behind.
BlockList::Block* BlockList::make_block(size_t bytes, size_t used, Side room) {
  void* memory = allocate_class(bytes);
  const size_t capacity = bytes - sizeof(Block);
  QUORIS_ASSERT(used <= capacity);
  QUORIS_ASSERT(capacity <= std::numeric_limits<uint32_t>::max());
  const size_t begin = room == Side::front ? capacity - used : 0;
  block_memory_ += bytes;
  return new (memory) Block{.capacity = static_cast<uint32_t>(capacity),
                            .begin = static_cast<uint32_t>(begin),
                            .end = static_cast<uint32_t>(begin + used),
                            .generation = generation_};
}

void BlockList::free_block(Block* block) {
  block_memory_ -= block->memory();
  if (is_frozen(*block)) return frozen_->adopt(block);
  release(block);
}

void BlockList::release(Block* block) { free_class(block, block->memory()); }

bool BlockList::is_frozen(const Block& block) const {
  return frozen_ != nullptr && block.generation != generation_;
}

// Before a change in place: whoever reads the frozen list keeps the block, the list gets a copy in
// which everything stands at the same offset.
void BlockList::thaw(Slot& slot) {
  Block* from = slot.block;
  if (!is_frozen(*from)) return;
  Block* to = make_block(from->memory(), from->used(), Side::back);
  to->begin = from->begin;
  to->end = from->end;
  std::memcpy(to->at(to->begin), from->at(from->begin), from->used());
  free_block(from);
  slot.block = to;
}

void BlockList::resize_block(Slot& slot, size_t bytes, Side room) {
  Block* from = slot.block;
  Block* to = make_block(bytes, from->used(), room);
  std::memcpy(to->at(to->begin), from->at(from->begin), from->used());
  free_block(from);
  slot.block = to;
}

// A block that lost most of its items gives memory back.
void BlockList::shrink_if_sparse(Slot& slot) {
  const Block& block = *slot.block;
  if (block.memory() > kFirstBytes && block.used() < block.capacity / 4) {
    resize_block(slot, sizeof(Block) + 2 * block.used(), Side::back);
  }
}

bool BlockList::takes(const Slot& slot, size_t bytes, const BlockLimits& limits) {
  return slot.count < limits.items && sizeof(Block) + slot.block->used() + bytes <= limits.bytes;
}

// Where the item at `index` begins; the end of them all if `index` is their number.
size_t BlockList::offset_of(const Slot& slot, size_t index) {
  Block* block = slot.block;
  if (index <= slot.count / 2) {
    size_t offset = block->begin;
    for (size_t i = 0; i < index; ++i) offset += packed::size_at(block->at(offset));
    return offset;
  }
  size_t offset = block->end;
  for (size_t i = slot.count; i > index; --i) offset -= packed::size_before(block->at(offset));
  return offset;
}

// --- the row ------------------------------------------------------------------------------------

// From the nearer end. REQUIRES: index < size().
BlockList::Place BlockList::place_of(size_t index) const {
  QUORIS_ASSERT(index < size_);
  if (index < size_ / 2) {
    size_t i = 0;
    for (; index >= slot(i).count; ++i) index -= slot(i).count;
    return {.slot = i, .index = index};
  }
  size_t i = blocks() - 1;
  size_t behind = size_ - index;  // items from the one wanted to the end
  for (; behind > slot(i).count; --i) behind -= slot(i).count;
  return {.slot = i, .index = slot(i).count - behind};
}

void BlockList::add_slot(size_t index, const Slot& added) {
  if (index == 0 && blocks() > 0) {
    if (first_ == 0) {
      first_ = blocks();
      row_.insert(row_.begin(), first_, Slot{});
    }
    row_[--first_] = added;
    return;
  }
  if (row_.size() == row_.capacity() && first_ > row_.size() / 2) {
    row_.erase(row_.begin(), row_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
  row_.insert(row_.begin() + static_cast<std::ptrdiff_t>(first_ + index), added);
}

// Their blocks are the caller's to free.
void BlockList::remove_slots(size_t from, size_t to) {
  if (from == to) return;
  if (from == 0) {
    first_ += to;
  } else {
    const auto begin = row_.begin() + static_cast<std::ptrdiff_t>(first_);
    row_.erase(begin + static_cast<std::ptrdiff_t>(from), begin + static_cast<std::ptrdiff_t>(to));
  }
  if (row_.capacity() <= kRowMin || blocks() > row_.capacity() / kRowShrink) return;
  std::vector<Slot> tight(row_.begin() + static_cast<std::ptrdiff_t>(first_), row_.end());
  row_ = std::move(tight);
  first_ = 0;
}

// --- reading and changing -----------------------------------------------------------------------

StringView BlockList::at(size_t index) const {
  const Place place = place_of(index);
  const Slot& slot = this->slot(place.slot);
  return packed::decode(slot.block->at(offset_of(slot, place.index))).value;
}

void BlockList::insert(size_t index, const StringView& item, const BlockLimits& limits) {
  QUORIS_ASSERT(index <= size_);
  const size_t bytes = packed::encoded_size(item);
  if (index == 0 || index == size_) {
    ++size_;
    return push(index == 0 ? Side::front : Side::back, item, bytes, limits);
  }
  Place place = place_of(index);
  ++size_;
  if (takes(slot(place.slot), bytes, limits)) {
    return write_into(slot(place.slot), place.index, item, bytes, limits);
  }
  if (place.index > 0) {
    split(place);
    ++place.slot;
  }
  // Between two blocks now.
  if (takes(slot(place.slot - 1), bytes, limits)) {
    Slot& left = slot(place.slot - 1);
    write_into(left, left.count, item, bytes, limits);
  } else if (takes(slot(place.slot), bytes, limits)) {
    write_into(slot(place.slot), 0, item, bytes, limits);
  } else {
    add_block(place.slot, item, bytes, limits, Side::back);
  }
  tidy(place.slot, limits);
}

void BlockList::push(Side side, const StringView& item, size_t bytes, const BlockLimits& limits) {
  const size_t end = side == Side::front ? 0 : blocks() - (blocks() > 0 ? 1 : 0);
  if (blocks() > 0 && takes(slot(end), bytes, limits)) {
    Slot& slot = this->slot(end);
    return write_into(slot, side == Side::front ? 0 : slot.count, item, bytes, limits);
  }
  if (blocks() > 0) {
    // The next item gets a block of its own: what this one has left over is given back.
    const Block& block = *slot(end).block;
    if (block.used() < block.capacity - block.capacity / 4) {
      resize_block(slot(end), sizeof(Block) + block.used(), Side::back);
    }
  }
  add_block(side == Side::front ? 0 : blocks(), item, bytes, limits, side);
}

// A block of its own, with room for more towards `room`.
void BlockList::add_block(size_t index, const StringView& item, size_t bytes,
                          const BlockLimits& limits, Side room) {
  size_t size = sizeof(Block) + bytes;
  if (limits.items > kFewItems) size = std::max(size, kFirstBytes);
  Block* block = make_block(size, bytes, room);
  packed::encode(item, block->at(block->begin));
  add_slot(index, {.block = block, .count = 1});
}

// REQUIRES: takes(slot, bytes, limits).
void BlockList::write_into(Slot& slot, size_t index, const StringView& item, size_t bytes,
                           const BlockLimits& limits) {
  thaw(slot);
  // At the ends there is no need to look at what stands between.
  size_t offset = slot.block->begin;
  if (index > 0) offset = index == slot.count ? slot.block->end : offset_of(slot, index);
  packed::encode(item, open_gap(slot, offset, bytes, limits));
  ++slot.count;
}

// Room for `bytes` in front of the item at `offset`, or behind the last.
char* BlockList::open_gap(Slot& slot, size_t offset, size_t bytes, const BlockLimits& limits) {
  const size_t before = offset - slot.block->begin;
  const size_t used = slot.block->used();
  const size_t after = used - before;
  const Side side = before < after || (before == 0 && after == 0) ? Side::front : Side::back;
  if (slot.block->capacity - used < bytes) {
    const size_t need = sizeof(Block) + used + bytes;
    resize_block(slot, std::max(need, std::min(2 * slot.block->memory(), limits.bytes)), side);
  }
  Block& block = *slot.block;
  const bool fits =
      side == Side::front ? block.begin >= bytes : block.capacity - block.end >= bytes;
  if (!fits) {
    // The room is at the other side: half of what will be left of it comes to this one.
    const size_t spare = (block.capacity - used - bytes) / 2;
    const size_t begin = side == Side::front ? bytes + spare : spare;
    std::memmove(block.at(begin), block.at(block.begin), used);
    block.begin = static_cast<uint32_t>(begin);
    block.end = static_cast<uint32_t>(begin + used);
  }
  const auto shift = static_cast<uint32_t>(bytes);
  if (side == Side::front) {
    if (before > 0) std::memmove(block.at(block.begin - bytes), block.at(block.begin), before);
    block.begin -= shift;
  } else {
    char* at = block.at(block.begin + before);
    if (after > 0) std::memmove(at + bytes, at, after);
    block.end += shift;
  }
  return block.at(block.begin + before);
}

void BlockList::erase(size_t index, size_t count, const BlockLimits& limits) {
  QUORIS_ASSERT(index <= size_);
  QUORIS_ASSERT(count <= size_ - index);
  if (count == 0) return;
  const Place place = place_of(index);
  size_ -= count;
  size_t from = place.slot;
  if (place.index > 0) {
    const size_t here = std::min(count, slot(from).count - place.index);
    erase_in(slot(from), place.index, here);
    count -= here;
    ++from;
  }
  size_t to = from;
  for (; count > 0 && slot(to).count <= count; ++to) {
    count -= slot(to).count;
    free_block(slot(to).block);
  }
  if (count > 0) erase_in(slot(to), 0, count);
  remove_slots(from, to);
  tidy(from, limits);
}

// REQUIRES: something is left.
void BlockList::erase_in(Slot& slot, size_t index, size_t count) {
  QUORIS_ASSERT(count < slot.count);
  thaw(slot);
  Block& block = *slot.block;
  const size_t from = offset_of(slot, index);
  const size_t to = index + count == slot.count ? block.end : offset_of(slot, index + count);
  const size_t before = from - block.begin;
  const size_t after = block.end - to;
  const auto erased = static_cast<uint32_t>(to - from);
  if (before < after) {
    if (before > 0) std::memmove(block.at(block.begin + erased), block.at(block.begin), before);
    block.begin += erased;
  } else {
    if (after > 0) std::memmove(block.at(from), block.at(to), after);
    block.end -= erased;
  }
  slot.count -= count;
}

void BlockList::set(size_t index, const StringView& item, const BlockLimits& limits) {
  const Place place = place_of(index);
  thaw(slot(place.slot));
  char* at = slot(place.slot).block->at(offset_of(slot(place.slot), place.index));
  if (packed::size_at(at) == packed::encoded_size(item)) {
    packed::encode(item, at);
    return;
  }
  erase(index, 1, limits);
  insert(index, item, limits);
}

// --- splitting and merging ----------------------------------------------------------------------

// What stands from the place on goes into a block of its own. REQUIRES: something stands before.
void BlockList::split(const Place& place) {
  Slot& left = slot(place.slot);
  thaw(left);
  const size_t offset = offset_of(left, place.index);
  const size_t bytes = left.block->end - offset;
  Block* block = make_block(sizeof(Block) + bytes, bytes, Side::front);
  std::memcpy(block->at(block->begin), left.block->at(offset), bytes);
  const size_t moved = left.count - place.index;
  left.block->end = static_cast<uint32_t>(offset);
  left.count = place.index;
  shrink_if_sparse(left);
  add_slot(place.slot + 1, {.block = block, .count = moved});
}

// Only what leaves half of a block free: the next change should not split it again.
bool BlockList::merges(const Slot& left, const Slot& right, const BlockLimits& limits) {
  return left.count + right.count <= limits.items / 2 &&
         sizeof(Block) + left.block->used() + right.block->used() <= limits.bytes / 2;
}

// The items of `right` behind those of `left`; the block of `right` is freed.
void BlockList::append_items(Slot& left, const Slot& right) {
  const size_t used = left.block->used();
  const size_t more = right.block->used();
  Block* block = make_block(sizeof(Block) + used + more, used + more, Side::back);
  std::memcpy(block->at(block->begin), left.block->at(left.block->begin), used);
  std::memcpy(block->at(block->begin + used), right.block->at(right.block->begin), more);
  free_block(left.block);
  free_block(right.block);
  left.block = block;
  left.count += right.count;
}

// After a change at the border in front of the slot: small neighbours become one, and what is
// sparse and will not be used up by pops soon gives memory back.
void BlockList::tidy(size_t index, const BlockLimits& limits) {
  if (blocks() == 0) return;
  if (blocks() == 1) return shrink_if_sparse(slot(0));
  const size_t lowest = index < 2 ? 1 : index - 1;
  for (size_t right = std::min(index + 1, blocks() - 1); right >= lowest; --right) {
    if (!merges(slot(right - 1), slot(right), limits)) continue;
    append_items(slot(right - 1), slot(right));
    remove_slots(right, right + 1);
  }
  const size_t last = blocks() - 1;
  for (size_t near = lowest; near < last && near <= index; ++near) shrink_if_sparse(slot(near));
}

// The same for all after a removal here and there. Empty blocks go.
void BlockList::tidy_all(const BlockLimits& limits) {
  size_t kept = 0;
  for (size_t i = 0; i < blocks(); ++i) {
    const Slot next = slot(i);
    if (next.count == 0) {
      free_block(next.block);
    } else if (kept > 0 && merges(slot(kept - 1), next, limits)) {
      append_items(slot(kept - 1), next);
    } else {
      slot(kept++) = next;
    }
  }
  remove_slots(kept, blocks());
  for (size_t i = 0; i < blocks(); ++i) shrink_if_sparse(slot(i));
}

// --- LREM ---------------------------------------------------------------------------------------

size_t BlockList::remove(const ListRemoval& removal, const BlockLimits& limits,
                         const std::function<void(size_t)>& step) {
  const packed::Wanted wanted(removal.item);
  size_t removed = 0;
  for (size_t n = 0; n < blocks() && removed < removal.count_max; ++n) {
    Slot& slot = this->slot(removal.from_tail ? blocks() - 1 - n : n);
    if (step) step(slot.count);
    if (is_frozen(*slot.block)) {
      if (!holds(slot, wanted)) continue;
      thaw(slot);
    }
    const size_t some = removal.from_tail
                            ? remove_backward(slot, wanted, removal.count_max - removed)
                            : remove_forward(slot, wanted, removal.count_max - removed);
    removed += some;
  }
  size_ -= removed;
  if (removed > 0) tidy_all(limits);
  return removed;
}

bool BlockList::holds(const Slot& slot, const packed::Wanted& wanted) {
  Block& block = *slot.block;
  size_t at = block.begin;
  while (at < block.end && !wanted.equals(block.at(at))) at += packed::size_at(block.at(at));
  return at < block.end;
}

// What stays moves over what goes.
size_t BlockList::remove_forward(Slot& slot, const packed::Wanted& wanted, size_t count_max) {
  Block& block = *slot.block;
  size_t removed = 0;
  size_t out = block.begin;
  size_t at = block.begin;
  while (at < block.end && removed < count_max) {
    const size_t size = packed::size_at(block.at(at));
    if (wanted.equals(block.at(at))) {
      ++removed;
    } else {
      if (out != at) std::memmove(block.at(out), block.at(at), size);
      out += size;
    }
    at += size;
  }
  if (removed == 0) return 0;
  std::memmove(block.at(out), block.at(at), block.end - at);
  block.end = static_cast<uint32_t>(out + (block.end - at));
  slot.count -= removed;
  return removed;
}

size_t BlockList::remove_backward(Slot& slot, const packed::Wanted& wanted, size_t count_max) {
  Block& block = *slot.block;
  size_t removed = 0;
  size_t out = block.end;
  size_t at = block.end;
  while (at > block.begin && removed < count_max) {
    const size_t size = packed::size_before(block.at(at));
    at -= size;
    if (wanted.equals(block.at(at))) {
      ++removed;
    } else {
      out -= size;
      if (out != at) std::memmove(block.at(out), block.at(at), size);
    }
  }
  if (removed == 0) return 0;
  const size_t before = at - block.begin;
  std::memmove(block.at(out - before), block.at(block.begin), before);
  block.begin = static_cast<uint32_t>(out - before);
  slot.count -= removed;
  return removed;
}

}  // namespace quoris::store
