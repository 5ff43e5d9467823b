#include "store/sorted_members.h"

#include <cmath>

#include "base/assert.h"
#include "store/size_class.h"

namespace quoris::store {

size_t SortedMembers::memory() const {
  const size_t of_table = table_.memory() - size_class(sizeof table_);
  return size_class(sizeof *this) + of_table + tree_.memory();
}

size_t SortedMembers::free_some(size_t count_max) {
  // Leaves hold some thirty entries: they are through long before the items are.
  tree_.free_some(count_max / 8 + 1);
  return table_.free_some(count_max);
}

std::unique_ptr<LargeValue> SortedMembers::clone() const {
  auto copy = std::make_unique<SortedMembers>(table_.secret());
  for (ScoreTree::Cursor at = tree_.at(0); at.valid(); at.next()) {
    copy->insert(at.item().member(), at.score());
  }
  return copy;
}

void SortedMembers::insert(std::string_view member, uint64_t hash, double score) {
  QUORIS_ASSERT(!std::isnan(score));
  Item& item = table_.insert(member, hash);
  item.set_score(score);
  tree_.insert(item);
}

void SortedMembers::erase(Item& item, uint64_t hash) {
  tree_.erase(item);
  table_.erase(item, hash);
}

}  // namespace quoris::store
