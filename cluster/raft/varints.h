// Rows of integers as bytes (base/varint.h), written and read one by one.
//
// Used by: the formats of this room. Pure.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/varint.h"

namespace quoris::raft {

inline void put_varints(std::string& out, std::initializer_list<uint64_t> values) {
  for (const uint64_t value : values) {
    char bytes[kVarintMax];
    out.append(bytes, put_varint(bytes, value));
  }
}

class VarintReader {
 public:
  // The bytes outlive this.
  explicit VarintReader(std::string_view bytes)
      : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  // All of them, or false.
  [[nodiscard]] bool read(std::initializer_list<uint64_t*> values) {
    for (uint64_t* value : values) {
      if (!get_varint(at_, end_, *value)) return false;
    }
    return true;
  }

  // So many bytes as they are, or false.
  [[nodiscard]] bool read_bytes(uint64_t count, std::string_view& bytes) {
    if (count > left()) return false;
    bytes = {at_, static_cast<size_t>(count)};
    at_ += count;
    return true;
  }

  [[nodiscard]] size_t left() const { return static_cast<size_t>(end_ - at_); }

 private:
  const char* at_;
  const char* end_;
};

}  // namespace quoris::raft
