#include "server/durability/durability.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/planted.h"
#include "command/errors.h"
#include "server/node.h"

namespace quoris::server {
namespace {

using persistence::AppendLog;
using persistence::Recovery;
using persistence::SyncPolicy;

// A slice of recovery; between two of them clients are answered.
constexpr uint64_t kLoadSliceNs = 5'000'000;

constexpr uint64_t kNsPerMs = 1'000'000;
constexpr uint64_t kNsPerSecond = 1'000 * kNsPerMs;

SyncPolicy policy_of(AppendFsync setting) {
  switch (setting) {
    case AppendFsync::always:
      return SyncPolicy::always;
    case AppendFsync::everysec:
      return SyncPolicy::every_second;
    case AppendFsync::no:
      break;
  }
  return SyncPolicy::never;
}

bool removes(const store::Mutation& mutation) {
  return mutation.kind == store::MutationKind::remove ||
         mutation.kind == store::MutationKind::flush || mutation.kind == store::MutationKind::swap;
}

}  // namespace

Durability::Durability(Node& node, persistence::DataDirectory* directory)
    : node_(node), directory_(directory), saving_(node, *this) {}

Durability::~Durability() = default;

// --- the start ----------------------------------------------------------------------------------

void Durability::start() {
  if (directory_ == nullptr) return node_.data_is_ready();
  node_.store().versions().observe(directory_->ceiling());
  load_began_s_ = node_.now_us() / 1'000'000;
  load_began_ns_ = node_.env().clock.monotonic_ns();
  recovery_ =
      std::make_unique<Recovery>(node_.env().disk, node_.store(),
                                 Recovery::Options{.directory = directory_->path(),
                                                   .manifest = directory_->manifest(),
                                                   .synced = directory_->identity().synced(),
                                                   .now_ms = node_.now_ms(),
                                                   .same_boot = directory_->is_same_boot()});
  load_slice();
}

void Durability::load_slice() {
  const uint64_t began = node_.env().clock.monotonic_ns();
  do {
    const Result<bool> through = recovery_->step();
    if (!through) return fail_start(through.error());
    if (*through) return end_loading();
  } while (node_.env().clock.monotonic_ns() - began < kLoadSliceNs);
  static_cast<void>(node_.env().timers.schedule(0, [this] {
    node_.refresh_time();
    load_slice();
  }));
}

// What needs room comes after all was read.
void Durability::fail_start(const Error& error) {
  node_.log().write(LogLevel::warning, "{}: {}",
                    error.code == Errc::no_space
                        ? "the data is sound, but the disk is too full for the node to start"
                        : "the data cannot be read, and nothing was changed",
                    error.message);
  // is_loading() stays: nothing is served.
  node_.stop_now(EXIT_FAILURE);
}

void Durability::end_loading() {
  report_ = recovery_->report();
  recovery_.reset();
  const Recovery::Report& report = *report_;
  for (const std::string& dropped : report.dropped) {
    node_.log().write(LogLevel::warning, "a snapshot is damaged and was left aside: {}", dropped);
  }
  if (report.log.torn_bytes > 0) {
    node_.log().write(LogLevel::warning,
                      "the log had a torn tail of {} bytes, which was cut: writes that were under "
                      "way when the machine stopped",
                      report.log.torn_bytes);
  }
  if (report.log.unused_bytes > 0) {
    node_.log().write(LogLevel::notice,
                      "{} bytes of the log were left out: they were written beside a snapshot, "
                      "and what came before them was not",
                      report.log.unused_bytes);
  }
  const uint64_t took_ns = node_.env().clock.monotonic_ns() - load_began_ns_;
  node_.log().write(LogLevel::notice, "DB loaded from disk: {:.3f} seconds, {} keys",
                    static_cast<double>(took_ns) / static_cast<double>(kNsPerSecond), report.keys);
  log_start_.end = report.log.end;
  for (const persistence::LogFile& file : report.files.chain)
    log_start_.segments.push_back(file.head);

  saving_.begin_with(directory_->manifest(), report);
  ceiling_ = std::make_unique<persistence::CeilingKeeper>(node_.env().disk, directory_->path(),
                                                          directory_->ceiling());
  // One that is never used brings the clock to the present, and so the ceiling past it.
  Status status = ceiling_->raise_now(node_.store().versions().next(node_.now_ms()));
  if (status) status = directory_->mark_running(report.log.end);
  const bool is_logged = node_.values().appendonly;
  if (status) {
    status = saving_.set_log_end(is_logged ? std::nullopt : std::optional(report.log.end));
  }
  if (status && is_logged) status = open_log();
  if (!status) return fail_start(status.error());
  node_.data_is_ready();
}

persistence::Recovery::Progress Durability::load_progress() const {
  return recovery_ ? recovery_->progress() : Recovery::Progress{};
}

// --- the log ------------------------------------------------------------------------------------

Status Durability::open_log() {
  QUORIS_ASSERT(!is_closing_log_);
  is_wanted_ = node_.values().appendonly;
  if (log_) return ok();
  auto opened = AppendLog::open(
      node_.env(), *this,
      {.directory = directory_->path(), .policy = policy_of(node_.values().appendfsync)},
      log_start_);
  if (!opened) return opened.error();
  log_ = std::move(opened).value();
  acknowledged_version_ = node_.store().versions().last();
  node_.outbox().add_listener(*this);
  return ok();
}

void Durability::close_log_if_unwanted() {
  if (!log_) return;
  if (!is_closing_log_) {
    if (node_.values().appendonly || saving_.is_running()) return;
    // Who goes on writing doesn't keep it open.
    is_closing_log_ = true;
    node_.outbox().end_turn();
    node_.outbox().remove_listener(*this);
    log_->request_sync();
  }
  end_closing();
}

void Durability::end_closing() {
  if (!is_closing_log_ || !log_->is_idle()) return;
  // Changes that follow are in no log.
  if (const Status written = saving_.end_log(log_->appended()); !written) {
    node_.log().write(LogLevel::warning, "where the log ends could not be written down: {}",
                      written.error().message);
    return;  // until the next tick
  }
  log_start_ = log_->stop();
  log_.reset();
  is_closing_log_ = false;
  unacknowledged_.clear();
  turn_has_batches_ = false;
  node_.release_replies();
  saving_.log_closed();
  settings_changed();
}

void Durability::settings_changed() {
  was_unwanted_ = was_unwanted_ || (is_wanted_ && !node_.values().appendonly);
  is_wanted_ = node_.values().appendonly;
  if (!is_ready()) return;
  if (is_closing_log_) return;  // it is called again
  if (node_.values().appendonly && !log_) {
    // What is there already isn't in the log: a snapshot has to begin with it.
    if (!saving_.is_running()) saving_.begin(Saving::Kind::rewrite, {});
    return;
  }
  if (!log_) return;
  log_->set_policy(policy_of(node_.values().appendfsync));
  release_acknowledged();
}

std::string Durability::refusal() const {
  if (log_fails()) {
    const persistence::LogFigures figures = log_->figures();
    return command::errors::disk_fails_log(figures.failed ? figures.last_error
                                                          : "the disk is too slow");
  }
  return saving_.refusal();
}

void Durability::on_batch(std::span<const store::Mutation> batch) {
  log_->append(batch);
  turn_has_batches_ = true;
  for (const store::Mutation& mutation : batch) {
    if (removes(mutation)) last_removal_ = std::max(last_removal_, mutation.version);
    if (mutation.kind == store::MutationKind::swap) last_swap_ = mutation.version;
  }
}

void Durability::on_turn_end() {
  if (!turn_has_batches_) return;
  turn_has_batches_ = false;
  log_->finish_turn();
  unacknowledged_.push_back({.end = log_->appended(), .newest = node_.store().versions().last()});
  release_acknowledged();
}

void Durability::release_acknowledged() {
  const Position acknowledged = this->acknowledged();
  bool some = false;
  while (!unacknowledged_.empty() && unacknowledged_.front().end <= acknowledged) {
    acknowledged_version_ = unacknowledged_.front().newest;
    unacknowledged_.pop_front();
    some = true;
  }
  some = some || was_unwanted_;
  if (some && !QUORIS_PLANTED("server: who waits for the log is not woken")) {
    node_.release_replies();
  }
}

void Durability::on_log_advanced() {
  release_acknowledged();
  saving_.log_advanced();
  finish_if_durable();
  // Not from inside the log's own calls.
  if (is_closing_log_) {
    static_cast<void>(node_.env().timers.schedule(0, [this] {
      node_.refresh_time();
      close_log_if_unwanted();
    }));
  }
}

void Durability::on_log_failed(const Error& error) {
  node_.log().write(LogLevel::warning,
                    "the log cannot be written: {}; writes are refused until it can",
                    error.message);
}

void Durability::on_log_recovered() {
  node_.log().write(LogLevel::notice, "the log can be written again; writes are accepted");
}

// --- replies ------------------------------------------------------------------------------------

Durability::Position Durability::awaited_by(const store::Writer::Observed& observed) const {
  store::Version newest = observed.newest;
  if (observed.absence) newest = std::max(newest, last_removal_);
  // What was found may have come from the other database, with the version it had there.
  if (newest != store::kNoVersion) newest = std::max(newest, last_swap_);
  if (newest <= acknowledged_version_) return Position{0};
  const auto turn = std::ranges::lower_bound(unacknowledged_, newest, {}, &TurnEnd::newest);
  // Newer than all that waits: of the turn that runs.
  return turn == unacknowledged_.end() ? kThisTurn : turn->end;
}

Durability::Position Durability::awaited_by_all() const {
  if (turn_has_batches_) return kThisTurn;
  return unacknowledged_.empty() ? Position{0} : unacknowledged_.back().end;
}

// --- the end ------------------------------------------------------------------------------------

void Durability::finish(std::function<void()> done) {
  if (!log_) return done();
  on_durable_ = std::move(done);
  log_->request_sync();
  finish_if_durable();
}

void Durability::finish_if_durable() {
  if (!on_durable_ || log_->synced() < log_->appended()) return;
  const Status marked = directory_->mark_clean(log_->appended());
  if (!marked) node_.log().write(LogLevel::warning, "{}", marked.error().message);
  std::exchange(on_durable_, {})();
}

void Durability::tick() {
  if (ceiling_) ceiling_->tick(node_.store().versions().last());
  saving_.tick();
  close_log_if_unwanted();
}

}  // namespace quoris::server
