// Entry: a key with its value, version and expiry in one allocation.
//
// Layout, from the start of the allocation (all multi-byte fields in host order, never persisted):
//   8  version
//   1  type (low 4 bits) and encoding (high 4 bits)
//   1  flags
//   3  access clock (24 bits, store/access.h)
//   1  key length          } the low bits; with the flag `wide` they are unused and
//   2  value length        } an 8-byte field {uint32 key length, uint32 value length} follows
//  [8] wide lengths
//  [8] expiry, ms since 1970
//   n  key
//   m  value: the bytes, or 8 bytes of integer (encoding int), or a small collection in one block
//      (packed, intset), or 8 bytes of pointer to a large one
// So a 16-byte key with a 32-byte value is 64 bytes, one cache line, and a size class of the
// allocator. Entries are made and freed by Keyspace only; others hold an Entry* for the length
// of a command.
//
// Invariants: the key never changes. Integers are in their canonical decimal form as text.
// Used by: keyspace, command handlers (read), mutation.
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>
#include <string_view>

#include "store/version.h"

namespace quoris::store {

// What TYPE says. Ordinals are persisted: append only.
enum class Type : uint8_t { string = 0, list = 1, set = 2, zset = 3, hash = 4, stream = 5 };

// How the value is held. Ordinals are persisted: append only.
// string: `integer` (an int64), `embstr` or `raw` (both bytes in place; Redis's names for a short
// string as it was set and for one that is long or was changed in place).
// Collections: `packed` (store/packed.h; any type), `intset` (a set, store/intset.h), both in
// place, or `large` (a LargeValue of its own).
enum class Encoding : uint8_t {
  raw = 0,
  embstr = 1,
  integer = 2,
  packed = 3,
  intset = 4,
  large = 5,
};

// Names as OBJECT ENCODING says them, which are Redis's: "int", "listpack", "skiplist" ...
// A list is always a "quicklist", a set of strings always a "hashtable".
[[nodiscard]] std::string_view encoding_name(Type type, Encoding encoding);
// Names as TYPE says them.
[[nodiscard]] std::string_view type_name(Type type);

// Longest string that OBJECT ENCODING calls embstr.
inline constexpr size_t kEmbstrMax = 44;

// Longest key and longest string value, from the width of their length fields. The setting
// proto-max-bulk-len may not exceed it.
inline constexpr uint64_t kLengthMax = std::numeric_limits<uint32_t>::max() - 64;

inline constexpr int64_t kNoExpiry = -1;

// A string value as the reader sees it: bytes, or an integer.
struct StringView {
  bool is_integer = false;
  int64_t integer = 0;
  std::string_view bytes;  // valid while the entry is

  // The value's text; `scratch` holds the digits of an integer.
  [[nodiscard]] std::string_view text(char (&scratch)[21]) const;
  [[nodiscard]] size_t size() const;
};

class LargeValue;

// Where the parts of an entry stand, from the lengths of key and value.
struct EntryLayout {
  bool wide = false;
  bool expires = false;
  size_t key_offset = 0;
  size_t value_offset = 0;
  size_t size = 0;  // bytes in use
};

class Entry {
 public:
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;

  [[nodiscard]] std::string_view key() const noexcept { return {at(key_offset()), key_length()}; }

  [[nodiscard]] Type type() const noexcept {
    return static_cast<Type>(type_and_encoding_ & kTypeMask);
  }

  [[nodiscard]] Encoding encoding() const noexcept {
    return static_cast<Encoding>(type_and_encoding_ >> kTypeBits);
  }

  [[nodiscard]] Version version() const noexcept { return version_; }

  [[nodiscard]] bool has_expiry() const noexcept { return (flags_ & kExpires) != 0; }

  // kNoExpiry if none.
  [[nodiscard]] int64_t expire_at_ms() const noexcept {
    if (!has_expiry()) return kNoExpiry;
    int64_t at_ms = 0;
    std::memcpy(&at_ms, at(expiry_offset()), sizeof at_ms);
    return at_ms;
  }

  [[nodiscard]] bool is_expired(int64_t now_ms) const noexcept {
    return has_expiry() && expire_at_ms() <= now_ms;
  }

  [[nodiscard]] uint32_t access() const noexcept {
    return static_cast<uint32_t>(access_[0] | (access_[1] << 8) | (access_[2] << 16));
  }

