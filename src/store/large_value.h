// LargeValue: a collection that has outgrown its entry: the entry holds a pointer to it.
//
// What keyspace and store need to know of any of them: size, memory, how to free it bit by bit.
// Owned by its entry (through Keyspace); put aside when the entry goes, and freed in slices.
// Implemented by: MemberTable (hashes, sets), SortedMembers, BlockList.
#pragma once

#include <cstddef>
#include <memory>

namespace quoris::store {

class LargeValue {
 public:
  LargeValue() = default;
  LargeValue(const LargeValue&) = delete;
  LargeValue& operator=(const LargeValue&) = delete;
  virtual ~LargeValue() = default;

  // Elements: fields of a hash, members, items of a list.
  [[nodiscard]] virtual size_t size() const = 0;

  // Bytes as the allocator counts them, this object's own included.
  [[nodiscard]] virtual size_t memory() const = 0;

  // Frees up to `count_max` elements, whichever, and returns how many. Once it has begun nothing
  // else is called but this and the destructor.
  virtual size_t free_some(size_t count_max) = 0;

  // COPY. A list's items in the same order; a table's walk may differ within its buckets.
  [[nodiscard]] virtual std::unique_ptr<LargeValue> clone() const = 0;
};

}  // namespace quoris::store
