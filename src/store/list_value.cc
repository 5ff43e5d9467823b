#include "store/list_value.h"

#include <algorithm>
#include <string>

#include "base/assert.h"

namespace quoris::store {

namespace {

const BlockList* blocks_of(const Entry& entry) {
  return entry.is_large() ? static_cast<const BlockList*>(&entry.large()) : nullptr;
}

size_t encoded_size(std::span<const StringView> items) {
  size_t bytes = 0;
  for (const StringView& item : items) bytes += packed::encoded_size(item);
  return bytes;
}

}  // namespace

ListView::ListView(const Entry& entry) : entry_(entry), blocks_(blocks_of(entry)) {
  QUORIS_ASSERT(entry.type() == Type::list);
}

size_t ListView::size() const {
  return blocks_ != nullptr ? blocks_->size() : PackedView(entry_.block()).count();
}

StringView ListView::at(size_t index) const {
  if (blocks_ != nullptr) return blocks_->at(index);
  const PackedView view(entry_.block());
  QUORIS_ASSERT(index < view.count());
  return view.at(view.offset_of(index));
}

template <class Change>
auto ListValue::change_blocks(Change&& change) {
  auto& blocks = static_cast<BlockList&>(entry_->large());
  const size_t memory = blocks.memory();
  if constexpr (std::is_void_v<decltype(change(blocks))>) {
    change(blocks);
    keyspace_.note_large_change(blocks, memory);
  } else {
    const auto result = change(blocks);
    keyspace_.note_large_change(blocks, memory);
    return result;
  }
}

// With so many bytes and items in the block.
bool ListValue::stays_packed(size_t bytes, size_t items) const {
  return bytes <= std::min(limits_.list_max_small_bytes, kPackedBytesMax) &&
         items <= std::min(limits_.list_max_small_items, kPackedElementsMax);
}

void ListValue::insert(size_t index, std::span<const StringView> items) {
  if (!entry_->is_large()) {
    const PackedView view(entry_->block());
    if (stays_packed(view.end() + encoded_size(items), view.count() + items.size())) {
      entry_ = &packed::insert(keyspace_, key_, *entry_, view.offset_of(index), items);
      return;
    }
    make_large();
  }
  const BlockLimits limits = block_limits(limits_.list_max_packed);
  change_blocks([&](BlockList& blocks) {
    // At the head the last of them first: so each is a push.
    for (size_t i = 0; i < items.size(); ++i) {
      if (index == 0) {
        blocks.insert(0, items[items.size() - 1 - i], limits);
      } else {
        blocks.insert(index + i, items[i], limits);
      }
    }
  });
}

void ListValue::erase(size_t index, size_t count) {
  if (entry_->is_large()) {
    return change_blocks([&](BlockList& blocks) {
      blocks.erase(index, count, block_limits(limits_.list_max_packed));
    });
  }
  const PackedView view(entry_->block());
  QUORIS_ASSERT(index <= view.count());
  QUORIS_ASSERT(count <= view.count() - index);
  entry_ = &packed::erase(keyspace_, key_, *entry_, view.offset_of(index), count);
}

void ListValue::set(size_t index, const StringView& item) {
  if (!entry_->is_large()) {
    const PackedView view(entry_->block());
    QUORIS_ASSERT(index < view.count());
    if (stays_packed(view.end() + packed::encoded_size(item), view.count())) {
      entry_ = &packed::replace(keyspace_, key_, *entry_, view.offset_of(index), item);
      return;
    }
    make_large();
  }
  change_blocks(
      [&](BlockList& blocks) { blocks.set(index, item, block_limits(limits_.list_max_packed)); });
}

size_t ListValue::remove(const ListRemoval& removal, const std::function<void(size_t)>& step) {
  if (!entry_->is_large()) return remove_packed(removal);
  return change_blocks([&](BlockList& blocks) {
    return blocks.remove(removal, block_limits(limits_.list_max_packed), step);
  });
}

size_t ListValue::remove_packed(const ListRemoval& removal) {
  const packed::Wanted wanted(removal.item);
  size_t removed = 0;
  const auto erase_if_equal = [&](size_t offset) {
    if (!wanted.equals(entry_->block().data() + offset)) return false;
    entry_ = &packed::erase(keyspace_, key_, *entry_, offset, 1);
    ++removed;
    return true;
  };
  size_t offset = removal.from_tail ? entry_->block().size() : PackedView::kHeader;
  while (removed < removal.count_max) {
    const PackedView view(entry_->block());
    if (removal.from_tail) {
      if (offset == view.begin()) break;
      offset = view.previous(offset);
      erase_if_equal(offset);
    } else {
      if (offset == view.end()) break;
      const size_t next = view.next(offset);
      if (!erase_if_equal(offset)) offset = next;
    }
  }
  return removed;
}

void ListValue::make_large() {
  if (entry_->is_large()) return;
  const PackedView view(entry_->block());
  auto blocks = std::make_unique<BlockList>(view.elements(), view.count());
  entry_ = &keyspace_.grow_large(key_, *entry_, std::move(blocks));
}

}  // namespace quoris::store
