#include "command/args.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace quoris::command {

Parsed<int64_t> integer_argument(std::string_view text) {
  const auto value = parse_int64(text);
  if (!value) return std::string(errors::kNotInteger);
  return *value;
}

Parsed<int64_t> integer_argument(std::string_view text, int64_t low, int64_t high,
                                 std::string_view error) {
  const auto value = parse_int64(text);
  if (!value || *value < low || *value > high) return std::string(error);
  return *value;
}

Parsed<int64_t> expiry_argument(const ExpiryRequest& request, int64_t now_ms,
                                std::string_view command_name) {
  const auto number = parse_int64(request.text);
  if (!number) return std::string(errors::kNotInteger);
  int64_t at_ms = 0;
  const int64_t base_ms = request.absolute ? 0 : now_ms;
  if ((request.must_be_positive && *number <= 0) ||
      __builtin_mul_overflow(*number, request.unit_ms, &at_ms) ||
      __builtin_add_overflow(at_ms, base_ms, &at_ms)) {
    return errors::invalid_expire_time(command_name);
  }
  return at_ms;
}

Parsed<DbIndex> db_of_number(int64_t number, size_t databases) {
  if (number < 0 || static_cast<uint64_t>(number) >= databases) {
    return std::string(errors::kDbOutOfRange);
  }
  return DbIndex{static_cast<uint16_t>(number)};
}

Parsed<DbIndex> db_argument(std::string_view text, size_t databases) {
  constexpr int64_t kLow = std::numeric_limits<int32_t>::min();
  constexpr int64_t kHigh = std::numeric_limits<int32_t>::max();
  const auto number = parse_int64(text);
  if (!number) return std::string(errors::kNotInteger);
  if (*number < kLow || *number > kHigh) return errors::not_between(kLow, kHigh);
  return db_of_number(*number, databases);
}

Parsed<int64_t> timeout_argument(std::string_view text, int64_t now_ms) {
  constexpr int64_t kMsPerSecond = 1000;
  const auto seconds = parse_long_double(text);
  if (!seconds) return std::string(errors::kTimeoutNotFloat);
  const long double ms = std::ceil(*seconds * kMsPerSecond);
  // As in Redis, what a number of ms can't hold counts as negative; a time that lies past all
  // clocks is the last one.
  if (ms < 0 || ms >= 0x1p63L) return std::string(errors::kTimeoutNegative);
  return std::min(static_cast<int64_t>(ms), std::numeric_limits<int64_t>::max() - now_ms);
}

}  // namespace quoris::command
