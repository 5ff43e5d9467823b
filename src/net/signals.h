// Signals: SIGTERM and SIGINT ask for a clean stop; SIGINT after that ends the process at once.
//
// The handler is our own and wakes the loop through uv_async_send(), which is safe there: a second
// Ctrl-C works also while the loop is stuck in a long command, where a handler that runs on the
// loop would not. SIGHUP is ignored (a closed terminal stops no server), SIGPIPE by EventLoop.
//
// Invariants: one object per process; destroying it gives the signals their default action back.
// Used by: main.
#pragma once

#include <uv.h>

#include <functional>
#include <memory>

#include "base/result.h"
#include "net/event_loop.h"
#include "net/uv_handle.h"

namespace quoris::net {

class Signals {
 public:
  // Called on the loop with SIGTERM or SIGINT, at most once.
  using Callback = std::function<void(int signal)>;

  [[nodiscard]] static Result<std::unique_ptr<Signals>> open(EventLoop& loop, Callback callback);

  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  ~Signals();

  // A stop has begun for another reason (a command): from now on SIGINT ends the process.
  static void stop_has_begun();

 private:
  explicit Signals(Callback callback) : callback_(std::move(callback)) {}

  Callback callback_;
  UvPtr<uv_async_t> wake_;
};

}  // namespace quoris::net
