// What the allocator that the program is linked with tells and does.
//
// Used by: process.cc. Sources: jemalloc(3), mallctl namespace; mallinfo2(3).
#pragma once

#include <cstdint>
#include <string>

#include "base/host.h"

namespace quoris::net {

// "jemalloc-5.3.0" as INFO's mem_allocator; "libc".
[[nodiscard]] std::string allocator_name();

[[nodiscard]] AllocatorStats read_allocator_stats();

[[nodiscard]] uint64_t read_thread_heap_bytes();

void purge_allocator_pages();

// Null where the allocator has no such thing.
[[nodiscard]] Relocator* allocator_relocator();

}  // namespace quoris::net
