// apply(): the kinds for collections.
//
// The form a value has is the mutation's to say: limits are not asked here, so that a replica with
// other settings, or a later start with others, comes to the same value.
#include <limits>
#include <vector>

#include "base/assert.h"
#include "base/text.h"
#include "store/apply_parts.h"
#include "store/elements.h"
#include "store/hash_value.h"
#include "store/list_value.h"
#include "store/score.h"
#include "store/set_value.h"
#include "store/zset_value.h"

namespace quoris::store {

namespace {

using Elements = std::vector<StringView>;

constexpr CollectionLimits kNoLimits = {
    .hash_max_packed_fields = std::numeric_limits<size_t>::max(),
    .hash_max_packed_bytes = std::numeric_limits<size_t>::max(),
    .set_max_intset_members = std::numeric_limits<size_t>::max(),
    .zset_max_packed_members = std::numeric_limits<size_t>::max(),
    .zset_max_packed_bytes = std::numeric_limits<size_t>::max(),
    .list_max_small_bytes = std::numeric_limits<size_t>::max(),
    .list_max_small_items = std::numeric_limits<size_t>::max(),
};

// Their texts, one behind the other, valid while this lives.
class Texts {
 public:
  std::string_view operator()(const StringView& element, size_t which = 0) {
    return element.text(digits_[which]);
  }

