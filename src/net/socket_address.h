// SocketAddress: the far or near end of a connection, in 20 bytes.
//
// A connection keeps its peer's address (the system forgets it on a reset); its text is made on
// demand, in the form of CLIENT LIST.
// Used by: UvStream, Listener.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <string>

namespace quoris::net {

struct SocketAddress {
  enum class Family : uint8_t { unknown, v4, v6 };

  std::array<uint8_t, 16> bytes{};  // network order; the first four for v4
  uint16_t port = 0;                // host order
  Family family = Family::unknown;

  // Unknown for anything but IPv4 and IPv6. REQUIRES: `address` is as large as its family says.
  [[nodiscard]] static SocketAddress from(const sockaddr* address);

  // "127.0.0.1:6379", "[::1]:6379"; "?:0" when unknown.
  [[nodiscard]] std::string text() const;

  // 127.0.0.0/8 or ::1.
  [[nodiscard]] bool is_loopback() const;
};

static_assert(sizeof(SocketAddress) == 20);

}  // namespace quoris::net
