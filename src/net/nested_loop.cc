#include "net/nested_loop.h"

#include "base/assert.h"

namespace quoris::net {

NestedLoop::NestedLoop(EventLoop& outer, EventLoop& inner)
    : outer_(outer),
      inner_(inner),
      poll_(make_uv_handle<uv_poll_t>()),
      prepare_(make_uv_handle<uv_prepare_t>()),
      timer_(make_uv_handle<uv_timer_t>()),
      keep_alive_(make_uv_handle<uv_prepare_t>()) {
  const int status = uv_poll_init(outer_.raw(), poll_.get(), uv_backend_fd(inner_.raw()));
  QUORIS_ASSERT(status == 0);
  poll_->data = this;
  uv_poll_start(poll_.get(), UV_READABLE, [](uv_poll_t* poll, int, int) {
    static_cast<NestedLoop*>(poll->data)->run_inner();
  });

  uv_prepare_init(outer_.raw(), prepare_.get());
  prepare_->data = this;
  uv_prepare_start(prepare_.get(), [](uv_prepare_t* prepare) {
    static_cast<NestedLoop*>(prepare->data)->before_sleep();
  });
  uv_timer_init(outer_.raw(), timer_.get());

  uv_prepare_init(inner_.raw(), keep_alive_.get());
  uv_prepare_start(keep_alive_.get(), [](uv_prepare_t*) {});
}

void NestedLoop::run_inner() {
  if (is_running_) return;
  is_running_ = true;
  ++runs_;
  last_run_ns_ = uv_hrtime();
  inner_.run_once();
  is_running_ = false;
  // It may have made work for the outer handler, and be run where no turn would follow by itself.
  outer_.request_turn();
}

int NestedLoop::inner_timeout_ms() {
  // libuv counts from the time of its last run, which may be long ago.
  uv_update_time(inner_.raw());
  return uv_backend_timeout(inner_.raw());
}

void NestedLoop::before_sleep() {
  // Also 0 when a handle was begun since the last run: its descriptor is polled from the next one
  // on.
  int timeout_ms = inner_timeout_ms();
  if (timeout_ms == 0 || inner_.wants_turn()) {
    run_inner();  // the outer loop doesn't sleep now, and comes back here
    timeout_ms = inner_timeout_ms();
  }
  if (timeout_ms <= 0) {
    uv_timer_stop(timer_.get());
    return;
  }
  // It only ends the sleep: this is called again before the next one.
  uv_timer_start(
      timer_.get(), [](uv_timer_t*) {}, static_cast<uint64_t>(timeout_ms), 0);
}

}  // namespace quoris::net
