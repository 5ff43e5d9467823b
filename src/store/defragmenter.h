// Defragmenter: walks the store and moves what stands badly, slice by slice.
//
// Entries first, in the order of each database's walk; the elements of large values after them, a
// value at a time. What comes and goes meanwhile does no harm: what is new stands well.
// Invariants: no value, version or order of a walk changes; only addresses do.
// Used by: server, from a timer. Time is the caller's: each call does a bounded amount of work.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/relocator.h"
#include "store/store.h"

namespace quoris::store {

class Defragmenter {
 public:
  struct Figures {
    uint64_t moved = 0;
    uint64_t left = 0;  // looked at and left where they were
  };

  // Goes on with the pass for about `work_max` allocations. True: the pass is through; the next
  // call begins another.
  bool step(Store& store, Relocator& relocator, size_t work_max);

  [[nodiscard]] const Figures& figures() const { return figures_; }

 private:
  struct LargeKey {
    DbIndex db{0};
    std::string key;
  };

  void move_entries(Store& store, Relocator& relocator, size_t count);
  // True: the value is through, or gone.
  bool move_elements(Store& store, Relocator& relocator, const LargeKey& large, size_t count);

  size_t db_ = 0;
  uint64_t cursor_ = 0;
  std::vector<LargeKey> large_;
  uint64_t large_cursor_ = 0;
  Figures figures_;
};

}  // namespace quoris::store
