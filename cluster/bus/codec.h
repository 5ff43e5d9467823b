// Messages to and from the channel's frames, derived from kFields (fields.h).
//
// A frame is a flat RESP array of bulk strings: the message's name, then its fields' elements.
// Integers in their shortest decimal form, bool as 0 or 1.
//
// Decoding is strict: every element is looked at, every number has its canonical form and its
// field's range, every count is backed by as many elements, and nothing may be left over. The one
// exception is for rolling upgrades and only for peers of another version: a newer one may send
// elements that we don't know at a message's end, an older one may leave out fields that were
// added later. Memory grows with what came, not with what was announced.
// Used by: message_table.h, Handshake. Pure. Errors: Errc::corrupt, the text says which element.
#pragma once

#include <charconv>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "base/text.h"
#include "cluster/bus/fields.h"
#include "resp/reply_writer.h"

namespace quoris::bus {

using Words = std::span<const std::string_view>;

// The peer's newest protocol version compared with ours.
enum class PeerVersion : uint8_t { same, older, newer };

// --- encoding -------------------------------------------------------------------------------

template <class T>
void put_field(resp::ReplyWriter& out, const T& value);

template <std::integral T>
void put_number(resp::ReplyWriter& out, T value) {
  char digits[kInt64TextMax + 1];
  const auto end = std::to_chars(digits, digits + sizeof digits, value);
  out.bulk({digits, static_cast<size_t>(end.ptr - digits)});
}

template <class T>
void put_field(resp::ReplyWriter& out, const T& value) {
  if constexpr (HasFields<T>) {
    for_each_field(value, [&out](const auto& field) { put_field(out, field); });
  } else if constexpr (kIsVector<T>) {
    static_assert(!std::same_as<typename T::value_type, bool>, "no vector of bool");
    put_number(out, value.size());
    for (const auto& item : value) put_field(out, item);
  } else if constexpr (kIsOptional<T>) {
    put_number(out, value ? 1 : 0);
    if (value) put_field(out, *value);
  } else if constexpr (std::same_as<T, std::string>) {
    out.bulk(value);
  } else if constexpr (std::same_as<T, bool>) {
    out.bulk(value ? "1" : "0");
  } else if constexpr (std::is_enum_v<T>) {
    put_number(out, static_cast<std::underlying_type_t<T>>(value));
  } else {
    put_number(out, value);
  }
}

// Appends the frame of `message`.
template <HasFields T>
void encode_message(std::string_view name, const T& message, ByteChain& out) {
  resp::ReplyWriter writer(out, resp::Protocol::resp2);
  writer.array(1 + count_elements(message));
  writer.bulk(name);
  put_field(writer, message);
}

// --- decoding -------------------------------------------------------------------------------

// Takes a frame's elements one by one. After the first problem everything is refused.
class WordReader {
 public:
  explicit WordReader(Words words) : words_(words) {}

  [[nodiscard]] size_t left() const { return words_.size() - at_; }

  // False: the field is not there, or not as it should be.
  template <class T>
  [[nodiscard]] bool take(T& out) {
    if constexpr (HasFields<T>) {
      return all_fields(out, [this](auto& field) { return take(field); });
    } else if constexpr (kIsVector<T>) {
      return take_vector(out);
    } else if constexpr (kIsOptional<T>) {
      return take_optional(out);
    } else if constexpr (std::same_as<T, std::string>) {
      if (left() == 0) return fail("is missing");
      out = words_[at_++];
      return true;
    } else {
      return take_scalar(out);
    }
  }

  // Elements are counted from the name, which is 0. REQUIRES: something was refused.
  [[nodiscard]] Error error(std::string_view message) const {
    return Error{Errc::corrupt,
                 std::string(message) + ": element " + std::to_string(at_ + 1) + " " + problem_};
  }

  bool fail(const char* problem) {
    problem_ = problem;
    return false;
  }

 private:
  template <class T>
  [[nodiscard]] bool take_vector(T& out) {
    constexpr size_t kItemMin = elements_min<typename T::value_type>();
    static_assert(kItemMin > 0, "a vector of nothing has no bound");
    size_t count = 0;
    if (!take_number(count)) return false;
    if (count > left() / kItemMin) return fail("is missing, the count says more");
    out.clear();
    out.reserve(count);
    for (; count > 0; --count) {
      if (!take(out.emplace_back())) return false;
    }
    return true;
  }

  template <class T>
  [[nodiscard]] bool take_optional(T& out) {
    bool is_there = false;
    if (!take_scalar(is_there)) return false;
    if (!is_there) {
      out.reset();
      return true;
    }
    return take(out.emplace());
  }

  template <class T>
  [[nodiscard]] bool take_scalar(T& out) {
    if constexpr (std::same_as<T, bool>) {
      uint8_t value = 0;
      if (!take_number(value)) return false;
      if (value > 1) return refuse_taken("is neither 0 nor 1");
      out = value == 1;
      return true;
    } else if constexpr (std::is_enum_v<T>) {
      std::underlying_type_t<T> value{};
      if (!take_number(value)) return false;
      if constexpr (Choice<T>) {
        if (!kNamedValues<T>[value]) return refuse_taken("is none of the choices");
      }
      out = static_cast<T>(value);
      return true;
    } else {
      return take_number(out);
    }
  }

  template <std::integral T>
  [[nodiscard]] bool take_number(T& out) {
    if (left() == 0) return fail("is missing");
    const auto value = [&] {
      if constexpr (std::is_signed_v<T>) return parse_int64(words_[at_]);
      if constexpr (std::is_unsigned_v<T>) return parse_uint64(words_[at_]);
    }();
    if (!value) return fail("is no number");
    if (!std::in_range<T>(*value)) return fail("is out of range");
    out = static_cast<T>(*value);
    ++at_;
    return true;
  }

  bool refuse_taken(const char* problem) {
    --at_;
    return fail(problem);
  }

  Words words_;
  size_t at_ = 0;
  const char* problem_ = "";
};

// `words` is a whole frame, name first. REQUIRES: it has a name.
template <HasFields T>
[[nodiscard]] Result<T> decode_message(Words words, PeerVersion version) {
  const std::string_view name = words.front();
  WordReader reader(words.subspan(1));
  T message{};
  size_t index = 0;
  const bool good = all_fields(message, [&](auto& field) {
    const bool may_lack = version == PeerVersion::older && index >= fields_at_first<T>();
    ++index;
    return (may_lack && reader.left() == 0) || reader.take(field);
  });
  if (!good) return reader.error(name);
  if (reader.left() > 0 && version != PeerVersion::newer) {
    reader.fail("is one too many");
    return reader.error(name);
  }
  return message;
}

}  // namespace quoris::bus
