#include "store/packed_element.h"

#include <bit>
#include <cstring>

#include "base/assert.h"
#include "base/text.h"

namespace quoris::store::packed {

namespace {

static_assert(std::endian::native == std::endian::little, "lengths and integers are copied as is");

constexpr uint8_t kShortMax = 0xBF;
constexpr uint8_t kLong = 0xC0;
constexpr uint8_t kInt8 = 0xC1;
constexpr uint8_t kInt16 = 0xC2;
constexpr uint8_t kInt32 = 0xC3;
constexpr uint8_t kInt64 = 0xC4;
constexpr uint8_t kSmall = 0xC5;
constexpr int64_t kSmallMax = 0xFF - kSmall;
constexpr size_t kLongHead = 1 + sizeof(uint32_t);

constexpr uint8_t kWideTail = 0xFF;
constexpr size_t kWideTailSize = sizeof(uint32_t) + 1;

template <class Integer>
bool fits(int64_t value) {
  return value >= std::numeric_limits<Integer>::min() &&
         value <= std::numeric_limits<Integer>::max();
}

template <class Integer>
Integer load(const char* at) {
  Integer value{};
  std::memcpy(&value, at, sizeof value);
  return value;
}

uint8_t head_at(const char* at) { return static_cast<uint8_t>(*at); }

size_t integer_bytes(int64_t value) {
  if (value >= 0 && value <= kSmallMax) return 0;
  if (fits<int8_t>(value)) return sizeof(int8_t);
  if (fits<int16_t>(value)) return sizeof(int16_t);
  return fits<int32_t>(value) ? sizeof(int32_t) : sizeof(int64_t);
}

// Head and data.
size_t put_integer(int64_t value, char* out) {
  const size_t bytes = integer_bytes(value);
  if (bytes == 0) {
    *out = static_cast<char>(kSmall + value);
    return 1;
  }
  *out = static_cast<char>(kInt8 + std::countr_zero(bytes));
  std::memcpy(out + 1, &value, bytes);
  return 1 + bytes;
}

size_t body_size(const StringView& element) {
  if (element.is_integer) return 1 + integer_bytes(element.integer);
  return (element.bytes.size() <= kShortMax ? 1 : kLongHead) + element.bytes.size();
}

size_t tail_size(size_t body) { return body < kWideTail ? 1 : kWideTailSize; }

// Head and data of the element at `at`.
size_t body_size_at(const char* at) {
  const uint8_t head = head_at(at);
  if (head <= kShortMax) return 1 + size_t{head};
  if (head == kLong) return kLongHead + load<uint32_t>(at + 1);
  return head >= kSmall ? 1 : 1 + (size_t{1} << (head - kInt8));
}

// REQUIRES: tail_size(body) bytes at `tail`.
bool is_tail_of(size_t body, const char* tail) {
  if (body < kWideTail) return static_cast<uint8_t>(*tail) == body;
  return load<uint32_t>(tail) == body && static_cast<uint8_t>(tail[kWideTailSize - 1]) == kWideTail;
}

}  // namespace

StringView best_element(std::string_view text) {
  if (text.size() <= kInt64TextMax) {
    if (const auto integer = parse_int64(text)) {
      return {.is_integer = true, .integer = *integer, .bytes = {}};
    }
  }
  return {.is_integer = false, .integer = 0, .bytes = text};
}

size_t encoded_size(const StringView& element) {
  const size_t body = body_size(element);
  return body + tail_size(body);
}

size_t encode(const StringView& element, char* out) {
  size_t body = 0;
  if (element.is_integer) {
    body = put_integer(element.integer, out);
  } else {
    QUORIS_ASSERT(element.bytes.size() <= kLengthMax);
    const auto length = static_cast<uint32_t>(element.bytes.size());
    if (length <= kShortMax) {
      *out = static_cast<char>(length);
      body = 1;
    } else {
      *out = static_cast<char>(kLong);
      std::memcpy(out + 1, &length, sizeof length);
      body = kLongHead;
    }
    if (length > 0) std::memcpy(out + body, element.bytes.data(), length);
    body += length;
  }
  if (body < kWideTail) {
    out[body] = static_cast<char>(body);
    return body + 1;
  }
  const auto wide = static_cast<uint32_t>(body);
  std::memcpy(out + body, &wide, sizeof wide);
  out[body + sizeof wide] = static_cast<char>(kWideTail);
  return body + kWideTailSize;
}

void append(std::string& out, const StringView& element) {
  const size_t before = out.size();
  out.resize(before + encoded_size(element));
  encode(element, out.data() + before);
}

Decoded decode(const char* at) {
  const uint8_t head = head_at(at);
  const size_t body = body_size_at(at);
  Decoded decoded{.value = {}, .size = body + tail_size(body)};
  if (head <= kLong) {
    const size_t head_size = head == kLong ? kLongHead : 1;
    decoded.value.bytes = {at + head_size, body - head_size};
    return decoded;
  }
  decoded.value.is_integer = true;
  switch (head) {
    case kInt8:
      // NOLINTNEXTLINE(bugprone-signed-char-misuse): a number of eight bits, whose sign is meant
      decoded.value.integer = load<int8_t>(at + 1);
      break;
    case kInt16:
      decoded.value.integer = load<int16_t>(at + 1);
      break;
    case kInt32:
      decoded.value.integer = load<int32_t>(at + 1);
      break;
    case kInt64:
      decoded.value.integer = load<int64_t>(at + 1);
      break;
    default:
      decoded.value.integer = head - kSmall;
  }
  return decoded;
}

size_t size_at(const char* at) {
  const size_t body = body_size_at(at);
  return body + tail_size(body);
}

size_t size_before(const char* end) {
  const auto last = static_cast<uint8_t>(end[-1]);
  if (last < kWideTail) return size_t{last} + 1;
  return load<uint32_t>(end - kWideTailSize) + kWideTailSize;
}

Decoded decode_checked(std::string_view bytes) {
  if (bytes.empty()) return {};
  if (head_at(bytes.data()) == kLong && bytes.size() < kLongHead) return {};
  const size_t body = body_size_at(bytes.data());
  const size_t size = body + tail_size(body);
  if (size > bytes.size() || !is_tail_of(body, bytes.data() + body)) return {};
  return decode(bytes.data());
}

Wanted::Wanted(const StringView& element) : text_(element.bytes) {
  if (element.is_integer) {
    size_ = static_cast<uint8_t>(put_integer(element.integer, bytes_));
    head_ = bytes_[0];
    return;
  }
  is_long_ = text_.size() > kShortMax;
  head_ = static_cast<char>(is_long_ ? kLong : text_.size());
}

bool Wanted::equals_rest(const char* at) const {
  if (size_ > 0) return std::memcmp(at, bytes_, size_) == 0;
  if (text_.empty()) return true;
  if (is_long_ && load<uint32_t>(at + 1) != text_.size()) return false;
  return std::memcmp(at + (is_long_ ? kLongHead : 1), text_.data(), text_.size()) == 0;
}

}  // namespace quoris::store::packed
