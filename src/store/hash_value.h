// A hash in an entry, whichever form it has: HashView to read it, HashValue to change it.
//
// Forms: packed (field and value in turn, in the order in which they came) up to the limits of
// CollectionLimits, then a HashTable, for good.
// A view is valid until the hash is changed. HashValue may move the entry: take entry() afterwards.
// Used by: command handlers (HashView), Writer and apply (HashValue).
#pragma once

#include <optional>
#include <string_view>

#include "store/collection_limits.h"
#include "store/keyspace.h"
#include "store/member_table.h"
#include "store/packed.h"

namespace quoris::store {

class HashView {
 public:
  // REQUIRES: entry.type() is hash.
  explicit HashView(const Entry& entry);

  [[nodiscard]] size_t size() const;
  [[nodiscard]] std::optional<StringView> find(std::string_view field) const;

  struct Pair {
    StringView field;
    StringView value;
  };

  // Each field as likely as any other. REQUIRES: size() > 0.
  [[nodiscard]] Pair random(Rng& rng) const;

  // Null if the hash is in one block.
  [[nodiscard]] const HashTable* table() const { return table_; }

  // `visit(StringView field, StringView value)` returns false to stop. The order is that of the
  // block, or of the table's walk; it stays the same while nothing is changed.
  template <class Visit>
  void for_each(Visit&& visit) const;

  // One call of HSCAN: a block is visited whole, and the next cursor is 0 then.
  template <class Visit>
  uint64_t scan(uint64_t cursor, size_t count, Visit&& visit) const;

 private:
  const Entry& entry_;
  const HashTable* table_;
};

class HashValue {
 public:
  HashValue(Keyspace& keyspace, const HashedKey& key, Entry& entry, const CollectionLimits& limits)
      : keyspace_(keyspace), key_(key), entry_(&entry), limits_(limits) {}

  [[nodiscard]] Entry& entry() { return *entry_; }

  [[nodiscard]] size_t size() const { return HashView(*entry_).size(); }

  // True if the field is new. Field and value may not lie in the hash.
  bool set(std::string_view field, std::string_view value);
  // False if it was not there.
  bool remove(std::string_view field);
  // Into the table form; nothing if it has it.
  void make_large();

 private:
  bool set_packed(std::string_view field, std::string_view value);
  bool set_large(std::string_view field, std::string_view value);

  Keyspace& keyspace_;
  const HashedKey& key_;
  Entry* entry_;
  const CollectionLimits& limits_;
};

// --- templates ----------------------------------------------------------------------------------

template <class Visit>
void HashView::for_each(Visit&& visit) const {
  if (table_ != nullptr) {
    table_->for_each([&visit](const HashTable::Item& item) {
      return visit(StringView{.bytes = item.member()}, StringView{.bytes = item.value()});
    });
    return;
  }
  const PackedView view(entry_.block());
  size_t offset = view.begin();
  while (offset < view.end()) {
    const packed::Decoded field = view.decoded(offset);
    const packed::Decoded value = view.decoded(offset + field.size);
    if (!visit(field.value, value.value)) return;
    offset += field.size + value.size;
  }
}

template <class Visit>
uint64_t HashView::scan(uint64_t cursor, size_t count, Visit&& visit) const {
  if (table_ != nullptr) {
    return table_->scan(cursor, count, [&visit](const HashTable::Item& item) {
      visit(StringView{.bytes = item.member()}, StringView{.bytes = item.value()});
    });
  }
  for_each([&visit](const StringView& field, const StringView& value) {
    visit(field, value);
    return true;
  });
  return 0;
}

}  // namespace quoris::store
