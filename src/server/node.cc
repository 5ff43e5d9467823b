#include "server/node.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "cluster/control/control.h"
#include "server/commands/rows.h"
#include "store/large_value.h"

namespace quoris::server {
namespace {

// Active expiry: a slice at most this long, then a pause, so that it takes at most a quarter of
// the loop and holds nobody up longer than a slice. A finished pass comes again after
// kExpireRestUs.
constexpr uint64_t kExpireSliceNs = 1'000'000;
constexpr uint64_t kExpirePauseUs = 3'000;
constexpr uint64_t kExpireRestUs = 100'000;
constexpr size_t kExpireStep = 512;     // entries read between two looks at the clock
constexpr size_t kLazyFreeStep = 2048;  // entries freed between two looks at the clock

// A client that sent half a request and went silent keeps a buffer that just fits from then on.
constexpr int64_t kShrinkAfterMs = 2'000;

constexpr std::string_view kTooManyClients = "-ERR max number of clients reached\r\n";
constexpr std::string_view kProtected =
    "-DENIED Redis is running in protected mode because protected mode is enabled and no "
    "password is set for the default user. In this mode connections are only accepted from the "
    "loopback interface. If you want to connect from external computers to Redis you may adopt "
    "one of the following solutions: 1) Just disable protected mode sending the command 'CONFIG "
    "SET protected-mode no' from the loopback interface by connecting to Redis from the same "
    "host the server is running, however MAKE SURE Redis is not publicly accessible from "
    "internet if you do so. Use CONFIG REWRITE to make this change permanent. 2) Alternatively "
    "you can just disable the protected mode by editing the Redis configuration file, and "
    "setting the protected mode option to 'no', and then restarting the server. 3) If you "
    "started the server manually just for testing, restart it with the '--protected-mode no' "
    "option. 4) Setup a an authentication password for the default user. NOTE: You only need to "
    "do one of the above things in order for the server to start accepting connections from the "
    "outside.\r\n";

std::vector<std::span<const command::CommandSpec>> families(
    std::span<const command::CommandSpec> more) {
  const auto own = command_families();
  std::vector<std::span<const command::CommandSpec>> all(own.begin(), own.end());
  all.push_back(more);
  return all;
}

std::string random_hex(Rng& rng, size_t bytes) {
  std::vector<std::byte> secret(bytes);
  rng.secret_bytes(secret);
  std::string text;
  for (const std::byte byte : secret) text += fmt::format("{:02x}", std::to_integer<int>(byte));
  return text;
}

HashSecret draw_secret(Rng& rng) {
  HashSecret secret;
  rng.secret_bytes(std::as_writable_bytes(std::span(&secret.seed, 1)));
  return secret;
}

// A cluster has one: its partitions are parts of database 0.
size_t databases_of(const Node::Parts& parts) {
  if (parts.cluster != nullptr) return 1;
  return static_cast<size_t>(parts.settings.values().databases);
}

bool is_lfu(EvictionPolicy policy) {
  return policy == EvictionPolicy::allkeys_lfu || policy == EvictionPolicy::volatile_lfu;
}

bool is_lru(EvictionPolicy policy) {
  return policy == EvictionPolicy::allkeys_lru || policy == EvictionPolicy::volatile_lru;
}

store::CollectionLimits collection_limits_of(const SettingValues& values) {
  return {
      .hash_max_packed_fields = static_cast<size_t>(values.hash_max_listpack_entries),
      .hash_max_packed_bytes = values.hash_max_listpack_value,
      .set_max_intset_members = static_cast<size_t>(values.set_max_intset_entries),
      .zset_max_packed_members = static_cast<size_t>(values.zset_max_listpack_entries),
      .zset_max_packed_bytes = values.zset_max_listpack_value,
      .list_max_packed = values.list_max_listpack_size,
  };
}

}  // namespace

Node::Node(const Parts& parts)
    : env_(parts.env),
      host_(parts.host),
      edge_(parts.edge),
      settings_(parts.settings),
      cluster_(parts.cluster),
      log_(parts.log_sink),
      store_(databases_of(parts),
             parts.directory != nullptr ? parts.directory->identity().secret
                                        : draw_secret(parts.env.rng),
             NodeNumber{0}),
      commands_(families(parts.more_commands)),
      dispatcher_(*this),
      durability_(*this, parts.directory),
      pubsub_(*this),
      notifications_(pubsub_),
      waiting_(*this),
      run_id_(random_hex(parts.env.rng, 20)),
      node_id_(parts.settings.values().node_id) {
  if (cluster_ != nullptr) node_id_ = cluster_->name();
  if (node_id_.empty()) {
    node_id_ =
        parts.directory != nullptr ? parts.directory->identity().node_id : random_hex(env_.rng, 20);
  }
  refresh_time();
  started_at_s_ = now_us_ / 1'000'000;
  stats_.commands.resize(commands_.size());
  last_turn_cpu_ns_ = env_.clock.thread_cpu_ns();
  settings_changed();
  startup_memory_ = used_memory();
  tick();
  expire_slice();
}

Node::~Node() = default;

void Node::refresh_time() { now_us_ = env_.clock.wall_us(); }

// --- sessions ---------------------------------------------------------------------------------

StreamHandler* Node::accept(std::unique_ptr<Stream> stream) {
  const auto refuse = [&](std::string_view why) -> StreamHandler* {
    ++stats_.connections_rejected;
    ByteChain bytes;
    bytes.append(why);
    stream->write(std::move(bytes));  // what fits into the socket's buffer; nobody waits for more
    return nullptr;
  };
  if (sessions_.size() >= static_cast<size_t>(values().maxclients)) return refuse(kTooManyClients);
  if (values().protected_mode && values().requirepass.empty() && !stream->is_local()) {
    return refuse(kProtected);
  }
  ++stats_.connections_received;
  const SessionId id{next_session_id_++};
  auto session = std::make_unique<Session>(*this, id, std::move(stream));
  session->authenticated = values().requirepass.empty();
  session->consistency = values().consistency;
  session->created_s = now_us_ / 1'000'000;
  session->last_active_ms = now_ms();
  Session& kept = *session;
  log_.topic(LogTopic::network, "client id={} addr={} connected", raw(id),
             kept.stream().peer_address());
  sessions_.emplace(id, std::move(session));
  return &kept;
}

std::vector<Session*> Node::sessions() {
  std::vector<Session*> all;
  all.reserve(sessions_.size());
  for (const auto& [id, session] : sessions_) all.push_back(session.get());
  return all;
}

Session* Node::find_session(SessionId id) {
  const auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : found->second.get();
}

void Node::mark_ready(Session& session) {
  if (session.in_ready_) return;
  session.in_ready_ = true;
  ready_.push_back(&session);
}

void Node::mark_dirty(Session& session) {
  if (session.in_dirty_) return;
  session.in_dirty_ = true;
  dirty_.push_back(&session);
}

void Node::note_closed(Session& session) { closed_.push_back(session.id()); }

void Node::reap() {
  for (const SessionId id : closed_) {
    if (Session* session = find_session(id); session != nullptr) destroy(*session);
  }
  closed_.clear();
}

void Node::destroy(Session& session) {
  remove_monitor(session);
  pubsub_.forget(session);
  if (session.blocked_) {
    waiting_.forget(session);
    env_.timers.cancel(session.blocked_->timer);
    --blocked_;
  }
  if (session.postponed_) std::erase(postponed_, session.id());
  log_.topic(LogTopic::network, "client id={} is gone", raw(session.id()));
  if (session.in_ready_) std::erase(ready_, &session);
  if (session.in_dirty_) std::erase(dirty_, &session);
  sessions_.erase(session.id());
}

void Node::add_monitor(Session& session) {
  if (session.monitor) return;
  session.monitor = true;
  monitors_.push_back(&session);
}

void Node::remove_monitor(Session& session) {
  if (!session.monitor) return;
  session.monitor = false;
  std::erase(monitors_, &session);
}

void Node::feed_monitors(const Session& from, std::span<const std::string_view> arguments) {
  std::string line = fmt::format("+{}.{:06} [{} {}]", now_us_ / 1'000'000, now_us_ % 1'000'000,
                                 raw(from.db), from.stream_->peer_address());
  for (const std::string_view argument : arguments) {
    line += ' ';
    line += quote_for_display(argument);
  }
  line += "\r\n";
  for (Session* session : monitors_) {
    if (session->closing() || session->muted()) continue;
    session->out().append(line);
    mark_dirty(*session);
  }
}

// --- the turn ---------------------------------------------------------------------------------

void Node::run_turn() {
  if (ready_.empty() && dirty_.empty() && closed_.empty()) return;
  QUORIS_ASSERT(!in_turn_);
  in_turn_ = true;
  refresh_time();
  while (!sealed_ && gather()) execute_batch();
  if (!sealed_) finish_reading();
  outbox_.end_turn();
  // Who has killed a client is not told before the client's connection is closed.
  reap();
  flush_replies();
  reap();
  note_turn();
  in_turn_ = false;
}

bool Node::wants_turn() const {
  return (!sealed_ && !ready_.empty()) || !dirty_.empty() || !closed_.empty();
}

bool Node::gather() {
  batch_.clear();
  while (batch_.size() < kBatch && ready_position_ < ready_.size()) {
    Session& session = *ready_[ready_position_];
    const std::span<const resp::RequestReader::Command> commands = session.reader_.commands();
    while (session.planned_ < commands.size() && batch_.size() < kBatch && !session.closing_ &&
           !session.is_waiting()) {
      batch_.push_back({.session = &session,
                        .arguments = session.reader_.arguments(commands[session.planned_++])});
    }
    const bool through =
        session.planned_ == commands.size() || session.closing_ || session.is_waiting();
    if (through) ++ready_position_;
  }
  for (Planned& planned : batch_) dispatcher_.plan(planned);
  for (const Planned& planned : batch_) {
    if (planned.key.argument == 0) continue;
    store_.db(planned.session->db).prefetch_entry(planned.key.hash);
  }
  if (batch_.size() > 1) prefetch_elements();
  return !batch_.empty();
}

// The members and fields of large values that the batch will look up. The keys' entries are in the
// cache by now.
void Node::prefetch_elements() {
  struct Lookup {
    const store::LargeValue* value;
    uint64_t hash;
  };

  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): filled below, up to `count`
  std::array<Lookup, kBatch> lookups;
  size_t count = 0;
  for (const Planned& planned : batch_) {
    if (planned.key.argument == 0) continue;
    const size_t element = planned.command->spec->element_argument;
    if (element == 0 || element >= planned.arguments.size()) continue;
    const store::Entry* entry =
        store_.db(planned.session->db)
            .find({.bytes = planned.arguments[planned.key.argument], .hash = planned.key.hash});
    if (entry == nullptr || !entry->is_large()) continue;
    const store::LargeValue& value = entry->large();
    lookups[count++] = {.value = &value,
                        .hash = value.prefetch_element(planned.arguments[element])};
  }
  for (size_t i = 0; i < count; ++i) lookups[i].value->prefetch_found(lookups[i].hash);
}

