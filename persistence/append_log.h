// AppendLog: the log while a node runs. What is written and fsynced when, and what becomes of it
// when the disk is slow, full or broken.
//
// A turn's batches go into a buffer (LogBuffer) and are written when the turn ends: at once if
// nothing is in flight and the disk was quick lately, else by a job of the pool, one at a time. A
// job under `always` writes and syncs, so that one fsync serves all turns that passed meanwhile;
// behind one that served several batches the next waits a moment for those writers to come again,
// or they would go on in two groups, each with an fsync of its own.
// Under `every_second` a sync begins a second after the one before (sooner if much waits for it)
// beside the writes; if it takes more than a second itself, acknowledged() stands still until it is
// done, so that never more than two seconds' writes hang on it. `never` syncs only as much as the
// bounded buffer needs.
//
// After a failed write or sync nothing since the last good sync counts as durable. All of it is
// still in the buffer and is written again to a new segment, and synced, by timers until that
// succeeds; meanwhile accepts() is false. The file that failed is never written again.
//
// A frame tells how far the log was fsynced before it. Once nothing has come for a while, one
// without batches (a mark) tells it of the last ones, so that rot in them isn't taken for a torn
// tail.
//
// Invariants: synced() <= written() <= appended(); none of them, nor acknowledged(), goes back.
// All results come on the reactor thread. Limit: Options::buffer_bytes_max, by accepts().
// Used by: server (one, as listener of the outbox), snapshot (positions).
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "base/env.h"
#include "persistence/log_tasks.h"

namespace quoris::persistence {

// Settings' appendfsync.
enum class SyncPolicy : uint8_t { always, every_second, never };

// Who owns the log. Calls come from jobs and timers, not from inside a call to the log; but any of
// these that writes may find that the disk fails, and say so at once.
class LogOwner {
 public:
  virtual ~LogOwner() = default;
  // acknowledged() or synced() has grown.
  virtual void on_log_advanced() = 0;
  // From now on accepts() is false.
  virtual void on_log_failed(const Error& error) = 0;
  virtual void on_log_recovered() = 0;
};

// For INFO and people.
struct LogFigures {
  uint64_t size = 0;  // of what is kept on disk, and what is to be written
  uint64_t unwritten = 0;
  uint64_t unsynced = 0;
  uint64_t segments = 0;
  uint64_t syncs = 0;
  uint64_t delayed_syncs = 0;  // that took more than a second
  uint64_t last_sync_us = 0;   // how long it took, as the reactor saw it
  uint64_t failures = 0;
  bool sync_in_flight = false;
  bool failed = false;     // now
  std::string last_error;  // empty: never
};

class AppendLog {
 public:
  struct Options {
    std::string directory;
    SyncPolicy policy = SyncPolicy::every_second;
    // When a segment is full. Smaller: space comes back sooner after a snapshot. Larger: fewer
    // files.
    uint64_t segment_bytes = uint64_t{64} << 20;
    // What may wait for the disk before writes are refused.
    uint64_t buffer_bytes_max = uint64_t{256} << 20;
    // A sync begins early if so much waits for it: costs fsyncs under load, saves memory.
    uint64_t sync_bytes = uint64_t{32} << 20;
  };

  // What settle_log() (persistence/log_files.h) left: where the log ends and its files, in order.
  // That all of it is durable has to stand somewhere else: the log tells of what is appended to it.
  struct Start {
    LogPosition end{0};
    std::vector<SegmentHead> segments;
  };

  // Blocks. REQUIRES: all of the log is durable.
  [[nodiscard]] static Result<std::unique_ptr<AppendLog>> open(const Env& env, LogOwner& owner,
                                                               const Options& options,
                                                               const Start& start);
  ~AppendLog();
  AppendLog(const AppendLog&) = delete;
  AppendLog& operator=(const AppendLog&) = delete;

  void append(std::span<const store::Mutation> batch) {
    buffer_.append(batch);
    ++batches_;
  }

  // Gives what was appended its place in the log, and writes it or sees to it that it is written.
  void finish_turn();

  // End of what was appended in turns that are over.
  [[nodiscard]] LogPosition appended() const { return buffer_.sealed(); }

