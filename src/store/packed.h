// A small collection in one block: the number of its elements (2 bytes), then the elements
// (store/packed_element.h).
//
// A list holds its items, a set its members, a hash field and value in turn, a sorted set member
// and score in turn. Places in the block are offsets from its beginning.
// The edits work on a block inside its entry, and may move the entry: they return it.
// Used by: the values of each type. Invariants: kPackedElementsMax, kPackedBytesMax.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "store/collection_limits.h"
#include "store/keyspace.h"
#include "store/packed_element.h"

namespace quoris::store {

class PackedView {
 public:
  static constexpr size_t kHeader = sizeof(uint16_t);
  static constexpr size_t kNone = 0;  // no offset of an element

  explicit PackedView(std::string_view block) : block_(block) {}

  [[nodiscard]] size_t count() const noexcept {
    uint16_t count = 0;
    std::memcpy(&count, block_.data(), sizeof count);
    return count;
  }

  [[nodiscard]] size_t begin() const noexcept { return kHeader; }

  [[nodiscard]] size_t end() const noexcept { return block_.size(); }

  // REQUIRES of all three: `offset` is an element's (of previous: or the end).
  [[nodiscard]] StringView at(size_t offset) const { return decoded(offset).value; }

  [[nodiscard]] packed::Decoded decoded(size_t offset) const {
    return packed::decode(block_.data() + offset);
  }

  [[nodiscard]] size_t next(size_t offset) const {
    return offset + packed::size_at(block_.data() + offset);
  }

  [[nodiscard]] size_t previous(size_t offset) const {
    return offset - packed::size_before(block_.data() + offset);
  }

  // The first of the elements at index 0, step, 2 * step ... that equals; kNone: there is none.
  [[nodiscard]] size_t find(const packed::Wanted& wanted, size_t step) const;

  // The offset of the element at `index`, from the nearer end. REQUIRES: index <= count().
  [[nodiscard]] size_t offset_of(size_t index) const;

  // All elements, without the count: as mutations carry them.
  [[nodiscard]] std::string_view elements() const { return block_.substr(kHeader); }

 private:
  std::string_view block_;
};

namespace packed {

// A block of these elements, from their run of encodings.
[[nodiscard]] std::string block_of(std::string_view elements, size_t count);
[[nodiscard]] std::string empty_block();

// Inserts elements in front of the one at `offset` (or at the end).
Entry& insert(Keyspace& keyspace, const HashedKey& key, Entry& entry, size_t offset,
              std::span<const StringView> elements);
// Erases `count` elements from `offset` on.
Entry& erase(Keyspace& keyspace, const HashedKey& key, Entry& entry, size_t offset, size_t count);
// The element at `offset` becomes another. `element` may not lie in the block.
Entry& replace(Keyspace& keyspace, const HashedKey& key, Entry& entry, size_t offset,
               const StringView& element);

// Calls `visit(StringView)` for each element of a run without a count (a mutation's value). False
// if the bytes are no run of elements; what came before the flaw was visited.
template <class Visit>
bool for_each_element(std::string_view elements, Visit&& visit) {
  while (!elements.empty()) {
    const Decoded decoded = decode_checked(elements);
    if (decoded.size == 0) return false;
    visit(decoded.value);
    elements.remove_prefix(decoded.size);
  }
  return true;
}

}  // namespace packed
}  // namespace quoris::store
