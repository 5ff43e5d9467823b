// A list in an entry, whichever form it has: ListView to read it, ListValue to change it.
//
// Forms: a packed block in the entry while it is small (CollectionLimits::list_*), then a
// BlockList, for good.
// A view is valid until the list is changed. ListValue may move the entry: take entry() afterwards.
// Used by: command handlers (ListView), Writer and apply (ListValue).
#pragma once

#include <functional>
#include <span>
#include <string_view>

#include "store/block_list.h"
#include "store/collection_limits.h"
#include "store/keyspace.h"
#include "store/packed.h"

namespace quoris::store {

class ListView {
 public:
  // REQUIRES: entry.type() is list.
  explicit ListView(const Entry& entry);

  [[nodiscard]] size_t size() const;

  // Found from the nearer end. REQUIRES: index < size().
  [[nodiscard]] StringView at(size_t index) const;

  // Items from the one at `index` on to the last, or down to the first; `visit(StringView)`
  // returns false to stop. REQUIRES: index < size().
  template <class Visit>
  void forward(size_t index, Visit&& visit) const;
  template <class Visit>
  void backward(size_t index, Visit&& visit) const;

  // Null if the list is in one block.
  [[nodiscard]] const BlockList* blocks() const { return blocks_; }

 private:
  const Entry& entry_;
  const BlockList* blocks_;
};

class ListValue {
 public:
  ListValue(Keyspace& keyspace, const HashedKey& key, Entry& entry, const CollectionLimits& limits)
      : keyspace_(keyspace), key_(key), entry_(&entry), limits_(limits) {}

  [[nodiscard]] Entry& entry() { return *entry_; }

  [[nodiscard]] size_t size() const { return ListView(*entry_).size(); }

  // In front of the item at `index`, or behind the last. Items may not lie in the list.
  // REQUIRES: index <= size().
  void insert(size_t index, std::span<const StringView> items);
  // REQUIRES: index + count <= size().
  void erase(size_t index, size_t count);
  // `item` may not lie in the list. REQUIRES: index < size().
  void set(size_t index, const StringView& item);
  // Returns how many were removed. `step` is called now and then with the number
  // of items that were looked at.
  size_t remove(const ListRemoval& removal, const std::function<void(size_t)>& step = {});
  // Into the form of blocks; nothing if it has it.
  void make_large();

 private:
  // Changes the blocks, and notes what memory they take then.
  template <class Change>
  auto change_blocks(Change&& change);

  [[nodiscard]] bool stays_packed(size_t bytes, size_t items) const;
  size_t remove_packed(const ListRemoval& removal);

  Keyspace& keyspace_;
  const HashedKey& key_;
  Entry* entry_;
  const CollectionLimits& limits_;
};

// --- templates ----------------------------------------------------------------------------------

template <class Visit>
void ListView::forward(size_t index, Visit&& visit) const {
  if (blocks_ != nullptr) return blocks_->forward(index, visit);
  const PackedView view(entry_.block());
  size_t offset = view.offset_of(index);
  while (offset < view.end()) {
    const packed::Decoded item = view.decoded(offset);
    if (!visit(item.value)) return;
    offset += item.size;
  }
}

template <class Visit>
void ListView::backward(size_t index, Visit&& visit) const {
  if (blocks_ != nullptr) return blocks_->backward(index, visit);
  const PackedView view(entry_.block());
  size_t offset = view.offset_of(index + 1);
  while (offset > view.begin()) {
    offset = view.previous(offset);
    if (!visit(view.at(offset))) return;
  }
}

}  // namespace quoris::store
