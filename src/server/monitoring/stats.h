// Figures of a node that INFO, LATENCY and COMMANDSTATS show; plain counters, reset by
// CONFIG RESETSTAT.
//
// Owned by Node, written on the reactor thread only.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/histogram.h"
#include "store/writer.h"

namespace quoris::server {

// Of one command or subcommand, by command::Command::index.
struct CommandStats {
  uint64_t calls = 0;
  uint64_t nanoseconds = 0;            // time of all calls
  uint64_t rejected = 0;               // refused before it ran (arity, auth, memory ...)
  uint64_t failed = 0;                 // ran and answered with an error
  std::unique_ptr<Histogram> latency;  // made at the first call while latency-tracking is on
};

// Rate of a counter per second over the last 16 samples, taken every 100 ms.
class InstantaneousRate {
 public:
  // `total` is the counter's present value.
  void sample(uint64_t total, uint64_t now_us);
  [[nodiscard]] uint64_t per_second() const;
  void reset();

 private:
  static constexpr size_t kSamples = 16;
  std::array<uint64_t, kSamples> samples_{};
  size_t next_ = 0;
  uint64_t last_total_ = 0;
  uint64_t last_us_ = 0;
};

// The largest of what was noted in the last eight seconds, the present one included.
class RecentMax {
 public:
  void note(uint64_t value, int64_t now_s) {
    Second& second = seconds_[static_cast<size_t>(now_s) % kSeconds];
    if (second.at_s != now_s) second = {.at_s = now_s, .max = 0};
    second.max = std::max(second.max, value);
  }

  [[nodiscard]] uint64_t max(int64_t now_s) const;

 private:
  static constexpr size_t kSeconds = 8;

  struct Second {
    int64_t at_s = 0;
    uint64_t max = 0;
  };

  std::array<Second, kSeconds> seconds_{};
};

// What CONFIG RESETSTAT leaves alone.
struct LastingStats {
  uint64_t peak_memory = 0;
  int64_t peak_memory_at_s = 0;
  RecentMax recent_input;   // memory of one client's query buffer
  RecentMax recent_output;  // ... and of its replies

  void note_memory(uint64_t used, int64_t now_s) {
    if (used <= peak_memory) return;
    peak_memory = used;
    peak_memory_at_s = now_s;
  }
};

struct NodeStats {
  uint64_t connections_received = 0;
  uint64_t connections_rejected = 0;
  uint64_t commands_processed = 0;
  uint64_t input_bytes = 0;
  uint64_t output_bytes = 0;
  uint64_t reads = 0;   // total_reads_processed
  uint64_t writes = 0;  // total_writes_processed
  uint64_t errors = 0;  // total_error_replies
  uint64_t acl_denied_auth = 0;
  uint64_t query_buffer_limit_disconnections = 0;
  uint64_t output_buffer_limit_disconnections = 0;
  uint64_t turns = 0;  // turns of the loop in which something was executed
  uint64_t expire_cycles = 0;
  uint64_t expire_cycle_cpu_ns = 0;
  uint64_t expire_time_cap_reached = 0;  // slices that ended before all that was due was removed
  uint64_t connections_unserved = 0;     // closed unseen: the system had no descriptor for them
  uint64_t over_memory_us = 0;           // spent past maxmemory, the present time so not included
  int64_t over_memory_since_us = 0;      // 0: it is not now
  uint64_t lazily_freed_before = 0;      // of the store's count; the rest is since the reset

  LastingStats lasting;

  store::KeyspaceStats keyspace;
  // Error code -> count, as INFO errorstats shows it. At most kErrorCodesMax codes are kept.
  static constexpr size_t kErrorCodesMax = 128;
  std::map<std::string, uint64_t, std::less<>> error_codes;

  InstantaneousRate ops_rate;
  InstantaneousRate input_rate;
  InstantaneousRate output_rate;

  // Thread CPU nanoseconds of whole turns of the loop (read, parse, execute, write).
  Histogram turn_cpu;

  std::vector<CommandStats> commands;  // by command::Command::index
};

}  // namespace quoris::server
