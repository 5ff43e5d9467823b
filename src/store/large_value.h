// LargeValue: a collection that has outgrown its entry: the entry holds a pointer to it.
//
// What keyspace and store need to know of any of them: size, memory, how to free it bit by bit.
// Owned by its entry (through Keyspace); put aside when the entry goes, and freed in slices.
// Implemented by: MemberTable (hashes, sets), SortedMembers, BlockList.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/relocator.h"

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

  // Two steps of a batch lookup, as Keyspace's: touches the line where the element would be found
  // and returns its hash; then what stands there. Nothing for what finds elements by position.
  [[nodiscard]] virtual uint64_t prefetch_element(std::string_view /*element*/) const { return 0; }

  virtual void prefetch_found(uint64_t /*hash*/) const {}

  // Frees up to `count_max` elements, whichever, and returns how many. Once it has begun nothing
  // else is called but this and the destructor.
  virtual size_t free_some(size_t count_max) = 0;

  struct Relocated {
    uint64_t cursor = 0;  // where to go on; 0: the value is through
    size_t moved = 0;
    size_t left = 0;
  };

  // Moves about `count` of its allocations from `cursor` on, where the relocator wants it. What
  // has none that are worth it says that it is through.
  virtual Relocated relocate_some(uint64_t cursor, size_t count, Relocator& relocator) {
    static_cast<void>(cursor);
    static_cast<void>(count);
    static_cast<void>(relocator);
    return {};
  }

  // COPY. A list's items in the same order; a table's walk may differ within its buckets.
  [[nodiscard]] virtual std::unique_ptr<LargeValue> clone() const = 0;
};

}  // namespace quoris::store