void Node::execute_batch() {
  dispatcher_.begin_batch();
  for (const Planned& planned : batch_) {
    Session& session = *planned.session;
    if (session.closing_ || session.is_waiting()) continue;
    session.last_active_ms = now_ms();
    if (!dispatcher_.execute(planned)) {
      session.postponed_ = true;
      postponed_.push_back(session.id());
      continue;
    }
    ++session.executed_;
    if (!session.out_.empty()) mark_dirty(session);
  }
  size_t waiting = 0;
  for (const Session* session : dirty_) waiting += session->out_.size();
  if (waiting >= kEarlyFlush) {
    outbox_.end_turn();
    for (Session* session : dirty_) flush(*session);
  }
}

void Node::finish_reading() {
  std::vector<Session*> ready;
  ready.swap(ready_);
  ready_position_ = 0;
  for (Session* session : ready) {
    session->in_ready_ = false;
    session->reader_.drop(session->executed_);
    session->planned_ = 0;
    session->executed_ = 0;
    if (session->closing_ || session->is_waiting()) continue;
    // What was parsed while nobody knew whether its AUTH would succeed goes on now.
    if (session->reader_.stalled()) session->parse(0);
    if (!session->reader_.commands().empty()) {
      // Woken in the very turn in which it began to wait: the rest goes on in the next one.
      mark_ready(*session);
      continue;
    }
    if (session->reader_.error().empty()) continue;
    ByteChain dropped;
    resp::ReplyWriter reply(session->muted() ? dropped : session->out_, session->protocol);
    reply.error(fmt::format("ERR {}", session->reader_.error()));
    count_error(reply.last_error_code());
    session->close_after_reply();
  }
  if (!ready_.empty()) return;
  ready.clear();
  ready_.swap(ready);  // keeps its memory for the next turn
}

