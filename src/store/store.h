// Store: the databases of a node, the secret of their hash, the clock of their versions.
//
// Also keeps what FLUSHALL ASYNC and the removal of large values put aside until it is freed in
// slices (free_some).
// Used by: command handlers through DataContext, server, persistence and cluster later.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/hash.h"
#include "store/access.h"
#include "store/collection_limits.h"
#include "store/keyspace.h"
#include "store/mutation.h"

namespace quoris::store {

class Store {
 public:
  Store(size_t databases, HashSecret secret, NodeNumber node);

  [[nodiscard]] size_t databases() const;
  // REQUIRES: raw(db) < databases().
  [[nodiscard]] Keyspace& db(DbIndex db);
  [[nodiscard]] const Keyspace& db(DbIndex db) const;

  // Version of the last change that touched the whole database (FLUSHDB, SWAPDB).
  [[nodiscard]] Version db_version(DbIndex db) const;

  [[nodiscard]] VersionClock& versions() { return versions_; }

  AccessPolicy& access() { return access_; }

  CollectionLimits& limits() { return limits_; }

  // A walk of all databases goes by where they were when it began: SWAPDB moves them meanwhile.
  void begin_origins();
  // The database that is at `origin` in that order. REQUIRES: raw(origin) < databases().
  [[nodiscard]] DbIndex db_of_origin(DbIndex origin) const;

  // All is gone, put aside to be freed in slices; the clock stays.
  void reset();

  // Frees up to `work_max` entries of databases that were flushed asynchronously, or elements of
  // large values whose keys are gone. Returns how many.
  size_t free_some(size_t work_max);
  // Entries, and large values as a whole.
  [[nodiscard]] size_t lazily_freed() const;  // since the start
  [[nodiscard]] size_t lazy_pending() const;  // that wait

 private:
  friend class Writer;
  friend bool apply(Store& store, const Mutation& mutation);

  // The doors of Writer and apply.
  void flush_db(DbIndex db, bool lazily, Version version, const std::function<void()>& step);
  void swap_dbs(DbIndex a, DbIndex b, Version version);

  std::vector<std::unique_ptr<Keyspace>> databases_;
  std::vector<Version> db_versions_;
  std::vector<DbIndex> origins_;  // of each database
  std::vector<std::unique_ptr<Keyspace>> graveyard_;
  VersionClock versions_;
  AccessPolicy access_;
  CollectionLimits limits_;
  HashSecret secret_;
  size_t lazily_freed_ = 0;
};

// Applies an effect that some store emitted: replay of the log, replication, repair.
// Deterministic: the same mutations in the same order over an equal store give an equal one.
// Expiry is absolute and is not looked at: a value whose time is past is stored all the same.
// The version clock moves past what it sees.
// False, and nothing is changed, if it can't be: no such database, too large, a change in place of
// what is not a string. A change in place of a key that is not there starts from an empty string,
// a new expiry or the removal of one changes nothing.
bool apply(Store& store, const Mutation& mutation);

}  // namespace quoris::store
