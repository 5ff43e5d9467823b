#include "sim/env/sim_loop.h"

#include <utility>

namespace quoris::sim {

void SimLoop::poll(std::shared_ptr<LoopSource> source) {
  if (!std::exchange(source->queued_, true)) ready_.push_back(std::move(source));
  wake();
}

void SimLoop::defer(std::function<void()> callback) {
  deferred_.push_back(std::move(callback));
  wake();
}

void SimLoop::wake() {
  if (paused_ || next_ != EventId{0}) return;
  next_ = queue_.schedule_at(clock_.now_us(), [this] { iterate(); });
}

void SimLoop::resume() {
  paused_ = false;
  wake();
}

void SimLoop::clear() {
  queue_.cancel(std::exchange(next_, EventId{0}));
  for (const auto& source : ready_) source->queued_ = false;
  ready_.clear();
  deferred_.clear();
}

void SimLoop::iterate() {
  next_ = EventId{0};
  if (paused_) return;
  if (clock_.now_us() > queue_.now_us()) return wake();  // it is still at work
  clock_.spend_us(kIterationUs);
  for (const auto& source : std::exchange(ready_, {})) {
    source->queued_ = false;
    if (source->on_poll()) poll(source);
  }
  if (handler_ != nullptr) handler_->run_turn();
  for (const std::function<void()>& each : std::exchange(deferred_, {})) each();
  if (handler_ != nullptr && handler_->wants_turn()) wake();
  if (after_turn_) after_turn_();
}

}  // namespace quoris::sim
