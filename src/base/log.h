// The log as the core sees it: levels, topics and a sink that the edge implements with spdlog.
//
// State changes are logged, never single commands. Topics are off by default and switched on by
// `CONFIG SET log-debug topic,topic`; they carry what helps to follow one part closely.
// Used by: server and above, through Log. Implemented by: src/net/spdlog_sink, test sinks.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string_view>
#include <utility>

namespace quoris {

// redis.conf's loglevel values, least to most severe.
enum class LogLevel : uint8_t { debug, verbose, notice, warning };

// One bit each, named as in the setting `log-debug`.
enum class LogTopic : uint32_t {
  network = 1U << 0,
  expiry = 1U << 1,
  replication = 1U << 2,
  gossip = 1U << 3,
  repair = 1U << 4,
  raft = 1U << 5,
};

class LogSink {
 public:
  virtual ~LogSink() = default;

  // `line` has no line end. Must not throw; a full disk drops the line.
  virtual void write(LogLevel level, std::string_view line) = 0;
};

// Filters by level and topic, formats, hands on. Cheap to ask when off: one comparison.
class Log {
 public:
  explicit Log(LogSink& sink) : sink_(sink) {}

  void set_level(LogLevel level) { level_ = level; }

  [[nodiscard]] LogLevel level() const { return level_; }

  void set_topics(uint32_t mask) { topics_ = mask; }

  [[nodiscard]] uint32_t topics() const { return topics_; }

  template <class... Args>
  void write(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
    if (level < level_) return;
    sink_.write(level, fmt::format(format, std::forward<Args>(args)...));
  }

  // Written whatever the level is, if the topic is on.
  template <class... Args>
  void topic(LogTopic topic, fmt::format_string<Args...> format, Args&&... args) {
    if ((topics_ & static_cast<uint32_t>(topic)) == 0) return;
    sink_.write(LogLevel::debug, fmt::format(format, std::forward<Args>(args)...));
  }

 private:
  LogSink& sink_;
  LogLevel level_ = LogLevel::notice;
  uint32_t topics_ = 0;
};

}  // namespace quoris
