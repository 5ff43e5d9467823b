// EventLoop: libuv's loop, cut into turns.
//
// One iteration: timers, poll (every readable socket is read, its handler parses), then the turn:
// TurnHandler::run_turn(), and behind it what was deferred (ends of streams). While the turn
// handler wants another turn, or something but a socket made work for it, an idle handle keeps
// the poll from sleeping.
//
// Invariants: run_turn() runs once per iteration, after all reading of it; nothing that was
// deferred while a batch of deferred things runs is run before the next turn.
// Limits: none of its own; streams and listeners bound what they do per turn.
// Used by: main (owns one, and one for the cluster), everything in src/net. Errors: open() when the
// system has no descriptors left.
#pragma once

#include <uv.h>

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/stream.h"
#include "net/deferred.h"
#include "net/uv_handle.h"

namespace quoris::net {

class EventLoop {
 public:
  // Also makes the process ignore SIGPIPE: a peer that went away is an error of one write.
  [[nodiscard]] static Result<std::unique_ptr<EventLoop>> open();

  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Runs the close callbacks of all handles. REQUIRES: their owners are gone.
  ~EventLoop();

  // `handler` outlives the loop's last iteration.
  void set_turn_handler(TurnHandler& handler) { turn_handler_ = &handler; }

  // No more turns: for the time when the node is taken apart.
  void clear_turn_handler() { turn_handler_ = nullptr; }

  // Until stop(), or until no handle is active any more.
  void run();

  // One iteration that doesn't sleep.
  void run_once();

  // The iteration at hand is the last one. From callbacks of the loop.
  void stop();

  // The next poll doesn't sleep. Called by whoever made work outside the poll phase.
  void request_turn();

  // The turn handler has work that it was given outside its turn.
  [[nodiscard]] bool wants_turn() const {
    return turn_handler_ != nullptr && turn_handler_->wants_turn();
  }

  // Runs it behind the next turn; once, however often it is asked for.
  void defer(Deferred& deferred);

  // Number of the turn that will handle what is being read now.
  [[nodiscard]] uint64_t turn() const { return turn_; }

  [[nodiscard]] uv_loop_t* raw() { return loop_.get(); }

  // Room for the pieces of a ByteChain, shared by all streams; nobody keeps it past a call.
  [[nodiscard]] std::vector<std::string_view>& scratch_pieces() { return scratch_pieces_; }

 private:
  EventLoop() = default;

  void finish_iteration();
  void run_deferred();

  std::unique_ptr<uv_loop_t> loop_;
  UvPtr<uv_check_t> check_;
  UvPtr<uv_idle_t> idle_;
  DeferredLink deferred_;
  TurnHandler* turn_handler_ = nullptr;
  uint64_t turn_ = 1;
  std::vector<std::string_view> scratch_pieces_;
};

}  // namespace quoris::net
