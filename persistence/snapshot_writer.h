// SnapshotWriter: writes the walk of a store to a file, slice by slice, while the node serves.
//
// The caller gives it slices (step) while it asks for them. What the walk yields is gathered into
// blocks, each a frame, which jobs of the pool write one at a time; while too many wait step() does
// nothing and says so. When the walk is through the caller names the position of the log at which
// it ended (end_at), once the log is fsynced up to there: a snapshot is worth nothing without it.
// Then the file gets its end, is synced, renamed from its temporary name, and the directory synced.
//
// A failure of the disk ends it; the file is removed then, as it is when this is destroyed before
// it is done. A temporary file that is left after a crash is nobody's.
// Invariants: one job uses the file at a time. `finished` is called once, never from inside a call
// to this, and not once this is gone.
// Limits: blocks_max blocks wait (a value that is larger than all of them comes on top).
// Used by: server (one at a time).
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/disk.h"
#include "persistence/mutation_codec.h"
#include "persistence/snapshot_format.h"
#include "store/store_walk.h"

namespace quoris::persistence {

// What a snapshot is, when it is done.
struct SnapshotInfo {
  std::string name;
  LogPosition begin{0};
  LogPosition end{0};
  uint64_t bytes = 0;
  uint64_t entries = 0;
};

class SnapshotWriter : store::MutationSink {
 public:
  struct Options {
    std::string directory;
    std::string name;      // nobody else's: snapshot_name()
    LogPosition begin{0};  // of all that is emitted from now on
    int64_t wall_ms = 0;
    // Of a frame's payload. Small ones keep a step of recovery short.
    size_t block_bytes = size_t{256} * 1024;
    // That wait for the disk. Costs memory, saves pauses of the walk.
    size_t blocks_max = 16;
    // After so many bytes the file is synced, so that the last sync, and the log's beside it,
    // don't have to wait for all of it.
    uint64_t sync_bytes = uint64_t{16} << 20;
    size_t piece_bytes = store::StoreWalk::kPieceBytes;
  };

  using Finished = std::function<void(const Result<SnapshotInfo>&)>;

  // The walk begins. The disk outlives the jobs, the store this.
  SnapshotWriter(Disk& disk, store::Store& store, Options options, Finished finished);
  ~SnapshotWriter() override;
  SnapshotWriter(const SnapshotWriter&) = delete;
  SnapshotWriter& operator=(const SnapshotWriter&) = delete;

  enum class Phase : uint8_t {
    walking,
    waiting,  // for the disk: a slice would do nothing
    through,  // end_at() is wanted
    writing,  // the rest, without the caller's help
    done,     // or failed
  };

  // Goes on with the walk for about `work_max` units of StoreWalk's.
  Phase step(size_t work_max);

  [[nodiscard]] Phase phase() const;

  // REQUIRES: phase() is `through`; all that was emitted until step() said so stands before `end`,
  // and the log is fsynced up to there.
  void end_at(LogPosition end);

  struct Figures {
    uint64_t entries = 0;
    uint64_t bytes = 0;   // of the file, so far
    uint64_t memory = 0;  // blocks that wait, and what changed lists cost
  };

  [[nodiscard]] Figures figures() const;

 private:
  struct Block {
    std::unique_ptr<char[]> bytes;
    size_t size = 0;
  };

  using Blocks = std::vector<Block>;

  // The file, and how far it is written. Shared with the jobs.
  struct Output;

  void emit(const store::Mutation& mutation) override;
  void emit_in_parts(std::span<const store::Mutation> batch, size_t size_max);
  void begin_block(size_t payload_max);
  void end_block(FrameType type, FramePart part);
  void add_frame(FrameType type, FramePart part, std::string_view payload);
  void pump();
  void submit(std::function<Status()> job);
  void on_written(const Status& status);

  Disk& disk_;
  Options options_;
  Finished finished_;
  store::Store& store_;
  store::StoreWalk walk_;
  MutationEncoder encoder_;
  Block block_;                // that is being filled; behind its header
  char* block_end_ = nullptr;  // of its room
  std::deque<Block> waiting_;
  std::shared_ptr<Output> output_;
  uint64_t bytes_ = 0;
  SnapshotEnd end_;
  size_t in_flight_ = 0;  // blocks
  bool job_in_flight_ = false;
  bool is_through_ = false;
  bool has_end_ = false;
  bool is_closing_ = false;
  bool is_done_ = false;
  // Jobs hold it weakly, and so learn that this is gone.
  std::shared_ptr<SnapshotWriter*> self_;
};

}  // namespace quoris::persistence
