// What the files of apply() share.
//
// Used by: apply*.cc, replay.cc only.
#pragma once

#include "store/store.h"

namespace quoris::store {

// When a value without a reader was last used: as it was written. No clock is asked.
[[nodiscard]] uint32_t access_of_applied(Store& store, Version version);

// What has a key. `db` is the mutation's, `present` what find(key) says.
[[nodiscard]] bool apply_to_key(Store& store, Keyspace& db, const HashedKey& key, Entry* present,
                                const Mutation& mutation);

// The kinds for collections.
[[nodiscard]] bool apply_to_collection(Store& store, Keyspace& db, const HashedKey& key,
                                       Entry* present, const Mutation& mutation);

// A put_collection of a walk, faster: what was a block becomes one as it stands, and a large value
// that comes in pieces gets a table of its size at once. Elements that are there once in the
// mutation, in their order, are the caller's to promise: checksums say so.
[[nodiscard]] bool load_collection(Store& store, Keyspace& db, const HashedKey& key, Entry* present,
                                   const Mutation& mutation);

}  // namespace quoris::store
