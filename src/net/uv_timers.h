// UvTimers: Env's one-shot timers, all of them over one timer of the system.
//
// Deadlines stand in an ordered map, so that a few timers cost what they would cost alone, and a
// timeout per blocked client (thousands) costs O(log n). It is a timerfd that the loop polls, for
// libuv's own timers count milliseconds, and waits of tens of microseconds are worth having (the
// log's, for more writers per fsync). A timer never fires early.
//
// Invariants: the timerfd stands at the earliest deadline or before it; the loop stays alive for it
// iff one waits; of equal deadlines the one scheduled first fires first; a timer scheduled by a
// callback fires in a later iteration. After callbacks ran, a turn follows without sleep.
// Used by: main, as Env's timers.
#pragma once

#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>

#include "base/env.h"
#include "net/event_loop.h"
#include "net/file_descriptor.h"
#include "net/uv_handle.h"

namespace quoris::net {

class UvTimers final : public Timers {
 public:
  // REQUIRES: `loop` outlives this, and there is a descriptor left.
  explicit UvTimers(EventLoop& loop);

  [[nodiscard]] TimerId schedule(uint64_t delay_us, std::function<void()> callback) override;
  void cancel(TimerId timer) override;

  // Timers that wait.
  [[nodiscard]] size_t size() const { return callbacks_.size(); }

 private:
  struct Deadline {
    uint64_t at_us = 0;  // on uv_hrtime()'s clock
    uint64_t id = 0;

    auto operator<=>(const Deadline&) const = default;
  };

  void arm();
  void fire();

  EventLoop& loop_;
  FileDescriptor timer_;
  UvPtr<uv_poll_t> poll_;
  uint64_t armed_us_ = 0;  // 0: not
  std::map<Deadline, std::function<void()>> callbacks_;
  std::unordered_map<uint64_t, uint64_t> deadlines_us_;  // by id
  uint64_t last_id_ = 0;
};

}  // namespace quoris::net
