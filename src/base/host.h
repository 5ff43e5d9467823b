// Host: what the node tells about the machine and the process it runs on, and the few things it
// asks of them.
//
// Used by: server (INFO, MEMORY, the limit on clients). Implemented by: src/net/process.h, test
// hosts, the simulator. All values are true ones; 0 or empty where the system doesn't tell.
#pragma once

#include <cstdint>
#include <string>

#include "base/relocator.h"

namespace quoris {

// What doesn't change in a process's life.
struct HostFacts {
  int64_t pid = 0;
  std::string executable;        // absolute path
  std::string os;                // "Linux 6.1.0 x86_64"
  std::string machine;           // "x86_64"
  std::string hostname;          //
  std::string compiler_version;  // "12.2.0"
  std::string allocator;         // "jemalloc-5.3.0", "libc"
  std::string multiplexing_api;  // "epoll"
  std::string monotonic_clock;   // "POSIX clock_gettime"
  int arch_bits = 0;
  uint64_t total_memory_bytes = 0;
};

struct CpuTime {
  int64_t user_us = 0;
  int64_t system_us = 0;
};

struct CpuUsage {
  CpuTime process;
  CpuTime thread;  // the calling one
  CpuTime children;
};

// Bytes. `allocated` is what the program asked for, `active` the pages that hold it, `resident`
// what the allocator has in memory, `mapped` and `retained` what it has of the address space.
// An allocator that tells less leaves zeros.
struct AllocatorStats {
  uint64_t allocated = 0;
  uint64_t active = 0;
  uint64_t metadata = 0;
  uint64_t resident = 0;
  uint64_t mapped = 0;
  uint64_t retained = 0;
};

class Host {
 public:
  virtual ~Host() = default;

  [[nodiscard]] virtual const HostFacts& facts() const = 0;

  // Resident memory of the process. Reads a file of the system: per INFO, not per command.
  [[nodiscard]] virtual uint64_t resident_bytes() = 0;

  [[nodiscard]] virtual CpuUsage cpu_usage() = 0;

  // Exact; costs the allocator tens of microseconds.
  [[nodiscard]] virtual AllocatorStats allocator_stats() = 0;

  // What the calling thread has allocated and not freed: a nanosecond, for limits that are checked
  // per command. Off by what other threads allocated or freed for it; 0 where unknown.
  [[nodiscard]] virtual uint64_t thread_heap_bytes() = 0;

  // Null where the allocator does not say how its allocations stand.
  [[nodiscard]] virtual Relocator* relocator() { return nullptr; }

  // Gives freed memory back to the system (MEMORY PURGE).
  virtual void purge_allocator() = 0;

  // Raises the limit on open files towards `wanted`, never lowers it; returns the limit in force.
  [[nodiscard]] virtual uint64_t raise_open_files(uint64_t wanted) = 0;
};

}  // namespace quoris
