// DataDirectory: the directory a node owns while it runs, and what stands in it beside log and
// snapshots.
//
//   LOCK                   held while a node runs
//   quoris.identity        node id, hash secret, how the node last ended (persistence/identity.h)
//   quoris.ceiling         the version ceiling
//   quoris.manifest        the good snapshots, the beginning of the log (persistence/manifest.h)
//   log-<position>.qlog    segments (persistence/segment.h)
//   snapshot-*.qsnp        snapshots
//   quoris.raft, raft-*    of a cluster's Raft (cluster/raft/raft_files.h)
//   *.tmp beginning with log-, snapshot-, raft- or quoris.: leftovers of a crash, removed at the
//                          start
// Everything else is somebody else's, and left alone.
//
// Used by: server (one, for its life), recovery.
#pragma once

#include <memory>
#include <string>

#include "persistence/identity.h"
#include "persistence/manifest.h"

namespace quoris::persistence {

class DataDirectory {
 public:
  // Locks it, tidies up, reads the small files; a new identity is made and kept if there is none.
  // Errors: already_exists if another node runs in it; corrupt, unsupported, those of the disk.
  [[nodiscard]] static Result<std::unique_ptr<DataDirectory>> open(Disk& disk, Rng& rng,
                                                                   const std::string& path);

  [[nodiscard]] const std::string& path() const { return path_; }

  // As it was when the directory was opened.
  [[nodiscard]] const Identity& identity() const { return identity_; }

  [[nodiscard]] const Manifest& manifest() const { return manifest_; }

  [[nodiscard]] store::Version ceiling() const { return ceiling_; }

  [[nodiscard]] bool is_new() const { return is_new_; }

  // What was written but not fsynced is still there: the machine has not started anew since the
  // node last did. False if the system doesn't tell.
  [[nodiscard]] bool is_same_boot() const;

  // The node is about to serve: from now on its end is not a clean one. The log is durable up to
  // `end`. Blocks.
  [[nodiscard]] Status mark_running(LogPosition end);

  // All is durable, the log ends at `end`, and nothing is going to be written any more. Blocks.
  [[nodiscard]] Status mark_clean(LogPosition end);

 private:
  DataDirectory(Disk& disk, std::string path) : disk_(disk), path_(std::move(path)) {}

  [[nodiscard]] Status load(Rng& rng);
  [[nodiscard]] Status remove_leftovers();
  [[nodiscard]] Status mark(std::optional<LogPosition> clean_end, LogPosition durable_end);

  Disk& disk_;
  std::string path_;
  std::unique_ptr<DirectoryLock> lock_;
  Identity identity_;
  Manifest manifest_;
  store::Version ceiling_ = store::kNoVersion;
  bool is_new_ = false;
};

// Keeps the ceiling's file ahead of the clock: rewritten by a job when less than half of the
// margin is left. A clock that jumps further than that is ahead of the file for as long as the
// job takes; the margin costs nothing but versions that begin so much later after a crash.
class CeilingKeeper {
 public:
  static constexpr uint64_t kMarginMs = 60'000;

  // REQUIRES: `durable` stands in the file.
  CeilingKeeper(Disk& disk, std::string directory, store::Version durable);

  // Before the node serves. Blocks.
  [[nodiscard]] Status raise_now(store::Version last);

  // Once a second or so. `last`: what the clock issued or saw last.
  void tick(store::Version last);

  // What became of the last attempt; a failed one is made again at the next tick.
  [[nodiscard]] const Status& status() const { return status_; }

  [[nodiscard]] store::Version durable() const { return durable_; }

 private:
  Disk& disk_;
  std::string directory_;
  store::Version durable_;
  Status status_ = ok();
  bool in_flight_ = false;
  // A job that outlives this finds out by it.
  std::shared_ptr<CeilingKeeper*> self_;
};

}  // namespace quoris::persistence
