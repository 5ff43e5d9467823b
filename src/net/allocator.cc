#include "net/allocator.h"

#ifdef QUORIS_JEMALLOC
#include <jemalloc/jemalloc.h>

#include <string_view>
#else
#include <malloc.h>
#endif

#ifdef QUORIS_JEMALLOC
// Read by jemalloc as it starts (its manual, "TUNING"). Freed pages go back to the system from a
// thread of jemalloc's own, not in the middle of somebody's free(); without oversize_threshold:0 a
// large block would be given back at once by whoever frees it (500 MB: 100 ms).
// NOLINTNEXTLINE(readability-identifier-naming): the name is jemalloc's
extern "C" const char* malloc_conf;
const char* malloc_conf =
    "background_thread:true,oversize_threshold:0,dirty_decay_ms:2000,"
    "slab_sizes:32-32:4|64-64:8|80-80:10|128-128:8";
#endif

namespace quoris::net {

#ifdef QUORIS_JEMALLOC

namespace {

template <class Value>
Value read_control(const char* name, Value otherwise) {
  Value value{};
  size_t size = sizeof value;
  return mallctl(name, &value, &size, nullptr, 0) == 0 ? value : otherwise;
}

// Per-thread counters that jemalloc keeps at a fixed place.
struct ThreadCounters {
  const uint64_t* allocated = read_control<uint64_t*>("thread.allocatedp", nullptr);
  const uint64_t* deallocated = read_control<uint64_t*>("thread.deallocatedp", nullptr);
};

}  // namespace

std::string allocator_name() {
  // "5.3.0-0-g54eaed1d8b56": the release is enough.
  const std::string_view version = read_control<const char*>("version", "");
  return "jemalloc-" + std::string(version.substr(0, version.find('-')));
}

AllocatorStats read_allocator_stats() {
  // Statistics are a snapshot that a write to "epoch" renews.
  uint64_t epoch = 1;
  size_t size = sizeof epoch;
  mallctl("epoch", &epoch, &size, &epoch, size);
  return {.allocated = read_control<size_t>("stats.allocated", 0),
          .active = read_control<size_t>("stats.active", 0),
          .metadata = read_control<size_t>("stats.metadata", 0),
          .resident = read_control<size_t>("stats.resident", 0),
          .mapped = read_control<size_t>("stats.mapped", 0),
          .retained = read_control<size_t>("stats.retained", 0)};
}

uint64_t read_thread_heap_bytes() {
  thread_local const ThreadCounters counters;
  if (counters.allocated == nullptr || counters.deallocated == nullptr) return 0;
  // Freeing what another thread allocated can make the difference negative.
  const uint64_t allocated = *counters.allocated;
  const uint64_t deallocated = *counters.deallocated;
  return allocated > deallocated ? allocated - deallocated : 0;
}

void purge_allocator_pages() {
  mallctl("thread.tcache.flush", nullptr, nullptr, nullptr, 0);
  const std::string control = "arena." + std::to_string(MALLCTL_ARENAS_ALL) + ".purge";
  mallctl(control.c_str(), nullptr, nullptr, nullptr, 0);
}

namespace {

// What jemalloc tells of an allocation (its mallctl "experimental.utilization.query"): the slab it
// stands in, and all slabs of its size class together ("bin").
struct SlabUse {
  void* current = nullptr;  // the slab that new allocations come from
  size_t free = 0;
  size_t regions = 0;
  size_t bytes = 0;
  size_t bin_free = 0;
  size_t bin_regions = 0;
};

class JemallocRelocator final : public Relocator {
 public:
  JemallocRelocator() {
    known_ = mallctlnametomib("experimental.utilization.query", query_, &query_size_) == 0;
  }

  [[nodiscard]] bool known() const { return known_; }

  void* new_place(void* at, size_t size) override {
    SlabUse use;
    size_t use_size = sizeof use;
    if (mallctlbymib(query_, query_size_, &use, &use_size, &at, sizeof at) != 0) return nullptr;
    if (use.regions <= 1 || use.free == 0) return nullptr;
    const auto offset =
        static_cast<size_t>(static_cast<char*>(at) - static_cast<char*>(use.current));
    if (offset < use.bytes) return nullptr;
    // Worth it where the slab is emptier than its like; nearly full ones stay.
    if (use.free * kNearlyFull < use.regions) return nullptr;
    if (use.free * use.bin_regions < use.bin_free * use.regions) return nullptr;
    // Past the thread's cache, which would hand out the places of before.
    return mallocx(size, MALLOCX_TCACHE_NONE);
  }

  void release(void* at, size_t size) override { sdallocx(at, size, MALLOCX_TCACHE_NONE); }

 private:
  static constexpr size_t kNearlyFull = 8;  // one free in so many

  size_t query_[4] = {};
  size_t query_size_ = 4;
  bool known_ = false;
};

}  // namespace

Relocator* allocator_relocator() {
  static JemallocRelocator relocator;
  return relocator.known() ? &relocator : nullptr;
}

#else

Relocator* allocator_relocator() { return nullptr; }

std::string allocator_name() { return "libc"; }

AllocatorStats read_allocator_stats() {
  const struct mallinfo2 info = mallinfo2();
  const uint64_t mapped = info.arena + info.hblkhd;
  return {.allocated = info.uordblks + info.hblkhd, .active = mapped, .mapped = mapped};
}

uint64_t read_thread_heap_bytes() {
  // One reactor thread does nearly all of the allocating.
  return read_allocator_stats().allocated;
}

void purge_allocator_pages() { malloc_trim(0); }

#endif

}  // namespace quoris::net
