// UvTransport: connections to other nodes over libuv (base/transport.h).
//
// A name is looked up by libuv's threads, an address in figures at once. The addresses are tried
// one after the other, each for connect_ms; the first that answers is taken, and the connection is
// a UvStream from then on. As in Listener, libuv only watches the socket: it is ours to open.
//
// Sockets have TCP_NODELAY, and TCP_USER_TIMEOUT: what the peer's system does not acknowledge for
// that long breaks the connection, so that a peer behind a dead network does not hold memory until
// TCP gives up by itself (some 15 minutes).
//
// Invariants: neither on_connected() nor on_failed() is called from within connect(); a look-up
// that outlives its stream is ignored. Used by: main, as the bus's transport.
// Errors: on_failed() with the last address's error, or the look-up's; not_found for a name that
// has no address.
#pragma once

#include <memory>

#include "base/transport.h"
#include "net/event_loop.h"

namespace quoris::net {

struct ConnectOptions {
  // Per address. A SYN that was lost is repeated after 1 s: less than that gives it no chance,
  // more keeps a caller waiting for the dead.
  uint64_t connect_ms = 1500;
  // As the bus's silence on its slowest links: it finds out earlier itself where it can.
  unsigned user_timeout_ms = 10'000;
};

class UvTransport final : public Transport {
 public:
  // REQUIRES: `loop` outlives this and its streams.
  explicit UvTransport(EventLoop& loop, const ConnectOptions& options = {})
      : loop_(loop), options_(options) {}

  [[nodiscard]] std::unique_ptr<Stream> connect(const HostPort& to,
                                                ConnectHandler& handler) override;

 private:
  EventLoop& loop_;
  ConnectOptions options_;
};

}  // namespace quoris::net
