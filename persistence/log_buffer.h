// LogBuffer: the tail of the log in memory, from the encoding of a batch until its bytes are
// durable.
//
// Batches are encoded behind each other into a frame, which is sealed when the turn ends; only
// then do its bytes have a place in the log. They are kept until release(): what a failed write or
// fsync may have lost is written once more from here. Sealed bytes never move or change, so a job
// on another thread may write them while more are added; it holds the chunks they lie in.
//
// No allocation per mutation; a chunk per kChunkBytes, a few of which are used again.
// Limit: the owner's duty, by retained().
// Used by: AppendLog.
#pragma once

#include <deque>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "persistence/frame.h"
#include "persistence/mutation_codec.h"

namespace quoris::persistence {

class LogBuffer {
 public:
  // A smaller one closes frames more often in the midst of a turn (16 bytes each), a larger one
  // holds more memory while little is written.
  static constexpr size_t kChunkBytes = size_t{256} * 1024;

  // Chunks kept for reuse, at most: memory that stays after a burst, against page faults.
  static constexpr size_t kSpareMax = 8;

  class Chunk;
  // Shared with jobs that write it: they may outlive the buffer.
  using ChunkPtr = std::shared_ptr<Chunk>;

  // What stands at [from, to), as views, and what keeps them alive.
  struct Pieces {
    std::vector<std::string_view> views;
    std::vector<ChunkPtr> chunks;
  };

  // The log goes on at `begin`, and is durable up to there, which stands elsewhere.
  explicit LogBuffer(LogPosition begin)
      : released_(begin), sealed_(begin), said_(begin), batches_end_(begin) {}

  void append(std::span<const store::Mutation> batch);

  // Seals what was appended. `synced`: the position known to be fsynced, which frames say from now
  // on.
  void finish_turn(LogPosition synced);

  // A frame without batches says how far the log is fsynced. REQUIRES: nothing was appended since
  // finish_turn().
  void mark(LogPosition synced);

  // No batch stands at or past the position that the last frame names as fsynced, nor waits for
  // finish_turn(): a mark would say nothing that counts.
  [[nodiscard]] bool is_marked() const { return said_ >= batches_end_ || frame_ != nullptr; }

  // End of what is sealed.
  [[nodiscard]] LogPosition sealed() const { return sealed_; }

  // Beginning of what is kept.
  [[nodiscard]] LogPosition released() const { return released_; }

  [[nodiscard]] uint64_t retained() const { return distance(released_, sealed_); }

  // Replaces what is in `out`. REQUIRES: released() <= from <= to <= sealed().
  void pieces(LogPosition from, LogPosition to, Pieces& out) const;

  // Lets go of what stands before `to`. REQUIRES: released() <= to <= sealed().
  void release(LogPosition to);

 private:
  void begin_frame(size_t room);
  void add_chunk(size_t capacity);
  void seal_open_frame();
  void seal_in_parts(char* frame, size_t payload);

  [[nodiscard]] size_t room() const { return static_cast<size_t>(limit_ - write_); }

  std::deque<ChunkPtr> chunks_;
  std::vector<ChunkPtr> spare_;
  MutationEncoder encoder_;
  LogPosition released_;
  LogPosition sealed_;
  LogPosition synced_{0};    // what frames say
  LogPosition said_;         // what the last one says
  LogPosition batches_end_;  // what stands behind is marks
  char* frame_ = nullptr;    // that is open, in the last chunk; null: none
  char* write_ = nullptr;
  char* limit_ = nullptr;
};

}  // namespace quoris::persistence
