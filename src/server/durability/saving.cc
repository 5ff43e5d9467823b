#include "server/durability/saving.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "command/errors.h"
#include "persistence/paths.h"
#include "server/durability/durability.h"
#include "server/node.h"

namespace quoris::server {
namespace {

using persistence::Manifest;
using persistence::ManifestSnapshot;
using persistence::SnapshotInfo;
using persistence::SnapshotWriter;

// Of the walk between two looks at the clock.
constexpr size_t kStepUnits = 64;

// After one that failed no other is begun by itself for so long, as in Redis.
constexpr int64_t kRetryAfterS = 5;

constexpr size_t kSnapshotsKept = 2;

// Snapshots that the manifest, which is durable, names no more: older ones, those that were found
// to be damaged, and what a crash left before it was named. Errors are not followed up: the next
// snapshot finds again what is left.
void remove_unnamed_snapshots(Disk& disk, const std::string& directory, const Manifest& manifest) {
  const auto names = disk.list(directory);
  if (!names) return;
  for (const std::string& name : *names) {
    const auto is_it = [&](const ManifestSnapshot& each) { return each.name == name; };
    if (!persistence::parse_snapshot_name(name)) continue;
    if (std::ranges::any_of(manifest.snapshots, is_it)) continue;
    static_cast<void>(disk.remove(persistence::join(directory, name)));
  }
}

}  // namespace

void Saving::begin_with(const Manifest& manifest, const persistence::Recovery::Report& report) {
  manifest_ = manifest;
  // One that turned out to be damaged is not to be relied on any more.
  const auto is_used = [&](const ManifestSnapshot& each) { return each.name == report.snapshot; };
  const auto used = std::ranges::find_if(manifest_.snapshots, is_used);
  manifest_.snapshots.erase(manifest_.snapshots.begin(), used);
  figures_.last_save_s = node_.now_us() / 1'000'000;
  figures_.last_bytes = report.snapshot_bytes;
}

Status Saving::set_log_end(std::optional<persistence::LogPosition> end) {
  QUORIS_ASSERT(writer_ == nullptr && !publishing_);
  if (manifest_.log_end == end) return ok();
  Manifest changed = manifest_;
  changed.log_end = end;
  Status written = write_manifest(node_.env().disk, durability_.directory()->path(), changed);
  if (written) manifest_ = std::move(changed);
  return written;
}

Status Saving::end_log(persistence::LogPosition end) {
  if (manifest_.log_end) return ok();
  return set_log_end(end);
}

void Saving::begin(Kind kind, Waiter done) {
  QUORIS_ASSERT(!is_running());
  kind_ = kind;
  if (done) waiters_.push_back(std::move(done));
  figures_.running_since_s = node_.now_us() / 1'000'000;
  waits_for_log_ = durability_.is_closing_log();
  if (!waits_for_log_) begin_walk();
}

void Saving::log_closed() {
  if (std::exchange(waits_for_log_, false)) begin_walk();
}

void Saving::begin_walk() {
  if (const Status opened = durability_.open_log(); !opened) {
    const Error& error = opened.error();
    return conclude(&error);
  }
  const persistence::LogPosition from = durability_.log()->appended();
  std::string name = persistence::snapshot_name(from);
  const auto is_taken = [&](const ManifestSnapshot& each) { return each.name == name; };
  for (uint64_t sequence = 1; std::ranges::any_of(manifest_.snapshots, is_taken); ++sequence) {
    name = persistence::snapshot_name(from, sequence);
  }
  changes_before_ = node_.stats().keyspace.changes;
  figures_.entries_total = 0;
  for (size_t db = 0; db < node_.store().databases(); ++db) {
    figures_.entries_total += node_.store().db(DbIndex{static_cast<uint16_t>(db)}).size();
  }
  writer_ = std::make_unique<SnapshotWriter>(
      node_.env().disk, node_.store(),
      SnapshotWriter::Options{.directory = durability_.directory()->path(),
                              .name = std::move(name),
                              .begin = from,
                              .wall_ms = node_.now_ms()},
      [this](const Result<SnapshotInfo>& info) { finished(info); });
  node_.log().write(LogLevel::notice, "saving a snapshot of {} keys", figures_.entries_total);
  schedule_slice(0);
}

// Never within a command: batches of the outbox may be open there.
void Saving::schedule_slice(uint64_t delay_us) {
  static_cast<void>(node_.env().timers.schedule(delay_us, [this] {
    node_.refresh_time();
    slice();
  }));
}

void Saving::schedule_another(Kind kind, Waiter done) {
  QUORIS_ASSERT(is_running());
  next_kind_ = kind;
  next_waiters_.push_back(std::move(done));
}

void Saving::slice() {
  if (!writer_) return;
  const uint64_t began = node_.env().clock.monotonic_ns();
  SnapshotWriter::Phase phase = SnapshotWriter::Phase::walking;
  do {
    phase = writer_->step(kStepUnits);
    if (phase != SnapshotWriter::Phase::walking) break;
  } while (node_.env().clock.monotonic_ns() - began < kSliceNs);
  if (phase == SnapshotWriter::Phase::through) return end_walk();
  if (phase != SnapshotWriter::Phase::walking && phase != SnapshotWriter::Phase::waiting) return;
  schedule_slice(kPauseUs);
}

// What was emitted so far gets its place in the log, and has to be durable before the snapshot is
// worth anything.
void Saving::end_walk() {
  node_.outbox().end_turn();
  end_ = durability_.log()->appended();
  durability_.log()->request_sync();
  log_advanced();
}

void Saving::log_advanced() {
  if (!end_ || durability_.log()->synced() < *end_) return;
  writer_->end_at(*std::exchange(end_, std::nullopt));
}

void Saving::finished(const Result<SnapshotInfo>& info) {
  end_.reset();
  // The writer calls this as the last thing it does.
  const std::shared_ptr<SnapshotWriter> writer = std::move(writer_);
  static_cast<void>(node_.env().timers.schedule(0, [writer] {}));
  if (!info) {
    const Error& error = info.error();
    return conclude(&error);
  }
  publish(*info);
}

Manifest Saving::manifest_with(const SnapshotInfo& info) const {
  const bool is_logged_on = node_.values().appendonly;
  Manifest after = manifest_;
  if (manifest_.log_end || !is_logged_on) {
    // What changed before its beginning, or will have after its end, is in no log.
    after.snapshots.clear();
    after.log_begin = info.begin;
    after.needs_snapshot = true;
    after.log_end.reset();
    if (!is_logged_on) after.log_end = info.end;
  }
  after.snapshots.insert(after.snapshots.begin(),
                         {.name = info.name, .begin = info.begin, .end = info.end});
  if (after.snapshots.size() > kSnapshotsKept) after.snapshots.resize(kSnapshotsKept);
  // Without one before it the log from its very beginning would do in its place.
  if (after.snapshots.size() == kSnapshotsKept) after.log_begin = after.snapshots.back().begin;
  return after;
}

void Saving::publish(const SnapshotInfo& info) {
  publishing_ = true;
  const Manifest after = manifest_with(info);
  figures_.last_bytes = info.bytes;
  Disk& disk = node_.env().disk;
  const std::string directory = durability_.directory()->path();
  // In one job: no other snapshot gets its name meanwhile.
  disk.submit(
      [&disk, directory, after] {
        Status written = write_manifest(disk, directory, after);
        if (written) remove_unnamed_snapshots(disk, directory, after);
        return written;
      },
      [this, after](const Status& written) {
        publishing_ = false;
        if (!written) {
          const Error& error = written.error();
          return conclude(&error);
        }
        manifest_ = after;
        durability_.log()->drop_before(manifest_.log_begin);
        conclude(nullptr);
      });
}

void Saving::conclude(const Error* error) {
  node_.refresh_time();
  const int64_t now_s = node_.now_us() / 1'000'000;
  figures_.last_took_s = now_s - figures_.running_since_s;
  figures_.running_since_s = 0;
  figures_.last_was_good = error == nullptr;
  figures_.failures_in_a_row = error == nullptr ? 0 : figures_.failures_in_a_row + 1;
  if (error == nullptr) {
    ++figures_.saves;
    figures_.last_save_s = now_s;
    node_.stats().keyspace.changes -= std::min(changes_before_, node_.stats().keyspace.changes);
    node_.log().write(LogLevel::notice, "DB saved on disk: {} bytes", figures_.last_bytes);
  } else {
    retry_at_s_ = now_s + kRetryAfterS;
    node_.log().write(LogLevel::warning, "the snapshot failed: {}", error->message);
  }
  for (const Waiter& waiter : std::exchange(waiters_, {})) {
    if (waiter) waiter(error);
  }
  if (!next_waiters_.empty() && !is_running()) {
    waiters_ = std::exchange(next_waiters_, {});
    begin(next_kind_, {});
  }
  durability_.close_log_if_unwanted();
}

// --- by itself ----------------------------------------------------------------------------------

// The log beside a snapshot isn't wanted by itself, so nobody waits for it: were it waited for
// while it can't be written, or is slower than the writers, it would grow without end and nobody
// would hear that nothing is saved.
void Saving::give_up_if_stuck() {
  if (!is_running() || publishing_ || node_.values().appendonly) return;
  if (durability_.log() == nullptr || durability_.log()->accepts()) return;
  waits_for_log_ = false;
  end_.reset();
  writer_.reset();
  const Error error{Errc::io, "the log beside it cannot be written, or not as fast as it grows"};
  conclude(&error);
}

void Saving::tick() {
  if (!durability_.is_ready()) return;
  give_up_if_stuck();
  if (is_running()) return;
  if (node_.now_us() / 1'000'000 < retry_at_s_) return;
  if (is_due_by_gap() || is_due_by_log()) return begin(Kind::rewrite, {});
  if (is_due_by_save_points()) begin(Kind::snapshot, {});
}

// What is appended counts only when there is a snapshot behind the gap: the one that was begun when
// `appendonly` was set has failed, or was being published as that happened.
bool Saving::is_due_by_gap() const { return node_.values().appendonly && manifest_.log_end; }

bool Saving::is_due_by_save_points() const {
  const int64_t since_s = node_.now_us() / 1'000'000 - figures_.last_save_s;
  const uint64_t changes = node_.stats().keyspace.changes;
  return std::ranges::any_of(node_.values().save, [&](const SavePoint& point) {
    return since_s > point.seconds && changes >= static_cast<uint64_t>(point.changes);
  });
}

bool Saving::is_due_by_log() const {
  const persistence::AppendLog* log = durability_.log();
  const SettingValues& values = node_.values();
  if (log == nullptr || values.auto_aof_rewrite_percentage == 0) return false;
  const persistence::LogPosition begin =
      manifest_.snapshots.empty() ? manifest_.log_begin : manifest_.snapshots.front().begin;
  const uint64_t grown = persistence::distance(begin, log->appended());
  const uint64_t limit =
      figures_.last_bytes / 100 * static_cast<uint64_t>(values.auto_aof_rewrite_percentage);
  return grown >= std::max(limit, values.auto_aof_rewrite_min_size);
}

std::string Saving::refusal() const {
  const SettingValues& values = node_.values();
  if (figures_.last_was_good || values.save.empty() || !values.stop_writes_on_bgsave_error) {
    return {};
  }
  return std::string(command::errors::kSnapshotFails);
}

Saving::Figures Saving::figures() const {
  Figures figures = figures_;
  if (writer_) {
    const SnapshotWriter::Figures now = writer_->figures();
    figures.entries_done = now.entries;
    figures.memory = now.memory;
  }
  return figures;
}

}  // namespace quoris::server
