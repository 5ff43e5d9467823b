// Reading the log: verified, decoded, handed on in chunks; and where it ends.
//
// Frames and headers of files say how much of the log was known to be fsynced. What is not good at
// or past the highest such position is the torn tail: writes that were under way when the power
// went, in whatever order they reached the disk. The log ends there, whatever follows. What is not
// not good before it is damage, and an error. To tell the two apart all that follows the first bad
// frame is searched for good ones, since what they say counts as well. A file's head that was
// written and is not good any more is damage, too; and so is a log that doesn't reach the position
// that it is to be read from, which was durable when somebody wrote it down.
//
// Used by: recovery, check. Limits: a read-ahead buffer, and one batch that goes in parts.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "persistence/log_cursor.h"
#include "store/mutation.h"

namespace quoris::persistence {

// Whole batches in their order. Views are valid during the call.
struct LogChunk {
  LogPosition begin{0};
  LogPosition end{0};
  std::span<const store::Mutation> mutations;
  std::span<const size_t> batches;  // how many mutations each batch has
  // A repair left something out before this chunk: deltas may miss what they are based on.
  bool follows_repair = false;
};

using LogConsumer = std::function<Status(const LogChunk&)>;

struct LogReadOptions {
  LogPosition from{0};  // beginning of a batch
  // Known from elsewhere to have been fsynced: by a snapshot or at a clean shutdown.
  LogPosition synced{0};
  // The log counts only up to here and is durable up to here: what stands behind is not looked at.
  // The end of a batch, not before `from`. Nothing: to where it ends by itself.
  std::optional<LogPosition> end = std::nullopt;
  // No chunk has batches from both sides of this one, which is a batch's beginning or none.
  LogPosition border{0};
  // There was a file of the log once: none is damage.
  bool has_begun = false;
  // The machine has run on since the log was written: what is not good can only be its very end.
  bool same_boot = false;
  bool frame_by_frame = false;  // a chunk is one frame: slower, says where each turn stands
};

struct LogEnd {
  LogPosition end{0};
  LogPosition synced{0};           // what the log knew of itself
  uint64_t torn_bytes = 0;         // that stand at or past `end`, to be cut (cut_log())
  std::optional<LogFault> torn;    // what the first of them look like
  std::optional<LogFault> damage;  // then the rest is not to be relied on
  uint64_t unused_bytes = 0;       // that stand behind LogReadOptions::end, to be cut as well
  bool follows_repair = false;
};

// The same in steps, for those who have something else to do meanwhile.
class LogScan {
 public:
  // `files` outlives this.
  LogScan(Disk& disk, const LogFiles& files, const LogReadOptions& options, LogConsumer consume);
  ~LogScan();
  LogScan(const LogScan&) = delete;
  LogScan& operator=(const LogScan&) = delete;

  // Goes on by a frame, or to the end of a search. True: through, and end() is there.
  // Errors: those of the disk, and what `consume` answers.
  [[nodiscard]] Result<bool> step();

  // How far it is.
  [[nodiscard]] LogPosition at() const;

  // REQUIRES: step() said true.
  [[nodiscard]] const LogEnd& end() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// REQUIRES: end.damage.
[[nodiscard]] Error damage_error(const LogFiles& files, const LogEnd& end);

// Damage is no error here but an answer, for those who report it. `consume` has seen all that
// stands before it. Errors: those of the disk, and what `consume` answers.
[[nodiscard]] Result<LogEnd> scan_log(Disk& disk, const LogFiles& files,
                                      const LogReadOptions& options, const LogConsumer& consume);

// As scan_log(), with damage as Errc::corrupt: file, offset, and what to run.
[[nodiscard]] Result<LogEnd> read_log(Disk& disk, const LogFiles& files,
                                      const LogReadOptions& options, const LogConsumer& consume);

}  // namespace quoris::persistence
