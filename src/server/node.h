// Node: a database node without its edge: sessions, store, settings, figures, timers.
//
// Driven from outside: accept() brings connections, their handlers bring bytes, run_turn()
// executes what has come. Runs over libuv and in the simulator alike, from the same Env.
// One turn: plan and execute what all sessions have sent (keys of a batch prefetched), hand the
// effects to the outbox's listeners once, then write once per session.
//
// Invariants: nothing executes outside run_turn() and timers. Sessions are destroyed only between
// turns (reap). All limits stand in the settings.
// Used by: main, simulator, tests. Start reading at run_turn().
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/env.h"
#include "base/host.h"
#include "base/log.h"
#include "base/stream.h"
#include "command/data_context.h"
#include "command/table.h"
#include "server/defragmentation.h"
#include "server/dispatcher.h"
#include "server/durability/durability.h"
#include "server/memory_limit.h"
#include "server/monitoring/cluster_replies.h"
#include "server/monitoring/latency_monitor.h"
#include "server/monitoring/slowlog.h"
#include "server/monitoring/stats.h"
#include "server/notifications.h"
#include "server/outbox.h"
#include "server/pubsub.h"
#include "server/session.h"
#include "server/settings/settings.h"
#include "server/settings/settings_table.h"
#include "server/waiting.h"
#include "store/store.h"

namespace quoris::control {
class Control;
}

namespace quoris::server {

// What the edge does for the node besides connections.
class NodeEdge {
 public:
  virtual ~NodeEdge() = default;

  // Ends the process in an orderly way after this turn; exit status as given.
  virtual void stop(int exit_status) = 0;

  // Replaces a file as a whole (CONFIG REWRITE), durably.
  virtual Status replace_file(const std::string& path, std::string_view content) = 0;
  virtual Result<std::string> read_file(const std::string& path) = 0;

  // Called after a setting changed that only the edge can act on (port, bind, logfile, maxclients
  // ...). An error refuses the change.
  virtual Status apply_setting(std::string_view name, const SettingValues& values) = 0;

  // DEBUG SLEEP: holds the reactor thread.
  virtual void sleep_us(uint64_t microseconds) = 0;

  // A long command is running: what has to go on meanwhile may do so, and is to cost it next to
  // nothing. Changes nothing of the node.
  virtual void breathe() {}
};

// CLIENT PAUSE.
struct Pause {
  enum class Kind : uint8_t { none, write, all };
  Kind kind = Kind::none;
  int64_t until_ms = 0;
};

class Node final : public StreamAcceptor, public TurnHandler, private command::Breather {
 public:
  struct Parts {
    Env env;
    Host& host;
    LogSink& log_sink;
    NodeEdge& edge;
    Settings& settings;
    persistence::DataDirectory* directory = nullptr;  // outlives the node; null: nothing is kept
    control::Control* cluster = nullptr;              // outlives the node; null: it runs alone
    std::span<const command::CommandSpec> more_commands = {};  // of tests
  };

  explicit Node(const Parts& parts);
  ~Node() override;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // Begins to load what the directory holds. Once, when all else stands.
  void start() { durability_.start(); }

  // --- StreamAcceptor, TurnHandler --------------------------------------------------------------
  StreamHandler* accept(std::unique_ptr<Stream> stream) override;

  void on_unserved() override { ++stats_.connections_unserved; }

  void run_turn() override;
  [[nodiscard]] bool wants_turn() const override;

  // --- time: cached once per turn, refreshed after a command that took long ---------------------
  [[nodiscard]] int64_t now_ms() const { return now_us_ / 1000; }

  [[nodiscard]] int64_t now_us() const { return now_us_; }

  void refresh_time();

  // --- parts ------------------------------------------------------------------------------------
  [[nodiscard]] Env& env() { return env_; }

  [[nodiscard]] Host& host() { return host_; }

  [[nodiscard]] NodeEdge& edge() { return edge_; }

  [[nodiscard]] Log& log() { return log_; }

  [[nodiscard]] Settings& settings() { return settings_; }

  [[nodiscard]] const SettingValues& values() const { return settings_.values(); }

  [[nodiscard]] store::Store& store() { return store_; }

