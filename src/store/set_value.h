// A set in an entry, whichever form it has: SetView to read it, SetValue to change it.
//
// Forms: an intset while all members are integers and not too many, a packed block of few short
// members, a SetTable, for good. (Redis calls the last two "hashtable".)
// A view is valid until the set is changed. SetValue may move the entry: take entry() afterwards.
// Used by: command handlers (SetView), Writer and apply (SetValue).
#pragma once

#include <optional>
#include <string_view>

#include "store/collection_limits.h"
#include "store/intset.h"
#include "store/member_table.h"
#include "store/packed.h"

namespace quoris::store {

class SetView {
 public:
  // REQUIRES: entry.type() is set.
  explicit SetView(const Entry& entry);

  [[nodiscard]] size_t size() const;

  [[nodiscard]] bool contains(std::string_view member) const {
    return contains(StringView{.bytes = member});
  }

  // A member as another set shows it: an integer, or any text.
  [[nodiscard]] bool contains(const StringView& member) const;

  // Null if the set is in one block.
  [[nodiscard]] const SetTable* table() const { return table_; }

  // `visit(StringView member)` returns false to stop. The order stays the same while nothing is
  // changed.
  template <class Visit>
  void for_each(Visit&& visit) const;

  // One call of SSCAN: a block is visited whole, and the next cursor is 0 then.
  template <class Visit>
  uint64_t scan(uint64_t cursor, size_t count, Visit&& visit) const;

  // Each member as likely as any other. REQUIRES: size() > 0.
  [[nodiscard]] StringView random(Rng& rng) const;

 private:
  const Entry* entry_;
  const SetTable* table_;
};

class SetValue {
 public:
  SetValue(Keyspace& keyspace, const HashedKey& key, Entry& entry, const CollectionLimits& limits)
      : keyspace_(keyspace), key_(key), entry_(&entry), limits_(limits) {}

  // An empty set's form and block, as the first member wants it.
  [[nodiscard]] static Encoding first_encoding(std::string_view member);
  [[nodiscard]] static std::string empty_block(Encoding encoding);

  struct Block {
    Encoding encoding = Encoding::packed;
    std::string bytes;
  };

  // The members in one block; nothing if they are too many or too long for one.
  [[nodiscard]] static std::optional<Block> block_of(const SetTable& members,
                                                     const CollectionLimits& limits);

  [[nodiscard]] Entry& entry() { return *entry_; }

  [[nodiscard]] size_t size() const { return SetView(*entry_).size(); }

  // False if it was there. `member` may not lie in the set.
  bool add(std::string_view member);
  // False if it was not there.
  bool remove(std::string_view member);
  // Draws a member, each as likely as any other, hands it to `taken(const StringView&)` and removes
  // it. REQUIRES: size() > 0.
  template <class Taken>
  void take_random(Rng& rng, Taken&& taken);
  // Into the table form; nothing if it has it.
  void make_large();

 private:
  bool add_to_intset(int64_t member);
  bool add_packed(std::string_view member);
  bool add_large(std::string_view member);
  void make_packed();

  Keyspace& keyspace_;
  const HashedKey& key_;
  Entry* entry_;
  const CollectionLimits& limits_;
};

// --- templates ----------------------------------------------------------------------------------

template <class Visit>
void SetView::for_each(Visit&& visit) const {
  if (table_ != nullptr) {
    table_->for_each(
        [&visit](const SetTable::Item& item) { return visit(StringView{.bytes = item.member()}); });
    return;
  }
  if (entry_->encoding() == Encoding::intset) {
    const IntsetView view(entry_->block());
    for (size_t i = 0; i < view.size(); ++i) {
      if (!visit(StringView{.is_integer = true, .integer = view.at(i), .bytes = {}})) return;
    }
    return;
  }
  const PackedView view(entry_->block());
  for (size_t offset = view.begin(); offset < view.end(); offset = view.next(offset)) {
    if (!visit(view.at(offset))) return;
  }
}

template <class Visit>
uint64_t SetView::scan(uint64_t cursor, size_t count, Visit&& visit) const {
  if (table_ != nullptr) {
    return table_->scan(cursor, count, [&visit](const SetTable::Item& item) {
      visit(StringView{.bytes = item.member()});
    });
  }
  for_each([&visit](const StringView& member) {
    visit(member);
    return true;
  });
  return 0;
}

template <class Taken>
void SetValue::take_random(Rng& rng, Taken&& taken) {
  if (entry_->is_large()) {
    auto& table = static_cast<SetTable&>(entry_->large());
    SetTable::Item* item = table.random(rng);
    taken(StringView{.bytes = item->member()});
    const size_t memory = table.memory();
    table.erase(*item);
    keyspace_.note_large_change(table, memory);
    return;
  }
  const size_t index = rng.below(size());
  if (entry_->encoding() == Encoding::intset) {
    const int64_t member = IntsetView(entry_->block()).at(index);
    taken(StringView{.is_integer = true, .integer = member, .bytes = {}});
    entry_ = &intset::erase(keyspace_, key_, *entry_, index);
    return;
  }
  const PackedView view(entry_->block());
  const size_t offset = view.offset_of(index);
  taken(view.at(offset));
  entry_ = &packed::erase(keyspace_, key_, *entry_, offset, 1);
}

}  // namespace quoris::store