void Node::note_turn() {
  const uint64_t cpu = env_.clock.thread_cpu_ns();
  stats_.turn_cpu.record(cpu - last_turn_cpu_ns_);
  last_turn_cpu_ns_ = cpu;
  ++stats_.turns;
}

// --- waiting ----------------------------------------------------------------------------------

void Node::block(Session& session, int64_t timeout_ms,
                 std::function<void(resp::ReplyWriter&, UnblockReason)> on_end, size_t bytes) {
  QUORIS_ASSERT(!session.is_blocked());
  session.blocked_ = std::make_unique<Blocked>();
  session.blocked_->on_end = std::move(on_end);
  session.blocked_->bytes = bytes;
  session.blocked_->muted = session.muted();
  ++blocked_;
  if (timeout_ms <= 0) return;
  const SessionId id = session.id();
  session.blocked_->timer =
      env_.timers.schedule(static_cast<uint64_t>(timeout_ms) * 1000, [this, id] {
        refresh_time();
        Session* waiting = find_session(id);
        if (waiting == nullptr || !waiting->is_blocked()) return;
        waiting->blocked_->timer = TimerId{0};
        unblock(*waiting, UnblockReason::timeout);
      });
}

void Node::unblock(Session& session, UnblockReason reason) {
  QUORIS_ASSERT(session.is_blocked());
  const std::unique_ptr<Blocked> blocked = std::move(session.blocked_);
  --blocked_;
  env_.timers.cancel(blocked->timer);
  ByteChain dropped;
  resp::ReplyWriter reply(blocked->muted ? dropped : session.out_, session.protocol);
  blocked->on_end(reply, reason);
  if (reply.errors() > 0) count_error(reply.last_error_code());
  session.last_active_ms = now_ms();
  wake(session);
}