  // A killed process loses nothing before this.
  [[nodiscard]] LogPosition written() const { return written_; }

  // A power cut loses nothing before this.
  [[nodiscard]] LogPosition synced() const { return synced_; }

  // Replies to what stands before this may leave under the policy.
  [[nodiscard]] LogPosition acknowledged() const;

  // False while the disk fails or too much waits for it: commands that write are to be refused.
  [[nodiscard]] bool accepts() const {
    return !failed_ && buffer_.retained() < options_.buffer_bytes_max;
  }

  // Syncs all that is appended, as soon as can be, whatever the policy; on_log_advanced() tells.
  void request_sync();

  // Nothing is in flight or due: all is synced, the disk is well.
  [[nodiscard]] bool is_idle() const;

  // acknowledged() may have grown afterwards.
  void set_policy(SyncPolicy policy);

  // Lets segments go that end before `position`.
  void drop_before(LogPosition position);

  // What open() goes on with later. REQUIRES: is_idle().
  [[nodiscard]] Start stop() const;

  // Beginning of what is kept.
  [[nodiscard]] LogPosition first() const { return segments_.front()->head.begin; }

  [[nodiscard]] LogFigures figures() const;

 private:
  AppendLog(const Env& env, LogOwner& owner, Options options, const Start& start);

  [[nodiscard]] Status open_files(const Start& start);
  [[nodiscard]] Status begin_first_segment();

  void pump();
  void write_inline();
  void submit_write(bool and_sync);
  [[nodiscard]] WriteTask next_write();

  void hold_back(uint64_t served);
  void hold_on();
  void end_hold();
  [[nodiscard]] bool is_held_back() const;

  [[nodiscard]] bool sync_is_due() const;
  [[nodiscard]] SyncTask next_sync(LogPosition to);
  void start_sync();
  void begin_sync();
  void end_sync();
  void on_sync_late();
  void note_synced(const SyncTask& task, LogPosition to);
  void arm_sync_timer();

  [[nodiscard]] bool wants_mark() const;
  void arm_mark();

  void prepare_segment();

  void fail(const Error& error);
  void arm_retry();
  void rewrite();
  void on_rewritten(const SegmentPtr& segment, LogPosition to);

  // `done` is not called once this is gone.
  void submit(std::function<Status()> job, std::function<void(AppendLog&, const Status&)> done);

  [[nodiscard]] Segment& current() { return *segments_.back(); }

  Clock& clock_;
  Timers& timers_;
  Disk& disk_;
  LogOwner& owner_;
  Options options_;
  LogBuffer buffer_;
  LogPosition written_;
  LogPosition synced_;
  LogPosition sync_wanted_{0};  // request_sync()
  LogPosition held_at_{0};      // acknowledged() doesn't pass it while sync_is_late_
  std::deque<SegmentPtr> segments_;
  uint64_t last_sequence_ = 0;

  bool write_in_flight_ = false;
  bool sync_in_flight_ = false;
  bool rewrite_in_flight_ = false;
  bool sync_is_late_ = false;
  bool failed_ = false;
  uint64_t slow_until_ns_ = 0;
  uint64_t sync_began_ns_ = 0;
  uint64_t next_sync_ns_ = 0;  // under every_second not before this

  uint64_t batches_ = 0;  // appended
  uint64_t batches_submitted_ = 0;
  uint64_t enough_at_ = 0;  // so many of them end the wait
  uint64_t hold_until_ns_ = 0;
  unsigned idle_steps_ = 0;
  TimerId hold_timer_{0};  // under always: the next job waits for more batches

  SegmentFiles prepared_;
  bool is_preparing_ = false;
  LogPosition prepare_at_{0};  // not before this

  TimerId sync_timer_{0};
  TimerId late_timer_{0};
  TimerId retry_timer_{0};
  TimerId mark_timer_{0};
  uint64_t retry_us_ = 0;
  LogFigures figures_;
  LogBuffer::Pieces inline_pieces_;
  // Jobs hold it weakly, and so learn that the log is gone.
  std::shared_ptr<AppendLog*> self_;
};

}  // namespace quoris::persistence
