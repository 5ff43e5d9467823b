#include "cluster/raft/raft_storage.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "cluster/raft/raft_files.h"

namespace quoris::raft {

struct RaftStorage::LogFile {
  std::unique_ptr<File> file;
  uint64_t end = 0;
};

// Batches that become durable together.
struct RaftStorage::Job {
  std::vector<Persist> batches;
  std::string directory;
  std::shared_ptr<LogFile> log;

  [[nodiscard]] Status run(Disk& disk) const {
    if (Status written = write_hard_state_of(disk); !written) return written;
    if (Status written = write_snapshot(disk); !written) return written;
    return write_log(disk);
  }

 private:
  [[nodiscard]] static bool has_base(const Persist& batch) { return batch.base.has_value(); }

  [[nodiscard]] Status write_hard_state_of(Disk& disk) const {
    for (auto batch = batches.rbegin(); batch != batches.rend(); ++batch) {
      if (batch->hard_state) return write_hard_state(disk, directory, *batch->hard_state);
    }
    return ok();
  }

  [[nodiscard]] Status write_snapshot(Disk& disk) const {
    for (auto batch = batches.rbegin(); batch != batches.rend(); ++batch) {
      if (batch->snapshot == nullptr) continue;
      const auto file =
          replace_file(disk, directory, kSnapshotName, encode_snapshot(*batch->snapshot));
      return file ? ok() : Status(file.error());
    }
    return ok();
  }

  [[nodiscard]] Status write_log(Disk& disk) const {
    if (std::ranges::any_of(batches, has_base)) return restart(disk, log_from_last_base());
    std::string bytes;
    for (const Persist& batch : batches) append_frames(bytes, log->end, batch.entries);
    if (bytes.empty()) return ok();
    if (log->end + bytes.size() > kFileBytesMax) return too_long();
    const std::string_view piece = bytes;
    if (Status written = log->file->write_at(log->end, {&piece, 1}); !written) return written;
    if (Status synced = log->file->sync(); !synced) return synced;
    log->end += bytes.size();
    return ok();
  }

  // A log that is begun anew takes the place of all that earlier batches wanted to add.
  [[nodiscard]] std::string log_from_last_base() const {
    const auto last = std::find_if(batches.rbegin(), batches.rend(), has_base);
    std::vector<LogEntry> entries = last->entries;
    for (auto batch = last.base(); batch != batches.end(); ++batch) {
      if (batch->entries.empty()) continue;
      entries.resize(raw(batch->entries.front().index) - raw(last->base->index) - 1);
      entries.insert(entries.end(), batch->entries.begin(), batch->entries.end());
    }
    return encode_log(*last->base, entries);
  }

  [[nodiscard]] static Error too_long() {
    return {Errc::limit_exceeded,
            "the log of the cluster's map is too long: no snapshot was taken"};
  }

  [[nodiscard]] Status restart(Disk& disk, const std::string& bytes) const {
    if (bytes.size() > kFileBytesMax) return too_long();
    auto file = replace_file(disk, directory, kLogName, bytes);
    if (!file) return file.error();
    log->file = std::move(file).value();
    log->end = bytes.size();
    return ok();
  }
};

RaftStorage::RaftStorage(Disk& disk, StorageOwner& owner, std::string directory)
    : disk_(disk),
      owner_(owner),
      directory_(std::move(directory)),
      log_(std::make_shared<LogFile>()),
      self_(std::make_shared<RaftStorage*>(this)) {}

Result<RaftStorage::Opened> RaftStorage::open(Disk& disk, StorageOwner& owner,
                                              std::string directory) {
  Opened opened;
  // What the last life has renamed and not synced counts, too.
  if (const Status named = disk.sync_directory(directory); !named) return named.error();
  Result<std::optional<StoredState>> state = read_state(disk, directory, opened.torn_bytes);
  if (!state) return state.error();
  const bool is_new = !state->has_value();
  if (!is_new) opened.state = **std::move(state);
  opened.state.is_first_life = is_new;
  // Entries may be in the file, and yet not durable.
  const std::string bytes = encode_log(opened.state.base, opened.state.entries);
  auto file = replace_file(disk, directory, kLogName, bytes);
  if (!file) return file.error();
  if (is_new) {
    const Status begun = write_hard_state(disk, directory, {});
    if (!begun) return begun.error();
  }
  opened.storage.reset(new RaftStorage(disk, owner, std::move(directory)));
  opened.storage->log_->file = std::move(file).value();
  opened.storage->log_->end = opened.storage->log_bytes_ = bytes.size();
  return opened;
}

Result<StoredState> RaftStorage::found(SnapshotPtr snapshot) {
  QUORIS_ASSERT(is_idle());
  StoredState state;
  state.hard_state.term = snapshot->term;
  state.base = {.index = snapshot->index, .term = snapshot->term};
  state.is_first_life = true;
  Persist batch;
  batch.hard_state = state.hard_state;
  batch.snapshot = snapshot;
  batch.base = state.base;
  const Job job{.batches = {std::move(batch)}, .directory = directory_, .log = log_};
  if (const Status written = job.run(disk_); !written) return written.error();
  log_bytes_ = log_->end;
  state.snapshot = std::move(snapshot);
  return state;
}

void RaftStorage::persist(Persist batch) {
  if (has_failed_) return;
  waiting_.push_back(std::move(batch));
  pump();
}

void RaftStorage::pump() {
  if (is_in_flight_ || has_failed_ || waiting_.empty()) return;
  is_in_flight_ = true;
  const uint64_t sequence = waiting_.back().sequence;
  auto job = std::make_shared<Job>(
      Job{.batches = std::exchange(waiting_, {}), .directory = directory_, .log = log_});
  disk_.submit([job, &disk = disk_] { return job->run(disk); },
               [job, sequence, self = std::weak_ptr<RaftStorage*>(self_)](const Status& status) {
                 if (const auto storage = self.lock())
                   (*storage)->on_done(sequence, job->log->end, status);
               });
}

void RaftStorage::on_done(uint64_t sequence, uint64_t log_bytes, const Status& status) {
  is_in_flight_ = false;
  if (!status) {
    has_failed_ = true;
    waiting_.clear();
    return owner_.on_storage_failed(status.error());
  }
  log_bytes_ = log_bytes;
  pump();
  owner_.on_persisted(sequence);
}

}  // namespace quoris::raft