void Node::wake(Session& session) {
  mark_dirty(session);  // its reply, and reading that was stopped
  mark_ready(session);  // commands that came meanwhile
}

void Node::pause(Pause::Kind kind, int64_t until_ms) {
  // As Redis does: a second PAUSE may lengthen and widen the first, never shorten or narrow it.
  pause_.kind = std::max(pause_.kind, kind);
  pause_.until_ms = std::max(pause_.until_ms, until_ms);
  env_.timers.cancel(pause_timer_);
  const int64_t wait_ms = std::max<int64_t>(pause_.until_ms - now_ms(), 0);
  pause_timer_ = env_.timers.schedule(static_cast<uint64_t>(wait_ms) * 1000, [this] {
    refresh_time();
    unpause();
  });
}

void Node::unpause() {
  env_.timers.cancel(pause_timer_);
  pause_ = Pause();
  std::vector<SessionId> postponed;
  postponed.swap(postponed_);
  for (const SessionId id : postponed) {
    Session* session = find_session(id);
    if (session == nullptr) continue;
    session->postponed_ = false;
    wake(*session);
  }
}

Pause::Kind Node::pause_kind() { return pause_.kind; }

// --- settings, figures ------------------------------------------------------------------------

void Node::settings_changed() {
  const SettingValues& now = values();
  log_.set_level(now.loglevel);
  log_.set_topics(now.log_topics);
  store::AccessPolicy& access = store_.access();
  access.mode = is_lfu(now.maxmemory_policy) ? store::AccessMode::lfu : store::AccessMode::lru;
  access.lfu_log_factor = static_cast<uint32_t>(now.lfu_log_factor);
  access.lfu_decay_minutes = static_cast<uint32_t>(now.lfu_decay_time);
  store_.limits() = collection_limits_of(now);
  data_settings_.proto_max_bulk_len = now.proto_max_bulk_len;
  data_settings_.lfu = is_lfu(now.maxmemory_policy);
  // Redis shares its small integers unless entries need an access clock of their own.
  data_settings_.shared_integers =
      now.maxmemory == 0 || !(is_lfu(now.maxmemory_policy) || is_lru(now.maxmemory_policy));
  data_settings_.lazy_user_del = now.lazyfree_lazy_user_del;
  data_settings_.lazy_user_flush = now.lazyfree_lazy_user_flush;
  memory_limit_.settings_changed();
  durability_.settings_changed();
  notifications_.set_events(now.notify_keyspace_events);
  if (!now.latency_tracking) {
    for (CommandStats& stats : stats_.commands) stats.latency.reset();
  }
}

