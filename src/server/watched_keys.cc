#include "server/watched_keys.h"

namespace quoris::server {

void WatchedKeys::add(DbIndex db, const store::HashedKey& key, store::Version version) {
  const auto [added, is_new] =
      keys_.insert({.db = db, .hash = key.hash, .key = std::string(key.bytes), .version = version});
  if (is_new) key_bytes_ += added->key.capacity();
}

size_t WatchedKeys::memory() const {
  // A node of the set: the key, its hash, the link.
  constexpr size_t kNode = sizeof(WatchedKey) + sizeof(size_t) + sizeof(void*);
  return sizeof(WatchedKeys) + keys_.size() * kNode + keys_.bucket_count() * sizeof(void*) +
         key_bytes_;
}

}  // namespace quoris::server
