// SimHost: what a simulated process tells about its machine: figures that are made up, and the
// same in every run.
//
// Used by: tests of the server, the simulator.
#pragma once

#include "base/host.h"

namespace quoris::sim {

class SimHost final : public Host {
 public:
  [[nodiscard]] const HostFacts& facts() const override { return facts_; }

  [[nodiscard]] uint64_t resident_bytes() override { return 10'000'000; }

  [[nodiscard]] CpuUsage cpu_usage() override { return {}; }

  [[nodiscard]] AllocatorStats allocator_stats() override { return {}; }

  [[nodiscard]] uint64_t thread_heap_bytes() override { return heap_bytes; }

  void purge_allocator() override { ++purges; }

  [[nodiscard]] uint64_t raise_open_files(uint64_t wanted) override { return wanted; }

  uint64_t heap_bytes = 1'000'000;
  int purges = 0;

 private:
  HostFacts facts_ = {.pid = 42,
                      .executable = "/usr/bin/quoris",
                      .os = "Linux",
                      .machine = "x86_64",
                      .hostname = "host",
                      .compiler_version = "12.2.0",
                      .allocator = "libc",
                      .multiplexing_api = "epoll",
                      .monotonic_clock = "simulated",
                      .arch_bits = 64,
                      .total_memory_bytes = 1 << 30};
};

}  // namespace quoris::sim
