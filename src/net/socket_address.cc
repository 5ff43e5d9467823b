#include "net/socket_address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

namespace quoris::net {

SocketAddress SocketAddress::from(const sockaddr* address) {
  SocketAddress result;
  if (address->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, address, sizeof v4);
    std::memcpy(result.bytes.data(), &v4.sin_addr, sizeof v4.sin_addr);
    result.port = ntohs(v4.sin_port);
    result.family = Family::v4;
  } else if (address->sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, address, sizeof v6);
    std::memcpy(result.bytes.data(), &v6.sin6_addr, sizeof v6.sin6_addr);
    result.port = ntohs(v6.sin6_port);
    result.family = Family::v6;
  }
  return result;
}

std::string SocketAddress::text() const {
  if (family == Family::unknown) return "?:0";
  std::array<char, INET6_ADDRSTRLEN> host{};
  inet_ntop(family == Family::v4 ? AF_INET : AF_INET6, bytes.data(), host.data(), host.size());
  return family == Family::v4 ? fmt::format("{}:{}", host.data(), port)
                              : fmt::format("[{}]:{}", host.data(), port);
}

bool SocketAddress::is_loopback() const {
  if (family == Family::v4) return bytes[0] == 127;
  if (family == Family::unknown) return false;
  return bytes.back() == 1 &&
         std::all_of(bytes.begin(), bytes.end() - 1, [](uint8_t byte) { return byte == 0; });
}

}  // namespace quoris::net
