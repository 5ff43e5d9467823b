// Planted bugs: wrong turns in the shipped code path, so that tests can show which checker or test
// notices each of them.
//
//   if (!QUORIS_PLANTED("raft: a vote is sent before it is durable")) hold(message);
//
// Only a build with QUORIS_PLANTED_BUGS has them, and there only the one that is named by
// plant_bug() acts. Everywhere else the condition is the constant false.
// Names: "<room>: <what goes wrong>"; docs/simulator.md lists those that the simulator is to find.
// Used by: cluster, persistence, server, their tests, the simulator.
#pragma once

#include <string_view>

namespace quoris {

#ifdef QUORIS_PLANTED_BUGS

inline constexpr bool kHasPlantedBugs = true;

inline std::string_view& planted_bug() {
  static std::string_view name;
  return name;
}

// REQUIRES: `name` stays alive (a literal). Empty: none acts.
inline void plant_bug(std::string_view name) { planted_bug() = name; }

#define QUORIS_PLANTED(name) (::quoris::planted_bug() == (name))

#else

inline constexpr bool kHasPlantedBugs = false;

#define QUORIS_PLANTED(name) (false)

#endif

}  // namespace quoris
