#include "net/signals.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "base/assert.h"
#include "net/os_error.h"

namespace quoris::net {

namespace {

// What a signal handler may touch: lock-free atomics and nothing else.
std::atomic<uv_async_t*> signal_wake = nullptr;
std::atomic<int> first_signal = 0;
std::atomic<bool> stopping = false;

static_assert(std::atomic<uv_async_t*>::is_always_lock_free);
static_assert(std::atomic<int>::is_always_lock_free);

constexpr std::array kStopSignals{SIGTERM, SIGINT};

void on_signal(int signal) {
  if (stopping.exchange(true)) {
    if (signal != SIGINT) return;
    constexpr std::string_view kFarewell = "Interrupted again: leaving at once.\n";
    static_cast<void>(!::write(STDERR_FILENO, kFarewell.data(), kFarewell.size()));
    _exit(EXIT_FAILURE);
  }
  first_signal = signal;
  uv_async_t* wake = signal_wake;
  if (wake != nullptr) uv_async_send(wake);
}

void set_handler(int signal, void (*handler)(int)) {
  struct sigaction action {};

  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, nullptr);
}

}  // namespace

Result<std::unique_ptr<Signals>> Signals::open(EventLoop& loop, Callback callback) {
  QUORIS_ASSERT(signal_wake.load() == nullptr);
  std::unique_ptr<Signals> self(new Signals(std::move(callback)));
  self->wake_ = make_uv_handle<uv_async_t>();
  const int status = uv_async_init(loop.raw(), self->wake_.get(), [](uv_async_t* wake) {
    const int signal = first_signal.exchange(0);
    if (signal != 0) static_cast<Signals*>(wake->data)->callback_(signal);
  });
  if (status != 0) return uv_error("cannot watch signals", status);
  self->wake_->data = self.get();
  // The loop lives by its sockets and timers, not by this.
  uv_unref(as_handle(self->wake_.get()));
  stopping = false;
  first_signal = 0;
  signal_wake = self->wake_.get();
  for (const int signal : kStopSignals) set_handler(signal, &on_signal);
  set_handler(SIGHUP, SIG_IGN);
  return self;
}

Signals::~Signals() {
  if (signal_wake.load() != wake_.get()) return;  // open() failed half-way
  for (const int signal : kStopSignals) set_handler(signal, SIG_DFL);
  signal_wake = nullptr;
}

void Signals::stop_has_begun() { stopping = true; }

}  // namespace quoris::net