void Node::reset_stats() {
  const LastingStats lasting = stats_.lasting;
  const uint64_t changes = stats_.keyspace.changes;  // since the last save: no figure to reset
  stats_ = NodeStats();
  stats_.lasting = lasting;
  stats_.keyspace.changes = changes;
  stats_.lazily_freed_before = store_.lazily_freed();
  stats_.commands.resize(commands_.size());
}

void Node::count_error(std::string_view code) {
  ++stats_.errors;
  const auto found = stats_.error_codes.find(code);
  if (found != stats_.error_codes.end()) {
    ++found->second;
  } else if (stats_.error_codes.size() < NodeStats::kErrorCodesMax) {
    stats_.error_codes.emplace(code, 1);
  }
}

uint64_t Node::used_memory() const {
  const uint64_t heap = host_.thread_heap_bytes();
  if (heap != 0) return heap;
  uint64_t store = 0;
  for (size_t db = 0; db < store_.databases(); ++db) {
    store += store_.db(DbIndex{static_cast<uint16_t>(db)}).memory();
  }
  return store;
}

// --- timers -----------------------------------------------------------------------------------

void Node::tick() {
  refresh_time();
  const auto now = static_cast<uint64_t>(now_us_);
  stats_.ops_rate.sample(stats_.commands_processed, now);
  stats_.input_rate.sample(stats_.input_bytes, now);
  stats_.output_rate.sample(stats_.output_bytes, now);
  note_memory();
  if (cluster_ != nullptr) cluster_->set_keys(store().db(DbIndex{0}).size());
  // Not by the wall clock: where that jumps back, snapshots and the version ceiling would wait.
  if (const uint64_t now_ns = env_.clock.monotonic_ns(); now_ns >= next_second_ns_) {
    constexpr uint64_t kSecondNs = 1'000'000'000;
    next_second_ns_ = now_ns + kSecondNs;
    if (may_change_data()) defragmentation_.look();
    durability_.tick();
  }
  tend_sessions();
  const uint64_t period_us = 1'000'000 / static_cast<uint64_t>(values().hz);
  static_cast<void>(env_.timers.schedule(period_us, [this] { tick(); }));
  note_turn();
}

