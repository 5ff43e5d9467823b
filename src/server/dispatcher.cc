#include "server/dispatcher.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/planted.h"
#include "command/errors.h"
#include "server/commands/admin_commands.h"
#include "server/commands/cluster_commands.h"
#include "server/node.h"
#include "server/node_context.h"

namespace quoris::server {
namespace {

namespace errors = command::errors;

// Redis's latency events are milliseconds, its slow log microseconds.
constexpr uint64_t kNsPerUs = 1000;
constexpr uint64_t kNsPerMs = 1000 * kNsPerUs;

// A command that took longer has made the cached time stale.
constexpr uint64_t kStaleAfterNs = kNsPerMs;

bool is_exec(const command::Command& command) { return command.spec->name == "EXEC"; }

// As much of an argument as an error shows: like a C string, it ends at a NUL.
std::string_view shown_part(std::string_view argument, size_t size_max) {
  return argument.substr(0, std::min(size_max, argument.find('\0')));
}

// Web pages make browsers send these to any port; a database must not act on what follows.
bool is_http(std::string_view name) {
  return equals_ignoring_case(name, "POST") || equals_ignoring_case(name, "Host:");
}

// "'a' 'b' " for the unknown-command error: at most 128 bytes of them.
constexpr size_t kShownMax = 128;

std::string first_arguments(std::span<const std::string_view> arguments) {
  std::string shown;
  for (const std::string_view argument : arguments.subspan(1)) {
    if (shown.size() >= kShownMax) break;
    shown += fmt::format("'{}' ", shown_part(argument, kShownMax - shown.size()));
  }
  return shown;
}

// What a command that may wait is run with for the first time.
class KeepingBlocker final : public command::Blocker {
 public:
  KeepingBlocker(Node& node, Session& session, const command::Command& command,
                 std::span<const std::string_view> arguments)
      : node_(node), session_(session), command_(command), arguments_(arguments) {}

  void wait(const command::WaitRequest& request) override {
    node_.waiting().add(session_, command_, arguments_, request);
  }

 private:
  Node& node_;
  Session& session_;
  const command::Command& command_;
  std::span<const std::string_view> arguments_;
};

// ... and when it is run again: it keeps its place.
struct StayingBlocker final : command::Blocker {
  void wait(const command::WaitRequest& /*request*/) override { waits_on = true; }

  bool waits_on = false;
};

// Messages to a session whose own command runs come before the command's reply, never within it.
class ReplyBehindMessages {
 public:
  explicit ReplyBehindMessages(Session& session)
      : session_(session.is_subscribed() ? &session : nullptr) {
    if (session_ != nullptr) session_->subscriptions()->hold_reply(session_->out());
  }

  ~ReplyBehindMessages() {
    if (session_ != nullptr) session_->subscriptions()->release_reply(session_->out());
  }

  ReplyBehindMessages(const ReplyBehindMessages&) = delete;
  ReplyBehindMessages& operator=(const ReplyBehindMessages&) = delete;

