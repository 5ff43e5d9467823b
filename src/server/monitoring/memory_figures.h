// What the node knows of its memory, taken together at one moment.
//
// Bytes. `overhead` is what is not data: the start, the clients, the dictionaries' tables.
// Used by: INFO memory, MEMORY STATS and DOCTOR, so that they agree.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/host.h"
#include "base/ids.h"

namespace quoris::server {

class Node;

struct DatabaseMemory {
  DbIndex db{0};
  uint64_t table = 0;  // the dictionary without its entries
};

struct MemoryFigures {
  uint64_t used = 0;
  uint64_t peak = 0;
  uint64_t startup = 0;
  uint64_t clients = 0;
  uint64_t overhead = 0;
  uint64_t dataset = 0;  // used, less the overhead
  uint64_t resident = 0;
  uint64_t keys = 0;
  uint64_t clients_count = 0;
  uint64_t lazily_pending = 0;  // entries
  AllocatorStats allocator;
  std::vector<DatabaseMemory> databases;  // those with keys

  // Of what came since the start; 0 to 100.
  [[nodiscard]] double dataset_percent() const;
  [[nodiscard]] double peak_percent() const;
  [[nodiscard]] uint64_t bytes_per_key() const;

  // Pages in use against bytes in use, memory in the allocator against pages in use, memory of
  // the process against the allocator's, and against the bytes in use.
  [[nodiscard]] double allocator_fragmentation() const;
  [[nodiscard]] double allocator_rss() const;
  [[nodiscard]] double rss_overhead() const;
  [[nodiscard]] double fragmentation() const;
};

// Asks system and allocator: tens of microseconds, and a walk over the sessions.
[[nodiscard]] MemoryFigures memory_figures(Node& node);

// a / b, 0 where b is.
[[nodiscard]] double ratio(uint64_t a, uint64_t b);

// a - b, negative if b is larger.
[[nodiscard]] int64_t difference(uint64_t a, uint64_t b);

// "895.13K", as INFO's *_human fields and the doctors show bytes.
[[nodiscard]] std::string human_bytes(uint64_t bytes);

}  // namespace quoris::server
