// Structs with kFields (base/fields.h) as bytes: for Raft's entries, maps, what is kept on disk.
//
//   integer, enum   varint (base/varint.h), zigzag where it is signed
//   bool            one byte, 0 or 1
//   string          its size as a varint, its bytes
//   vector          its size as a varint, its items
//   optional        one byte, 0 or 1, and the value if it is 1
//   variant         the index of the alternative as a varint, and that
//   struct          its fields, in the order of kFields
//
// Equal values have equal bytes, and only bytes that encode_fields() writes are decoded: a value
// that doesn't fit its type, a varint longer than it need be, and bytes left over are refused.
// What a value means (the range of an enum, the length of a name) is its reader's to check.
// Reading asks for no more memory than the bytes justify: each item takes a byte at least.
// Pure. Used by: cluster.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/fields.h"
#include "base/ids.h"
#include "base/varint.h"

namespace quoris {

template <class T>
void append_fields(std::string& out, const T& value) {
  const auto append_varint = [&out](uint64_t number) {
    char bytes[kVarintMax];
    out.append(bytes, static_cast<size_t>(put_varint(bytes, number) - bytes));
  };
  if constexpr (std::is_same_v<T, bool>) {
    out.push_back(value ? '\1' : '\0');
  } else if constexpr (std::is_enum_v<T>) {
    append_fields(out, raw(value));
  } else if constexpr (std::is_unsigned_v<T>) {
    append_varint(value);
  } else if constexpr (std::is_integral_v<T>) {
    append_varint(zigzag(value));
  } else if constexpr (std::is_same_v<T, std::string>) {
    append_varint(value.size());
    out += value;
  } else if constexpr (kIsVector<T>) {
    append_varint(value.size());
    for (const auto& item : value) append_fields(out, item);
  } else if constexpr (kIsOptional<T>) {
    append_fields(out, value.has_value());
    if (value) append_fields(out, *value);
  } else if constexpr (kIsVariant<T>) {
    append_varint(value.index());
    std::visit([&out](const auto& alternative) { append_fields(out, alternative); }, value);
  } else {
    for_each_field(value, [&out](const auto& field) { append_fields(out, field); });
  }
}

template <class T>
[[nodiscard]] std::string encode_fields(const T& value) {
  std::string bytes;
  append_fields(bytes, value);
  return bytes;
}

// Reads values one behind the other. After a false the rest is not to be read.
class FieldReader {
 public:
  explicit FieldReader(std::string_view bytes)
      : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  [[nodiscard]] bool at_end() const { return at_ == end_; }

  template <class T>
  [[nodiscard]] bool get(T& value) {
    if constexpr (std::is_enum_v<T>) {
      std::underlying_type_t<T> number{};
      if (!get(number)) return false;
      value = static_cast<T>(number);
      return true;
    } else if constexpr (std::is_integral_v<T>) {
      return get_integer(value);
    } else if constexpr (std::is_same_v<T, std::string>) {
      return get_string(value);
    } else if constexpr (kIsVector<T>) {
      return get_vector(value);
    } else if constexpr (kIsOptional<T>) {
      bool is_there = false;
      if (!get(is_there)) return false;
      value.reset();
      return !is_there || get(value.emplace());
    } else if constexpr (kIsVariant<T>) {
      uint64_t index = 0;
      return get(index) && get_alternative<0>(value, index);
    } else {
      return all_fields(value, [this](auto& field) { return get(field); });
    }
  }

 private:
  template <class T>
  bool get_integer(T& value) {
    const char* before = at_;
    uint64_t number = 0;
    if (!get_varint(at_, end_, number)) return false;
    if (at_ - before > 1 && at_[-1] == 0) return false;
    if constexpr (std::is_same_v<T, bool>) {
      value = number == 1;
      return number <= 1;
    } else if constexpr (std::is_signed_v<T>) {
      const int64_t with_sign = unzigzag(number);
      value = static_cast<T>(with_sign);
      return value == with_sign;
    } else {
      value = static_cast<T>(number);
      return number <= std::numeric_limits<T>::max();
    }
  }

  // A length that the bytes left can hold.
  bool get_size(uint64_t& size) {
    return get_integer(size) && size <= static_cast<uint64_t>(end_ - at_);
  }

  bool get_string(std::string& value) {
    uint64_t size = 0;
    if (!get_size(size)) return false;
    value.assign(at_, size);
    at_ += size;
    return true;
  }

  template <class T>
  bool get_vector(std::vector<T>& items) {
    uint64_t size = 0;
    if (!get_size(size)) return false;
    items.clear();
    for (; size > 0; --size) {
      if (!get(items.emplace_back())) return false;
    }
    return true;
  }

  template <size_t kIndex, class Variant>
  bool get_alternative(Variant& value, uint64_t index) {
    if constexpr (kIndex < std::variant_size_v<Variant>) {
      if (index != kIndex) return get_alternative<kIndex + 1>(value, index);
      return get(value.template emplace<kIndex>());
    } else {
      return false;
    }
  }

  const char* at_;
  const char* end_;
};

// Nothing: not what encode_fields() writes.
template <class T>
[[nodiscard]] std::optional<T> decode_fields(std::string_view bytes) {
  FieldReader reader(bytes);
  std::optional<T> value(std::in_place);
  if (!reader.get(*value) || !reader.at_end()) return std::nullopt;
  return value;
}

}  // namespace quoris
