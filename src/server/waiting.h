// Waiting: who waits for which keys (BLPOP and its like), and serving those who wait.
//
// A command that waits is kept with its arguments. When a key has been filled, those who wait for
// it are served after the command (or the EXEC) that filled it, first come first served: each
// command is run again from its beginning until the key is used up. It sees the filled key in
// place of every key it waits for, so it takes from that one whatever else is there. A command that
// is served may fill a key in its turn; keys are gone through in the order in which they were
// filled.
// Limits: one command per session, with the memory of its arguments (Blocked::bytes).
// Used by: node (owns), dispatcher (adds, serves). Source: the order of serving is redis-server
// 7.0.15's.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/ids.h"
#include "command/data_context.h"
#include "command/table.h"
#include "server/session.h"
#include "store/writer.h"

namespace quoris::server {

class Node;

class Waiting final : public store::KeyWaiters {
 public:
  explicit Waiting(Node& node) : node_(node) {}

  // Null while nobody waits: filling a key costs one branch then.
  [[nodiscard]] store::KeyWaiters* listener() { return waiters_.empty() ? nullptr : this; }

  // The session's command waits; its arguments are kept. REQUIRES: it is not blocked.
  void add(Session& session, const command::Command& command,
           std::span<const std::string_view> arguments, const command::WaitRequest& request);

  // What the command took until it waited: part of its time in the slow log.
  void note_spent(const Session& session, uint64_t nanoseconds);

  // The session is going away.
  void forget(const Session& session);

  [[nodiscard]] bool has_ready() const { return !ready_.empty(); }

  // Serves those who wait for what has been filled. REQUIRES: no command runs.
  void serve();

  // --- KeyWaiters -------------------------------------------------------------------------------
  void key_filled(DbIndex db, std::string_view key) override;
  void dbs_swapped(DbIndex a, DbIndex b) override;

 private:
  struct Key {
    DbIndex db{0};
    std::string name;
    store::Type type = store::Type::list;
  };

  struct KeyLooked {
    DbIndex db{0};
    std::string_view name;
    store::Type type = store::Type::string;  // string: any, it comes first
  };

  struct KeyOrder {
    using is_transparent = void;

    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      return std::tuple(a.db, std::string_view(a.name), a.type) <
             std::tuple(b.db, std::string_view(b.name), b.type);
    }
  };

  struct Waiter {
    uint64_t ticket = 0;  // order of arrival
    DbIndex db{0};
    store::Type type = store::Type::list;
    QueuedCommand request;
    std::vector<uint32_t> key_arguments;  // which of them it waits for
    uint64_t spent_ns = 0;
  };

  using Queue = std::map<uint64_t, SessionId>;  // by ticket
  using Waiters = std::map<SessionId, Waiter>;

  void serve_key(const Key& key);
  void serve_waiter(SessionId id, const std::string& ready_key);
  [[nodiscard]] bool is_filled(const Key& key) const;
  void end(SessionId id, resp::ReplyWriter& reply, UnblockReason reason);
  void drop(Waiters::iterator found);

  Node& node_;
  Waiters waiters_;
  std::map<Key, Queue, KeyOrder> queues_;
  std::deque<Key> ready_;  // filled and not served yet; each key once
  std::set<Key, KeyOrder> is_ready_;
  uint64_t next_ticket_ = 1;
};

}  // namespace quoris::server