  [[nodiscard]] const command::CommandTable& commands() const { return commands_; }

  [[nodiscard]] Dispatcher& dispatcher() { return dispatcher_; }

  [[nodiscard]] NodeStats& stats() { return stats_; }

  [[nodiscard]] Slowlog& slowlog() { return slowlog_; }

  [[nodiscard]] LatencyMonitor& latency() { return latency_; }

  [[nodiscard]] Outbox& outbox() { return outbox_; }

  [[nodiscard]] Durability& durability() { return durability_; }

  // Null: the node runs alone.
  [[nodiscard]] control::Control* cluster() { return cluster_; }

  [[nodiscard]] PubSub& pubsub() { return pubsub_; }

  [[nodiscard]] Waiting& waiting() { return waiting_; }

  // Who hears of what a writer does now; each of them null where nobody does.
  [[nodiscard]] store::Writer::Listeners listeners() {
    return {.sink = outbox_.sink(),
            .waiters = waiting_.listener(),
            .events = notifications_.listener()};
  }

  [[nodiscard]] ClusterReplies& cluster_replies() { return cluster_replies_; }

  [[nodiscard]] const command::DataSettings& data_settings() const { return data_settings_; }

  [[nodiscard]] command::Breather& breather() { return *this; }

  [[nodiscard]] const std::string& run_id() const { return run_id_; }

  // --node-id, or one that was drawn for the data directory.
  [[nodiscard]] const std::string& node_id() const { return node_id_; }

  [[nodiscard]] int64_t started_at_s() const { return started_at_s_; }

  // Bytes in use when the node was ready, without data: used_memory_startup.
  [[nodiscard]] uint64_t startup_memory() const { return startup_memory_; }

  // --- sessions ---------------------------------------------------------------------------------
  [[nodiscard]] size_t session_count() const { return sessions_.size(); }

  // In the order of their ids.
  [[nodiscard]] std::vector<Session*> sessions();
  [[nodiscard]] Session* find_session(SessionId id);

  // A session has parsed commands to run, or has output to send: part of the next turn.
  void mark_ready(Session& session);
  void mark_dirty(Session& session);

  void add_monitor(Session& session);
  void remove_monitor(Session& session);

  [[nodiscard]] bool has_monitors() const { return !monitors_.empty(); }

  void feed_monitors(const Session& from, std::span<const std::string_view> arguments);

  // --- blocking commands ------------------------------------------------------------------------
  // The session's command waits until unblock() or for `timeout_ms` (0: for ever). `on_end` writes
  // its reply. `bytes`: memory of what is kept of the command meanwhile.
  // REQUIRES: it is not blocked, and NodeContext::may_block().
  void block(Session& session, int64_t timeout_ms,
             std::function<void(resp::ReplyWriter&, UnblockReason)> on_end, size_t bytes = 0);
  void unblock(Session& session, UnblockReason reason);

  // Those that CLIENT PAUSE holds back included.
  [[nodiscard]] size_t blocked_count() const { return blocked_ + postponed_.size(); }

  // --- CLIENT PAUSE -----------------------------------------------------------------------------
  void pause(Pause::Kind kind, int64_t until_ms);
  void unpause();
  [[nodiscard]] Pause::Kind pause_kind();

  // --- settings ---------------------------------------------------------------------------------
  // Takes over what a changed setting means for the parts above (log level, access mode ...);
  // called at the start and by CONFIG SET.
  void settings_changed();

  // CONFIG RESETSTAT.
  void reset_stats();

  // Bytes allocated, as `maxmemory` counts them: all of the heap, client buffers included.
  [[nodiscard]] uint64_t used_memory() const;

  [[nodiscard]] const Defragmentation& defragmentation() const { return defragmentation_; }

  [[nodiscard]] MemoryLimit& memory_limit() { return memory_limit_; }

  [[nodiscard]] bool over_memory_limit() const {
    return values().maxmemory != 0 && used_memory() > values().maxmemory;
  }

  // Replies of this many bytes are checked against the limits as each command ends.
  static constexpr size_t kOutputCheckBytes = 1024UL * 1024;

