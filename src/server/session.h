// Session: one client connection as the node sees it.
//
// Reads into its RequestReader, keeps what the protocol knows of a connection (database, protocol
// version, name, transaction, levels), and collects replies until the turn's end. It executes
// nothing: Dispatcher does, from Node::run_turn.
//
// Limits: kReadPerTurnMax bytes are read in a turn; the query buffer as a whole is bounded by
// client-query-buffer-limit, also while the client's commands wait: reading goes on, or nobody
// would notice that it has left.
// Invariants: an idle session holds no buffers, and without transaction, watch or names it stays
// below 1 KiB. A closing session executes nothing more. Destroyed by Node only, never within a
// call of its own stream.
// Used by: node, dispatcher, node commands.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/stream.h"
#include "command/table.h"
#include "persistence/log_position.h"
#include "resp/reply_writer.h"
#include "resp/request_reader.h"
#include "server/consistency.h"
#include "server/subscriptions.h"
#include "server/watched_keys.h"
#include "store/store.h"

namespace quoris::server {

class Node;

// A command that waits in MULTI, with memory of its own.
struct QueuedCommand {
  const command::Command* command = nullptr;
  std::string bytes;  // all arguments, one behind the other
  std::vector<uint32_t> lengths;

  void arguments(std::vector<std::string_view>& out) const;
};

struct Transaction {
  bool open = true;           // between MULTI and EXEC; not while EXEC runs it
  bool broken = false;        // a command could not be queued: EXEC answers EXECABORT
  bool outdated = false;      // a watched key had changed at MULTI: EXEC will run nothing
  size_t bytes = 0;           // memory of the queue, for INFO and CLIENT LIST
  uint32_t flags_of_all = 0;  // union of the queued commands' flags
  std::vector<QueuedCommand> queue;
};

// Why a blocked command ended.
enum class UnblockReason : uint8_t {
  ready,           // what it waited for has come
  timeout,         // its time is up
  client_timeout,  // CLIENT UNBLOCK TIMEOUT: as if its time were up
  client_unblock,  // CLIENT UNBLOCK ERROR
};

// What a blocked session waits for. `on_end` writes the reply; it is not called when the client
// goes away.
struct Blocked {
  TimerId timer{0};    // 0: no timeout
  bool muted = false;  // CLIENT REPLY OFF or SKIP when it began to wait
  size_t bytes = 0;    // memory of what is kept of the command
  std::function<void(resp::ReplyWriter&, UnblockReason)> on_end;
};

// Replies of turns that are over, which wait until the log has acknowledged what they tell of.
struct HeldReplies {
  struct Part {
    persistence::LogPosition awaits{0};
    ByteChain bytes;
  };

  std::deque<Part> parts;
  size_t memory = 0;
};

enum class ReplyMode : uint8_t { on, off, skip_next, skip_this };

// CLIENT SETNAME and HELLO SETNAME: printable ASCII without spaces.
[[nodiscard]] bool is_valid_client_name(std::string_view name);

class Session final : public StreamHandler {
 public:
  static constexpr size_t kReadPerTurnMax = 256UL * 1024;

  Session(Node& node, SessionId id, std::unique_ptr<Stream> stream);
  ~Session() override;

  // --- StreamHandler --------------------------------------------------------------------------
  [[nodiscard]] std::span<char> read_buffer() override;
  void on_read(size_t count) override;
  void on_drained() override;
  void on_closed() override;

  // --- what commands read and set -------------------------------------------------------------
  [[nodiscard]] SessionId id() const { return id_; }

  [[nodiscard]] Stream& stream() { return *stream_; }

  DbIndex db{0};
  resp::Protocol protocol = resp::Protocol::resp2;
  bool authenticated = false;
  bool monitor = false;
  bool no_evict = false;
  bool no_touch = false;
  ReplyMode reply_mode = ReplyMode::on;
  Consistency consistency;
  int64_t created_s = 0;                // wall clock
  int64_t last_active_ms = 0;           // node's cached clock, for `idle` and `timeout`
  int64_t over_soft_limit_since_s = 0;  // output buffer above the soft limit; 0: it is not
  const command::Command* last_command = nullptr;
  uint64_t commands_executed = 0;

  [[nodiscard]] std::string_view name() const;
  void set_name(std::string_view name);
  // CLIENT SETINFO.
  [[nodiscard]] std::string_view library_name() const;
  [[nodiscard]] std::string_view library_version() const;
  void set_library(std::string_view name, std::string_view version);

  [[nodiscard]] Transaction* transaction() { return transaction_.get(); }

  [[nodiscard]] bool in_multi() const { return transaction_ && transaction_->open; }

  // Its EXEC is running.
  [[nodiscard]] bool in_exec() const { return in_exec_; }

