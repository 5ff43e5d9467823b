// Saving: snapshots of the node's data while it serves: when one is begun, its slices, what it
// lets go of when it is good.
//
// Begun by BGSAVE, SAVE, BGREWRITEAOF, `save` points, SHUTDOWN, and by itself when the log has
// outgrown the data (auto-aof-rewrite-*). One at a time: who asks meanwhile gets the one that runs,
// or one more behind it (request). A slice of the walk runs from a timer, at most kSliceNs of every
// kPauseUs + kSliceNs, so no client waits longer for it than that. Where `appendonly` is off the
// log is written just for that while. When a snapshot is durable the manifest names it and the one
// before; older files go. What changed while nothing was logged is in no log, so no recovery may go
// across such a gap: before a log is opened behind one the manifest has a log_end, and a snapshot
// made then is the only one it names.
//
// Used by: Durability (one), commands of persistence, INFO. Source: docs/durability.md.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "persistence/manifest.h"
#include "persistence/recovery.h"
#include "persistence/snapshot_writer.h"

namespace quoris::server {

class Durability;
class Node;

class Saving {
 public:
  static constexpr uint64_t kSliceNs = 400'000;
  static constexpr uint64_t kPauseUs = 1'000;

  Saving(Node& node, Durability& durability) : node_(node), durability_(durability) {}

  // After recovery.
  void begin_with(const persistence::Manifest& manifest,
                  const persistence::Recovery::Report& report);

  // The manifest on disk says that the log counts up to `end`, which is durable, or (nothing) that
  // what is appended from now on continues it. Blocks if that is not what it says already.
  // REQUIRES: !is_running(), the log is not open or `end` is where it ends.
  [[nodiscard]] Status set_log_end(std::optional<persistence::LogPosition> end);

  // The log is being closed and ends at `end`, which is durable. Blocks. What was logged behind a
  // gap counts only if there is a snapshot for it: then, or if all that went before is logged, too,
  // the manifest says where it ends.
  [[nodiscard]] Status end_log(persistence::LogPosition end);

  // The log that was in the way of begin() is gone.
  void log_closed();

  // Said to who waits for a snapshot; null: it is good.
  using Waiter = std::function<void(const Error*)>;

  // What was asked for. Both come to the same; clients are told of the one or the other.
  enum class Kind : uint8_t { snapshot, rewrite };

  // Begins one; `done` hears of it (may be empty). REQUIRES: !is_running().
  void begin(Kind kind, Waiter done);

  // Begins one as soon as the one that runs is done.
  void schedule_another(Kind kind, Waiter done);

  [[nodiscard]] bool is_running() const {
    return writer_ != nullptr || publishing_ || waits_for_log_;
  }

  [[nodiscard]] bool is_running(Kind kind) const { return is_running() && kind_ == kind; }

  [[nodiscard]] bool is_another_scheduled() const { return !next_waiters_.empty(); }

  // Once a second: `save` points, the size of the log.
  void tick();

  void log_advanced();

  [[nodiscard]] bool has_failed() const { return !figures_.last_was_good; }

  // What writers are told by stop-writes-on-bgsave-error; empty: nothing.
  [[nodiscard]] std::string refusal() const;

  struct Figures {
    int64_t last_save_s = 0;  // Unix time of the last good one, or of the start
    int64_t last_took_s = -1;
    bool last_was_good = true;
    uint64_t failures_in_a_row = 0;
    uint64_t saves = 0;
    int64_t running_since_s = 0;  // 0: none runs
    uint64_t entries_done = 0;
    uint64_t entries_total = 0;
    uint64_t last_bytes = 0;
    uint64_t memory = 0;  // of the one that runs
  };

  [[nodiscard]] Figures figures() const;

 private:
  void begin_walk();
  void schedule_slice(uint64_t delay_us);
  void slice();
  void end_walk();
  void finished(const Result<persistence::SnapshotInfo>& info);
  void publish(const persistence::SnapshotInfo& info);
  [[nodiscard]] persistence::Manifest manifest_with(const persistence::SnapshotInfo& info) const;
  void conclude(const Error* error);
  void give_up_if_stuck();
  [[nodiscard]] bool is_due_by_save_points() const;
  [[nodiscard]] bool is_due_by_log() const;
  [[nodiscard]] bool is_due_by_gap() const;

  Node& node_;
  Durability& durability_;
  persistence::Manifest manifest_;
  std::unique_ptr<persistence::SnapshotWriter> writer_;
  Kind kind_ = Kind::snapshot;
  Kind next_kind_ = Kind::snapshot;
  std::vector<Waiter> waiters_;
  std::vector<Waiter> next_waiters_;
  std::optional<persistence::LogPosition> end_;  // the walk is through; waits for the log's sync
  bool publishing_ = false;
  bool waits_for_log_ = false;   // the one before it is being closed
  uint64_t changes_before_ = 0;  // of the walk that runs
  int64_t retry_at_s_ = 0;
  Figures figures_;
};

}  // namespace quoris::server
