// SimLoop: the event loop of one simulated process, with the turns of the real one
// (net/event_loop.h): everything that is readable is read, then the node has its turn, then what
// was deferred.
//
// An iteration takes time on the process's clock, so what comes meanwhile is read together in the
// next one. Sources are polled in the order in which they became ready.
// Invariants: nothing of a process runs but in iterations and its timers, and nothing at all while
// it is paused; what concerns its life (clear(), pause()) comes from events outside both.
// Used by: SimNetwork (one per host), the simulator's machines and clients.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "base/stream.h"
#include "sim/env/sim_env.h"

namespace quoris::sim {

// A socket that has something to say, or a listener.
class LoopSource {
 public:
  virtual ~LoopSource() = default;

  // True: there is more for the next iteration.
  virtual bool on_poll() = 0;

 protected:
  LoopSource() = default;
  LoopSource(const LoopSource&) = delete;
  LoopSource& operator=(const LoopSource&) = delete;

 private:
  friend class SimLoop;
  bool queued_ = false;
};

class SimLoop {
 public:
  // What an iteration costs at least: the system calls of poll, reads and writes.
  static constexpr uint64_t kIterationUs = 15;

  // REQUIRES: both outlive this.
  SimLoop(EventQueue& queue, SimClock& clock) : queue_(queue), clock_(clock) {}

  SimLoop(const SimLoop&) = delete;
  SimLoop& operator=(const SimLoop&) = delete;

  ~SimLoop() { clear(); }

  [[nodiscard]] SimClock& clock() { return clock_; }

  // Null: nobody has turns.
  void set_turn_handler(TurnHandler* handler) { handler_ = handler; }

  // Called behind each turn.
  void set_after_turn(std::function<void()> after) { after_turn_ = std::move(after); }

  // It is polled in the next iteration.
  void poll(std::shared_ptr<LoopSource> source);

  // Runs behind the next turn.
  void defer(std::function<void()> callback);

  // There is an iteration as soon as the process has time.
  void wake();

  void pause() { paused_ = true; }

  void resume();

  // The process is gone.
  void clear();

 private:
  void iterate();

  EventQueue& queue_;
  SimClock& clock_;
  TurnHandler* handler_ = nullptr;
  std::function<void()> after_turn_;
  std::deque<std::shared_ptr<LoopSource>> ready_;
  std::vector<std::function<void()>> deferred_;
  EventId next_{0};
  bool paused_ = false;
};

}  // namespace quoris::sim
