// Integers in as few bytes as they need: seven bits a byte, the lowest first, the top bit says that
// more follow. Signed ones zigzag: 0, -1, 1, -2 ... become 0, 1, 2, 3.
//
// Used by: base/field_codec.h, every format of persistence. Pure.
#pragma once

#include <cstddef>
#include <cstdint>

namespace quoris {

inline constexpr size_t kVarintMax = 10;

[[nodiscard]] constexpr uint64_t zigzag(int64_t value) noexcept {
  return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}

[[nodiscard]] constexpr int64_t unzigzag(uint64_t value) noexcept {
  return static_cast<int64_t>((value >> 1) ^ (~(value & 1) + 1));
}

// Returns the end of what was written. REQUIRES: room for kVarintMax bytes.
inline char* put_varint(char* out, uint64_t value) noexcept {
  while (value >= 0x80) {
    *out++ = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  *out++ = static_cast<char>(value);
  return out;
}

// Moves `at` past it. False, with `at` anywhere before `end`, if there is none or it is longer
// than 64 bits.
[[nodiscard]] inline bool get_varint(const char*& at, const char* end, uint64_t& value) noexcept {
  value = 0;
  for (unsigned shift = 0; at != end && shift < 64; shift += 7) {
    const auto byte = static_cast<uint8_t>(*at++);
    const uint64_t bits = byte & 0x7FU;
    if (shift == 63 && bits > 1) return false;
    value |= bits << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

}  // namespace quoris