 private:
  char digits_[2][kInt64TextMax + 1] = {};
};

bool adds(MutationKind kind) {
  return kind == MutationKind::put_collection || kind == MutationKind::set_elements ||
         kind == MutationKind::list_insert;
}

// The mutation's elements if they are what its kind and type ask for.
bool read_elements(const Mutation& mutation, Elements& elements) {
  const bool sound = packed::for_each_element(
      mutation.value, [&elements](const StringView& element) { elements.push_back(element); });
  if (!sound) return false;
  const bool in_pairs =
      adds(mutation.kind) && (mutation.type == Type::hash || mutation.type == Type::zset);
  if (!in_pairs) return true;
  if (elements.size() % 2 != 0) return false;
  if (mutation.type != Type::zset) return true;
  for (size_t i = 1; i < elements.size(); i += 2) {
    if (!is_score(elements[i])) return false;
  }
  return true;
}

// Here and below, what ends up large is made so first: a block takes long to search for each of
// many elements.
Entry& apply_to_set(Keyspace& db, const HashedKey& key, Entry& entry, const Mutation& mutation,
                    const Elements& elements) {
  SetValue value(db, key, entry, kNoLimits);
  if (mutation.encoding == Encoding::large) value.make_large();
  Texts text;
  for (const StringView& element : elements) {
    if (mutation.kind == MutationKind::remove_elements) {
      value.remove(text(element));
    } else {
      value.add(text(element));
    }
  }
  return value.entry();
}

Entry& apply_to_hash(Keyspace& db, const HashedKey& key, Entry& entry, const Mutation& mutation,
                     const Elements& elements) {
  HashValue value(db, key, entry, kNoLimits);
  if (mutation.encoding == Encoding::large) value.make_large();
  Texts text;
  if (mutation.kind == MutationKind::remove_elements) {
    for (const StringView& field : elements) value.remove(text(field));
  } else {
    for (size_t i = 0; i < elements.size(); i += 2) {
      value.set(text(elements[i]), text(elements[i + 1], 1));
    }
  }
  return value.entry();
}

// Places that the list does not have, and so many items, are refused.
bool fits_list(const Entry& entry, const Mutation& mutation, const Elements& elements) {
  const size_t size = ListView(entry).size();
  switch (mutation.kind) {
    case MutationKind::list_insert:
      return mutation.offset <= size;
    case MutationKind::list_erase:
      return mutation.offset <= size && mutation.count <= size - mutation.offset;
    case MutationKind::list_set:
      return mutation.offset < size && elements.size() == 1;
    case MutationKind::list_remove:
      return mutation.offset <= 1 && elements.size() == 1;
    default:
      return true;
  }
}

// REQUIRES: fits_list().
Entry& apply_to_list(Keyspace& db, const HashedKey& key, Entry& entry, const Mutation& mutation,
                     Elements elements) {
  // Equal items stand as equal bytes, whatever form they came in.
  for (StringView& element : elements) {
    if (!element.is_integer) element = packed::best_element(element.bytes);
  }
  ListValue value(db, key, entry, kNoLimits);
  if (mutation.encoding == Encoding::large) value.make_large();
  switch (mutation.kind) {
    case MutationKind::list_erase:
      value.erase(mutation.offset, mutation.count);
      break;
    case MutationKind::list_set:
      value.set(mutation.offset, elements[0]);
      break;
    case MutationKind::list_remove:
      value.remove(
          {.item = elements[0], .count_max = mutation.count, .from_tail = mutation.offset == 1});
      break;
    default:
      value.insert(mutation.kind == MutationKind::list_insert ? mutation.offset : 0, elements);
  }
  return value.entry();
}

Entry& apply_to_zset(Keyspace& db, const HashedKey& key, Entry& entry, const Mutation& mutation,
                     const Elements& elements) {
  ZsetValue value(db, key, entry, kNoLimits);
  if (mutation.encoding == Encoding::large) value.make_large();
  Texts text;
  if (mutation.kind == MutationKind::remove_elements) {
    for (const StringView& member : elements) value.remove(text(member));
    return value.entry();
  }
  for (size_t i = 0; i < elements.size(); i += 2) {
    value.set(text(elements[i]), score_of(elements[i + 1]));
  }
  return value.entry();
}

Entry& apply_elements(Keyspace& db, const HashedKey& key, Entry& entry, const Mutation& mutation,
                      const Elements& elements) {
  switch (mutation.type) {
    case Type::set:
      return apply_to_set(db, key, entry, mutation, elements);
    case Type::hash:
      return apply_to_hash(db, key, entry, mutation, elements);
    case Type::list:
      return apply_to_list(db, key, entry, mutation, elements);
    case Type::zset:
      return apply_to_zset(db, key, entry, mutation, elements);
    default:
      break;
  }
  QUORIS_ASSERT(false);
  return entry;
}

// A value to begin with.
Entry& put_empty(Store& store, Keyspace& db, const HashedKey& key, const Mutation& mutation,
                 Entry* present) {
  const bool intset = mutation.type == Type::set && mutation.encoding == Encoding::intset;
  const Encoding encoding = intset ? Encoding::intset : Encoding::packed;
  const std::string block = intset ? intset::empty_block() : packed::empty_block();
  return db.put_block(key, {.type = mutation.type, .encoding = encoding, .block = block},
                      mutation.version, mutation.expire_at_ms,
                      access_of_applied(store, mutation.version), present);
}

bool is_known(const Mutation& mutation) {
  const bool list_kind =
      mutation.kind == MutationKind::list_insert || mutation.kind == MutationKind::list_erase ||
      mutation.kind == MutationKind::list_set || mutation.kind == MutationKind::list_remove;
  switch (mutation.type) {
    case Type::set:
    case Type::hash:
    case Type::zset:
      return !list_kind;
    case Type::list:
      return list_kind || mutation.kind == MutationKind::put_collection;
    default:
      return false;
  }
}

}  // namespace

bool apply_to_collection(Store& store, Keyspace& db, const HashedKey& key, Entry* present,
                         const Mutation& mutation) {
  Elements elements;
  if (mutation.value.size() > kLengthMax) return false;
  if (!is_known(mutation) || !read_elements(mutation, elements)) return false;
  Entry* entry = present;
  if (mutation.kind == MutationKind::put_collection) {
    entry = &put_empty(store, db, key, mutation, entry);
  } else if (entry == nullptr) {
    if (!adds(mutation.kind)) return true;
    if (mutation.type == Type::list && mutation.offset != 0) return false;
    entry = &put_empty(store, db, key, mutation, nullptr);
  } else if (entry->type() != mutation.type ||
             (mutation.type == Type::list && !fits_list(*entry, mutation, elements))) {
    return false;
  }
  entry = &apply_elements(db, key, *entry, mutation, elements);
  if (collection_size(*entry) == 0) {
    db.remove(key, *entry);
    return true;
  }
  if (entry->expire_at_ms() != mutation.expire_at_ms) {
    entry = &db.set_expiry(key, *entry, mutation.expire_at_ms, mutation.version);
  }
  db.set_version(*entry, mutation.version);
  return true;
}

}  // namespace quoris::store
