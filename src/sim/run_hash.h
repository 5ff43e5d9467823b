// RunHash: XXH3 over everything that happened in a run, in its order. Two runs are the same, event
// for event, if their hashes are.
//
// Used by: World.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/hash.h"

namespace quoris::sim {

class RunHash {
 public:
  enum class What : uint64_t { delivered, disk_step, process, log, operation };

  struct Where {
    What what = What::delivered;
    uint64_t at_us = 0;
    uint64_t first = 0;  // hosts, a machine, a kind: what tells two events apart
    uint64_t second = 0;
  };

  void mix(const Where& where, std::string_view bytes) {
    const std::string_view head(reinterpret_cast<const char*>(&where), sizeof where);
    value_ = hash_bytes(head, {.seed = value_});
    value_ = hash_bytes(bytes, {.seed = value_});
  }

  [[nodiscard]] uint64_t value() const { return value_; }

 private:
  uint64_t value_ = 0;
};

static_assert(sizeof(RunHash::Where) == 32, "no padding goes into the hash");

}  // namespace quoris::sim
