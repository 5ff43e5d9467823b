// History: what clients asked for and what came back, as checkers see it.
//
// Data is seen as registers: a string key is one, and so is each field of a hash ("hash/field"). An
// operation touches one or more; a checker that goes register by register looks at its actions.
// Times are true microseconds since the simulation began: no clock of a node is in them.
// Used by: clients (write it), checkers (read it).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quoris::sim {

enum class ActionKind : uint8_t {
  read,
  write,            // whatever is there
  write_if_absent,  // done: whether it was
  remove,           // done: whether there was something
  swap,             // writes, and tells what was there
  append,           // number: how long it is then
  increment,        // number: what it is then
};

struct Action {
  ActionKind kind = ActionKind::read;
  std::string target;                    // the register
  std::string argument = {};             // what is written or appended
  uint64_t ttl_us = 0;                   // of what is written; 0: for ever
  std::optional<std::string> text = {};  // read, swap: what was there
  bool done = false;
  int64_t number = 0;
};

enum class Outcome : uint8_t {
  pending,
  ok,
  refused,  // an error that says that nothing was done
  unknown,  // the connection broke, no answer in time, or an error that says so
};

struct Operation {
  static constexpr uint64_t kNotReturned = ~uint64_t{0};

  uint64_t id = 0;
  size_t client = 0;
  size_t node = 0;      // that was asked
  size_t keyspace = 0;  // registers of another keyspace have nothing to do with these
  std::string_view command;
  uint64_t invoked_us = 0;
  uint64_t returned_us = kNotReturned;  // of ok and refused
  uint64_t ended_us = 0;                // when its client knew the outcome
  Outcome outcome = Outcome::pending;
  std::string error = {};      // its first word; of unknown ones why
  std::string complaint = {};  // a reply that does not fit its request
  bool is_batch = false;       // its writes are there wholly or not at all
  std::vector<Action> actions;
};

[[nodiscard]] std::string_view name_of(Outcome outcome);

// "GET r:3 -> 'x'".
[[nodiscard]] std::string describe(const Action& action, bool with_result);

}  // namespace quoris::sim
