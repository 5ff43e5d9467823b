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
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "store/events.h"
#include "store/member_table.h"
#include "store/score_rules.h"
#include "store/store.h"

namespace quoris::store {

// Figures of the keyspace that INFO stats shows; owned by the node.
struct KeyspaceStats {
  uint64_t hits = 0;
  uint64_t misses = 0;
  uint64_t expired = 0;
  uint64_t evicted = 0;
  uint64_t changes = 0;  // "dirty": every change a client made, expiries not included
};

enum class LookupFlags : uint8_t {
  none = 0,
  no_touch = 1,  // leave the access clock alone (OBJECT, TTL, CLIENT NO-TOUCH)
  no_stats = 2,  // don't count a hit or miss
  no_event = 4,  // a miss is no event (OBJECT)
};

constexpr LookupFlags operator|(LookupFlags a, LookupFlags b) {
  return static_cast<LookupFlags>(raw(a) | raw(b));
}

constexpr bool has(LookupFlags flags, LookupFlags flag) { return (raw(flags) & raw(flag)) != 0; }

// Who waits for keys (BLPOP and its like).
class KeyWaiters {
 public:
  virtual ~KeyWaiters() = default;
  // A list or sorted set stands at the key, or has grown.
  virtual void key_filled(DbIndex db, std::string_view key) = 0;
  // SWAPDB: other values stand at the keys of both.
  virtual void dbs_swapped(DbIndex a, DbIndex b) = 0;
};

// What a lookup that changes nothing else does with a key whose time has come.
enum class ExpiredKeys : uint8_t { remove, hide };

class Writer {
 public:
  // Who listens to what a writer does; null: nobody.
  struct Listeners {
    MutationSink* sink = nullptr;
    KeyWaiters* waiters = nullptr;
    KeyspaceEvents* events = nullptr;
  };

  Writer(Store& store, KeyspaceStats& stats, Rng& rng, int64_t now_ms, const Listeners& listeners,
         ExpiredKeys expired_keys = ExpiredKeys::remove)
      : store_(store),
        stats_(stats),
        rng_(rng),
        now_ms_(now_ms),
        sink_(listeners.sink),
        waiters_(listeners.waiters),
        events_(listeners.events),
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

  // The value, its expiry and its encoding under another key (COPY): replaces what is there.
  // `from` stays. Any type.
  void copy(DbIndex from_db, Entry& from, DbIndex to_db, const HashedKey& to);

  // Tells subscribers of keyspace events.
  void notify(EventClass event_class, std::string_view name, DbIndex db, std::string_view key) {
    if (events_ != nullptr) events_->on_event(event_class, name, db, key);
  }

  // --- collections --------------------------------------------------------------------------
  // Each makes the value if `entry` is null (it was not there), emits what changed as one mutation,
  // and removes a key whose value is left empty. `entry` is what find_for_write() returned for
  // `key`; it is void afterwards. Elements may not lie in the value that is changed. `event` is
  // the keyspace event of a change ("hset"; empty: none); one more, "del", follows if the key went.
  // REQUIRES: the entry is of the type that the name says.

  // Returns how many were not there.
  size_t set_add(DbIndex db, const HashedKey& key, Entry* entry,
                 std::span<const std::string_view> members, std::string_view event);
  // Returns how many were there.
  size_t set_remove(DbIndex db, const HashedKey& key, Entry& entry,
                    std::span<const std::string_view> members, std::string_view event);

  // Takes `count` members at random out of the set; `taken` sees each before it goes.
  // REQUIRES: count > 0. All of them if there are fewer.
  void set_pop(DbIndex db, const HashedKey& key, Entry& entry, size_t count,
               const std::function<void(const StringView&)>& taken, std::string_view event);
  // These members, in the form that suits them, take the place of whatever is there, expiry
  // included. REQUIRES: members is a table of the keyspace's secret and not empty.
  void set_put(DbIndex db, const HashedKey& key, std::unique_ptr<SetTable> members,
               std::string_view event);

  // Fields and values in turn. Returns how many fields are new.
  size_t hash_set(DbIndex db, const HashedKey& key, Entry* entry,
                  std::span<const std::string_view> fields_and_values, std::string_view event);
  size_t hash_remove(DbIndex db, const HashedKey& key, Entry& entry,
                     std::span<const std::string_view> fields, std::string_view event);

  // Members that are there get the score, others are added, as far as the rules allow.
  ScoreChanges zset_set(DbIndex db, const HashedKey& key, Entry* entry,
                        std::span<const ScoredMember> members, const ScoreRules& rules,
                        std::string_view event);
  size_t zset_remove(DbIndex db, const HashedKey& key, Entry& entry,
                     std::span<const std::string_view> members, std::string_view event);
  // REQUIRES: rank + count <= size, count > 0.
  void zset_remove_range(DbIndex db, const HashedKey& key, Entry& entry, size_t rank, size_t count,
                         std::string_view event);
  // A sorted set of just these members (each once, not in the value that is replaced), which are
  // sorted on the way; without expiry, whatever was there. None at all: the key is removed.
  void zset_store(DbIndex db, const HashedKey& key, std::span<ScoredMember> members,
                  std::string_view event);