  // EXEC begins: what it runs stays where it is until finish_exec(). REQUIRES: in_multi().
  const Transaction& begin_exec();
  void finish_exec();

  Transaction& begin_transaction();
  // REQUIRES: it is not running.
  void end_transaction();

  [[nodiscard]] WatchedKeys& watched();

  [[nodiscard]] bool is_watching() const { return watched_ && !watched_->empty(); }

  void unwatch() { watched_.reset(); }

  // --- waiting --------------------------------------------------------------------------------
  // Set while a command of this session waits (Node::block); nothing of it is executed meanwhile.
  [[nodiscard]] bool is_blocked() const { return blocked_ != nullptr; }

  // REQUIRES: is_blocked().
  [[nodiscard]] const command::Command& blocked_command() const { return *last_command; }

  // ... and not for ever.
  [[nodiscard]] bool is_blocked_with_timeout() const {
    return blocked_ && blocked_->timer != TimerId{0};
  }

  // What its blocked command will answer is not wanted. REQUIRES: is_blocked().
  [[nodiscard]] bool is_blocked_muted() const { return blocked_->muted; }

  // Its next command waits for the end of CLIENT PAUSE.
  [[nodiscard]] bool is_postponed() const { return postponed_; }

  // --- output ---------------------------------------------------------------------------------
  // CLIENT REPLY OFF, or SKIP for the command that runs: nothing is sent.
  [[nodiscard]] bool muted() const {
    return reply_mode == ReplyMode::off || reply_mode == ReplyMode::skip_this;
  }

  // What this turn's replies tell of must be acknowledged up to here before they leave.
  void await_log(persistence::LogPosition position) {
    if (position > awaits_log_) awaits_log_ = position;
  }

  // Replies of this turn; Node hands them to the stream when it ends.
  [[nodiscard]] ByteChain& out() { return out_; }

  // Bytes a slow reader has caused to wait, in memory: this turn's, those held for the log, the
  // stream's.
  [[nodiscard]] size_t output_memory() const;

  [[nodiscard]] resp::RequestReader& reader() { return reader_; }

  // Sends what is pending, then closes. Nothing more is executed.
  void close_after_reply();
  // Closes at the end of the turn without sending more (CLIENT KILL, limits).
  void close_now();

  [[nodiscard]] bool closing() const { return closing_; }

  // Nobody will read what it is sent from now on, or it is about to be closed.
  [[nodiscard]] bool is_leaving() const { return closing_ || peer_gone_; }

  // Without sending what waits.
  [[nodiscard]] bool closes_now() const { return close_dropping_; }

  // Its commands have to wait.
  [[nodiscard]] bool is_waiting() const { return postponed_ || is_blocked(); }

  // --- subscriptions (kept by PubSub) -----------------------------------------------------------
  // Null until the first one.
  [[nodiscard]] Subscriptions* subscriptions() { return subscriptions_.get(); }

  [[nodiscard]] const Subscriptions* subscriptions() const { return subscriptions_.get(); }

  Subscriptions& make_subscriptions();

  [[nodiscard]] bool is_subscribed() const { return subscriptions_ && subscriptions_->total() > 0; }

  // "N" or letters of redis.io's CLIENT LIST flags.
  [[nodiscard]] std::string flags_text(bool watched_changed) const;

  // Memory of the session itself with its buffers, for CLIENT LIST tot-mem and MEMORY STATS.
  [[nodiscard]] size_t memory() const;

 private:
  friend class Node;

  struct Names {
    std::string name;
    std::string library_name;
    std::string library_version;
  };

  // Parses what `count` more bytes have brought.
  void parse(size_t count);

  Node& node_;
  SessionId id_;
  std::unique_ptr<Stream> stream_;
  resp::RequestReader reader_;
  ByteChain out_;
  std::unique_ptr<Names> names_;
  std::unique_ptr<Transaction> transaction_;
  std::unique_ptr<WatchedKeys> watched_;
  std::unique_ptr<Blocked> blocked_;
  std::unique_ptr<Subscriptions> subscriptions_;
  std::unique_ptr<HeldReplies> held_;
  persistence::LogPosition awaits_log_{0};
  size_t read_this_turn_ = 0;
  size_t unsent_seen_ = 0;  // by the last look of the tick
  uint32_t planned_ = 0;    // commands of the reader that are in a batch
  uint32_t executed_ = 0;   // ... and have run
  bool postponed_ = false;
  bool in_exec_ = false;
  bool reading_stopped_ = false;  // read_buffer() had nothing to give
  bool peer_gone_ = false;
  bool closing_ = false;
  bool close_dropping_ = false;  // close_now
  bool in_ready_ = false;        // stands in Node's list of sessions with commands to run
  bool in_dirty_ = false;        // stands in Node's list of sessions with output
  bool in_holding_ = false;      // stands in Node's list of sessions with held replies
};

}  // namespace quoris::server
