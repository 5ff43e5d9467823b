// What the files of apply() share.
//
// Used by: apply*.cc only.
#pragma once

#include "store/store.h"

namespace quoris::store {

// When a value without a reader was last used: as it was written. No clock is asked.
[[nodiscard]] uint32_t access_of_applied(Store& store, Version version);

// The kinds for collections. `db` is the mutation's.
[[nodiscard]] bool apply_to_collection(Store& store, Keyspace& db, const HashedKey& key,
                                       const Mutation& mutation);

}  // namespace quoris::store
