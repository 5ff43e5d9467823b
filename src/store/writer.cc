#include "store/writer.h"

#include <algorithm>
#include <cstring>

#include "base/assert.h"

namespace quoris::store {

Entry* Writer::find_live(DbIndex db, const HashedKey& key) {
  Keyspace& keyspace = store_.db(db);
  Entry* entry = keyspace.find(key);
  if (entry == nullptr || !entry->is_expired(now_ms_)) return entry;
  expire_found(db, key, *entry);
  return nullptr;
}

void Writer::touch(Entry& entry) {
  entry.set_access(touched_access(store_.access(), entry.access(), now_ms_, rng_));
}

Entry* Writer::find_for_read(DbIndex db, const HashedKey& key, LookupFlags flags) {
  Entry* entry = nullptr;
  if (expired_keys_ == ExpiredKeys::remove) {
    entry = find_live(db, key);
  } else {
    entry = store_.db(db).find(key);
    if (entry != nullptr && entry->is_expired(now_ms_)) entry = nullptr;
  }
  if (entry == nullptr && !has(flags, LookupFlags::no_event)) {
    notify(EventClass::key_miss, "keymiss", db, key.bytes);
  }
  observe(entry);
  if (!has(flags, LookupFlags::no_stats)) ++(entry != nullptr ? stats_.hits : stats_.misses);
  if (entry != nullptr && !has(flags, LookupFlags::no_touch)) touch(*entry);
  return entry;
}

Entry* Writer::find_for_write(DbIndex db, const HashedKey& key) {
  Entry* entry = find_live(db, key);
  observe(entry);
  if (entry != nullptr) touch(*entry);
  return entry;
}

// As in Redis, how often a key was used outlives its value; when it was last used is now.
uint32_t Writer::access_of_new(const Entry* present) const {
  const AccessPolicy& policy = store_.access();
  const bool keeps_frequency = present != nullptr && policy.mode == AccessMode::lfu;
  return keeps_frequency ? present->access() : initial_access(policy.mode, now_ms_);
}

Entry& Writer::put_string(DbIndex db, const HashedKey& key, const NewString& value,
                          int64_t expire_at_ms) {
  Entry* present = find_live(db, key);
  const Version base = present == nullptr ? kNoVersion : present->version();
  const Version version = stamp();
  Entry& entry =
      store_.db(db).put_string(key, value, version, expire_at_ms, access_of_new(present), present);
  ++stats_.changes;
  if (present == nullptr) notify(EventClass::new_key, "new", db, key.bytes);
  if (sink_ == nullptr) return entry;
  const StringView stored = entry.string();
  emit({.kind = MutationKind::put_string,
        .db = db,
        .encoding = entry.encoding(),
        .base_version = base,
        .version = version,
        .expire_at_ms = expire_at_ms,
        .integer = stored.integer,
        .key = entry.key(),
        .value = stored.bytes});
  return entry;
}

Entry& Writer::append(DbIndex db, const HashedKey& key, Entry& entry, std::string_view bytes) {
  const size_t old_size = entry.string().size();
  QUORIS_ASSERT(bytes.size() <= kLengthMax - old_size);
  const Version base = entry.version();
  Entry& longer = store_.db(db).resize_string(key, entry, old_size + bytes.size(), stamp());
  if (!bytes.empty()) std::memcpy(longer.mutable_bytes() + old_size, bytes.data(), bytes.size());
  ++stats_.changes;
  emit({.kind = MutationKind::append,
        .db = db,
        .base_version = base,
        .version = longer.version(),
        .key = longer.key(),
        .value = bytes});
  return longer;
}

Entry& Writer::set_range(DbIndex db, const HashedKey& key, Entry& entry, uint64_t offset,
                         std::string_view bytes) {
  QUORIS_ASSERT(offset <= kLengthMax);
  QUORIS_ASSERT(bytes.size() <= kLengthMax - offset);
  const Version base = entry.version();
  const size_t size = std::max<size_t>(entry.string().size(), offset + bytes.size());
  Entry& changed = store_.db(db).resize_string(key, entry, size, stamp());
  if (!bytes.empty()) std::memcpy(changed.mutable_bytes() + offset, bytes.data(), bytes.size());
  ++stats_.changes;
  emit({.kind = MutationKind::set_range,
        .db = db,
        .base_version = base,
        .version = changed.version(),
        .offset = offset,
        .key = changed.key(),
        .value = bytes});
  return changed;
}

Entry& Writer::set_expiry(DbIndex db, const HashedKey& key, Entry& entry, int64_t expire_at_ms) {
  const Version base = entry.version();
  Entry& changed = store_.db(db).set_expiry(key, entry, expire_at_ms, stamp());
  ++stats_.changes;
  emit({.kind = MutationKind::set_expiry,
        .db = db,
        .base_version = base,
        .version = changed.version(),
        .expire_at_ms = expire_at_ms,
        .key = changed.key(),
        .value = {}});
  return changed;
}

bool Writer::remove(DbIndex db, const HashedKey& key) {
  Entry* entry = find_live(db, key);
  if (entry == nullptr) return false;
  emit({.kind = MutationKind::remove,
        .db = db,
        .base_version = entry->version(),
        .version = stamp(),
        .key = entry->key(),
        .value = {}});
  store_.db(db).remove(key, *entry);
  ++stats_.changes;
  return true;
}

void Writer::expire(DbIndex db, Entry& entry) {
  if (expired_keys_ == ExpiredKeys::hide) return;
  expire_found(db, store_.db(db).hashed(entry.key()), entry);
}

void Writer::expire_found(DbIndex db, const HashedKey& key, Entry& entry) {
  emit({.kind = MutationKind::expire,
        .db = db,
        .base_version = entry.version(),
        .version = expired_version(entry.version()),
        .key = entry.key(),
        .value = {}});
  notify(EventClass::expired, "expired", db, key.bytes);  // the key may lie in the entry
  store_.db(db).remove(key, entry);
  ++stats_.expired;
}

void Writer::evict(DbIndex db, Entry& entry) {
  const HashedKey key = store_.db(db).hashed(entry.key());
  emit({.kind = MutationKind::remove,
        .db = db,
        .base_version = entry.version(),
        .version = stamp(),
        .key = key.bytes,
        .value = {}});
  notify(EventClass::evicted, "evicted", db, key.bytes);
  store_.db(db).remove(key, entry);
  ++stats_.evicted;
}

void Writer::flush(DbIndex db, bool lazily, const std::function<void()>& step) {
  const size_t removed = store_.db(db).size();
  const Version version = stamp();
  store_.flush_db(db, lazily, version, step);
  stats_.changes += removed;
  emit({.kind = MutationKind::flush, .db = db, .version = version, .key = {}, .value = {}});
}

void Writer::swap(DbIndex a, DbIndex b) {
  const Version version = stamp();
  store_.swap_dbs(a, b, version);
  ++stats_.changes;
  emit({.kind = MutationKind::swap,
        .db = a,
        .other_db = b,
        .version = version,
        .key = {},
        .value = {}});
  if (waiters_ != nullptr) waiters_->dbs_swapped(a, b);
}

Version Writer::watched_version(DbIndex db, const HashedKey& key) {
  const Entry* entry = store_.db(db).find(key);
  return entry == nullptr || entry->is_expired(now_ms_) ? kNoVersion : entry->version();
}

}  // namespace quoris::store
