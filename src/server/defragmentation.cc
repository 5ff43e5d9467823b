#include "server/defragmentation.h"

#include "server/node.h"

namespace quoris::server {

namespace {

constexpr uint64_t kSliceNs = 1'000'000;
// Allocations between two looks at the clock: some tens of microseconds.
constexpr size_t kStep = 100;
constexpr uint64_t kPercent = 100;
// A pass that moved less than one in so many has done what can be done.
constexpr uint64_t kWorthOneIn = 100;
constexpr int64_t kRestUs = 60'000'000;

}  // namespace

bool Defragmentation::is_worth_it() const {
  const SettingValues& values = node_.values();
  const AllocatorStats stats = node_.host().allocator_stats();
  if (stats.active <= stats.allocated) return false;
  const uint64_t waste = stats.active - stats.allocated;
  return waste > values.active_defrag_ignore_bytes &&
         waste > stats.allocated / kPercent *
                     static_cast<uint64_t>(values.active_defrag_threshold_lower);
}

void Defragmentation::look() {
  if (running_ || !node_.values().activedefrag || node_.host().relocator() == nullptr) return;
  if (node_.now_us() < rests_until_us_ || !is_worth_it()) return;
  running_ = true;
  spent_before_ns_ = spent_ns_;
  moved_before_ = moved();
  left_before_ = left();
  node_.log().write(LogLevel::verbose, "active defragmentation begins");
  schedule(0);
}

void Defragmentation::slice() {
  if (!node_.values().activedefrag) {
    running_ = false;
    return;
  }
  Relocator& relocator = *node_.host().relocator();
  Clock& clock = node_.env().clock;
  const uint64_t started = clock.monotonic_ns();
  bool pass_ended = false;
  uint64_t took = 0;
  while (!pass_ended && took < kSliceNs) {
    pass_ended = defragmenter_.step(node_.store(), relocator, kStep);
    took = clock.monotonic_ns() - started;
  }
  spent_ns_ += took;
  if (pass_ended) end_of_pass();
  if (running_) schedule(took);
}

void Defragmentation::end_of_pass() {
  const uint64_t moved_now = moved() - moved_before_;
  const uint64_t seen = moved_now + left() - left_before_;
  moved_before_ = moved();
  left_before_ = left();
  if (is_worth_it() && moved_now > seen / kWorthOneIn) return;
  running_ = false;
  rests_until_us_ = node_.now_us() + kRestUs;
  node_.log().write(LogLevel::verbose, "active defragmentation has ended");
}

// So that slices take their share of the time.
void Defragmentation::schedule(uint64_t worked_ns) {
  const auto share = static_cast<uint64_t>(node_.values().active_defrag_cycle_max);
  const uint64_t pause_us = worked_ns / 1000 * (kPercent - share) / share;
  static_cast<void>(node_.env().timers.schedule(pause_us, [this] { slice(); }));
}

}  // namespace quoris::server