  void set_access(uint32_t access) noexcept {
    access_[0] = static_cast<uint8_t>(access);
    access_[1] = static_cast<uint8_t>(access >> 8);
    access_[2] = static_cast<uint8_t>(access >> 16);
  }

  // A write to this key is under way in the cluster: readers at QUORUM and above wait for it.
  [[nodiscard]] bool write_in_flight() const noexcept { return (flags_ & kWriteInFlight) != 0; }

  void set_write_in_flight(bool on) noexcept {
    flags_ = static_cast<uint8_t>(on ? flags_ | kWriteInFlight : flags_ & ~kWriteInFlight);
  }

  // REQUIRES: type() is string.
  [[nodiscard]] StringView string() const noexcept;

  // Bytes of the value in place, writable (SETRANGE, APPEND within capacity).
  // REQUIRES: type() is string, encoding() is not integer.
  [[nodiscard]] char* mutable_bytes() noexcept;

  // The block of a small collection. REQUIRES: encoding() is packed or intset.
  [[nodiscard]] std::string_view block() const noexcept;
  [[nodiscard]] char* mutable_block() noexcept;

  [[nodiscard]] bool is_large() const noexcept { return encoding() == Encoding::large; }

  // REQUIRES: is_large(). Which class it is follows from type().
  [[nodiscard]] LargeValue& large() const noexcept {
    LargeValue* value = nullptr;
    std::memcpy(&value, at(value_offset()), kPointerSize);
    return *value;
  }

  // Of the value of an entry with a large one.
  static constexpr size_t kPointerSize = sizeof(void*);

  // Bytes of memory, as the allocator counts them, without a large value.
  [[nodiscard]] size_t own_memory() const noexcept;
  // ... with it.
  [[nodiscard]] size_t memory() const noexcept;

 private:
  friend class Keyspace;

  static constexpr unsigned kTypeBits = 4;
  static constexpr uint8_t kTypeMask = (1U << kTypeBits) - 1;

  // Flags.
  static constexpr uint8_t kWide = 1;
  static constexpr uint8_t kExpires = 2;
  static constexpr uint8_t kWriteInFlight = 4;
  static constexpr uint8_t kSlack = 8;  // the allocation is larger than the layout asks for

  static constexpr size_t kHeaderSize = 16;
  static constexpr size_t kWideSize = 8;
  static constexpr size_t kExpirySize = 8;

  Entry() = default;

  [[nodiscard]] static EntryLayout layout(size_t key_length, size_t value_length, bool expires);

  // Writes header and lengths; key and value are the caller's to fill in.
  void set_layout(const EntryLayout& layout, size_t key_length, size_t value_length);

  [[nodiscard]] bool is_wide() const noexcept { return (flags_ & kWide) != 0; }

  [[nodiscard]] size_t wide_length(size_t index) const noexcept {
    uint32_t length = 0;
    std::memcpy(&length, at(kHeaderSize + index * sizeof length), sizeof length);
    return length;
  }

  [[nodiscard]] size_t key_length() const noexcept {
    return is_wide() ? wide_length(0) : key_length_;
  }

  [[nodiscard]] size_t value_length() const noexcept {
    return is_wide() ? wide_length(1) : value_length_;
  }

  [[nodiscard]] size_t expiry_offset() const noexcept {
    return kHeaderSize + (is_wide() ? kWideSize : 0);
  }

  [[nodiscard]] size_t key_offset() const noexcept {
    return expiry_offset() + (has_expiry() ? kExpirySize : 0);
  }

  [[nodiscard]] size_t value_offset() const noexcept { return key_offset() + key_length(); }

  [[nodiscard]] const char* at(size_t offset) const noexcept {
    return reinterpret_cast<const char*>(this) + offset;
  }

  [[nodiscard]] char* at(size_t offset) noexcept { return reinterpret_cast<char*>(this) + offset; }

  void set_type(Type type, Encoding encoding) noexcept {
    type_and_encoding_ = static_cast<uint8_t>(static_cast<unsigned>(type) |
                                              (static_cast<unsigned>(encoding) << kTypeBits));
  }

  Version version_ = kNoVersion;
  uint8_t type_and_encoding_ = 0;
  uint8_t flags_ = 0;
  uint8_t access_[3] = {};
  uint8_t key_length_ = 0;
  uint16_t value_length_ = 0;
};

static_assert(sizeof(Entry) == 16);

}  // namespace quoris::store
