// Where a range of a sorted set begins or ends: a place between members, by score or by member.
//
// A range is what lies between two bounds: from the first member behind the lower one to the last
// in front of the upper one. Used by: ScoreTree, ZsetView, the range commands. Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace quoris::store {

struct ScoreBound {
  double score = 0;
  bool after = false;  // behind members of just this score, not in front of them

  [[nodiscard]] bool is_behind(double other) const {
    return other < score || (after && other == score);
  }
};

struct LexBound {
  enum class Place : uint8_t { lowest, member, highest };

  Place place = Place::member;
  bool after = false;
  std::string_view member = {};

  [[nodiscard]] bool is_behind(std::string_view other) const {
    if (place != Place::member) return place == Place::highest;
    return other < member || (after && other == member);
  }
};

}  // namespace quoris::store
