#include "net/spdlog_sink.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <exception>
#include <filesystem>
#include <system_error>

namespace quoris::net {

namespace {

constexpr const char* kPattern = "%P %Y-%m-%dT%H:%M:%S.%e%z %v";

// spdlog's levels have other names than redis.conf's; the name goes into the text.
std::string_view level_name(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::verbose:
      return "verbose";
    case LogLevel::notice:
      return "notice";
    case LogLevel::warning:
      return "warning";
  }
  return "notice";
}

std::shared_ptr<spdlog::logger> make_logger(const std::string& path) {
  spdlog::sink_ptr sink;
  if (path.empty()) {
    sink = std::make_shared<spdlog::sinks::stdout_sink_mt>();
  } else {
    sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(path);
  }
  auto logger = std::make_shared<spdlog::logger>("quoris", std::move(sink));
  logger->set_pattern(kPattern);
  logger->set_level(spdlog::level::trace);
  logger->flush_on(spdlog::level::trace);
  return logger;
}

}  // namespace

Result<std::unique_ptr<SpdlogSink>> SpdlogSink::open(const std::string& path) {
  std::unique_ptr<SpdlogSink> self(new SpdlogSink);
  if (auto opened = self->set_file(path); !opened) return opened.error();
  return self;
}

SpdlogSink::~SpdlogSink() = default;

void SpdlogSink::write(LogLevel level, std::string_view line) {
  try {
    logger_->log(spdlog::level::info, "{:7} {}", level_name(level), line);
  } catch (...) {  // NOLINT(bugprone-empty-catch): the log must not stop what it tells about
  }
}

Status SpdlogSink::set_file(const std::string& path) {
  // spdlog would make the directories of a mistyped path without a word.
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  std::error_code ignored;
  if (!folder.empty() && !std::filesystem::is_directory(folder, ignored)) {
    return Error{Errc::io,
                 "cannot open the log file " + path + ": there is no directory " + folder.string()};
  }
  try {
    logger_ = make_logger(path);
  } catch (const std::exception& error) {
    return Error{Errc::io, "cannot open the log file: " + std::string(error.what())};
  }
  path_ = path;
  return ok();
}

Status SpdlogSink::reopen() { return set_file(std::string(path_)); }

}  // namespace quoris::net
