// What a message of the channel may be made of: more than base/fields.h says of kFields.
//
// No variants. On the wire a scalar is one element, a struct its fields one behind the other, a
// vector or an optional its count and then its elements.
// An enum class over uint8_t is a choice: only values with a name are taken. One over a wider type
// is a number with a meaning (Term, Epoch): all values are taken.
//
// Growing a message (rolling upgrades): a new field goes to the end of kFields of the message
// itself, never into a nested struct, and the message says how many fields it had at first:
//   static constexpr size_t kFieldsAtFirst = 2;
// Used by: codec.h, message_table.h. Pure, all at compile time.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "base/fields.h"

namespace quoris::bus {

// One element on the wire.
template <class T>
concept Scalar = std::is_enum_v<T> || std::integral<T> || std::same_as<T, std::string>;

template <class T>
concept Choice = std::is_enum_v<T> && std::same_as<std::underlying_type_t<T>, uint8_t>;

template <HasFields T>
inline constexpr size_t kFieldCount = std::tuple_size_v<std::remove_cvref_t<decltype(T::kFields)>>;

// Fewest fields that an older version may send.
template <HasFields T>
[[nodiscard]] consteval size_t fields_at_first() {
  if constexpr (requires { T::kFieldsAtFirst; }) {
    static_assert(T::kFieldsAtFirst <= kFieldCount<T>);
    return T::kFieldsAtFirst;
  } else {
    return kFieldCount<T>;
  }
}

template <class Field>
struct FieldOf;

template <class Owner, class Type>
struct FieldOf<Type Owner::*> {
  using Value = Type;
};

// Fewest elements that a value takes: what bounds a count before memory is taken for it.
template <class T>
[[nodiscard]] consteval size_t elements_min() {
  if constexpr (HasFields<T>) {
    return []<class... Fields>(std::tuple<Fields...>) {
      return (elements_min<typename FieldOf<Fields>::Value>() + ... + size_t{0});
    }(T::kFields);
  } else {
    static_assert(Scalar<T> || kIsVector<T> || kIsOptional<T>, "no type for a field: fields.h");
    return 1;
  }
}

// How many elements `value` takes.
template <class T>
[[nodiscard]] size_t count_elements(const T& value) {
  if constexpr (HasFields<T>) {
    size_t count = 0;
    for_each_field(value, [&count](const auto& field) { count += count_elements(field); });
    return count;
  } else if constexpr (kIsVector<T>) {
    if constexpr (Scalar<typename T::value_type>) return 1 + value.size();
    size_t count = 1;
    for (const auto& item : value) count += count_elements(item);
    return count;
  } else if constexpr (kIsOptional<T>) {
    return 1 + (value ? count_elements(*value) : 0);
  } else {
    return 1;
  }
}

// The compiler spells a value without a name as a cast: "(Color)7", others as "Color::red".
template <class E, E kValue>
[[nodiscard]] consteval bool has_name() {
  constexpr std::string_view kSpelled = __PRETTY_FUNCTION__;
  constexpr size_t kCast = kSpelled.rfind(')');
  constexpr char kBehind = kSpelled[kCast + 1];
  return kBehind < '0' || kBehind > '9';
}

// By value: is it one of the choices?
template <Choice E>
inline constexpr auto kNamedValues = []<size_t... kValues>(std::index_sequence<kValues...>) {
  return std::array<bool, sizeof...(kValues)>{has_name<E, static_cast<E>(kValues)>()...};
}

(std::make_index_sequence<size_t{std::numeric_limits<uint8_t>::max()} + 1>{});

}  // namespace quoris::bus
