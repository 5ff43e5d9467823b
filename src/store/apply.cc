#include <cstring>

#include "store/apply_parts.h"

namespace quoris::store {

uint32_t access_of_applied(Store& store, Version version) {
  return initial_access(store.access().mode, version_ms(version));
}

namespace {

bool apply_put(Store& store, Keyspace& db, const HashedKey& key, Entry* present,
               const Mutation& mutation) {
  if (mutation.value.size() > kLengthMax || mutation.encoding > Encoding::integer) return false;
  db.put_string(
      key, {.encoding = mutation.encoding, .integer = mutation.integer, .bytes = mutation.value},
      mutation.version, mutation.expire_at_ms, access_of_applied(store, mutation.version), present);
  return true;
}

// append and set_range: `value` at `offset`, or at the end.
bool apply_in_place(Store& store, Keyspace& db, const HashedKey& key, Entry* present,
                    const Mutation& mutation) {
  Entry* entry = present;
  if (entry != nullptr && entry->type() != Type::string) return false;
  const uint64_t size = entry == nullptr ? 0 : entry->string().size();
  const uint64_t offset = mutation.kind == MutationKind::append ? size : mutation.offset;
  if (offset > kLengthMax || mutation.value.size() > kLengthMax - offset) return false;
  if (entry == nullptr) {
    entry = &db.put_string(key, {.encoding = Encoding::raw, .integer = 0, .bytes = {}},
                           mutation.version, kNoExpiry, access_of_applied(store, mutation.version),
                           nullptr);
  }
  const uint64_t end = offset + mutation.value.size();
  entry = &db.resize_string(key, *entry, std::max(size, end), mutation.version);
  if (!mutation.value.empty()) {
    std::memcpy(entry->mutable_bytes() + offset, mutation.value.data(), mutation.value.size());
  }
  return true;
}

}  // namespace

bool apply_to_key(Store& store, Keyspace& db, const HashedKey& key, Entry* present,
                  const Mutation& mutation) {
  switch (mutation.kind) {
    case MutationKind::put_string:
      return apply_put(store, db, key, present, mutation);
    case MutationKind::remove:
    case MutationKind::expire:
      if (present != nullptr) db.remove(key, *present);
      return true;
    case MutationKind::set_expiry:
      if (present != nullptr) {
        db.set_expiry(key, *present, mutation.expire_at_ms, mutation.version);
      }
      return true;
    case MutationKind::append:
    case MutationKind::set_range:
      return apply_in_place(store, db, key, present, mutation);
    case MutationKind::put_collection:
    case MutationKind::set_elements:
    case MutationKind::remove_elements:
    case MutationKind::list_insert:
    case MutationKind::list_erase:
    case MutationKind::list_set:
    case MutationKind::list_remove:
      return apply_to_collection(store, db, key, present, mutation);
    case MutationKind::flush:
    case MutationKind::swap:
      break;
  }
  return false;
}

bool apply(Store& store, const Mutation& mutation) {
  if (raw(mutation.db) >= store.databases()) return false;
  bool applied = true;
  if (mutation.kind == MutationKind::flush) {
    store.flush_db(mutation.db, false, mutation.version, {});
  } else if (mutation.kind == MutationKind::swap) {
    if (raw(mutation.other_db) >= store.databases()) return false;
    store.swap_dbs(mutation.db, mutation.other_db, mutation.version);
  } else {
    if (mutation.key.size() > kLengthMax) return false;
    Keyspace& db = store.db(mutation.db);
    const HashedKey key = db.hashed(mutation.key);
    applied = apply_to_key(store, db, key, db.find(key), mutation);
  }
  if (applied) store.versions().observe(mutation.version);
  return applied;
}

}  // namespace quoris::store