  // Closes the session if more waits for it than client-output-buffer-limit allows.
  void check_output_limit(Session& session);

  // An error reply was sent: INFO errorstats.
  void count_error(std::string_view code);

  // DEBUG SET-ACTIVE-EXPIRE.
  bool active_expire = true;

  struct Shutdown {
    std::optional<bool> save;  // a last snapshot; unset: if there are `save` points
    bool force = false;        // also if the disk fails
  };

  // SHUTDOWN, SIGTERM: a last snapshot if wanted, then the cluster is left (leadership goes to
  // another node), what was acknowledged made durable, and the process ends. `failed` is called
  // instead if the disk fails, and all goes on: so all that may fail stands before the leaving.
  void shutdown(const Shutdown& how, std::function<void()> failed);

  [[nodiscard]] bool is_stopping() const { return stopping_; }

  // SHUTDOWN ABORT: false if there is nothing to abort.
  bool abort_shutdown();

  // Without anything of that.
  void stop_now(int exit_status);

  // Loading is over.
  void data_is_ready();

  // The log has acknowledged more: replies that waited for it leave with the next turn.
  void release_replies();

 private:
  friend class Session;

  // Commands planned together, so that their keys' memory is on its way before the first runs.
  static constexpr size_t kBatch = 64;
  // Replies of this many bytes are handed on before the turn's end.
  static constexpr size_t kEarlyFlush = 4UL * 1024 * 1024;

  void breathe() override { edge_.breathe(); }

  void note_closed(Session& session);
  void reap();
  void destroy(Session& session);
  [[nodiscard]] bool gather();
  void prefetch_elements();
  void execute_batch();
  void finish_reading();
  void flush_replies();
  void flush(Session& session);
  void hold_replies(Session& session, persistence::LogPosition awaits);
  void send_held(Session& session);
  void send(Session& session, ByteChain&& bytes);
  void leave();
  void end();
  void seal();
  [[nodiscard]] bool may_change_data() const;
  // Everything that the loop does ends with it: turns and timers alike.
  void note_turn();
  void wake(Session& session);
  void tick();  // `hz` times a second: rates, timeouts, memory peak
  void note_memory();
  void expire_slice();  // active expiry and lazy freeing, a bounded slice
  void tend_sessions();
  void tend(Session& session);

  Env env_;
  Host& host_;
  NodeEdge& edge_;
  Settings& settings_;
  control::Control* cluster_;
  Log log_;
  int64_t now_us_ = 0;
  store::Store store_;
  command::CommandTable commands_;
  Dispatcher dispatcher_;
  NodeStats stats_;
  Slowlog slowlog_;
  LatencyMonitor latency_;
  Outbox outbox_;
  MemoryLimit memory_limit_{*this};
  Defragmentation defragmentation_{*this};
  uint64_t next_second_ns_ = 0;
  Durability durability_;
  PubSub pubsub_;
  Notifications notifications_;
  Waiting waiting_;
  ClusterReplies cluster_replies_;
  command::DataSettings data_settings_;
  std::string run_id_;
  std::string node_id_;
  int64_t started_at_s_ = 0;
  uint64_t startup_memory_ = 0;

  std::map<SessionId, std::unique_ptr<Session>> sessions_;
  std::vector<Session*> ready_;
  std::vector<Session*> dirty_;
  std::vector<SessionId> closed_;
  std::vector<SessionId> postponed_;
  std::vector<SessionId> holding_;  // with replies that wait for the log
  std::vector<Planned> batch_;
  size_t ready_position_ = 0;
  size_t output_this_turn_ = 0;
  uint64_t last_turn_cpu_ns_ = 0;
  size_t blocked_ = 0;
  uint64_t next_session_id_ = 1;
  std::vector<Session*> monitors_;
  Pause pause_;
  TimerId pause_timer_{0};
  SessionId tended_{0};   // the last one that the tick looked after
  DbIndex expire_db_{0};  // where the active expiry goes on
  bool in_turn_ = false;
  bool stopping_ = false;
  bool abort_stop_ = false;
  bool is_leaving_ = false;  // the end can't be called off any more
  bool sealed_ = false;      // nothing is executed any more
};

}  // namespace quoris::server
