#include "store/frozen_list.h"

#include "base/assert.h"

namespace quoris::store {

FrozenList::FrozenList(BlockList& list)
    : list_(&list),
      slots_(list.row_.begin() + static_cast<std::ptrdiff_t>(list.first_), list.row_.end()) {
  QUORIS_ASSERT(list.frozen_ == nullptr);
  list.frozen_ = this;
  ++list.generation_;
}

FrozenList::~FrozenList() {
  if (list_ != nullptr) list_->frozen_ = nullptr;
  for (Block* block : adopted_) BlockList::release(block);
}

size_t FrozenList::take(size_t bytes, std::string& out) {
  size_t items = 0;
  const size_t end = out.size() + bytes;
  for (; next_ < slots_.size() && out.size() < end; ++next_) {
    Block& block = *slots_[next_].block;
    out.append(block.at(block.begin), block.used());
    items += slots_[next_].count;
  }
  return items;
}

size_t FrozenList::memory() const {
  return slots_.capacity() * sizeof(BlockList::Slot) + adopted_.capacity() * sizeof(Block*) +
         adopted_memory_;
}

void FrozenList::adopt(Block* block) {
  adopted_memory_ += block->memory();
  adopted_.push_back(block);
}

}  // namespace quoris::store
