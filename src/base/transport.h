// Transport: connections that the core itself begins, to other nodes.
//
// Implemented by src/net over libuv and by the simulator's network. Incoming connections come by
// StreamAcceptor (base/stream.h), as those of clients do; both kinds are Streams, bytes in order or
// a closed connection, nothing in between. All on the reactor thread.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/stream.h"

namespace quoris {

struct HostPort {
  std::string host;  // a name or an address
  uint16_t port = 0;

  auto operator<=>(const HostPort&) const = default;
};

// Who began a connection. on_connected() or on_failed() follows connect() once, never inside it;
// what StreamHandler promises begins with on_connected().
class ConnectHandler : public StreamHandler {
 public:
  virtual void on_connected() = 0;

  // The stream is to be destroyed (it may be, within).
  virtual void on_failed(const Error& error) = 0;
};

class Transport {
 public:
  virtual ~Transport() = default;

  // Looks the name up and connects; tries the addresses of a name in turn. Destroying the stream
  // ends the attempt. Bytes written before on_connected() wait for it.
  [[nodiscard]] virtual std::unique_ptr<Stream> connect(const HostPort& to,
                                                        ConnectHandler& handler) = 0;
};

}  // namespace quoris
