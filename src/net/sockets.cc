#include "net/sockets.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "net/os_error.h"

namespace quoris::net {

namespace {

struct FreeAddresses {
  void operator()(addrinfo* list) const noexcept { freeaddrinfo(list); }
};

using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

// "[::1]:6379" for people; the name as it was given otherwise.
std::string display(const TcpListenOptions& options) {
  const bool brackets = options.address.find(':') != std::string::npos;
  return brackets ? fmt::format("[{}]:{}", options.address, options.port)
                  : fmt::format("{}:{}", options.address, options.port);
}

Result<Addresses> resolve(const TcpListenOptions& options) {
  const bool any_v4 = options.address == "*";
  const bool any_v6 = options.address == "::*";
  addrinfo hints{};
  hints.ai_family = any_v6 || options.address.find(':') != std::string::npos ? AF_INET6 : AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  const std::string port = std::to_string(options.port);
  addrinfo* found = nullptr;
  const int status = getaddrinfo(any_v4 || any_v6 ? nullptr : options.address.c_str(), port.c_str(),
                                 &hints, &found);
  if (status != 0) {
    return Error{Errc::invalid_argument,
                 fmt::format("cannot listen on {}: {}", display(options), gai_strerror(status))};
  }
  return Addresses(found);
}

Status set_option(int socket, int level, int name, int value) {
  if (setsockopt(socket, level, name, &value, sizeof value) == 0) return ok();
  return os_error("cannot set a socket option", errno);
}

Error listen_error(const std::string& where, int error) {
  if (error == EADDRINUSE) {
    return Error{Errc::already_exists, fmt::format("address {} is already in use", where)};
  }
  return os_error("cannot listen on " + where, error);
}

Result<FileDescriptor> open_socket(int family, const std::string& where) {
  FileDescriptor socket(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return listen_error(where, errno);
  return socket;
}

Status remove_stale_socket(const std::string& path) {
  struct stat state {};

  if (lstat(path.c_str(), &state) != 0) {
    if (errno == ENOENT) return ok();
    return os_error("cannot look at " + path, errno);
  }
  if (!S_ISSOCK(state.st_mode)) {
    return Error{Errc::already_exists,
                 fmt::format("cannot listen on {}: a file of another kind is there", path)};
  }
  // Only one that nobody answers on any more is stale.
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const FileDescriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (probe &&
      (connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
       errno == EAGAIN)) {
    return Error{Errc::already_exists,
                 fmt::format("cannot listen on {}: another server is listening there", path)};
  }
  if (unlink(path.c_str()) != 0) return os_error("cannot remove the old socket " + path, errno);
  return ok();
}

}  // namespace

Status set_keepalive(int socket, int keepalive_s) {
  if (keepalive_s == 0) return set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 0);
  const int interval_s = std::max(keepalive_s / 3, 1);
  if (auto set = set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1); !set) return set;
  if (auto set = set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, keepalive_s); !set) return set;
  if (auto set = set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, interval_s); !set) return set;
  return set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, kKeepaliveProbes);
}

Status set_node_options(int socket, unsigned user_timeout_ms) {
  if (auto set = set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1); !set) return set;
  if (user_timeout_ms == 0) return ok();
  return set_option(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(user_timeout_ms));
}

Result<FileDescriptor> listen_tcp(const TcpListenOptions& options) {
  const std::string where = display(options);
  auto addresses = resolve(options);
  if (!addresses) return addresses.error();
  const addrinfo& first = *addresses.value();
  auto socket = open_socket(first.ai_family, where);
  if (!socket) return socket;
  const int descriptor = socket->get();
  if (auto set = set_option(descriptor, SOL_SOCKET, SO_REUSEADDR, 1); !set) return set.error();
  if (auto set = set_node_options(descriptor, options.user_timeout_ms); !set) return set.error();
  if (first.ai_family == AF_INET6) {
    if (auto set = set_option(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 1); !set) return set.error();
  }
  if (auto set = set_keepalive(descriptor, options.keepalive_s); !set) return set.error();
  if (bind(descriptor, first.ai_addr, first.ai_addrlen) != 0) return listen_error(where, errno);
  if (listen(descriptor, options.backlog) != 0) return listen_error(where, errno);
  return socket;
}

Result<FileDescriptor> listen_unix(const UnixListenOptions& options) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (options.path.empty() || options.path.size() >= sizeof address.sun_path) {
    return Error{Errc::invalid_argument,
                 fmt::format("the path of a unix socket has 1 to {} bytes: '{}'",
                             sizeof address.sun_path - 1, options.path)};
  }
  std::memcpy(static_cast<void*>(address.sun_path), options.path.data(), options.path.size());
  if (auto removed = remove_stale_socket(options.path); !removed) return removed.error();
  auto socket = open_socket(AF_UNIX, options.path);
  if (!socket) return socket;
  if (bind(socket->get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return listen_error(options.path, errno);
  }
  const auto mode = static_cast<mode_t>(options.permissions);
  if (mode != 0 && chmod(options.path.c_str(), mode) != 0) {
    const Error error = os_error("cannot set the permissions of " + options.path, errno);
    unlink(options.path.c_str());
    return error;
  }
  if (listen(socket->get(), options.backlog) != 0) {
    const Error error = listen_error(options.path, errno);
    unlink(options.path.c_str());
    return error;
  }
  return socket;
}

}  // namespace quoris::net
