// HMAC-SHA256: the one piece of cryptography that the channel needs.
//
// A function of its arguments: no randomness, no clock, no state, so that the simulator runs the
// same code. The library behind it is libcrypto (docs/decisions/018).
// Used by: Handshake. Source: RFC 2104, FIPS 180-4.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace quoris::bus {

inline constexpr size_t kMacBytes = 32;

// kMacBytes bytes.
[[nodiscard]] std::string hmac_sha256(std::string_view key, std::string_view message);

// Takes the same time wherever the two differ.
[[nodiscard]] bool equals_secretly(std::string_view a, std::string_view b);

}  // namespace quoris::bus
