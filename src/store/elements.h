// Collections whatever their type is: their size, and their elements as mutations carry them.
//
// Used by: Writer (RENAME, COPY and what else puts a value as a whole), apply, StoreWalk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "store/entry.h"

namespace quoris::store {

// Fields of a hash, members, items. REQUIRES: the entry holds a collection.
[[nodiscard]] size_t collection_size(const Entry& entry);

// Calls `piece(elements, count)` with runs of encoded elements, in the value's order, until it is
// through: of a small collection one run, of a large one several of about `bytes` each. `count`
// is the number of items, members or fields in the run.
void for_each_piece(const Entry& entry, size_t bytes,
                    const std::function<void(std::string_view elements, size_t count)>& piece);

// Where a piece of a large hash, set or sorted set ends, and what is in it.
struct ScannedElements {
  uint64_t cursor = 0;  // where the next begins; 0: there is none
  size_t count = 0;
};

// The elements from `cursor` on (0 at first), encoded behind `out` until they are about `bytes`;
// at least one if there are any. What is there from the first piece to the last is met, whatever
// is changed meanwhile. REQUIRES: a large value that is no list.
ScannedElements scan_elements(const Entry& entry, uint64_t cursor, size_t bytes, std::string& out);

}  // namespace quoris::store
