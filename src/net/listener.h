// Listener: accepts connections on one address, TCP or unix socket, and hands them to the core.
//
// It watches and accepts by itself, without libuv's own listening: that accepts without a bound,
// hides its running out of descriptors, and can spin there. What libuv does then is done here
// too: a spare descriptor is given up so that the waiting connection can be taken and closed (the
// client sees an end instead of silence); without the spare, accepting pauses.
//
// Invariants: a wake-up accepts at most kAcceptsPerTurn connections, the rest in the next turns;
// running out of descriptors is logged at most once per kRefusalLogIntervalMs.
// Used by: main. Errors: open() as listen_tcp() and listen_unix() say.
#pragma once

#include <uv.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "base/stream.h"
#include "net/event_loop.h"
#include "net/file_descriptor.h"
#include "net/socket_address.h"
#include "net/sockets.h"
#include "net/uv_handle.h"

namespace quoris::net {

// An accept and its session cost about 10 us, so a storm of connections costs a turn about 1 ms.
inline constexpr int kAcceptsPerTurn = 128;

inline constexpr uint64_t kRefusalLogIntervalMs = 1000;

// Pause of a listener that can't accept and has no spare descriptor either.
inline constexpr uint64_t kAcceptRetryMs = 100;

class Listener {
 public:
  // What a listener works for; all of it outlives the listener.
  struct Context {
    EventLoop& loop;
    StreamAcceptor& acceptor;
    Log& log;
  };

  [[nodiscard]] static Result<std::unique_ptr<Listener>> open_tcp(const Context& context,
                                                                  const TcpListenOptions& options);

  // The socket file is removed with the listener.
  [[nodiscard]] static Result<std::unique_ptr<Listener>> open_unix(
      const Context& context, const UnixListenOptions& options);

  // One listener per word of redis.conf's `bind`; port 0 is the same free port for all of them.
  // A leading '-' makes an address optional: it is left out where this machine doesn't have it.
  // An address family that the machine lacks is left out too, with a warning. No address at all:
  // no listener. Errors: the first address that can't be had, then none is.
  [[nodiscard]] static Result<std::vector<std::unique_ptr<Listener>>> open_all(
      const Context& context, std::span<const std::string> addresses,
      const TcpListenOptions& options);

  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener();

  // The port in force; 0 for a unix socket.
  [[nodiscard]] uint16_t port() const { return address_.port; }

  // "127.0.0.1:6379", or the path.
  [[nodiscard]] std::string address() const;

  // For connections accepted from now on. TCP only.
  [[nodiscard]] Status set_keepalive(int keepalive_s);

 private:
  Listener(const Context& context, FileDescriptor socket);

  [[nodiscard]] Status start();
  void watch();
  void accept_ready();
  void take(FileDescriptor socket, const sockaddr* peer);
  void refuse(int error);
  void pause();
  void log_refusals(int error);

  Context context_;
  FileDescriptor socket_;
  FileDescriptor spare_;
  UvPtr<uv_poll_t> poll_;
  UvPtr<uv_timer_t> retry_;
  SocketAddress address_;
  std::string path_;      // of a unix socket
  uint64_t refused_ = 0;  // closed at once because descriptors had run out
  uint64_t refused_logged_ = 0;
  uint64_t next_log_ms_ = 0;
};

}  // namespace quoris::net
