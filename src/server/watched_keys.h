// WatchedKeys: what a connection watches, each key with the version that it had at WATCH.
//
// A key is looked for by its hash, so that many keys cost no more each than few do. Nothing depends
// on the order in which they stand.
// Used by: session (owns), WATCH, EXEC, CLIENT LIST.
#pragma once

#include <algorithm>
#include <string>
#include <unordered_set>

#include "base/ids.h"
#include "store/keyspace.h"
#include "store/version.h"

namespace quoris::server {

struct WatchedKey {
  DbIndex db{0};
  uint64_t hash = 0;  // the keyspace's: nobody can build collisions
  std::string key;
  store::Version version = store::kNoVersion;

  [[nodiscard]] store::HashedKey hashed() const { return {.bytes = key, .hash = hash}; }
};

class WatchedKeys {
 public:
  [[nodiscard]] bool empty() const { return keys_.empty(); }

  [[nodiscard]] size_t size() const { return keys_.size(); }

  [[nodiscard]] bool contains(DbIndex db, const store::HashedKey& key) const {
    return keys_.contains(Name{db, key});
  }

  void add(DbIndex db, const store::HashedKey& key, store::Version version);

  // True if `holds` is, for one of the keys.
  template <class Predicate>
  [[nodiscard]] bool any_of(const Predicate& holds) const {
    return std::ranges::any_of(keys_, holds);
  }

  template <class Visit>
  void for_each(const Visit& visit) const {
    std::ranges::for_each(keys_, visit);
  }

  // Bytes that all of it takes.
  [[nodiscard]] size_t memory() const;

 private:
  struct Name {
    DbIndex db;
    store::HashedKey key;
  };

  struct Hash {
    using is_transparent = void;

    size_t operator()(const Name& name) const { return name.key.hash ^ raw(name.db); }

    size_t operator()(const WatchedKey& key) const { return key.hash ^ raw(key.db); }
  };

  struct Equal {
    using is_transparent = void;

    static Name name(const WatchedKey& key) { return {key.db, key.hashed()}; }

    static const Name& name(const Name& name) { return name; }

    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      return name(a).db == name(b).db && name(a).key.bytes == name(b).key.bytes;
    }
  };

  std::unordered_set<WatchedKey, Hash, Equal> keys_;
  size_t key_bytes_ = 0;
};

}  // namespace quoris::server
