// FrozenList: the items of a large list as they were at one moment, for a snapshot.
//
// Shares the list's blocks: while it lives the list copies those that it changes and hands over
// those that it gives up (BlockList::is_frozen). So freezing copies 16 bytes per block, and changes
// cost a copy of each block they touch. What was handed over is freed with this object.
// Invariant: what it shows never changes, also when the list is gone.
// Used by: StoreWalk. One at a time per list.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "store/block_list.h"

namespace quoris::store {

class FrozenList {
 public:
  // REQUIRES: the list is not frozen.
  explicit FrozenList(BlockList& list);
  ~FrozenList();
  FrozenList(const FrozenList&) = delete;
  FrozenList& operator=(const FrozenList&) = delete;

  // Whole blocks' items behind `out`, encoded as mutations carry them, until they are `bytes` or
  // more. Returns how many items; 0: there are no more.
  size_t take(size_t bytes, std::string& out);

  [[nodiscard]] bool is_through() const { return next_ == slots_.size(); }

  // Bytes that are only here, as the allocator counts them.
  [[nodiscard]] size_t memory() const;

 private:
  friend class BlockList;

  using Block = BlockList::Block;

  // The list gives it up.
  void adopt(Block* block);

  BlockList* list_;  // null: it is gone
  std::vector<BlockList::Slot> slots_;
  size_t next_ = 0;
  std::vector<Block*> adopted_;
  size_t adopted_memory_ = 0;
};

}  // namespace quoris::store