  // In front of the item at `index`; behind the last if `index` is the length. In the order given.
  void list_insert(DbIndex db, const HashedKey& key, Entry* entry, size_t index,
                   std::span<const std::string_view> items, std::string_view event);
  // No item at all is a change as well: it gets a version. REQUIRES: index + count <= length.
  void list_erase(DbIndex db, const HashedKey& key, Entry& entry, size_t index, size_t count,
                  std::string_view event);
  // REQUIRES: index < length.
  void list_set(DbIndex db, const HashedKey& key, Entry& entry, size_t index, std::string_view item,
                std::string_view event);

  // Up to `count_max` items that equal, from the head or from the tail. Returns how many. `step`
  // is called now and then with the number of items that were looked at.
  struct Removal {
    std::string_view item;
    size_t count_max = 0;
    bool from_tail = false;
  };

  size_t list_remove(DbIndex db, const HashedKey& key, Entry& entry, const Removal& removal,
                     std::string_view event, const std::function<void(size_t)>& step = {});

  // RENAME, MOVE: as copy(), and `from` is gone; a large value changes hands. One
  // change to count.
  void move(DbIndex from_db, const HashedKey& from, Entry& entry, DbIndex to_db,
            const HashedKey& to);

  // Removes `entry` because its time has come; unless ExpiredKeys::hide.
  void expire(DbIndex db, Entry& entry);

  // What was looked up so far: the newest version that was met, and whether something was not
  // there (then the newest removal was met). A reply says what was observed, so it must not leave
  // before that is as safe as the reply promises.
  struct Observed {
    Version newest = kNoVersion;
    bool absence = false;
  };

  [[nodiscard]] const Observed& observed() const { return observed_; }

  // A command that Redis counts as a change though nothing was there to change.
  void count_change() { ++stats_.changes; }

  // The last `changes` changes are one to count.
  void count_as_one(uint64_t changes) { stats_.changes -= changes - 1; }

  // Removes `entry` because memory is short.
  void evict(DbIndex db, Entry& entry);

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

  void observe(const Entry* entry) {
    if (entry == nullptr) {
      observed_.absence = true;
    } else if (entry->version() > observed_.newest) {
      observed_.newest = entry->version();
    }
  }

  // What a change of a collection is known by while it is made.
  struct Change {
    DbIndex db{0};
    const HashedKey& key;
    Version base = kNoVersion;
    size_t elements = 0;  // that changed: so much INFO's changes_since_last_save grows
    std::string_view event;
  };

  Entry& create(DbIndex db, const HashedKey& key, const NewBlock& value);
  // Stamps and emits `mutation`, whose kind and elements are set; an empty value goes.
  void finish(const Change& change, Entry& entry, size_t size, Mutation mutation);
  // Behind set_remove(), hash_remove() and zset_remove().
  template <class Value>
  size_t remove_each(DbIndex db, const HashedKey& key, Entry& entry,
                     std::span<const std::string_view> elements, std::string_view event);
  void tell_waiters(DbIndex db, const Entry& entry);
  // Its tail: of a value that is left. `mutation` is completed with the elements that were noted.
  void emit_change(const Change& change, Entry& entry, Version version, Mutation mutation);
  void note_element(std::string_view element);
  void note_element(const StringView& element);
  // Emits a collection that was put as a whole, in pieces.
  void emit_whole(DbIndex db, Entry& entry, Version base);
  void notify_replaced(DbIndex db, const HashedKey& key);
  void put_block(DbIndex db, const HashedKey& key, const NewBlock& block, int64_t expire_at_ms);
  void put_large(DbIndex db, const HashedKey& key, Type type, std::unique_ptr<LargeValue> value,
                 int64_t expire_at_ms);
  [[nodiscard]] uint32_t access_of_new(const Entry* present) const;

  [[nodiscard]] Version stamp() { return store_.versions().next(now_ms_); }

  void emit(const Mutation& mutation) {
    if (sink_ != nullptr) sink_->emit(mutation);
  }

  Store& store_;
  KeyspaceStats& stats_;
  Rng& rng_;
  int64_t now_ms_;
  MutationSink* sink_;
  KeyWaiters* waiters_;
  KeyspaceEvents* events_;
  Observed observed_;
  std::string elements_;  // of the mutation to be emitted
  ExpiredKeys expired_keys_;
};

}  // namespace quoris::store
