// Keyspace: the dictionary of one database (alone) or one partition (in a cluster), with expiry.
//
// Built on Dictionary (store/dictionary.h); owns its entries. Knows nothing of versions' origin,
// mutations, commands: store::Writer and store::apply are its only writers.
//
// Invariants: a key stands at most once. Walks follow the hash's top bits. An Entry* is valid
// until the next call that changes the keyspace, unless that call says otherwise.
// An expired entry stays visible to find() until somebody removes it (Writer does, and the
// active expiry): whoever looks decides.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/env.h"
#include "base/hash.h"
#include "store/dictionary.h"
#include "store/entry.h"
#include "store/large_value.h"

namespace quoris::store {

// A key and its hash: hashed once, when the request is prefetched.
struct HashedKey {
  std::string_view bytes;
  uint64_t hash = 0;
};

// What a new string value is; bytes are copied.
struct NewString {
  Encoding encoding = Encoding::raw;
  int64_t integer = 0;     // Encoding::integer
  std::string_view bytes;  // else
};

// A small collection as it is put.
struct NewBlock {
  Type type = Type::set;
  Encoding encoding = Encoding::packed;
  std::string_view block;
};

// The form Redis gives a value as it is set: an integer if it is one in canonical form (at most
// 20 characters), embstr up to 44 bytes, else raw.
[[nodiscard]] NewString best_string(std::string_view bytes);

class Keyspace {
 public:
  explicit Keyspace(HashSecret secret);
  ~Keyspace();
  Keyspace(const Keyspace&) = delete;
  Keyspace& operator=(const Keyspace&) = delete;
  Keyspace(Keyspace&& other) noexcept;
  Keyspace& operator=(Keyspace&& other) noexcept;

  [[nodiscard]] HashedKey hashed(std::string_view key) const;

  // Of the tables of large collections too.
  [[nodiscard]] HashSecret secret() const { return secret_; }

  // Entries that are there, expired ones that nobody has removed yet included.
  [[nodiscard]] size_t size() const;
  // Those with an expiry.
  [[nodiscard]] size_t expiring() const;
  // The mean of when those expire, in ms since 1970; 0 if there are none. Less now, it is INFO's
  // avg_ttl.
  [[nodiscard]] int64_t mean_expire_at_ms() const;
  // Bytes of entries, their large values and the table as the allocator counts them; without what
  // was put aside.
  [[nodiscard]] size_t memory() const;
  [[nodiscard]] size_t table_memory() const;
  [[nodiscard]] size_t table_slots() const;

  // --- lookup -------------------------------------------------------------------------------
  [[nodiscard]] Entry* find(const HashedKey& key);

  // Three steps of a batch lookup: touch the bucket's line, then the candidates' entries; then
  // find() hits the cache. Call each for the whole batch before the next.
  void prefetch_bucket(uint64_t hash) const;
  void prefetch_entry(uint64_t hash) const;

  // --- change -------------------------------------------------------------------------------
  // Makes room for so many entries that are about to come in the order of a walk.
  // REQUIRES: size() is 0.
  void reserve(size_t entries) { dictionary_.reserve(entries); }

  // Inserts or replaces. Returns the new entry (access clock as given).
  // `present`, where given, is what find(key) just returned, null included.
  Entry& put_string(const HashedKey& key, const NewString& value, Version version,
                    int64_t expire_at_ms, uint32_t access);
  Entry& put_string(const HashedKey& key, const NewString& value, Version version,
                    int64_t expire_at_ms, uint32_t access, Entry* present);

  // The same for a collection: `block` is a small one (copied).
  Entry& put_block(const HashedKey& key, const NewBlock& value, Version version,
                   int64_t expire_at_ms, uint32_t access, Entry* present);
  Entry& put_large(const HashedKey& key, Type type, std::unique_ptr<LargeValue> value,
                   Version version, int64_t expire_at_ms, uint32_t access, Entry* present);

  // Makes room in a small collection's block: `erased` bytes at `offset` go, and `inserted` bytes,
  // which the caller fills in, take their place. May move the entry.
  // REQUIRES: encoding is packed or intset; the size stays below kLengthMax.
  Entry& splice_block(const HashedKey& key, Entry& entry, size_t offset, size_t erased,
                      size_t inserted);
  // The small collection becomes packed (an intset with a member that is no integer), or large.
  // May move the entry.
  Entry& replace_block(const HashedKey& key, Entry& entry, Encoding encoding,
                       std::string_view block);
  Entry& grow_large(const HashedKey& key, Entry& entry, std::unique_ptr<LargeValue> value);
  // RENAME: what is left is to be removed at once. REQUIRES: is_large().
  [[nodiscard]] std::unique_ptr<LargeValue> take_large(Entry& entry);

  void set_version(Entry& entry, Version version) { entry.version_ = version; }

  // A large value took so many bytes before it was changed by its owner's hand.
  void note_large_change(const LargeValue& value, size_t memory_before) {
    large_memory_ += value.memory() - memory_before;
  }

