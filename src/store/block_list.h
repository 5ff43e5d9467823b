// BlockList: a large list, a row of blocks of packed items (store/packed_element.h).
//
// Each block is an allocation of its own with room left at either side of its items, so that a push
// or a pop at an end moves nothing. The row is an array of {block, number of its items}: an index
// is found by adding up numbers, without a look at the blocks.
//
//   row:   [ .. unused .. | block, count | block, count | ... ]
//   block: [ capacity, begin, end | room | item item item ... | room ]
//
// Blocks grow by doubling up to a limit (BlockLimits); an item that is larger than a block has one
// of its own. A full block that is to take an item in its middle is split there; neighbours that
// have become small are merged; what empties is freed.
// While a snapshot reads the list as it was at one moment (FrozenList), a block of that moment is
// copied before it is changed, and handed over instead of freed.
// Invariants: no block is empty. Items stand as packed::encode writes them.
// Used by: list_value, frozen_list. Source: the idea of a list of packed blocks is Redis's
// quicklist.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "store/large_value.h"
#include "store/packed_element.h"

namespace quoris::store {

// Up to which size a block takes more items. Blocks that are larger (an item that has one of its
// own, another setting before) stay as they are.
struct BlockLimits {
  size_t bytes = 0;  // of the allocation
  size_t items = 0;
};

// Of list-max-listpack-size: -1 to -5 are 4 to 64 KiB, positive numbers items.
[[nodiscard]] BlockLimits block_limits(int64_t list_max_packed);

// What LREM removes: up to so many items that equal, from the one end or from the other.
struct ListRemoval {
  StringView item;
  size_t count_max = 0;
  bool from_tail = false;
};

class FrozenList;

class BlockList final : public LargeValue {
 public:
  BlockList() = default;
  // A run of `count` encoded items.
  BlockList(std::string_view items, size_t count);
  ~BlockList() override;

  [[nodiscard]] size_t size() const override { return size_; }

  [[nodiscard]] size_t memory() const override;
  size_t free_some(size_t count_max) override;
  [[nodiscard]] std::unique_ptr<LargeValue> clone() const override;

  // REQUIRES: index < size().
  [[nodiscard]] StringView at(size_t index) const;

  // In front of the item at `index`, or behind the last. REQUIRES: index <= size().
  void insert(size_t index, const StringView& item, const BlockLimits& limits);
  // REQUIRES: index + count <= size().
  void erase(size_t index, size_t count, const BlockLimits& limits);
  // REQUIRES: index < size().
  void set(size_t index, const StringView& item, const BlockLimits& limits);
  // Returns how many were removed. `step` is called for each block with
  // the number of its items.
  size_t remove(const ListRemoval& removal, const BlockLimits& limits,
                const std::function<void(size_t)>& step);

  // Items from the one at `index` on to the end, or down to the first; `visit(StringView)` returns
  // false to stop. REQUIRES: index < size().
  template <class Visit>
  void forward(size_t index, Visit&& visit) const;
  template <class Visit>
  void backward(size_t index, Visit&& visit) const;

  // Blocks, and whether the invariants hold: for tests.
  [[nodiscard]] size_t blocks() const { return row_.size() - first_; }

  [[nodiscard]] bool is_sound() const;

 private:
  friend class FrozenList;

  struct Block {
    uint32_t capacity;  // bytes for items
    uint32_t begin;     // items lie at [begin, end)
    uint32_t end;
    uint32_t generation;  // the list's when it was made

    [[nodiscard]] char* at(size_t offset) {
      return reinterpret_cast<char*>(this) + sizeof(Block) + offset;
    }

    [[nodiscard]] size_t used() const { return end - begin; }

    [[nodiscard]] size_t memory() const { return sizeof(Block) + capacity; }
  };

  struct Slot {
    Block* block = nullptr;
    size_t count = 0;
  };

  // An item: the slot that it is in, and its index among the items there.
  struct Place {
    size_t slot = 0;
    size_t index = 0;
  };

  enum class Side : uint8_t { front, back };

  [[nodiscard]] Slot& slot(size_t index) { return row_[first_ + index]; }

  [[nodiscard]] const Slot& slot(size_t index) const { return row_[first_ + index]; }

  [[nodiscard]] Place place_of(size_t index) const;
  [[nodiscard]] static size_t offset_of(const Slot& slot, size_t index);
  [[nodiscard]] static bool takes(const Slot& slot, size_t bytes, const BlockLimits& limits);

  [[nodiscard]] Block* make_block(size_t bytes, size_t used, Side room);
  void free_block(Block* block);
  static void release(Block* block);
  [[nodiscard]] bool is_frozen(const Block& block) const;
  void thaw(Slot& slot);
  void resize_block(Slot& slot, size_t bytes, Side room);
  void add_slot(size_t index, const Slot& added);
  void remove_slots(size_t from, size_t to);

  void push(Side side, const StringView& item, size_t bytes, const BlockLimits& limits);
  void add_block(size_t index, const StringView& item, size_t bytes, const BlockLimits& limits,
                 Side room);
  void write_into(Slot& slot, size_t index, const StringView& item, size_t bytes,
                  const BlockLimits& limits);
  [[nodiscard]] char* open_gap(Slot& slot, size_t offset, size_t bytes, const BlockLimits& limits);
  void erase_in(Slot& slot, size_t index, size_t count);
  [[nodiscard]] static bool holds(const Slot& slot, const packed::Wanted& wanted);
  static size_t remove_forward(Slot& slot, const packed::Wanted& wanted, size_t count_max);
  static size_t remove_backward(Slot& slot, const packed::Wanted& wanted, size_t count_max);
  void split(const Place& place);
  [[nodiscard]] static bool merges(const Slot& left, const Slot& right, const BlockLimits& limits);
  void append_items(Slot& left, const Slot& right);
  void tidy(size_t index, const BlockLimits& limits);
  void tidy_all(const BlockLimits& limits);
  void shrink_if_sparse(Slot& slot);

  std::vector<Slot> row_;
  size_t first_ = 0;  // what stands in row_ before it is unused
  size_t size_ = 0;
  size_t block_memory_ = 0;
  FrozenList* frozen_ = nullptr;  // who reads the blocks of generations before generation_
  uint32_t generation_ = 0;
};

// --- templates ----------------------------------------------------------------------------------

template <class Visit>
void BlockList::forward(size_t index, Visit&& visit) const {
  const Place place = place_of(index);
  size_t offset = offset_of(slot(place.slot), place.index);
  for (size_t i = place.slot; i < blocks(); ++i) {
    Block* block = slot(i).block;
    if (i > place.slot) offset = block->begin;
    while (offset < block->end) {
      const packed::Decoded item = packed::decode(block->at(offset));
      if (!visit(item.value)) return;
      offset += item.size;
    }
  }
}

template <class Visit>
void BlockList::backward(size_t index, Visit&& visit) const {
  const Place place = place_of(index);
  size_t end = offset_of(slot(place.slot), place.index + 1);
  for (size_t i = place.slot + 1; i-- > 0;) {
    Block* block = slot(i).block;
    if (i < place.slot) end = block->end;
    while (end > block->begin) {
      end -= packed::size_before(block->at(end));
      if (!visit(packed::decode(block->at(end)).value)) return;
    }
  }
}

}  // namespace quoris::store
