#include "store/defragmenter.h"

namespace quoris::store {

bool Defragmenter::step(Store& store, Relocator& relocator, size_t work_max) {
  if (db_ < store.databases()) {
    move_entries(store, relocator, work_max);
    return false;
  }
  if (!large_.empty()) {
    if (move_elements(store, relocator, large_.back(), work_max)) {
      large_.pop_back();
      large_cursor_ = 0;
    }
    return false;
  }
  db_ = 0;
  cursor_ = 0;
  return true;
}

void Defragmenter::move_entries(Store& store, Relocator& relocator, size_t count) {
  const DbIndex db{static_cast<uint16_t>(db_)};
  Keyspace& keyspace = store.db(db);
  std::vector<Entry*> entries;
  cursor_ = keyspace.scan(cursor_, count, [&entries](Entry& entry) { entries.push_back(&entry); });
  for (Entry* entry : entries) {
    const bool moved = keyspace.relocate(*entry, relocator, entry);
    ++(moved ? figures_.moved : figures_.left);
    if (entry->is_large()) large_.push_back({.db = db, .key = std::string(entry->key())});
  }
  if (cursor_ == 0) ++db_;
}

bool Defragmenter::move_elements(Store& store, Relocator& relocator, const LargeKey& large,
                                 size_t count) {
  Keyspace& keyspace = store.db(large.db);
  Entry* entry = keyspace.find(keyspace.hashed(large.key));
  if (entry == nullptr || !entry->is_large()) return true;
  const LargeValue::Relocated result =
      entry->large().relocate_some(large_cursor_, count, relocator);
  figures_.moved += result.moved;
  figures_.left += result.left;
  large_cursor_ = result.cursor;
  return large_cursor_ == 0;
}

}  // namespace quoris::store
