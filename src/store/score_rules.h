// Members with scores as they are given to a sorted set, the rules by which it takes them (ZADD's
// options), and what came of it.
//
// Used by: ZsetValue, Writer, ZADD and ZINCRBY. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace quoris::store {

// A member of a sorted set. REQUIRES: the score is not NaN.
struct ScoredMember {
  double score = 0;
  std::string_view member = {};

  // The order of a set.
  bool operator<(const ScoredMember& other) const {
    return score != other.score ? score < other.score : member < other.member;
  }
};

struct ScoreRules {
  bool only_new = false;      // NX
  bool only_present = false;  // XX
  bool only_greater = false;  // GT: of members that are there
  bool only_less = false;     // LT
  bool add_to = false;        // INCR: what is given is added to the score
};

enum class ScoreChange : uint8_t {
  refused,    // by the rules
  unchanged,  // it has that score
  updated,
  added,
  not_a_number,  // what the addition gives; nothing is changed
};

struct ScoreOutcome {
  ScoreChange change = ScoreChange::refused;
  double score = 0;   // the member's, unless refused or not_a_number
  double stored = 0;  // as it is held if it was added or updated: a block makes 0 of -0
};

// What rules make of a score given for a member, whose present score is `present` (null: it is not
// there).
[[nodiscard]] ScoreOutcome decide(const ScoreRules& rules, const double* present, double given);

// Of several members: how many; the last one's outcome.
struct ScoreChanges {
  size_t added = 0;
  size_t updated = 0;
  ScoreOutcome last;
};

}  // namespace quoris::store
