// Up to which size a collection is held in one block: the settings that Redis has for that.
//
// A collection that has become large stays large. Used by: Store, the values of each type.
#pragma once

#include <cstddef>
#include <cstdint>

namespace quoris::store {

struct CollectionLimits {
  size_t hash_max_packed_fields = 512;   // hash-max-listpack-entries
  size_t hash_max_packed_bytes = 64;     // hash-max-listpack-value: a field or value
  size_t set_max_intset_members = 512;   // set-max-intset-entries
  size_t zset_max_packed_members = 128;  // zset-max-listpack-entries
  size_t zset_max_packed_bytes = 64;     // zset-max-listpack-value: a member
  int64_t list_max_packed = -2;  // list-max-listpack-size: -1..-5: 4..64 KiB a block; >0: items
  size_t list_max_small_bytes = 512;  // in the entry: not a setting, Redis has no such form
  size_t list_max_small_items = 128;
};

// A set of strings has no setting in Redis 7.0, which knows no small form of it.
inline constexpr size_t kSetMaxPackedMembers = 64;
inline constexpr size_t kSetMaxPackedBytes = 64;

// Whatever the settings say, a block stays below these.
inline constexpr size_t kPackedElementsMax = 65'535;
inline constexpr size_t kPackedBytesMax = size_t{1} << 20;

}  // namespace quoris::store
