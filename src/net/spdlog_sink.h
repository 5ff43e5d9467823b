// SpdlogSink: the log's lines to standard output or a file, through spdlog.
//
// A line is "<pid> <time with ms and zone> <level> <text>". Every line is flushed: state changes
// are rare, and the last one before a crash is the one that is wanted.
// The file can be changed while running, and reopened after it was moved away.
//
// Errors: open() and set_file() when a file can't be opened; then what was there stays. A line
// that can't be written is dropped, and spdlog tells standard error, once a second at most.
// Used by: main; the core writes through Log.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/log.h"
#include "base/result.h"

namespace spdlog {
class logger;
}  // namespace spdlog

namespace quoris::net {

class SpdlogSink final : public LogSink {
 public:
  // An empty path is standard output (setting `logfile`).
  [[nodiscard]] static Result<std::unique_ptr<SpdlogSink>> open(const std::string& path);

  ~SpdlogSink() override;

  void write(LogLevel level, std::string_view line) override;

  [[nodiscard]] Status set_file(const std::string& path);

  // Opens the same path again.
  [[nodiscard]] Status reopen();

 private:
  SpdlogSink() = default;

  std::shared_ptr<spdlog::logger> logger_;  // spdlog's own way to hold one
  std::string path_;
};

}  // namespace quoris::net
