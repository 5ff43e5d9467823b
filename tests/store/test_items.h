// Items for tests of the dictionary: a key, a hash that the test chooses, a due time.
#pragma once

#include <deque>

#include "store/dictionary.h"

namespace quoris::store::testing {

struct Item {
  uint64_t key = 0;
  uint64_t hash = 0;
  uint32_t due = Dictionary::kNeverDue;
};

inline uint64_t hash_of_item(const void* item, uint64_t /*seed*/) {
  return static_cast<const Item*>(item)->hash;
}

inline uint32_t due_of_item(const void* item) { return static_cast<const Item*>(item)->due; }

inline constexpr ItemTraits kItemTraits = {
    .hash = &hash_of_item, .due = &due_of_item, .head = sizeof(Item)};

// Owns items; their addresses stay.
class ItemPool {
 public:
  Item* make(uint64_t key, uint64_t hash, uint32_t due = Dictionary::kNeverDue) {
    items_.push_back({.key = key, .hash = hash, .due = due});
    return &items_.back();
  }

 private:
  std::deque<Item> items_;
};

}  // namespace quoris::store::testing
