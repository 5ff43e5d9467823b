// Writer: lists.
#include <algorithm>
#include <array>

#include "base/assert.h"
#include "store/list_value.h"
#include "store/writer.h"

namespace quoris::store {

void Writer::list_insert(DbIndex db, const HashedKey& key, Entry* entry, size_t index,
                         std::span<const std::string_view> items, std::string_view event) {
  QUORIS_ASSERT(!items.empty());
  const Version base = entry == nullptr ? kNoVersion : entry->version();
  if (entry == nullptr) {
    const std::string block = packed::empty_block();
    entry = &create(db, key, {.type = Type::list, .encoding = Encoding::packed, .block = block});
  }
  ListValue value(store_.db(db), key, *entry, store_.limits());
  // In groups, from the last to the first, so that all are inserted at the same place; those that
  // go behind the last one the other way round.
  constexpr size_t kGroup = 16;
  std::array<StringView, kGroup> group;
  const bool at_end = index == value.size();
  for (size_t done = 0; done < items.size();) {
    const size_t count = std::min(kGroup, items.size() - done);
    const auto some = items.subspan(at_end ? done : items.size() - done - count, count);
    std::ranges::transform(some, group.begin(), &packed::best_element);
    value.insert(at_end ? index + done : index, std::span(group).first(count));
    done += count;
  }
  elements_.clear();
  for (const std::string_view item : items) note_element(item);
  finish({.db = db, .key = key, .base = base, .elements = items.size(), .event = event},
         value.entry(), value.size(),
         {.kind = MutationKind::list_insert, .offset = index, .key = {}, .value = {}});
}

void Writer::list_erase(DbIndex db, const HashedKey& key, Entry& entry, size_t index, size_t count,
                        std::string_view event) {
  const Version base = entry.version();
  ListValue value(store_.db(db), key, entry, store_.limits());
  value.erase(index, count);
  elements_.clear();
  finish(
      {.db = db, .key = key, .base = base, .elements = count, .event = event}, value.entry(),
      value.size(),
      {.kind = MutationKind::list_erase, .offset = index, .count = count, .key = {}, .value = {}});
}

void Writer::list_set(DbIndex db, const HashedKey& key, Entry& entry, size_t index,
                      std::string_view item, std::string_view event) {
  const Version base = entry.version();
  ListValue value(store_.db(db), key, entry, store_.limits());
  value.set(index, packed::best_element(item));
  elements_.clear();
  note_element(item);
  finish({.db = db, .key = key, .base = base, .elements = 1, .event = event}, value.entry(),
         value.size(), {.kind = MutationKind::list_set, .offset = index, .key = {}, .value = {}});
}

size_t Writer::list_remove(DbIndex db, const HashedKey& key, Entry& entry, const Removal& removal,
                           std::string_view event, const std::function<void(size_t)>& step) {
  const Version base = entry.version();
  ListValue value(store_.db(db), key, entry, store_.limits());
  const size_t removed = value.remove({.item = packed::best_element(removal.item),
                                       .count_max = removal.count_max,
                                       .from_tail = removal.from_tail},
                                      step);
  if (removed == 0) return 0;
  elements_.clear();
  note_element(removal.item);
  finish({.db = db, .key = key, .base = base, .elements = removed, .event = event}, value.entry(),
         value.size(),
         {.kind = MutationKind::list_remove,
          .offset = removal.from_tail ? uint64_t{1} : 0,
          .count = removed,
          .key = {},
          .value = {}});
  return removed;
}

}  // namespace quoris::store
