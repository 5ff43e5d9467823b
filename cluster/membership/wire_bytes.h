// How many bytes a struct with kFields takes on the channel: a flat array of bulk strings, integers
// as decimal text, a vector behind its length.
//
// The bound on piggybacked news is in these bytes. It does not have to agree with the channel to
// the byte, only to be close, so this is a count and no encoder.
// Used by: PiggybackWriter, the benchmark.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

namespace quoris::membership {

constexpr size_t decimal_digits(uint64_t value) noexcept {
  size_t digits = 1;
  for (; value >= 10; value /= 10) ++digits;
  return digits;
}

// "$<size>\r\n<bytes>\r\n"
constexpr size_t bulk_bytes(size_t size) noexcept { return 5 + decimal_digits(size) + size; }

inline size_t wire_bytes(const std::string& text) noexcept { return bulk_bytes(text.size()); }

template <class T>
requires std::is_integral_v<T>

constexpr size_t wire_bytes(T value) noexcept {
  if constexpr (std::is_signed_v<T>) {
    if (value < 0) return bulk_bytes(1 + decimal_digits(~static_cast<uint64_t>(value) + 1));
  }
  return bulk_bytes(decimal_digits(static_cast<uint64_t>(value)));
}

template <class T>
requires std::is_enum_v<T>

constexpr size_t wire_bytes(T value) noexcept {
  return wire_bytes(static_cast<std::underlying_type_t<T>>(value));
}

template <class T>
requires requires { T::kFields; }
size_t wire_bytes(const T& value) noexcept;

template <class T>
size_t wire_bytes(const std::vector<T>& values) noexcept {
  size_t bytes = wire_bytes(values.size());
  for (const T& value : values) bytes += wire_bytes(value);
  return bytes;
}

template <class T>
requires requires { T::kFields; }

size_t wire_bytes(const T& value) noexcept {
  return std::apply(
      [&value](auto... field) { return (wire_bytes(value.*field) + ... + size_t{0}); }, T::kFields);
}

}  // namespace quoris::membership
