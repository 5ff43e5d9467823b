// Writer: hashes and sets, and what all collections share.
#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "store/elements.h"
#include "store/hash_value.h"
#include "store/set_value.h"
#include "store/writer.h"
#include "store/zset_value.h"

namespace quoris::store {

namespace {

// A value that is put as a whole is emitted in pieces of about this size.
constexpr size_t kPieceBytes = size_t{256} * 1024;

}  // namespace

Entry& Writer::create(DbIndex db, const HashedKey& key, const NewBlock& value) {
  Entry& entry =
      store_.db(db).put_block(key, value, kNoVersion, kNoExpiry, access_of_new(nullptr), nullptr);
  notify(EventClass::new_key, "new", db, key.bytes);
  return entry;
}

void Writer::tell_waiters(DbIndex db, const Entry& entry) {
  if (waiters_ == nullptr) return;
  if (entry.type() == Type::list || entry.type() == Type::zset) {
    waiters_->key_filled(db, entry.key());
  }
}

void Writer::note_element(std::string_view element) {
  if (sink_ != nullptr) packed::append(elements_, packed::best_element(element));
}

void Writer::note_element(const StringView& element) {
  if (element.is_integer) {
    if (sink_ != nullptr) packed::append(elements_, element);
    return;
  }
  note_element(element.bytes);
}

void Writer::finish(const Change& change, Entry& entry, size_t size, Mutation mutation) {
  stats_.changes += change.elements;
  const Version version = stamp();
  const EventClass event_class = event_class_of(entry.type());
  if (!change.event.empty()) notify(event_class, change.event, change.db, change.key.bytes);
  if (size == 0) {
    emit({.kind = MutationKind::remove,
          .db = change.db,
          .base_version = change.base,
          .version = version,
          .key = entry.key(),
          .value = {}});
    store_.db(change.db).remove(change.key, entry);
    notify(EventClass::generic, "del", change.db, change.key.bytes);
    return;
  }
  tell_waiters(change.db, entry);
  emit_change(change, entry, version, mutation);
}

void Writer::emit_change(const Change& change, Entry& entry, Version version, Mutation mutation) {
  store_.db(change.db).set_version(entry, version);
  if (sink_ == nullptr) return;
  mutation.db = change.db;
  mutation.type = entry.type();
  mutation.encoding = entry.encoding();
  mutation.base_version = change.base;
  mutation.version = version;
  mutation.expire_at_ms = entry.expire_at_ms();
  mutation.key = entry.key();
  mutation.value = elements_;
  emit(mutation);
}

// --- sets ---------------------------------------------------------------------------------------

size_t Writer::set_add(DbIndex db, const HashedKey& key, Entry* entry,
                       std::span<const std::string_view> members, std::string_view event) {
  QUORIS_ASSERT(!members.empty());
  const Version base = entry == nullptr ? kNoVersion : entry->version();
  if (entry == nullptr) {
    const Encoding encoding = SetValue::first_encoding(members[0]);
    const std::string block = SetValue::empty_block(encoding);
    entry = &create(db, key, {.type = Type::set, .encoding = encoding, .block = block});
  }
  SetValue value(store_.db(db), key, *entry, store_.limits());
  size_t added = 0;
  elements_.clear();
  for (const std::string_view member : members) {
    if (!value.add(member)) continue;
    ++added;
    note_element(member);
  }
  if (added == 0) return 0;
  finish({.db = db, .key = key, .base = base, .elements = added, .event = event}, value.entry(),
         value.size(), {.kind = MutationKind::set_elements, .key = {}, .value = {}});
  return added;
}

void Writer::set_pop(DbIndex db, const HashedKey& key, Entry& entry, size_t count,
                     const std::function<void(const StringView&)>& taken, std::string_view event) {
  QUORIS_ASSERT(count > 0);
  const Mutation mutation{.kind = MutationKind::remove_elements, .key = {}, .value = {}};
  Change change{.db = db, .key = key, .base = entry.version(), .event = event};
  SetValue value(store_.db(db), key, entry, store_.limits());
  change.elements = std::min(count, value.size());
  elements_.clear();
  if (change.elements == value.size()) {
    SetView(entry).for_each([&taken](const StringView& member) {
      taken(member);
      return true;
    });
    return finish(change, entry, 0, mutation);
  }
  for (size_t i = 0; i < count; ++i) {
    value.take_random(rng_, [&](const StringView& member) {
      taken(member);
      if (sink_ == nullptr) return;
      packed::append(elements_, member.is_integer ? member : packed::best_element(member.bytes));
    });
    if (elements_.size() < kPieceBytes) continue;
    const Version version = stamp();
    emit_change(change, value.entry(), version, mutation);
    change.base = version;
    elements_.clear();
  }
  finish(change, value.entry(), value.size(), mutation);
}

void Writer::set_put(DbIndex db, const HashedKey& key, std::unique_ptr<SetTable> members,
                     std::string_view event) {
  QUORIS_ASSERT(members->size() > 0);
  if (const auto block = SetValue::block_of(*members, store_.limits())) {
    const Encoding encoding = block->encoding;
    put_block(db, key, {.type = Type::set, .encoding = encoding, .block = block->bytes}, kNoExpiry);
  } else {
    put_large(db, key, Type::set, std::move(members), kNoExpiry);
  }
  notify(EventClass::set, event, db, key.bytes);
}

// --- hashes -------------------------------------------------------------------------------------

size_t Writer::hash_set(DbIndex db, const HashedKey& key, Entry* entry,
                        std::span<const std::string_view> fields_and_values,
                        std::string_view event) {
  QUORIS_ASSERT(!fields_and_values.empty());
  QUORIS_ASSERT(fields_and_values.size() % 2 == 0);
  const Version base = entry == nullptr ? kNoVersion : entry->version();
  if (entry == nullptr) {
    const std::string block = packed::empty_block();
    entry = &create(db, key, {.type = Type::hash, .encoding = Encoding::packed, .block = block});
  }
  HashValue value(store_.db(db), key, *entry, store_.limits());
  size_t added = 0;
  elements_.clear();
  for (size_t i = 0; i < fields_and_values.size(); i += 2) {
    if (value.set(fields_and_values[i], fields_and_values[i + 1])) ++added;
    note_element(fields_and_values[i]);
    note_element(fields_and_values[i + 1]);
  }
  finish({.db = db,
          .key = key,
          .base = base,
          .elements = fields_and_values.size() / 2,
          .event = event},
         value.entry(), value.size(), {.kind = MutationKind::set_elements, .key = {}, .value = {}});
  return added;
}

// --- removal from hashes, sets and sorted sets --------------------------------------------------

template <class Value>
size_t Writer::remove_each(DbIndex db, const HashedKey& key, Entry& entry,
                           std::span<const std::string_view> elements, std::string_view event) {
  const Version base = entry.version();
  Value value(store_.db(db), key, entry, store_.limits());
  size_t removed = 0;
  elements_.clear();
  for (const std::string_view element : elements) {
    if (!value.remove(element)) continue;
    ++removed;
    note_element(element);
  }
  if (removed == 0) return 0;
  finish({.db = db, .key = key, .base = base, .elements = removed, .event = event}, value.entry(),
         value.size(), {.kind = MutationKind::remove_elements, .key = {}, .value = {}});
  return removed;
}

size_t Writer::set_remove(DbIndex db, const HashedKey& key, Entry& entry,
                          std::span<const std::string_view> members, std::string_view event) {
  return remove_each<SetValue>(db, key, entry, members, event);
}

size_t Writer::hash_remove(DbIndex db, const HashedKey& key, Entry& entry,
                           std::span<const std::string_view> fields, std::string_view event) {
  return remove_each<HashValue>(db, key, entry, fields, event);
}

size_t Writer::zset_remove(DbIndex db, const HashedKey& key, Entry& entry,
                           std::span<const std::string_view> members, std::string_view event) {
  return remove_each<ZsetValue>(db, key, entry, members, event);
}

// --- whole values -------------------------------------------------------------------------------

// Only a sink needs the elements; the first piece puts, the others add.
void Writer::emit_whole(DbIndex db, Entry& entry, Version base) {
  tell_waiters(db, entry);
  if (sink_ == nullptr) return;
  Mutation mutation{.kind = MutationKind::put_collection,
                    .db = db,
                    .type = entry.type(),
                    .encoding = entry.encoding(),
                    .base_version = base,
                    .version = entry.version(),
                    .expire_at_ms = entry.expire_at_ms(),
                    .key = entry.key(),
                    .value = {}};
  size_t done = 0;
  for_each_piece(entry, kPieceBytes, [&](std::string_view elements, size_t count) {
    if (done > 0) {
      mutation.kind =
          entry.type() == Type::list ? MutationKind::list_insert : MutationKind::set_elements;
      mutation.base_version = mutation.version;
      mutation.version = stamp();
    }
    mutation.offset = done;
    mutation.value = elements;
    emit(mutation);
    done += count;
  });
  store_.db(db).set_version(entry, mutation.version);
}

// What was there was removed first, as clients see it. (Where nothing was, the put says so.)
void Writer::notify_replaced(DbIndex db, const HashedKey& key) {
  if (store_.db(db).find(key) != nullptr) notify(EventClass::new_key, "new", db, key.bytes);
}

void Writer::copy(DbIndex from_db, Entry& from, DbIndex to_db, const HashedKey& to) {
  QUORIS_ASSERT(raw(from_db) < store_.databases());
  const int64_t expire_at_ms = from.expire_at_ms();
  notify_replaced(to_db, to);
  if (from.type() == Type::string) {
    const StringView value = from.string();
    const NewString copied = {
        .encoding = from.encoding(), .integer = value.integer, .bytes = value.bytes};
    put_string(to_db, to, copied, expire_at_ms);
    return;
  }
  if (from.is_large()) return put_large(to_db, to, from.type(), from.large().clone(), expire_at_ms);
  const NewBlock block = {.type = from.type(), .encoding = from.encoding(), .block = from.block()};
  put_block(to_db, to, block, expire_at_ms);
}

void Writer::put_block(DbIndex db, const HashedKey& key, const NewBlock& block,
                       int64_t expire_at_ms) {
  Entry* present = find_live(db, key);
  const Version base = present == nullptr ? kNoVersion : present->version();
  Entry& entry =
      store_.db(db).put_block(key, block, stamp(), expire_at_ms, access_of_new(present), present);
  ++stats_.changes;
  if (present == nullptr) notify(EventClass::new_key, "new", db, key.bytes);
  emit_whole(db, entry, base);
}

void Writer::put_large(DbIndex db, const HashedKey& key, Type type,
                       std::unique_ptr<LargeValue> value, int64_t expire_at_ms) {
  Entry* present = find_live(db, key);
  const Version base = present == nullptr ? kNoVersion : present->version();
  Entry& entry = store_.db(db).put_large(key, type, std::move(value), stamp(), expire_at_ms,
                                         access_of_new(present), present);
  ++stats_.changes;
  if (present == nullptr) notify(EventClass::new_key, "new", db, key.bytes);
  emit_whole(db, entry, base);
}

void Writer::move(DbIndex from_db, const HashedKey& from, Entry& entry, DbIndex to_db,
                  const HashedKey& to) {
  if (!entry.is_large()) {
    copy(from_db, entry, to_db, to);
    if (remove(from_db, from)) --stats_.changes;
    return;
  }
  const Type type = entry.type();
  const int64_t expire_at_ms = entry.expire_at_ms();
  Keyspace& keyspace = store_.db(from_db);
  std::unique_ptr<LargeValue> value = keyspace.take_large(entry);
  emit({.kind = MutationKind::remove,
        .db = from_db,
        .base_version = entry.version(),
        .version = stamp(),
        .key = entry.key(),
        .value = {}});
  keyspace.remove(from, entry);
  notify_replaced(to_db, to);
  put_large(to_db, to, type, std::move(value), expire_at_ms);
}

}  // namespace quoris::store
