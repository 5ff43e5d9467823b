// Collections whatever their type is: their size, and their elements as mutations carry them.
//
// Used by: Writer (RENAME, COPY and what else puts a value as a whole), apply, snapshots later.
#pragma once

#include <cstddef>
#include <functional>
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

}  // namespace quoris::store
