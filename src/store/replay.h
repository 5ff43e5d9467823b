// Replay: a store from a snapshot and the log from the position at which its walk began.
//
// The snapshot's entries come first, by load(): each was true at some moment of the walk. Then the
// log, in order, by replay(). Up to the walk's end it says again what some entries include already,
// and names keys that were gone when the walk came to them:
//   - a mutation whose version is not above the entry's is skipped: it is included;
//   - a delta whose base is not the entry's version is skipped: the key was removed later, or
//     replaced, or else the walk would have met it, and the log says so further on.
// A flush or the removal of a key may take away what is newer than it: the log makes it anew.
// Behind the end, and without a snapshot, every delta finds its base, or the log is damaged.
//
// A large collection was read in pieces, under the version it had at the first of them. Deltas
// since then apply to the whole; what of them the pieces include does no harm, for they say how
// elements are afterwards. Such a value may be empty in between though it never was: it is
// remembered by its version until the next delta.
// Used by: persistence (recovery). The way in is that of apply().
#pragma once

#include <cstdint>
#include <span>
#include <unordered_set>
#include <vector>

#include "store/store.h"

namespace quoris::store {

class Replay {
 public:
  // REQUIRES: the store is empty, and nobody else changes it until this is through.
  explicit Replay(Store& store) : store_(store) {}

  enum class Outcome : uint8_t {
    applied,
    skipped,
    damage,  // nothing is changed; what came before was not what it should have been
  };

  // So many entries of a database are about to be loaded. REQUIRES: none of them is yet.
  void expect(DbIndex db, size_t entries) { store_.db(db).reserve(entries); }

  // What a StoreWalk yielded, in its order.
  Outcome load(const Mutation& mutation);

  // What was emitted since the walk began, in its order. From end_of_snapshot() on nothing but
  // what has its base is accepted; without a snapshot it is called at once.
  Outcome replay(const Mutation& mutation);

  void end_of_snapshot();

  // Asks for the memory that replaying these is going to read. A few tens at a time.
  void prefetch(std::span<const Mutation> mutations);

 private:
  Outcome replay_on_key(const Mutation& mutation);
  Outcome replay_on_nothing(Keyspace& db, const HashedKey& key, const Mutation& mutation);
  [[nodiscard]] Outcome without_base() const;

  Store& store_;
  bool in_snapshot_ = true;
  std::unordered_set<uint64_t> empty_;  // versions of values that are empty in between
  std::vector<uint64_t> hashes_;        // of prefetch()
};

}  // namespace quoris::store
