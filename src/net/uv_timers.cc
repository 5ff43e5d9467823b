#include "net/uv_timers.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace quoris::net {

namespace {

constexpr uint64_t kUsPerMs = 1000;
constexpr uint64_t kNsPerUs = 1000;

// Longest delay taken: a hundred years. Longer ones would overflow libuv's deadline.
constexpr uint64_t kDelayMaxUs = 100ULL * 365 * 86400 * 1'000'000;

// First millisecond of libuv's clock at which the deadline has passed.
uint64_t due_ms(uint64_t at_us) { return (at_us + kUsPerMs - 1) / kUsPerMs; }

}  // namespace

UvTimers::UvTimers(EventLoop& loop) : loop_(loop), timer_(make_uv_handle<uv_timer_t>()) {
  uv_timer_init(loop_.raw(), timer_.get());
  timer_->data = this;
}

TimerId UvTimers::schedule(uint64_t delay_us, std::function<void()> callback) {
  QUORIS_ASSERT(callback != nullptr);
  const uint64_t now_us = uv_hrtime() / kNsPerUs;
  const Deadline deadline{.at_us = now_us + std::min(delay_us, kDelayMaxUs), .id = ++last_id_};
  const auto place = callbacks_.emplace(deadline, std::move(callback)).first;
  deadlines_us_.emplace(deadline.id, deadline.at_us);
  if (place == callbacks_.begin()) arm();
  return TimerId{deadline.id};
}

void UvTimers::cancel(TimerId timer) {
  const auto found = deadlines_us_.find(raw(timer));
  if (found == deadlines_us_.end()) return;
  const Deadline deadline{.at_us = found->second, .id = found->first};
  deadlines_us_.erase(found);
  const bool was_first = callbacks_.begin()->first == deadline;
  callbacks_.erase(deadline);
  if (was_first) arm();
}

void UvTimers::arm() {
  if (callbacks_.empty()) {
    uv_timer_stop(timer_.get());
    return;
  }
  const uint64_t due = due_ms(callbacks_.begin()->first.at_us);
  const uint64_t now = uv_now(loop_.raw());
  // Never 0: libuv would run what a callback scheduled within the same iteration.
  uv_timer_start(
      timer_.get(), [](uv_timer_t* timer) { static_cast<UvTimers*>(timer->data)->fire(); },
      due > now ? due - now : 1, 0);
}

void UvTimers::fire() {
  const uint64_t now = uv_now(loop_.raw());
  const uint64_t last_id = last_id_;
  // Callbacks schedule and cancel, so the first is looked up anew each time.
  while (!callbacks_.empty()) {
    const auto first = callbacks_.begin();
    if (due_ms(first->first.at_us) > now || first->first.id > last_id) break;
    deadlines_us_.erase(first->first.id);
    const auto node = callbacks_.extract(first);
    node.mapped()();
  }
  arm();
  loop_.request_turn();
}

}  // namespace quoris::net
