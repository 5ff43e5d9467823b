#include "net/uv_timers.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace quoris::net {

namespace {

constexpr uint64_t kNsPerUs = 1000;
constexpr uint64_t kUsPerSecond = 1'000'000;

// Longest delay taken: a hundred years. Longer ones would overflow the deadline.
constexpr uint64_t kDelayMaxUs = 100ULL * 365 * 86400 * 1'000'000;

uint64_t now_us() { return uv_hrtime() / kNsPerUs; }

}  // namespace

UvTimers::UvTimers(EventLoop& loop)
    : loop_(loop),
      timer_(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)),
      poll_(make_uv_handle<uv_poll_t>()) {
  QUORIS_ASSERT(timer_);
  const int status = uv_poll_init(loop_.raw(), poll_.get(), timer_.get());
  QUORIS_ASSERT(status == 0);
  poll_->data = this;
  uv_poll_start(poll_.get(), UV_READABLE,
                [](uv_poll_t* poll, int, int) { static_cast<UvTimers*>(poll->data)->fire(); });
  uv_unref(as_handle(poll_.get()));
}

TimerId UvTimers::schedule(uint64_t delay_us, std::function<void()> callback) {
  QUORIS_ASSERT(callback != nullptr);
  const Deadline deadline{.at_us = now_us() + std::min(delay_us, kDelayMaxUs), .id = ++last_id_};
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
  if (callbacks_.empty()) return uv_unref(as_handle(poll_.get()));
  uv_ref(as_handle(poll_.get()));
  const uint64_t due_us = callbacks_.begin()->first.at_us;
  // One that fires too early costs less than putting it off each time.
  if (armed_us_ != 0 && armed_us_ <= due_us) return;
  armed_us_ = due_us;
  itimerspec when{};
  when.it_value = {.tv_sec = static_cast<time_t>(due_us / kUsPerSecond),
                   .tv_nsec = static_cast<long>(due_us % kUsPerSecond * kNsPerUs)};
  const int status = timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
  QUORIS_ASSERT(status == 0);
}

void UvTimers::fire() {
  uint64_t count = 0;
  if (read(timer_.get(), &count, sizeof count) != sizeof count) return;
  armed_us_ = 0;
  const uint64_t now = now_us();
  const uint64_t last_id = last_id_;
  bool some = false;
  // Callbacks schedule and cancel, so the first is looked up anew each time.
  while (!callbacks_.empty()) {
    const auto first = callbacks_.begin();
    if (first->first.at_us > now || first->first.id > last_id) break;
    deadlines_us_.erase(first->first.id);
    const auto node = callbacks_.extract(first);
    node.mapped()();
    some = true;
  }
  arm();
  if (some) loop_.request_turn();
}

}  // namespace quoris::net
