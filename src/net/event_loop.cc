#include "net/event_loop.h"

#include <csignal>

#include "base/assert.h"
#include "net/os_error.h"

namespace quoris::net {

Result<std::unique_ptr<EventLoop>> EventLoop::open() {
  std::signal(SIGPIPE, SIG_IGN);
  std::unique_ptr<EventLoop> self(new EventLoop);
  auto loop = std::make_unique<uv_loop_t>();
  if (const int status = uv_loop_init(loop.get()); status != 0) {
    return uv_error("cannot start the event loop", status);
  }
  self->loop_ = std::move(loop);

  self->check_ = make_uv_handle<uv_check_t>();
  uv_check_init(self->raw(), self->check_.get());
  self->check_->data = self.get();
  uv_check_start(self->check_.get(), [](uv_check_t* check) {
    static_cast<EventLoop*>(check->data)->finish_iteration();
  });
  // The loop lives by its sockets and timers, not by this.
  uv_unref(as_handle(self->check_.get()));

  self->idle_ = make_uv_handle<uv_idle_t>();
  uv_idle_init(self->raw(), self->idle_.get());
  return self;
}

EventLoop::~EventLoop() {
  if (loop_ == nullptr) return;
  check_.reset();
  idle_.reset();
  uv_walk(
      raw(), [](uv_handle_t* handle, void*) { QUORIS_ASSERT(uv_is_closing(handle) != 0); },
      nullptr);
  uv_run(raw(), UV_RUN_DEFAULT);
  QUORIS_ASSERT(uv_loop_close(raw()) == 0);
}

void EventLoop::run() { uv_run(raw(), UV_RUN_DEFAULT); }

void EventLoop::run_once() { uv_run(raw(), UV_RUN_NOWAIT); }

void EventLoop::stop() { uv_stop(raw()); }

void EventLoop::request_turn() {
  if (uv_is_active(as_handle(idle_.get())) != 0) return;
  uv_idle_start(idle_.get(), [](uv_idle_t*) {});
}

void EventLoop::defer(Deferred& deferred) {
  if (!deferred.linked()) deferred.insert_before(deferred_);
  request_turn();
}

void EventLoop::finish_iteration() {
  if (turn_handler_ != nullptr) turn_handler_->run_turn();
  ++turn_;
  run_deferred();
  if (wants_turn() || deferred_.linked()) {
    request_turn();
  } else {
    uv_idle_stop(idle_.get());
  }
}

void EventLoop::run_deferred() {
  DeferredLink batch;
  batch.take_over(deferred_);
  while (batch.linked()) {
    auto* deferred = static_cast<Deferred*>(batch.next());
    deferred->unlink();
    deferred->run_deferred();
  }
}

}  // namespace quoris::net
