// RaftStorage: keeps hard state, log and snapshot of a Raft durable, in the order it asks for.
//
// Batches (Persist) wait in a row; one job of the disk at a time takes all that wait and makes them
// durable with one fsync of the log, whatever their number (and two for a new term or vote, three
// for a snapshot, three for a log that is begun anew). Then the owner hears of the last of them.
//
// After an error nothing more is written, and on_storage_failed() is called once: the owner stops
// its Raft (Raft::fail()), for what the disk holds is not known any more. The next start of the
// process finds out.
//
// Invariants: what was reported durable survives a power cut; batches become durable in order.
// Limits: those of Raft for what waits (it hands out no more than a leader's window).
// Used by: cluster/control (one per node). Files: raft_files.h.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/disk.h"
#include "cluster/raft/types.h"

namespace quoris::raft {

// Called by the disk's jobs, never from inside a call to the storage.
class StorageOwner {
 public:
  virtual ~StorageOwner() = default;

  virtual void on_persisted(uint64_t sequence) = 0;
  virtual void on_storage_failed(const Error& error) = 0;
};

class RaftStorage {
 public:
  struct Opened;

  // Reads what is there, cuts off what a power cut has torn, and makes the rest durable whatever
  // became of it before. Blocks. REQUIRES: the directory is there and locked.
  // Errors: corrupt (naming file and offset), unsupported, those of the disk.
  [[nodiscard]] static Result<Opened> open(Disk& disk, StorageOwner& owner, std::string directory);

  // A cluster begins with this state, and what the snapshot says. Blocks. REQUIRES: the state that
  // open() found has no snapshot and no entries, and nothing was persisted since.
  [[nodiscard]] Result<StoredState> found(SnapshotPtr snapshot);

  RaftStorage(const RaftStorage&) = delete;
  RaftStorage& operator=(const RaftStorage&) = delete;

  void persist(Persist batch);

  [[nodiscard]] bool has_failed() const { return has_failed_; }

  // Nothing is in flight or waits.
  [[nodiscard]] bool is_idle() const { return !is_in_flight_ && waiting_.empty(); }

  // Of the log's file, as of the last job: what a snapshot would make small again.
  [[nodiscard]] uint64_t log_bytes() const { return log_bytes_; }

 private:
  struct LogFile;
  struct Job;

  RaftStorage(Disk& disk, StorageOwner& owner, std::string directory);

  void pump();
  void on_done(uint64_t sequence, uint64_t log_bytes, const Status& status);

  Disk& disk_;
  StorageOwner& owner_;
  std::string directory_;
  // Used by one job at a time; shared with it, for it may outlive this.
  std::shared_ptr<LogFile> log_;
  std::vector<Persist> waiting_;
  bool is_in_flight_ = false;
  bool has_failed_ = false;
  uint64_t log_bytes_ = 0;
  // Jobs hold it weakly, and so learn that this is gone.
  std::shared_ptr<RaftStorage*> self_;
};

struct RaftStorage::Opened {
  std::unique_ptr<RaftStorage> storage;
  StoredState state;
  uint64_t torn_bytes = 0;  // that were cut off the log
};

}  // namespace quoris::raft
