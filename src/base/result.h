// Result<T, E>: a value or the reason why there is none.
//
// Stands in for C++23's std::expected, with its member names, until the compilers have it.
// Errors are for what the world does (bad input, full disk, lost peer); what we did wrong is an
// assert (base/assert.h). Used by: everyone.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>

#include "base/assert.h"

namespace quoris {

// Kinds of operating errors. The text is for people, the code for branching.
enum class Errc : uint8_t {
  invalid_argument,
  out_of_range,
  not_found,
  already_exists,
  corrupt,
  io,
  limit_exceeded,
  no_space,
  unsupported,
};

struct Error {
  Errc code = Errc::invalid_argument;
  std::string message;
};

template <class T, class E = Error>
class [[nodiscard]] Result {
 public:
  // Implicit on purpose: `return value;` and `return Error{...};` are how results are made.
  // NOLINTNEXTLINE(google-explicit-constructor): see above
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}

  // NOLINTNEXTLINE(google-explicit-constructor): see above
  Result(E error) : state_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }

  explicit operator bool() const noexcept { return has_value(); }

  // REQUIRES: has_value().
  [[nodiscard]] T& value() & {
    QUORIS_ASSERT(has_value());
    return *std::get_if<0>(&state_);
  }

  [[nodiscard]] const T& value() const& {
    QUORIS_ASSERT(has_value());
    return *std::get_if<0>(&state_);
  }

  [[nodiscard]] T&& value() && {
    QUORIS_ASSERT(has_value());
    return std::move(*std::get_if<0>(&state_));
  }

  [[nodiscard]] T& operator*() & { return value(); }

  [[nodiscard]] const T& operator*() const& { return value(); }

  [[nodiscard]] T&& operator*() && { return std::move(*this).value(); }

  T* operator->() { return &value(); }

  const T* operator->() const { return &value(); }

  // REQUIRES: !has_value().
  [[nodiscard]] const E& error() const& {
    QUORIS_ASSERT(!has_value());
    return *std::get_if<1>(&state_);
  }

 private:
  std::variant<T, E> state_;
};

// What an operation without a value returns: ok() or an error.
struct Done {};

using Status = Result<Done>;

inline Status ok() { return Done{}; }

}  // namespace quoris
