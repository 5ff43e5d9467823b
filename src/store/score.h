// The score of a sorted set's member as a packed element: an integer if it is one, else the eight
// bytes of the double.
//
// Invariants: never NaN. A score is always written in the same way; -0 is not 0.
// Used by: packed sorted sets, mutations. Pure.
#pragma once

#include <cmath>
#include <cstring>

#include "store/packed_element.h"

namespace quoris::store {

// The element's bytes lie in `scratch`.
[[nodiscard]] inline StringView score_element(double score, char (&scratch)[sizeof(double)]) {
  constexpr double kExact = 9007199254740992.0;  // 2^53
  if (score >= -kExact && score <= kExact && score == std::floor(score) &&
      !(score == 0 && std::signbit(score))) {
    return {.is_integer = true, .integer = static_cast<int64_t>(score), .bytes = {}};
  }
  std::memcpy(scratch, &score, sizeof score);
  return {.is_integer = false, .integer = 0, .bytes = {scratch, sizeof score}};
}

// REQUIRES: is_score(element).
[[nodiscard]] inline double score_of(const StringView& element) {
  if (element.is_integer) return static_cast<double>(element.integer);
  double score = 0;
  std::memcpy(&score, element.bytes.data(), sizeof score);
  return score;
}

// For elements that came from outside.
[[nodiscard]] inline bool is_score(const StringView& element) {
  if (element.is_integer) return true;
  return element.bytes.size() == sizeof(double) && !std::isnan(score_of(element));
}

}  // namespace quoris::store
