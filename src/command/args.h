// Helpers that read a command's arguments: numbers with Redis's rules, options, expiry times.
//
// Each writes nothing: it returns a value or the error text to reply with.
// Used by: handlers here and in src/server.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "base/text.h"
#include "command/errors.h"

namespace quoris::command {

// The reply of a failed check: one of errors.h, or text made from one.
template <class T>
using Parsed = Result<T, std::string>;

[[nodiscard]] Parsed<int64_t> integer_argument(std::string_view text);
// `error` for what is no integer and for one that is out of range alike.
[[nodiscard]] Parsed<int64_t> integer_argument(std::string_view text, int64_t low, int64_t high,
                                               std::string_view error);

// Compares an option's word.
[[nodiscard]] inline bool is(std::string_view argument, std::string_view word) {
  return equals_ignoring_case(argument, word);
}

// A time of EX, PX, EXAT, PXAT, EXPIRE ...: in `unit_ms` milliseconds each, relative to `now_ms`
// unless `absolute`. Checked for overflow and sign as Redis does; the error names the command.
// Result: ms since 1970.
struct ExpiryRequest {
  std::string_view text = {};
  int64_t unit_ms = 1;
  bool absolute = false;
  bool must_be_positive = true;  // SET and GETEX refuse 0 and less, EXPIRE takes them
};

[[nodiscard]] Parsed<int64_t> expiry_argument(const ExpiryRequest& request, int64_t now_ms,
                                              std::string_view command_name);

// The timeout of a blocking command, in seconds with a fraction. Result: ms, 0 for ever.
[[nodiscard]] Parsed<int64_t> timeout_argument(std::string_view text, int64_t now_ms);

// Database number of SELECT, COPY, MOVE.
[[nodiscard]] Parsed<DbIndex> db_argument(std::string_view text, size_t databases);

// The same for a number that is read already (SWAPDB reads both before it looks at their range).
[[nodiscard]] Parsed<DbIndex> db_of_number(int64_t number, size_t databases);

}  // namespace quoris::command
