// Defragmentation: gives memory back to the system after much was deleted, by moving what keeps
// nearly empty pages.
//
// Looks once a second at what the allocator holds beyond what is allocated. Above the thresholds
// (active-defrag-ignore-bytes, active-defrag-threshold-lower) it walks the store in slices of a
// millisecond, active-defrag-cycle-max percent of the time, until a pass moves next to nothing.
// Used by: Node (owner), INFO. The settings' names and meaning are Redis's.
#pragma once

#include <cstdint>

#include "store/defragmenter.h"

namespace quoris::server {

class Node;

class Defragmentation {
 public:
  explicit Defragmentation(Node& node) : node_(node) {}

  // Once a second.
  void look();

  [[nodiscard]] bool is_running() const { return running_; }

  [[nodiscard]] uint64_t moved() const { return defragmenter_.figures().moved; }

  [[nodiscard]] uint64_t left() const { return defragmenter_.figures().left; }

  // Time spent in slices since the start, and since it began to run.
  [[nodiscard]] uint64_t spent_ns() const { return spent_ns_; }

  [[nodiscard]] uint64_t current_ns() const { return running_ ? spent_ns_ - spent_before_ns_ : 0; }

 private:
  [[nodiscard]] bool is_worth_it() const;
  void slice();
  void end_of_pass();
  void schedule(uint64_t worked_ns);

  Node& node_;
  store::Defragmenter defragmenter_;
  bool running_ = false;
  uint64_t moved_before_ = 0;  // at the beginning of the pass
  uint64_t left_before_ = 0;
  int64_t rests_until_us_ = 0;
  uint64_t spent_ns_ = 0;
  uint64_t spent_before_ns_ = 0;
};

}  // namespace quoris::server
