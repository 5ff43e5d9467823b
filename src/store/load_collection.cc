// apply(): collections as a walk yields them.
#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "base/text.h"
#include "store/apply_parts.h"
#include "store/packed.h"
#include "store/score.h"
#include "store/sorted_members.h"

namespace quoris::store {

namespace {

bool is_in_pairs(Type type) { return type == Type::hash || type == Type::zset; }

// Elements that make up a collection of this type. Nothing if they don't.
std::optional<size_t> count_elements(const Mutation& mutation) {
  size_t count = 0;
  bool scores_fit = true;
  const bool sound = packed::for_each_element(mutation.value, [&](const StringView& element) {
    if (mutation.type == Type::zset && count % 2 != 0) scores_fit &= is_score(element);
    ++count;
  });
  if (!sound || !scores_fit || count == 0) return std::nullopt;
  if (is_in_pairs(mutation.type) && count % 2 != 0) return std::nullopt;
  return count;
}

// How many elements the whole has if these are the first of them in the order of a walk, which is
// that of the hash with the secret of then; 0: they are in no such order.
size_t estimate_size(const Mutation& mutation, HashSecret secret) {
  // Within a bucket there is no order; of elements further apart nearly all are in order.
  constexpr size_t kApart = 32;
  constexpr size_t kComparedMin = 32;
  constexpr size_t kInOrderShare = 16;                // all but one in so many
  constexpr double kHashes = 18446744073709551616.0;  // 2^64
  constexpr double kTimesMax = 4096;
  std::vector<uint64_t> hashes;
  const bool in_pairs = is_in_pairs(mutation.type);
  size_t index = 0;
  packed::for_each_element(mutation.value, [&](const StringView& element) {
    if (in_pairs && index++ % 2 != 0) return;
    char digits[kInt64TextMax + 1];
    hashes.push_back(hash_bytes(element.text(digits), secret));
  });
  if (hashes.size() < kApart + kComparedMin) return 0;
  const size_t compared = hashes.size() - kApart;
  size_t in_order = 0;
  for (size_t i = 0; i < compared; ++i) in_order += hashes[i] < hashes[i + kApart] ? 1 : 0;
  if (in_order < compared - compared / kInOrderShare) return 0;
  const double part = static_cast<double>(*std::ranges::max_element(hashes)) / kHashes;
  return static_cast<size_t>(static_cast<double>(hashes.size()) / std::max(part, 1 / kTimesMax));
}

template <class Value>
std::unique_ptr<LargeValue> make_large(HashSecret secret, size_t size) {
  auto value = std::make_unique<Value>(secret);
  value->reserve(size);
  return value;
}

std::unique_ptr<LargeValue> make_large(Type type, HashSecret secret, size_t size) {
  if (type == Type::hash) return make_large<HashTable>(secret, size);
  if (type == Type::set) return make_large<SetTable>(secret, size);
  return make_large<SortedMembers>(secret, size);
}

}  // namespace

bool load_collection(Store& store, Keyspace& db, const HashedKey& key, Entry* present,
                     const Mutation& mutation) {
  if (mutation.type == Type::string || mutation.type == Type::stream) return false;
  const bool is_table = mutation.encoding == Encoding::large && mutation.type != Type::list;
  if (!is_table && mutation.encoding != Encoding::packed) {
    return apply_to_key(store, db, key, present, mutation);
  }
  const auto count = count_elements(mutation);
  if (!count) return false;
  const uint32_t access = access_of_applied(store, mutation.version);
  if (is_table) {
    const size_t size = estimate_size(mutation, db.secret());
    Entry& entry = db.put_large(key, mutation.type, make_large(mutation.type, db.secret(), size),
                                mutation.version, mutation.expire_at_ms, access, present);
    Mutation elements = mutation;
    elements.kind = MutationKind::set_elements;
    return apply_to_key(store, db, key, &entry, elements);
  }
  if (*count > kPackedElementsMax || mutation.value.size() > kPackedBytesMax) {
    return apply_to_key(store, db, key, present, mutation);
  }
  db.put_block(key,
               {.type = mutation.type,
                .encoding = Encoding::packed,
                .block = packed::block_of(mutation.value, *count)},
               mutation.version, mutation.expire_at_ms, access, present);
  return true;
}

}  // namespace quoris::store
