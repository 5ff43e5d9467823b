// Writer: sorted sets.
#include <algorithm>

#include "base/assert.h"
#include "store/writer.h"
#include "store/zset_value.h"

namespace quoris::store {

ScoreChanges Writer::zset_set(DbIndex db, const HashedKey& key, Entry* entry,
                              std::span<const ScoredMember> members, const ScoreRules& rules,
                              std::string_view event) {
  QUORIS_ASSERT(!members.empty());
  // A set that is made gets its first member, so that it is never left empty.
  if (entry == nullptr) QUORIS_ASSERT(!rules.only_present);
  const Version base = entry == nullptr ? kNoVersion : entry->version();
  if (entry == nullptr) {
    const std::string block = packed::empty_block();
    entry = &create(db, key, {.type = Type::zset, .encoding = Encoding::packed, .block = block});
  }
  ZsetValue value(store_.db(db), key, *entry, store_.limits());
  ScoreChanges changes;
  elements_.clear();
  for (const ScoredMember& member : members) {
    changes.last = value.set(member.member, member.score, rules);
    const bool added = changes.last.change == ScoreChange::added;
    if (!added && changes.last.change != ScoreChange::updated) continue;
    ++(added ? changes.added : changes.updated);
    note_element(member.member);
    if (sink_ != nullptr) {
      char scratch[sizeof(double)];
      packed::append(elements_, score_element(changes.last.stored, scratch));
    }
  }
  const size_t changed = changes.added + changes.updated;
  if (changed == 0) return changes;
  finish({.db = db, .key = key, .base = base, .elements = changed, .event = event}, value.entry(),
         value.size(), {.kind = MutationKind::set_elements, .key = {}, .value = {}});
  return changes;
}

void Writer::zset_remove_range(DbIndex db, const HashedKey& key, Entry& entry, size_t rank,
                               size_t count, std::string_view event) {
  QUORIS_ASSERT(count > 0);
  const Change change{
      .db = db, .key = key, .base = entry.version(), .elements = count, .event = event};
  ZsetValue value(store_.db(db), key, entry, store_.limits());
  const size_t left = value.size() - count;
  elements_.clear();
  // A whole set goes with its key.
  if (left > 0) {
    value.remove_range(rank, count, [this](const StringView& member) { note_element(member); });
  }
  finish(change, value.entry(), left,
         {.kind = MutationKind::remove_elements, .key = {}, .value = {}});
}

void Writer::zset_store(DbIndex db, const HashedKey& key, std::span<ScoredMember> members,
                        std::string_view event) {
  if (members.empty()) {
    if (remove(db, key)) notify(EventClass::generic, "del", db, key.bytes);
    return;
  }
  std::sort(members.begin(), members.end());
  if (ZsetValue::fits(members, store_.limits())) {
    const std::string block = ZsetValue::block_of(members);
    put_block(db, key, {.type = Type::zset, .block = block}, kNoExpiry);
  } else {
    auto value = std::make_unique<SortedMembers>(store_.db(db).secret());
    for (const ScoredMember& member : members) value->insert(member.member, member.score);
    put_large(db, key, Type::zset, std::move(value), kNoExpiry);
  }
  notify(EventClass::zset, event, db, key.bytes);
}

}  // namespace quoris::store
