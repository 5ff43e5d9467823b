// The slow log: the last commands that took longer than `slowlog-log-slower-than`.
//
// Arguments are cut as Redis cuts them (at most 32, each at most 128 bytes) when they are noted.
// Used by: dispatcher (notes), SLOWLOG. Limit: `slowlog-max-len` entries.
// Source: redis.io, SLOWLOG GET.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace quoris::server {

struct SlowlogEntry {
  uint64_t id = 0;
  int64_t time_s = 0;
  uint64_t microseconds = 0;
  std::vector<std::string> arguments;
  std::string client_address;
  std::string client_name;
};

class Slowlog {
 public:
  static constexpr size_t kArgumentsMax = 32;
  static constexpr size_t kArgumentBytesMax = 128;

  void note(std::span<const std::string_view> arguments, uint64_t microseconds, int64_t time_s,
            std::string client_address, std::string_view client_name, size_t entries_max);

  // Newest first.
  [[nodiscard]] const std::deque<SlowlogEntry>& entries() const { return entries_; }

  void reset() { entries_.clear(); }

 private:
  std::deque<SlowlogEntry> entries_;
  uint64_t next_id_ = 0;
};

}  // namespace quoris::server
