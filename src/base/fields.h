// Structs that list their fields once, so that encodings and checks derive from the list.
//
//   struct Vote {
//     Term term{0};
//     NodeNumber candidate{0};
//     static constexpr auto kFields = std::make_tuple(&Vote::term, &Vote::candidate);
//   };
//
// A field is an integer, an enum class over one, bool, std::string (bytes), a struct with kFields,
// or a std::vector, std::optional or std::variant of these. The list may be empty. Its order is the
// order on the wire and on disk: append only.
// Used by: base/field_codec.h, messages of the cluster.
#pragma once

#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace quoris {

template <class T>
concept HasFields = requires {
  std::remove_cvref_t<T>::kFields;
};

template <class T>
inline constexpr bool kIsVector = false;
template <class T>
inline constexpr bool kIsVector<std::vector<T>> = true;

template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;

template <class T>
inline constexpr bool kIsVariant = false;
template <class... Ts>
inline constexpr bool kIsVariant<std::variant<Ts...>> = true;

// Calls visit(field) for each field in order, until one answers false. True: all answered true.
template <HasFields Struct, class Visit>
constexpr bool all_fields(Struct& value, Visit&& visit) {
  using Bare = std::remove_const_t<Struct>;
  return std::apply([&](auto... members) { return (visit(value.*members) && ...); }, Bare::kFields);
}

// Calls visit(field) for each field in order.
template <HasFields Struct, class Visit>
constexpr void for_each_field(Struct& value, Visit&& visit) {
  all_fields(value, [&](auto& field) {
    visit(field);
    return true;
  });
}

}  // namespace quoris
