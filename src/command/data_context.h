// DataContext: all that the handler of a data command sees.
//
// Keyspace (through store::Writer, which stamps and emits), the caller's database, arguments,
// reply, randomness, the few settings that change what commands do, and breathe(). No sockets, no
// clients, no cluster. The dispatcher makes one per command; `now_ms` is fixed for a command and
// for the whole of an EXEC.
// Used by: handlers in src/command. Made by: server::Dispatcher, tests.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/env.h"
#include "resp/reply_writer.h"
#include "store/writer.h"

namespace quoris::command {

struct CommandSpec;

// Settings that data commands obey; the server keeps them current.
struct DataSettings {
  uint64_t proto_max_bulk_len = 512ULL * 1024 * 1024;
  bool lfu = false;              // maxmemory-policy is one of the *-lfu
  bool shared_integers = true;   // OBJECT REFCOUNT of small integers (not under *-lru, *-lfu)
  bool lazy_user_del = false;    // lazyfree-lazy-user-del
  bool lazy_user_flush = false;  // lazyfree-lazy-user-flush
};

// What lets the control link run during a long command.
class Breather {
 public:
  virtual ~Breather() = default;
  virtual void breathe() = 0;
};

// What a command that found nothing waits for (BLPOP and its like).
struct WaitRequest {
  std::span<const std::string_view> keys;  // in the order of preference
  store::Type type = store::Type::list;    // list or zset
  int64_t timeout_ms = 0;                  // 0: for ever
  // The reply where nobody may wait (EXEC): a null array, or null. When the time is up it is a
  // null array for all.
  bool null_array = true;
};

// Makes the caller wait. When a key of the request has been filled (and at no other time) the
// command is run again from its beginning, in the order in which its callers began to wait; it
// either replies then or waits on.
class Blocker {
 public:
  virtual ~Blocker() = default;
  // Instead of a reply. The views are valid during the call only.
  virtual void wait(const WaitRequest& request) = 0;
};

class DataContext {
 public:
  struct Parts {
    store::Writer& writer;
    resp::ReplyWriter& reply;
    Rng& rng;
    const DataSettings& settings;
    Breather* breather = nullptr;
    Blocker* blocker = nullptr;  // null where nobody may wait (EXEC): time is up at once
    bool no_touch = false;       // CLIENT NO-TOUCH
  };

  DataContext(const Parts& parts, DbIndex db, std::span<const std::string_view> arguments)
      : parts_(parts), db_(db), arguments_(arguments) {}

  // arguments()[0] is the command's name.
  [[nodiscard]] std::span<const std::string_view> arguments() const { return arguments_; }

  [[nodiscard]] std::string_view argument(size_t index) const { return arguments_[index]; }

  [[nodiscard]] size_t count() const { return arguments_.size(); }

  [[nodiscard]] store::Writer& writer() { return parts_.writer; }

  [[nodiscard]] store::Store& store() { return parts_.writer.store(); }

  [[nodiscard]] store::Keyspace& keyspace() { return store().db(db_); }

  [[nodiscard]] resp::ReplyWriter& reply() { return parts_.reply; }

  [[nodiscard]] Rng& rng() { return parts_.rng; }

  [[nodiscard]] const DataSettings& settings() const { return parts_.settings; }

  [[nodiscard]] DbIndex db() const { return db_; }

  [[nodiscard]] int64_t now_ms() const { return parts_.writer.now_ms(); }

  // The key at an argument with its hash; the first key's is known already when the dispatcher
  // has prefetched it.
  [[nodiscard]] store::HashedKey key(size_t index) {
    if (index == known_index_) return {arguments_[index], known_hash_};
    return keyspace().hashed(arguments_[index]);
  }

  void know_hash(size_t index, uint64_t hash) {
    known_index_ = index;
    known_hash_ = hash;
  }

  [[nodiscard]] store::Entry* find_for_read(const store::HashedKey& key) {
    return parts_.writer.find_for_read(
        db_, key, parts_.no_touch ? store::LookupFlags::no_touch : store::LookupFlags::none);
  }

  // Looks without touching the access clock (EXISTS, TYPE, TTL, OBJECT); counts a hit or a miss.
  [[nodiscard]] store::Entry* peek(const store::HashedKey& key) {
    return parts_.writer.find_for_read(db_, key, store::LookupFlags::no_touch);
  }

  [[nodiscard]] store::Entry* find_for_write(const store::HashedKey& key) {
    return parts_.writer.find_for_write(db_, key);
  }

  // Instead of a reply: see Blocker.
  void wait(const WaitRequest& request) {
    if (parts_.blocker != nullptr) return parts_.blocker->wait(request);
    if (request.null_array) return reply().null_array();
    reply().null();
  }

  // A keyspace event of a key in the caller's database.
  void notify(store::EventClass event_class, std::string_view name, std::string_view key) {
    parts_.writer.notify(event_class, name, db_, key);
  }

  // One step of a long command: every kStepsPerBreath of them the control link gets to run. Never
  // the keyspace: the command stays atomic.
  static constexpr uint32_t kStepsPerBreath = 10'000;

  void step() { steps(1); }

  void steps(uint32_t count) {
    steps_ += count;
    if (steps_ < kStepsPerBreath) return;
    steps_ = 0;
    breathe();
  }

  // For loops that count their steps themselves.
  void breathe() {
    if (parts_.breather != nullptr) parts_.breather->breathe();
  }

 private:
  Parts parts_;
  DbIndex db_;
  std::span<const std::string_view> arguments_;
  size_t known_index_ = 0;  // 0 is the command's name: no key is there
  uint64_t known_hash_ = 0;
  uint32_t steps_ = 0;
};

}  // namespace quoris::command
