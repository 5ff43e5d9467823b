// One element of a packed sequence: how it is written, read and compared.
//
// Layout: head, data, tail.
//   head  0x00..0xBF  a string of so many bytes follows
//         0xC0        a string follows behind its length (4 bytes)
//         0xC1..0xC4  an integer of 1, 2, 4 or 8 bytes follows (two's complement)
//         0xC5..0xFF  the integer 0..58, nothing follows
//   tail  the size of head and data, so that the sequence can be read backwards: 1 byte below 255,
//         else 4 bytes and then 0xFF.
// Multi-byte fields in little-endian order. A text that is an integer in canonical form is kept
// as one (best_element). Mutations carry elements in this form too.
//
// Invariant: the same element is always written as the same bytes, so equality is equality of
// bytes. Used by: packed collections, blocks of lists, mutations. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "store/entry.h"

namespace quoris::store::packed {

// An element to write, in its canonical form.
[[nodiscard]] StringView best_element(std::string_view text);

// Bytes of the element's encoding, tail included.
[[nodiscard]] size_t encoded_size(const StringView& element);

// Writes it; returns its size. REQUIRES: room for encoded_size(element).
size_t encode(const StringView& element, char* out);

void append(std::string& out, const StringView& element);

// The element that begins at `at`. Views into it.
struct Decoded {
  StringView value;
  size_t size = 0;  // of the whole encoding
};

[[nodiscard]] Decoded decode(const char* at);
// Only its size.
[[nodiscard]] size_t size_at(const char* at);
// The size of the element whose encoding ends at `end`.
[[nodiscard]] size_t size_before(const char* end);

// As decode, of bytes that came from outside (a file, a peer): size 0 if they are no element.
[[nodiscard]] Decoded decode_checked(std::string_view bytes);

// An element in search of its equals: encoded once, then compared as bytes.
class Wanted {
 public:
  explicit Wanted(const StringView& element);

  [[nodiscard]] bool equals(const char* at) const { return *at == head_ && equals_rest(at); }

 private:
  [[nodiscard]] bool equals_rest(const char* at) const;

  char head_ = 0;
  bool is_long_ = false;
  uint8_t size_ = 0;    // of head and data of what is not long
  char bytes_[9] = {};  // head and data of an integer
  std::string_view text_;
};

}  // namespace quoris::store::packed
