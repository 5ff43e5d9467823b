// Opens the listening sockets of listener.h: addresses of redis.conf's `bind`, socket files.
//
// TCP_NODELAY and keepalive are set on the listening socket: Linux hands them down to every
// connection it accepts, which saves five system calls per connection.
// Used by: listener.cc, uv_transport.cc.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "net/file_descriptor.h"

namespace quoris::net {

// Accepted connections may be probed this often without an answer before they are dropped.
inline constexpr int kKeepaliveProbes = 3;

struct TcpListenOptions {
  std::string address = "127.0.0.1";  // name, IPv4 or IPv6; "*" and "::*" for every interface
  uint16_t port = 0;                  // 0: the system picks one
  int backlog = 511;
  int keepalive_s = 300;  // idle time before the first probe; 0: none
  // How long sent bytes may stay unacknowledged before the connection breaks (TCP_USER_TIMEOUT), as
  // between nodes; 0: as the system has it.
  unsigned user_timeout_ms = 0;
};

struct UnixListenOptions {
  std::string path;
  unsigned permissions = 0;  // 0: what the umask leaves
  int backlog = 511;
};

// Non-blocking, closed on exec, listening. Errors: already_exists when the address is in use,
// not_found when this machine doesn't have it, unsupported when the family is missing.
[[nodiscard]] Result<FileDescriptor> listen_tcp(const TcpListenOptions& options);

// Replaces a stale socket file; a file of another kind is left alone and is an error.
[[nodiscard]] Result<FileDescriptor> listen_unix(const UnixListenOptions& options);

// As redis-server does: first probe after `keepalive_s`, the next ones a third of it apart.
[[nodiscard]] Status set_keepalive(int socket, int keepalive_s);

// What a connection to another node has: no delay, a bound on unacknowledged bytes (0: none).
[[nodiscard]] Status set_node_options(int socket, unsigned user_timeout_ms);

}  // namespace quoris::net
