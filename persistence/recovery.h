// Recovery: a store from what a data directory holds, in steps of a few milliseconds, so that the
// node can say meanwhile that it is loading.
//
// The newest snapshot of the manifest is loaded; one that turns out to be damaged is dropped again
// and the one before is taken, then the log alone if it begins at its very beginning. Then the log
// is replayed from where the snapshot's walk began (store/replay.h), up to the manifest's log_end
// if it has one. A torn tail is cut, and what stands behind log_end; damage is an error that says
// where, and nothing is changed then. All of the log is durable at the end (settle_log).
// Keys whose time is past are loaded as they are: the node's expiry removes and emits them.
//
// Invariant: what is in the store at the end is what the log's end says, or there is an error.
// Used by: server, at the start. REQUIRES: the store is empty and has the directory's hash secret
// (another one only costs time), and is not used otherwise until this is through.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "persistence/log_reader.h"
#include "persistence/manifest.h"
#include "persistence/snapshot_reader.h"
#include "store/replay.h"

namespace quoris::persistence {

class Recovery {
 public:
  struct Options {
    std::string directory;
    Manifest manifest;
    LogPosition synced{0};  // the log's end at a clean shutdown
    int64_t now_ms = 0;
    bool same_boot = false;  // the machine has run on since the log was written
  };

  Recovery(Disk& disk, store::Store& store, Options options);
  Recovery(const Recovery&) = delete;
  Recovery& operator=(const Recovery&) = delete;

  // Goes on. True: through. Errors end it: corrupt, unsupported, those of the disk,
  // invalid_argument if the store has too few databases.
  [[nodiscard]] Result<bool> step();

  // Bytes of the snapshot and of the log; `total` is known once both were looked for.
  struct Progress {
    uint64_t done = 0;
    uint64_t total = 0;
  };

  [[nodiscard]] Progress progress() const;

  struct Report {
    std::string snapshot;  // the file; empty: none
    LogPosition snapshot_begin{0};
    LogPosition snapshot_end{0};
    std::vector<std::string> dropped;  // snapshots, each with the reason
    uint64_t snapshot_bytes = 0;
    uint64_t snapshot_entries = 0;
    uint64_t log_bytes = 0;
    uint64_t applied = 0;   // mutations of the log
    uint64_t skipped = 0;   // that the snapshot included
    uint64_t left_out = 0;  // that a repair of the log took the ground from
    uint64_t keys = 0;      // in the end
    uint64_t expired = 0;   // about so many of them
    LogEnd log;             // with the torn tail and what was not used: cut
    LogFiles files;         // as they are now: what the log goes on with
  };

  // REQUIRES: step() said true.
  [[nodiscard]] const Report& report() const { return report_; }

 private:
  enum class Phase : uint8_t { choosing, loading, beginning_log, replaying, through };

  [[nodiscard]] Result<bool> choose();
  [[nodiscard]] Result<bool> load_some();
  // The snapshot that was chosen is no good.
  [[nodiscard]] Result<bool> drop_snapshot(const Error& why);
  [[nodiscard]] Status begin_log();
  [[nodiscard]] Status replay_chunk(const LogChunk& chunk);
  [[nodiscard]] Status end_log();
  [[nodiscard]] Status check_databases(const store::Mutation& mutation) const;
  [[nodiscard]] Error misfit(const LogChunk& chunk, const store::Mutation& mutation) const;
  [[nodiscard]] LogPosition from() const;

  Disk& disk_;
  store::Store& store_;
  Options options_;
  Phase phase_ = Phase::choosing;
  size_t next_snapshot_ = 0;  // of the manifest
  std::unique_ptr<store::Replay> replay_;
  std::unique_ptr<SnapshotReader> reader_;
  std::vector<store::Mutation> mutations_;
  std::unique_ptr<LogScan> scan_;
  bool in_snapshot_ = false;
  Report report_;
};

}  // namespace quoris::persistence
