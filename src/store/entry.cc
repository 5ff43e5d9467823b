#include "store/entry.h"

#include <malloc.h>

#include <array>

#include "base/assert.h"
#include "base/text.h"
#include "store/large_value.h"
#include "store/size_class.h"

namespace quoris::store {

std::string_view encoding_name(Type type, Encoding encoding) {
  if (type == Type::list) return "quicklist";
  if (type == Type::set) return encoding == Encoding::intset ? "intset" : "hashtable";
  switch (encoding) {
    case Encoding::raw:
      return "raw";
    case Encoding::embstr:
      return "embstr";
    case Encoding::integer:
      return "int";
    case Encoding::packed:
      return "listpack";
    case Encoding::intset:
      return "intset";
    case Encoding::large:
      return type == Type::zset ? "skiplist" : "hashtable";
  }
  return "unknown";
}

std::string_view type_name(Type type) {
  switch (type) {
    case Type::string:
      return "string";
    case Type::list:
      return "list";
    case Type::set:
      return "set";
    case Type::zset:
      return "zset";
    case Type::hash:
      return "hash";
    case Type::stream:
      return "stream";
  }
  return "unknown";
}

std::string_view StringView::text(char (&scratch)[21]) const {
  if (!is_integer) return bytes;
  return {scratch, format_int64(integer, scratch)};
}

size_t StringView::size() const {
  if (!is_integer) return bytes.size();
  std::array<char, kInt64TextMax + 1> scratch{};
  return format_int64(integer, scratch.data());
}

EntryLayout Entry::layout(size_t key_length, size_t value_length, bool expires) {
  QUORIS_ASSERT(key_length <= kLengthMax);
  QUORIS_ASSERT(value_length <= kLengthMax);
  EntryLayout layout;
  layout.wide = key_length > std::numeric_limits<uint8_t>::max() ||
                value_length > std::numeric_limits<uint16_t>::max();
  layout.expires = expires;
  layout.key_offset = kHeaderSize + (layout.wide ? kWideSize : 0) + (expires ? kExpirySize : 0);
  layout.value_offset = layout.key_offset + key_length;
  layout.size = layout.value_offset + value_length;
  return layout;
}

void Entry::set_layout(const EntryLayout& layout, size_t key_length, size_t value_length) {
  const unsigned flags = flags_ & ~static_cast<unsigned>(kWide | kExpires);
  flags_ =
      static_cast<uint8_t>(flags | (layout.wide ? kWide : 0U) | (layout.expires ? kExpires : 0U));
  if (layout.wide) {
    const uint32_t lengths[] = {static_cast<uint32_t>(key_length),
                                static_cast<uint32_t>(value_length)};
    key_length_ = 0;
    value_length_ = 0;
    std::memcpy(at(kHeaderSize), lengths, sizeof lengths);
  } else {
    key_length_ = static_cast<uint8_t>(key_length);
    value_length_ = static_cast<uint16_t>(value_length);
  }
}

StringView Entry::string() const noexcept {
  QUORIS_ASSERT(type() == Type::string);
  StringView view;
  if (encoding() == Encoding::integer) {
    view.is_integer = true;
    std::memcpy(&view.integer, at(value_offset()), sizeof view.integer);
  } else {
    view.bytes = {at(value_offset()), value_length()};
  }
  return view;
}

char* Entry::mutable_bytes() noexcept {
  QUORIS_ASSERT(type() == Type::string);
  QUORIS_ASSERT(encoding() != Encoding::integer);
  return at(value_offset());
}

std::string_view Entry::block() const noexcept {
  QUORIS_ASSERT(encoding() == Encoding::packed || encoding() == Encoding::intset);
  return {at(value_offset()), value_length()};
}

char* Entry::mutable_block() noexcept {
  QUORIS_ASSERT(encoding() == Encoding::packed || encoding() == Encoding::intset);
  return at(value_offset());
}

size_t Entry::own_memory() const noexcept {
  if ((flags_ & kSlack) != 0) return malloc_usable_size(const_cast<Entry*>(this));
  return size_class(value_offset() + value_length());
}

size_t Entry::memory() const noexcept { return own_memory() + (is_large() ? large().memory() : 0); }

}  // namespace quoris::store
