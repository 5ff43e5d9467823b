// Walks the keys of a command that takes many (MGET, MSET, DEL): hashes them in groups and brings
// each group's buckets and entries into the cache before the first of it is looked at.
//
// Used by: handlers in this folder. Each key is a step of the command.
#pragma once

#include <algorithm>
#include <array>

#include "command/data_context.h"

namespace quoris::command {

// Calls visit(index, key) for the arguments first, first + stride, ...; `visit` returns false to
// stop. It may change the keyspace.
template <class Visit>
void for_each_key(DataContext& context, size_t first, size_t stride, const Visit& visit) {
  constexpr size_t kGroup = 16;  // more than the cache misses a core has under way at once
  std::array<store::HashedKey, kGroup> keys;
  for (size_t start = first; start < context.count(); start += kGroup * stride) {
    const size_t size = std::min(kGroup, (context.count() - start + stride - 1) / stride);
    for (size_t i = 0; i < size; ++i) keys[i] = context.key(start + i * stride);
    if (size > 1) {
      for (size_t i = 0; i < size; ++i) context.keyspace().prefetch_bucket(keys[i].hash);
      for (size_t i = 0; i < size; ++i) context.keyspace().prefetch_entry(keys[i].hash);
    }
    for (size_t i = 0; i < size; ++i) {
      context.step();
      if (!visit(start + i * stride, keys[i])) return;
    }
  }
}

}  // namespace quoris::command
