// Mutation: the effect of a write command, the one currency between store, log and replicas.
//
// A command that ran emits what it changed: key, new value or delta, version, absolute expiry.
// It is deterministic by then and says everything: nobody looks at a client's arguments again.
// It comes back in through one door, store::apply (store/store.h).
//
// The deltas of hashes, sets and sorted sets are the state of elements afterwards: a run of them
// replayed in order over a value that already includes some of it gives the right value. Those of
// lists must be applied once each, in order.
//
// Invariants: `version` is above `base_version`; views are valid only during emit().
// Ordinals of MutationKind are persisted and sent: append only.
// Used by: command handlers (through store::Writer), outbox, log, replication.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "store/entry.h"

namespace quoris::store {

enum class MutationKind : uint8_t {
  put_string = 1,  // the whole value: `value` bytes or `integer`, encoding, expiry
  remove = 2,      // DEL, or a command that left nothing
  expire = 3,      // its time had come: version is the value's with the expired bit
  set_expiry = 4,  // only the expiry changed (kNoExpiry: it is gone)
  append = 5,      // `value` behind what is there; expiry unchanged
  set_range = 6,   // `value` at `offset`, zeros in a gap; expiry unchanged
  flush = 7,       // the whole database `db`, key empty
  swap = 8,        // databases `db` and `other_db`, key empty
  // Collections. `value` is a run of elements as store/packed_element.h writes them: members of a
  // set, field and value in turn of a hash, member and score in turn of a sorted set (the score as
  // store/score.h writes it), items of a list. All carry type, encoding and expiry as they are
  // afterwards; on a key that is not there those that add begin with an empty value.
  put_collection = 9,    // the whole value; more of it may follow as set_elements or list_insert
  set_elements = 10,     // hash, set, sorted set: these elements are there, as they stand here
  remove_elements = 11,  // hash, set, sorted set: `value` holds members; these are not there
  list_insert = 12,      // `value` in front of the item at index `offset`, in this order
  list_erase = 13,       // `count` items from index `offset` on
  list_set = 14,         // the item at index `offset` becomes the one in `value`
  // As many items as `count` says that equal the one in `value`, from the head on; with `offset` 1
  // from the tail.
  list_remove = 15,
};

struct Mutation {
  MutationKind kind = MutationKind::put_string;
  DbIndex db{0};
  DbIndex other_db{0};                // swap
  Type type = Type::string;           // of a collection
  Encoding encoding = Encoding::raw;  // put_string and collections
  Version base_version = kNoVersion;  // the key's version before; none: it was not there
  Version version = kNoVersion;
  int64_t expire_at_ms = kNoExpiry;
  uint64_t offset = 0;  // set_range; index or end of a list
  uint64_t count = 0;   // list_erase, list_remove
  int64_t integer = 0;  // put_string with Encoding::integer
  std::string_view key;
  std::string_view value;
};

// Who listens to effects. One batch is applied wholly or not at all (a command's effects, or all
// of an EXEC's); the dispatcher opens and ends it.
class MutationSink {
 public:
  virtual ~MutationSink() = default;
  virtual void emit(const Mutation& mutation) = 0;
};

}  // namespace quoris::store