 private:
  Session* session_;
};

}  // namespace

uint64_t Dispatcher::read_clock() {
  clock_ns_ = node_.env().clock.monotonic_ns();
  return clock_ns_;
}

void Dispatcher::plan(Planned& planned) {
  const std::span<const std::string_view> arguments = planned.arguments;
  const command::Command* found = node_.commands().find(arguments[0]);
  if (found != nullptr && found->is_container() && arguments.size() > 1) {
    const command::Command* inner = node_.commands().find_subcommand(*found, arguments[1]);
    if (inner != nullptr) found = inner;
  }
  planned.command = found;
  if (found == nullptr) return;
  const uint32_t key = found->prefetch_key;
  if (key == 0 || key >= arguments.size()) return;
  store::Keyspace& keyspace = node_.store().db(planned.session->db);
  planned.key = {.argument = key, .hash = keyspace.hashed(arguments[key]).hash};
  keyspace.prefetch_bucket(planned.key.hash);
}

bool Dispatcher::execute(const Planned& planned) {
  Session& session = *planned.session;
  const bool muted = session.muted();
  resp::ReplyWriter reply(muted ? discarded_ : session.out(), session.protocol);

  // A command or subcommand that there is not is NULL in CLIENT LIST.
  const bool is_known = planned.command != nullptr &&
                        !(planned.command->is_container() && planned.arguments.size() > 1);
  session.last_command = is_known ? planned.command : nullptr;
  if (!refused(planned, reply)) {
    const command::Command& command = *planned.command;
    if (must_wait(session, command)) return false;
    if (session.in_multi() && !command.spec->has(command::immediate_in_multi)) {
      queue(session, command, planned.arguments, reply);
    } else {
      const ReplyBehindMessages order(session);
      const uint64_t batches = node_.outbox().batches();
      node_.outbox().begin();
      call(session, command, planned.arguments, planned.key, reply);
      node_.outbox().end();
      if (node_.outbox().batches() != batches) session.await_log(Durability::kThisTurn);
    }
  }

  if (muted) {
    // CLIENT REPLY ON answers although it came in while replies were off.
    if (session.reply_mode == ReplyMode::on) session.out().splice(std::move(discarded_));
    discarded_.clear();
  }
  if (session.reply_mode == ReplyMode::skip_this) session.reply_mode = ReplyMode::on;
  if (session.reply_mode == ReplyMode::skip_next) session.reply_mode = ReplyMode::skip_this;
  if (!session.authenticated) [[unlikely]]
    node_.check_output_limit(session);
  if (node_.waiting().has_ready()) [[unlikely]]
    node_.waiting().serve();
  return true;
}

void Dispatcher::execute_within(const Planned& planned, resp::ReplyWriter& reply) {
  if (refused(planned, reply)) return;
  call(*planned.session, *planned.command, planned.arguments, planned.key, reply);
}

bool Dispatcher::must_wait(Session& session, const command::Command& command) {
  const Pause::Kind pause = node_.pause_kind();
  if (pause == Pause::Kind::none) [[likely]]
    return false;
  if (pause == Pause::Kind::all) return true;
  constexpr uint32_t kWrites = command::write | command::may_replicate;
  if (command.spec->has(kWrites)) return true;
  return is_exec(command) && session.in_multi() &&
         (session.transaction()->flags_of_all & kWrites) != 0;
}

bool Dispatcher::refused(const Planned& planned, resp::ReplyWriter& reply) {
  Session& session = *planned.session;
  const std::span<const std::string_view> arguments = planned.arguments;
  const command::Command* command = planned.command;
  if (command == nullptr) {
    if (is_http(arguments[0])) {
      node_.log().write(LogLevel::warning,
                        "closing client addr={}: it speaks HTTP, perhaps without knowing",
                        session.stream().peer_address());
      session.close_now();
      return true;
    }
    reject(session, nullptr, reply,
           fmt::format("ERR unknown command '{}', with args beginning with: {}",
                       shown_part(arguments[0], kShownMax), first_arguments(arguments)));
    return true;
  }
  const command::CommandSpec& spec = *command->spec;
  if (command->is_container() && arguments.size() > 1) {
    reject(session, nullptr, reply,
           fmt::format("ERR unknown subcommand '{}'. Try {} HELP.",
                       shown_part(arguments[1], kShownMax), to_upper(command->full_name)));
    return true;
  }
  if (!command->arity_fits(arguments.size())) {
    reject(session, command, reply, errors::wrong_arity(command->full_name));
    return true;
  }
  // The password may have been taken away since the client came.
  if (!session.authenticated && !node_.values().requirepass.empty() &&
      !spec.has(command::no_auth)) {
    reject(session, command, reply, errors::kNoAuth);
    return true;
  }
  const std::string error = gate_error(session, *command);
  if (error.empty()) return false;
  reject(session, command, reply, error);
  return true;
}

// Gates that depend on the state of session and node; empty: passed.
std::string Dispatcher::gate_error(Session& session, const command::Command& command) {
  const command::CommandSpec& spec = *command.spec;
  if (session.in_multi() && spec.has(command::no_multi)) return std::string(errors::kNotInMulti);
  if (spec.node_handler == &handle_debug &&
      !is_allowed(node_.values().enable_debug_command, session)) {
    return std::string(errors::kDebugNotAllowed);
  }
  if (spec.node_handler == &handle_fault &&
      !is_allowed(node_.values().enable_fault_command, session)) {
    return std::string(errors::kFaultNotAllowed);
  }
  if (node_.durability().is_loading()) [[unlikely]] {
    return spec.has(command::loading) ? std::string() : std::string(errors::kLoading);
  }
  // Whatever is queued takes memory.
  const bool is_queued = session.in_multi() && !spec.has(command::immediate_in_multi);
  const bool needs_memory = spec.has(command::denyoom) || is_queued ||
                            (is_exec(command) && session.in_multi() &&
                             (session.transaction()->flags_of_all & command::denyoom) != 0);
  if (!node_.memory_limit().make_room() && needs_memory) return std::string(errors::kOutOfMemory);
  if (node_.durability().refuses()) [[unlikely]] {
    const bool writes = spec.has(command::write) || spec.name == "PING" ||
                        (is_exec(command) && session.in_multi() &&
                         (session.transaction()->flags_of_all & command::write) != 0);
    std::string refusal = writes ? node_.durability().refusal() : std::string();
    if (!refusal.empty()) return refusal;
  }
  if (session.protocol == resp::Protocol::resp2 && session.is_subscribed() &&
      !spec.has(command::while_subscribed)) {
    return errors::not_while_subscribed(command.full_name);
  }
  constexpr uint32_t kOnKeys = command::write | command::readonly | command::may_replicate;
  if (session.monitor && spec.has(kOnKeys)) return std::string(errors::kMonitorOnKeys);
  return {};
}

void Dispatcher::reject(Session& session, const command::Command* command, resp::ReplyWriter& reply,
                        std::string_view error) {
  if (command != nullptr) ++node_.stats().commands[command->index].rejected;
  if (session.in_multi()) session.transaction()->broken = true;
  if (command != nullptr && is_exec(*command)) {
    session.end_transaction();
    session.unwatch();
    constexpr std::string_view kCode = "ERR ";
    if (error.starts_with(kCode)) error.remove_prefix(kCode.size());
    reply.error(fmt::format("EXECABORT Transaction discarded because of: {}", error));
  } else {
    reply.error(error);
  }
  node_.count_error(reply.last_error_code());
}

void Dispatcher::queue(Session& session, const command::Command& command,
                       std::span<const std::string_view> arguments, resp::ReplyWriter& reply) {
  Transaction& transaction = *session.transaction();
  size_t bytes = 0;
  for (const std::string_view argument : arguments) bytes += argument.size();
  if (transaction.bytes + bytes > node_.values().client_query_buffer_limit) {
    // As the query buffer is bounded, so is what was taken out of it.
    reject(session, &command, reply, errors::kTransactionTooLarge);
    return;
  }
  if (!transaction.broken && !transaction.outdated) {
    QueuedCommand queued;
    queued.command = &command;
    queued.bytes.reserve(bytes);
    queued.lengths.reserve(arguments.size());
    for (const std::string_view argument : arguments) {
      queued.bytes += argument;
      queued.lengths.push_back(static_cast<uint32_t>(argument.size()));
    }
    transaction.bytes += bytes + sizeof(QueuedCommand) + arguments.size() * sizeof(uint32_t);
    transaction.flags_of_all |= command.spec->flags;
    transaction.queue.push_back(std::move(queued));
  }
  reply.raw("+QUEUED\r\n");
}

void Dispatcher::call(Session& session, const command::Command& command,
                      std::span<const std::string_view> arguments, PlannedKey key,
                      resp::ReplyWriter& reply) {
  const command::CommandSpec& spec = *command.spec;
  const uint64_t errors_before = reply.errors();
  const uint64_t started = clock_ns_;
  const bool was_monitored = node_.has_monitors();
  redacted_.clear();
  if (spec.handler != nullptr) {
    if (spec.has(command::blocking) && !session.in_exec()) {
      KeepingBlocker blocker(node_, session, command, arguments);
      run_data(session, spec, arguments, key, reply, &blocker);
    } else {
      run_data(session, spec, arguments, key, reply, nullptr);
    }
  } else {
    NodeContext context(node_, session, command, arguments, reply, redacted_);
    spec.node_handler(context);
    reply.set_protocol(session.protocol);
  }
  const uint64_t took = read_clock() - started;

  CommandStats& stats = node_.stats().commands[command.index];
  ++stats.calls;
  stats.nanoseconds += took;
  ++node_.stats().commands_processed;
  ++session.commands_executed;
  if (reply.errors() != errors_before) {
    ++stats.failed;
    node_.count_error(reply.last_error_code());
  }
  if (reply.out().size() >= Node::kOutputCheckBytes) node_.check_output_limit(session);
  note_latency(spec, spec.has(command::fast) ? "fast-command" : "command", took);
  if (session.is_blocked()) {
    node_.waiting().note_spent(session, took);  // slow log and histogram follow when it ends
  } else {
    note_duration(session, command, arguments, took);
  }
  constexpr uint32_t kNotShown = command::skip_monitor | command::admin;
  if (was_monitored && node_.has_monitors() && !spec.has(kNotShown)) {
    node_.feed_monitors(session, redacted(arguments));
  }
  if (took > kStaleAfterNs && !session.in_exec()) node_.refresh_time();
}

void Dispatcher::run_data(Session& session, const command::CommandSpec& spec,
                          std::span<const std::string_view> arguments, PlannedKey key,
                          resp::ReplyWriter& reply, command::Blocker* blocker) {
  if (spec.routing == command::Routing::refused && node_.cluster() != nullptr) [[unlikely]] {
    return reply.error(errors::not_in_cluster(spec.name));
  }
  // While CLIENT PAUSE keeps the data as it is, reads don't remove what has expired.
  const bool paused = node_.pause_kind() != Pause::Kind::none || node_.durability().refuses();
  store::Writer writer(node_.store(), node_.stats().keyspace, node_.env().rng, node_.now_ms(),
                       node_.listeners(),
                       paused ? store::ExpiredKeys::hide : store::ExpiredKeys::remove);
  command::DataContext context({.writer = writer,
                                .reply = reply,
                                .rng = node_.env().rng,
                                .settings = node_.data_settings(),
                                .breather = &node_.breather(),
                                .blocker = blocker,
                                .no_touch = session.no_touch},
                               session.db, arguments);
  context.know_hash(key.argument, key.hash);
  spec.handler(context);
  // A reader's reply is no safer than what it tells of.
  const Durability& durability = node_.durability();
  if (QUORIS_PLANTED("server: a reader does not wait for what it saw")) return;
  if (durability.is_behind()) [[unlikely]] {
    session.await_log(spec.keys.empty() ? durability.awaited_by_all()
                                        : durability.awaited_by(writer.observed()));
  }
}

bool Dispatcher::run_again(Session& session, const Rerun& rerun) {
  const ReplyBehindMessages order(session);
  resp::ReplyWriter reply(session.is_blocked_muted() ? discarded_ : session.out(),
                          session.protocol);
  StayingBlocker blocker;
  redacted_.clear();
  const uint64_t started = read_clock();
  const uint64_t batches = node_.outbox().batches();
  node_.outbox().begin();
  run_data(session, *rerun.command.spec, rerun.arguments, {}, reply, &blocker);
  node_.outbox().end();
  if (node_.outbox().batches() != batches) session.await_log(Durability::kThisTurn);
  discarded_.clear();
  if (blocker.waits_on) return false;
  const uint64_t took = read_clock() - started;
  CommandStats& stats = node_.stats().commands[rerun.command.index];
  stats.nanoseconds += took;
  if (reply.errors() > 0) {
    ++stats.failed;
    node_.count_error(reply.last_error_code());
  }
  if (reply.out().size() >= Node::kOutputCheckBytes) node_.check_output_limit(session);
  note_latency(*rerun.command.spec, "command-unblocking", took);
  note_duration(session, rerun.command, rerun.sent, rerun.spent_ns + took);
  return true;
}

void Dispatcher::note_wait_ended(Session& session, const QueuedCommand& request,
                                 uint64_t spent_ns) {
  std::vector<std::string_view> arguments;
  request.arguments(arguments);
  redacted_.clear();
  note_duration(session, *request.command, arguments, spent_ns);
}

std::span<const std::string_view> Dispatcher::redacted(
    std::span<const std::string_view> arguments) {
  if (redacted_.empty()) return arguments;
  shown_.assign(arguments.begin(), arguments.end());
  for (const size_t index : redacted_) {
    if (index < shown_.size()) shown_[index] = "(redacted)";
  }
  return shown_;
}

void Dispatcher::note_duration(Session& session, const command::Command& command,
                               std::span<const std::string_view> arguments, uint64_t nanoseconds) {
  const SettingValues& values = node_.values();
  CommandStats& stats = node_.stats().commands[command.index];
  if (values.latency_tracking) {
    if (!stats.latency) [[unlikely]]
      stats.latency = std::make_unique<Histogram>();
    stats.latency->record(nanoseconds);
  }
  const uint64_t microseconds = nanoseconds / kNsPerUs;
  const int64_t slower_than = values.slowlog_log_slower_than_us;
  if (slower_than >= 0 && microseconds >= static_cast<uint64_t>(slower_than) &&
      values.slowlog_max_len > 0 && !command.spec->has(command::skip_slowlog)) {
    node_.slowlog().note(redacted(arguments), microseconds, node_.now_us() / 1'000'000,
                         session.stream().peer_address(), session.name(),
                         static_cast<size_t>(values.slowlog_max_len));
  }
}

void Dispatcher::note_latency(const command::CommandSpec& spec, std::string_view event,
                              uint64_t nanoseconds) {
  const auto threshold = static_cast<uint64_t>(node_.values().latency_monitor_threshold_ms);
  if (threshold == 0 || spec.has(command::skip_slowlog)) return;
  node_.latency().note(event, nanoseconds / kNsPerMs, threshold, node_.now_us() / 1'000'000);
}

}  // namespace quoris::server
