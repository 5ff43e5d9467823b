// LogCursor: walks the frames of a log, over the borders of its files, and finds the next good one
// behind damage.
//
// Reads ahead by some megabytes. What a frame shows is valid until next() or find_good() is called
// when moves_buffer() says that it moves. Limit: one buffer of kReadAhead.
// Used by: LogReader, repair.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "persistence/log_files.h"

namespace quoris::persistence {

// What is wrong with a log, and where.
struct LogFault {
  std::string file;     // its name
  uint64_t offset = 0;  // in it
  LogPosition at{0};
  std::string what;
};

class LogCursor {
 public:
  static constexpr size_t kReadAhead = size_t{4} << 20;
  static_assert(kReadAhead >= 2 * kFrameMax);

  enum class Step : uint8_t {
    frame,
    end,     // of the log
    fault,   // no good frame stands here
    failed,  // the disk could not be read
  };

  // `files` outlives this.
  LogCursor(Disk& disk, const LogFiles& files) : disk_(disk), files_(files) {}

  // REQUIRES: the log has files and doesn't begin after `position`.
  void seek(LogPosition position);

  // After `frame` it stands behind it, after anything else where it stood.
  [[nodiscard]] Step next(Frame& frame);

  // Whether next() is going to overwrite what earlier frames show.
  [[nodiscard]] bool moves_buffer() const;

  // Looks for a good frame of the log at or behind `position`, byte by byte, and stands before it
  // then. Answers `frame`, `end` or `failed`.
  [[nodiscard]] Step find_good(LogPosition position);

  [[nodiscard]] LogPosition at() const { return at_; }

  // Where `position` stands. REQUIRES: as of seek().
  [[nodiscard]] LogFault place(LogPosition position, std::string what) const;

  // After Step::fault: why.
  [[nodiscard]] const std::string& problem() const { return problem_; }

  // After Step::failed.
  [[nodiscard]] const Error& error() const { return error_; }

 private:
  [[nodiscard]] const LogFile& current() const { return files_.chain[index_]; }

  [[nodiscard]] bool is_last() const { return index_ + 1 == files_.chain.size(); }

  [[nodiscard]] std::string_view ahead() const {
    const uint64_t skipped = distance(buffer_begin_, at_);
    return std::string_view(buffer_.get(), buffer_size_).substr(skipped);
  }

  [[nodiscard]] bool has_enough() const;
  [[nodiscard]] bool fill();
  void open_file(size_t index);
  [[nodiscard]] Step at_end_of_file();

  Disk& disk_;
  const LogFiles& files_;
  size_t index_ = 0;
  LogPosition at_{0};
  std::unique_ptr<File> file_;  // current() if it is open
  std::unique_ptr<char[]> buffer_;
  LogPosition buffer_begin_{0};
  size_t buffer_size_ = 0;
  std::string problem_;
  Error error_;
};

}  // namespace quoris::persistence
