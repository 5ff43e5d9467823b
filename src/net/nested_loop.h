// NestedLoop: an EventLoop that another one of the same thread runs when it has something to do.
//
// libuv's loop is not reentrant, so what has to go on while a long command holds the outer loop
// (the control link of a cluster) lives on a loop of its own, the inner one. The outer loop polls
// the inner one's descriptor, which is readable when a descriptor of the inner loop is; and before
// each sleep it looks at what no descriptor tells: libuv's timers, handles that were begun since,
// turns that were asked for. A long command runs the inner loop itself (run_inner).
//
// Invariants: the inner loop runs only in here, one iteration without sleep at a time, never within
// itself. A turn of the outer loop follows each of its runs. While neither has anything to do
// neither is run. As long as this exists neither loop ends for lack of handles.
// Used by: main, with the cluster's control on the inner loop. Source: libuv's uv_backend_fd(),
// which is made for embedding.
#pragma once

#include <uv.h>

#include <cstdint>

#include "net/event_loop.h"
#include "net/uv_handle.h"

namespace quoris::net {

// A run that finds nothing costs a system call, half a microsecond; what waits are heartbeats of
// tens of milliseconds. So it costs a long command less than a thousandth.
inline constexpr uint64_t kBreathNs = 1'000'000;

class NestedLoop {
 public:
  // REQUIRES: both outlive this; `outer` has a descriptor left for the poll.
  NestedLoop(EventLoop& outer, EventLoop& inner);
  NestedLoop(const NestedLoop&) = delete;
  NestedLoop& operator=(const NestedLoop&) = delete;

  // One iteration of the inner loop; nothing from within one.
  void run_inner();

  // The last run began kBreathNs ago or earlier. For callers that come often.
  [[nodiscard]] bool is_breath_due() const { return uv_hrtime() - last_run_ns_ >= kBreathNs; }

  // Iterations of the inner loop so far.
  [[nodiscard]] uint64_t runs() const { return runs_; }

 private:
  // Milliseconds until libuv would have something to do there by itself; negative: never.
  [[nodiscard]] int inner_timeout_ms();
  void before_sleep();

  EventLoop& outer_;
  EventLoop& inner_;
  UvPtr<uv_poll_t> poll_;
  UvPtr<uv_prepare_t> prepare_;
  UvPtr<uv_timer_t> timer_;
  UvPtr<uv_prepare_t> keep_alive_;  // on the inner loop: without handles it would never be idle
  bool is_running_ = false;
  uint64_t last_run_ns_ = 0;
  uint64_t runs_ = 0;
};

}  // namespace quoris::net