void Node::note_memory() {
  stats_.lasting.note_memory(used_memory(), now_us_ / 1'000'000);
  const bool over = over_memory_limit();
  if (over && stats_.over_memory_since_us == 0) stats_.over_memory_since_us = now_us_;
  if (!over && stats_.over_memory_since_us != 0) {
    stats_.over_memory_us += static_cast<uint64_t>(now_us_ - stats_.over_memory_since_us);
    stats_.over_memory_since_us = 0;
  }
}

void Node::tend_sessions() {
  // All of them once a second: a tenth (for `hz` 10) per tick, from where the last one ended.
  const auto hz = static_cast<size_t>(values().hz);
  size_t left = (sessions_.size() + hz - 1) / hz;
  auto next = sessions_.upper_bound(tended_);
  for (; left > 0; --left, ++next) {
    if (next == sessions_.end()) next = sessions_.begin();
    tended_ = next->first;
    tend(*next->second);
  }
}

void Node::tend(Session& session) {
  if (session.closes_now()) return;
  check_output_limit(session);
  stats_.lasting.recent_input.note(session.reader_.memory(), now_us_ / 1'000'000);
  stats_.lasting.recent_output.note(session.output_memory(), now_us_ / 1'000'000);
  // A slow reader of a large reply is not idle.
  const size_t unsent = session.stream_->unsent();
  if (unsent != session.unsent_seen_) session.last_active_ms = now_ms();
  session.unsent_seen_ = unsent;
  const int64_t idle_ms = now_ms() - session.last_active_ms;
  if (idle_ms > kShrinkAfterMs) session.reader_.shrink();
  const int64_t timeout_ms = values().timeout_s * 1000;
  const bool exempt = session.is_waiting() || session.monitor || session.is_subscribed();
  if (timeout_ms == 0 || exempt || idle_ms <= timeout_ms) return;
  log_.write(LogLevel::verbose, "closing client id={}: idle for more than `timeout`",
             raw(session.id()));
  session.close_now();
}

void Node::expire_slice() {
  refresh_time();
  const uint64_t started = env_.clock.monotonic_ns();
  const uint64_t cpu_before = env_.clock.thread_cpu_ns();
  const auto out_of_time = [&] { return env_.clock.monotonic_ns() - started > kExpireSliceNs; };
  bool finished = true;
  // While CLIENT PAUSE holds writes back, expiry changes nothing either.
  if (active_expire && pause_.kind == Pause::Kind::none && may_change_data()) {
    ++stats_.expire_cycles;
    outbox_.begin();
    store::Writer writer(store_, stats_.keyspace, env_.rng, now_ms(), listeners());
    // Every database in turn, from the one where the last slice ended.
    for (size_t seen = 0; seen < store_.databases(); ++seen) {
      const DbIndex db = expire_db_;
      const auto expire = [&](store::Entry& entry) { writer.expire(db, entry); };
      bool through = store_.db(db).expiring() == 0;
      while (!through && !out_of_time()) {
        through = store_.db(db).expire_some(now_ms(), kExpireStep, expire).finished;
      }
      if (!through) {
        ++stats_.expire_time_cap_reached;
        finished = false;
        break;
      }
      expire_db_ = DbIndex{static_cast<uint16_t>((raw(db) + 1U) % store_.databases())};
    }
    outbox_.end();
    outbox_.end_turn();
  }
  while (store_.lazy_pending() > 0 && !out_of_time()) store_.free_some(kLazyFreeStep);
  finished = finished && store_.lazy_pending() == 0;

  if (!finished) log_.topic(LogTopic::expiry, "a slice ended before all that is due was removed");

  const uint64_t took = env_.clock.monotonic_ns() - started;
  stats_.expire_cycle_cpu_ns += env_.clock.thread_cpu_ns() - cpu_before;
  latency_.note("expire-cycle", took / 1'000'000,
                static_cast<uint64_t>(values().latency_monitor_threshold_ms), now_us_ / 1'000'000);
  static_cast<void>(
      env_.timers.schedule(finished ? kExpireRestUs : kExpirePauseUs, [this] { expire_slice(); }));
  note_turn();
}

}  // namespace quoris::server
