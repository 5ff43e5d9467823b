#include "command/args.h"

#include <catch2/catch.hpp>
#include <limits>

namespace quoris::command {
namespace {

constexpr int64_t kNowMs = 1'800'000'000'000;
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr int64_t kMin = std::numeric_limits<int64_t>::min();

Parsed<int64_t> seconds(std::string_view text, bool must_be_positive) {
  return expiry_argument({.text = text, .unit_ms = 1000, .must_be_positive = must_be_positive},
                         kNowMs, "set");
}

TEST_CASE("args: an integer is taken in canonical form only", "[command]") {
  CHECK(*integer_argument("-12") == -12);
  for (const char* text : {"", " 1", "1 ", "+1", "01", "-0", "1.0", "9223372036854775808"}) {
    CAPTURE(text);
    CHECK(integer_argument(text).error() == errors::kNotInteger);
  }
}

TEST_CASE("args: an integer out of its range has the error of the caller", "[command]") {
  CHECK(*integer_argument("5", 0, 5, "ERR mine") == 5);
  CHECK(integer_argument("6", 0, 5, "ERR mine").error() == "ERR mine");
  CHECK(integer_argument("x", 0, 5, "ERR mine").error() == "ERR mine");
}

TEST_CASE("args: a relative expiry is added to now, an absolute one is not", "[command]") {
  CHECK(*seconds("10", true) == kNowMs + 10'000);
  CHECK(*expiry_argument({.text = "10", .absolute = true}, kNowMs, "set") == 10);
}

TEST_CASE("args: SET refuses an expiry of zero and less, EXPIRE takes it", "[command]") {
  for (const char* text : {"0", "-1"}) {
    CAPTURE(text);
    CHECK(seconds(text, true).error() == "ERR invalid expire time in 'set' command");
    CHECK(seconds(text, false).has_value());
  }
}

TEST_CASE("args: an expiry that overflows is refused, whichever step overflows", "[command]") {
  const std::string error = "ERR invalid expire time in 'set' command";
  CHECK(seconds(std::to_string(kMax), true).error() == error);
  CHECK(seconds(std::to_string(kMin), false).error() == error);
  CHECK(seconds(std::to_string(kMax / 1000), true).error() == error);
  CHECK(seconds(std::to_string((kMax - kNowMs) / 1000), true).has_value());
  const ExpiryRequest lowest = {.text = "-9223372036854775808", .must_be_positive = false};
  CHECK(*expiry_argument(lowest, kNowMs, "set") == kMin + kNowMs);
}

TEST_CASE("args: a database number has three ways to be wrong", "[command]") {
  CHECK(raw(*db_argument("15", 16)) == 15);
  CHECK(db_argument("16", 16).error() == errors::kDbOutOfRange);
  CHECK(db_argument("-1", 16).error() == errors::kDbOutOfRange);
  CHECK(db_argument("a", 16).error() == errors::kNotInteger);
  CHECK(db_argument("2147483648", 16).error() ==
        "ERR value is out of range, value must between -2147483648 and 2147483647");
}

}  // namespace
}  // namespace quoris::command