  // Changes the expiry (kNoExpiry takes it away) and the version. May move the entry.
  Entry& set_expiry(const HashedKey& key, Entry& entry, int64_t expire_at_ms, Version version);

  // Makes a string `size` bytes long as raw bytes (an integer becomes its text, new bytes are
  // zero), with slack for more to come, and stamps it. May move the entry.
  // REQUIRES: type is string, size <= kLengthMax, size >= the present size.
  Entry& resize_string(const HashedKey& key, Entry& entry, size_t size, Version version);

  // False if it was not there. `key` may point into the entry. A large value is put aside.
  bool remove(const HashedKey& key);
  void remove(const HashedKey& key, Entry& present);

  // Frees everything. `step` is called every 10,000 entries.
  void clear(const std::function<void()>& step = {});

  // Frees up to `entries_max` entries in the order of the walk; returns how many. A keyspace put
  // aside by FLUSHALL ASYNC is emptied with it, slice by slice.
  size_t clear_some(size_t entries_max);

  // Large values whose entries are gone wait here. Frees up to `elements_max` of their elements;
  // returns how many, and adds the number of values that are through to `values`.
  size_t free_doomed(size_t elements_max, size_t& values);

  [[nodiscard]] size_t doomed() const { return doomed_.size(); }

  // --- walks --------------------------------------------------------------------------------
  // SCAN: calls `visit` for at least the entries of one bucket, about `count` slots, and returns
  // the cursor to go on with; 0 when through. Every entry that is there from the first call to
  // the last is visited at least once, whatever grows, shrinks, comes and goes meanwhile.
  // Cursors are below 2^48; one that is not ends the walk. `visit` must not change the keyspace.
  uint64_t scan(uint64_t cursor, size_t count, const std::function<void(Entry&)>& visit);

  // All entries in the order of the walk; `visit` must not change the keyspace; it returns false
  // to stop.
  void for_each(const std::function<bool(Entry&)>& visit);

  // A random entry, nearly uniform; null if empty.
  [[nodiscard]] Entry* random(Rng& rng);

  // At least `count` entries that stand together, from a random place on; fewer if there are no
  // more. `expiring_only`: of those with an expiry. `visit` must not change the keyspace.
  void sample(Rng& rng, size_t count, bool expiring_only, const std::function<void(Entry&)>& visit);

  // Moves the entry to another place if the relocator wants it; `moved_to` is where it is then.
  bool relocate(Entry& entry, Relocator& relocator, Entry*& moved_to);

  // --- active expiry ------------------------------------------------------------------------
  struct ExpireResult {
    size_t removed = 0;
    size_t looked_at = 0;   // entries read to find them
    bool finished = false;  // nothing that is due is left
  };

  // Finds entries whose time has come and hands them to `expire`, which removes each with
  // remove() (and nothing else). Stops after `work_max` entries read. Goes on where it stopped.
  ExpireResult expire_some(int64_t now_ms, size_t work_max,
                           const std::function<void(Entry&)>& expire);

  // Estimate of how many entries are past their time and still there, from what is marked due.
  [[nodiscard]] size_t expired_backlog(int64_t now_ms) const;

 private:
  [[nodiscard]] static Entry* allocate(size_t size);

  [[nodiscard]] static Entry* as_entry(void* item) { return static_cast<Entry*>(item); }

  struct NewValue {
    Type type = Type::string;
    Encoding encoding = Encoding::raw;
    std::string_view bytes;
  };

  Entry& put(const HashedKey& key, const NewValue& value, Version version, int64_t expire_at_ms,
             uint32_t access, Entry* present);
  Entry& reshape(const HashedKey& key, Entry& entry, size_t offset, size_t erased, size_t inserted);
  void account_new(const Entry& entry);
  void account_gone(const Entry& entry);
  void doom(std::unique_ptr<LargeValue> value);
  void destroy(Entry* entry);
  static void release(Entry* entry, size_t size);

  Entry* replace_allocation(const HashedKey& key, Entry* entry, Entry* by);
  [[nodiscard]] static bool is_inside(const Entry& entry, std::string_view bytes);

  Dictionary dictionary_;
  HashSecret secret_;
  std::vector<std::unique_ptr<LargeValue>> doomed_;
  size_t entry_memory_ = 0;  // without large values
  size_t large_memory_ = 0;
  size_t expiring_ = 0;
  __extension__ __int128 expiry_sum_ms_ = 0;
};

// --- the hot path
// ---------------------------------------------------------------------------------

inline HashedKey Keyspace::hashed(std::string_view key) const {
  return {.bytes = key, .hash = hash_bytes(key, secret_)};
}

inline Entry* Keyspace::find(const HashedKey& key) {
  return as_entry(dictionary_.find(
      key.hash, [&key](void* item) { return as_entry(item)->key() == key.bytes; }));
}

inline void Keyspace::prefetch_bucket(uint64_t hash) const { dictionary_.prefetch_bucket(hash); }

inline void Keyspace::prefetch_entry(uint64_t hash) const {
  dictionary_.prefetch_items(hash, entry_memory_ > kCacheLine * dictionary_.size());
}

}  // namespace quoris::store
