// Process: Host as Linux and the allocator tell it.
//
// Allocator statistics come from jemalloc's mallctl where the program is linked with it
// (QUORIS_JEMALLOC), else from the C library, which knows less.
// Used by: main, which hands it to the node as a Host. From the reactor thread only.
#pragma once

#include "base/host.h"

namespace quoris::net {

class Process final : public Host {
 public:
  Process();

  [[nodiscard]] const HostFacts& facts() const override { return facts_; }

  [[nodiscard]] uint64_t resident_bytes() override;
  [[nodiscard]] CpuUsage cpu_usage() override;
  [[nodiscard]] AllocatorStats allocator_stats() override;
  [[nodiscard]] uint64_t thread_heap_bytes() override;
  [[nodiscard]] Relocator* relocator() override;
  void purge_allocator() override;
  [[nodiscard]] uint64_t raise_open_files(uint64_t wanted) override;

 private:
  HostFacts facts_;
};

}  // namespace quoris::net
