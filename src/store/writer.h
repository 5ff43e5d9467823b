// Writer: the one door by which commands look up and change keys.
//
// Each change is stamped with a fresh version, made in the keyspace, counted, and emitted as a
// mutation if somebody listens (one branch if not). Looking up a key whose time has come removes
// it first and emits that too, so no command ever sees an expired key. While the data must not
// change (CLIENT PAUSE) a look only hides it.
// One Writer serves one command (or one EXEC): `now_ms` does not move meanwhile.
// Used by: command handlers through DataContext; active expiry.
#pragma once

#include <cstdint>
#include <functional>

#include "store/store.h"

namespace quoris::store {

// Figures of the keyspace that INFO stats shows; owned by the node.
struct KeyspaceStats {
  uint64_t hits = 0;
  uint64_t misses = 0;
  uint64_t expired = 0;
  uint64_t changes = 0;  // "dirty": every change a client made, expiries not included
};

enum class LookupFlags : uint8_t {
  none = 0,
  no_touch = 1,  // leave the access clock alone (OBJECT, TTL, CLIENT NO-TOUCH)
  no_stats = 2,  // don't count a hit or miss
};

constexpr LookupFlags operator|(LookupFlags a, LookupFlags b) {
  return static_cast<LookupFlags>(raw(a) | raw(b));
}

constexpr bool has(LookupFlags flags, LookupFlags flag) { return (raw(flags) & raw(flag)) != 0; }

// What a lookup that changes nothing else does with a key whose time has come.
enum class ExpiredKeys : uint8_t { remove, hide };

class Writer {
 public:
  Writer(Store& store, KeyspaceStats& stats, Rng& rng, int64_t now_ms, MutationSink* sink,
         ExpiredKeys expired_keys = ExpiredKeys::remove)
      : store_(store),
        stats_(stats),
        rng_(rng),
        now_ms_(now_ms),
        sink_(sink),
        expired_keys_(expired_keys) {}

  [[nodiscard]] Store& store() { return store_; }

  [[nodiscard]] int64_t now_ms() const { return now_ms_; }

  // For a reply: counts a hit or a miss and touches the access clock unless told otherwise.
  // Null if the key is not there or its time has come (then it is removed and that is emitted,
  // unless ExpiredKeys::hide).
  [[nodiscard]] Entry* find_for_read(DbIndex db, const HashedKey& key,
                                     LookupFlags flags = LookupFlags::none);

  // For a change: no hit or miss is counted, the access clock is touched. Like all that changes
  // keys it removes one whose time has come in any case.
  [[nodiscard]] Entry* find_for_write(DbIndex db, const HashedKey& key);

  // Inserts or replaces. A TTL that is past already (EXPIREAT in the past, SET PXAT) is the
  // caller's to turn into remove().
  Entry& put_string(DbIndex db, const HashedKey& key, const NewString& value, int64_t expire_at_ms);

  // REQUIRES: entry is a string found by this writer with `key`.
  Entry& append(DbIndex db, const HashedKey& key, Entry& entry, std::string_view bytes);
  Entry& set_range(DbIndex db, const HashedKey& key, Entry& entry, uint64_t offset,
                   std::string_view bytes);

  Entry& set_expiry(DbIndex db, const HashedKey& key, Entry& entry, int64_t expire_at_ms);

  // False if it was not there. `key` may point into the entry.
  bool remove(DbIndex db, const HashedKey& key);

  // The value, its expiry and its encoding under another key (RENAME, COPY, MOVE): replaces what
  // is there. `from` stays. Any type.
  void copy(DbIndex from_db, Entry& from, DbIndex to_db, const HashedKey& to);

  // RENAME, MOVE: copy(), and the source goes; one change to count.
  void move(DbIndex from_db, const HashedKey& from, Entry& entry, DbIndex to_db,
            const HashedKey& to);

  // Removes `entry` because its time has come; unless ExpiredKeys::hide.
  void expire(DbIndex db, Entry& entry);

  // A command that Redis counts as a change though nothing was there to change.
  void count_change() { ++stats_.changes; }

  // FLUSHDB. `lazily`: put aside and freed in slices.
  void flush(DbIndex db, bool lazily, const std::function<void()>& step = {});
  void swap(DbIndex a, DbIndex b);

  // The version that WATCH remembers: the entry's, or kNoVersion for a key that is not there (one
  // whose time has come counts as not there).
  [[nodiscard]] Version watched_version(DbIndex db, const HashedKey& key);

 private:
  // The entry, unless its time has come: then it is removed.
  [[nodiscard]] Entry* find_live(DbIndex db, const HashedKey& key);
  void expire_found(DbIndex db, const HashedKey& key, Entry& entry);
  void touch(Entry& entry);

  [[nodiscard]] Version stamp() { return store_.versions().next(now_ms_); }

  void emit(const Mutation& mutation) {
    if (sink_ != nullptr) sink_->emit(mutation);
  }

  Store& store_;
  KeyspaceStats& stats_;
  Rng& rng_;
  int64_t now_ms_;
  MutationSink* sink_;
  ExpiredKeys expired_keys_;
};

}  // namespace quoris::store
