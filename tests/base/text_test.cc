#include "base/text.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

using namespace quoris;  // NOLINT(google-build-using-namespace): the functions under test

namespace {

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("text: one of a thing, several things", "[base]") {
  CHECK(counted(0, "member") == "0 members");
  CHECK(counted(1, "member") == "1 member");
  CHECK(counted(12, "member") == "12 members");
}

TEST_CASE("text: an int64 is parsed in its canonical form only", "[base]") {
  CHECK(parse_int64("0") == 0);
  CHECK(parse_int64("7") == 7);
  CHECK(parse_int64("-1") == -1);
  CHECK(parse_int64("9223372036854775807") == INT64_MAX);
  CHECK(parse_int64("-9223372036854775808") == INT64_MIN);
  for (const char* bad :
       {"", "-", "+1", "01", "-0", "-01", " 1", "1 ", "1.0", "1e3", "0x1", "9223372036854775808",
        "-9223372036854775809", "99999999999999999999", "123456789012345678901", "--1", "a"}) {
    INFO(bad);
    CHECK_FALSE(parse_int64(bad).has_value());
  }
  CHECK_FALSE(parse_int64(std::string_view("1\0", 2)).has_value());
}

TEST_CASE("text: a uint64 is parsed up to its largest value", "[base]") {
  CHECK(parse_uint64("0") == 0U);
  CHECK(parse_uint64("18446744073709551615") == UINT64_MAX);
  for (const char* bad : {"", "-1", "+1", "00", "01", "18446744073709551616", "1a"}) {
    INFO(bad);
    CHECK_FALSE(parse_uint64(bad).has_value());
  }
}

TEST_CASE("text: every int64 that is printed is parsed back", "[base]") {
  char out[kInt64TextMax];
  for (const int64_t edge : {int64_t{0}, INT64_MAX, INT64_MIN, int64_t{1} << 32, int64_t{-1}}) {
    CHECK(parse_int64({out, format_int64(edge, out)}) == edge);
  }
  for (int64_t power = 1; power < INT64_MAX / 10; power *= 10) {
    for (const int64_t value : {power - 1, power, power + 1, -power, 1 - power}) {
      CHECK(std::string(out, format_int64(value, out)) == std::to_string(value));
      CHECK(parse_int64({out, format_int64(value, out)}) == value);
    }
  }
}

TEST_CASE("text: a double is what Redis takes as one", "[base]") {
  CHECK(parse_double("3") == 3.0);
  CHECK(parse_double("-1.5e3") == -1500.0);
  CHECK(parse_double("+1") == 1.0);
  CHECK(parse_double("1.") == 1.0);
  CHECK(parse_double(".5") == 0.5);
  CHECK(parse_double("007") == 7.0);
  CHECK(parse_double("0x10") == 16.0);
  CHECK(parse_double("0x1p3") == 8.0);
  CHECK(parse_double("1e-310") == 1e-310);  // a denormal
  for (const char* endless : {"inf", "+inf", "Infinity", "iNF"}) {
    CHECK(parse_double(endless) == std::numeric_limits<double>::infinity());
  }
  CHECK(parse_double("-inf") == -std::numeric_limits<double>::infinity());
  for (const char* bad : {"", "+", "-", ".", "nan", "-nan", "NaN", "nan(1)", " 1", "1 ", "\t1",
                          "1e400", "-1e400", "1e-400", "0x", "1,5", "abc", "1e", "--1"}) {
    INFO(bad);
    CHECK_FALSE(parse_double(bad).has_value());
  }
  CHECK_FALSE(parse_double(std::string_view("1\0", 2)).has_value());
  CHECK(parse_double(std::string(1000, '0') + "1") == 1.0);
}

TEST_CASE("text: a long double keeps its precision and has a longest text", "[base]") {
  CHECK(parse_long_double("0.1") == 0.1L);
  CHECK(parse_long_double("1e4000") == 1e4000L);
  for (const char* bad : {"", " 1", "nan", "1e5000", "1x"}) {
    CHECK_FALSE(parse_long_double(bad).has_value());
  }
  CHECK(parse_long_double(std::string(5119, '0')) == 0.0L);
  CHECK_FALSE(parse_long_double(std::string(5120, '0')).has_value());
}

TEST_CASE("text: doubles are shown with 17 digits as in Redis 7.0", "[base]") {
  CHECK(format_double(3) == "3");
  CHECK(format_double(0) == "0");
  CHECK(format_double(-0.0) == "-0");
  CHECK(format_double(0.1) == "0.10000000000000001");
  CHECK(format_double(1.5) == "1.5");
  CHECK(format_double(-17) == "-17");
  CHECK(format_double(1e16) == "10000000000000000");
  CHECK(format_double(1e17) == "1e+17");
  CHECK(format_double(1e300) == "1.0000000000000001e+300");
  CHECK(format_double(1e-5) == "1.0000000000000001e-05");
  CHECK(format_double(123456789012345680000.0) == "1.2345678901234568e+20");
  CHECK(format_double(1e-310) == "9.9999999999999694e-311");
  CHECK(format_double(std::numeric_limits<double>::infinity()) == "inf");
  CHECK(format_double(-std::numeric_limits<double>::infinity()) == "-inf");
  CHECK(format_double(std::nan("")) == "nan");
  CHECK(format_double(-2.2250738585072014e-308).size() == kDoubleTextMax);
}

TEST_CASE("text: whole doubles have the form that printf gives them", "[base]") {
  char expected[64];
  double value = 1;
  for (int power = 0; power < 22; ++power, value *= 7) {
    for (const double signed_value : {value, -value, value + 1}) {
      std::snprintf(expected, sizeof(expected), "%.17g", signed_value);
      CHECK(format_double(signed_value) == expected);
    }
  }
}

TEST_CASE("text: long doubles are shown without zeros at the end", "[base]") {
  CHECK(format_long_double(3000.0L) == "3000");
  CHECK(format_long_double(0.1L) == "0.1");
  CHECK(format_long_double(1e-20L) == "0");
  CHECK(format_long_double(-1e-20L) == "0");
  CHECK(format_long_double(-0.0L) == "0");
  CHECK(format_long_double(1e20L) == "100000000000000000000");
  CHECK(format_long_double(123456789.123456789L) == "123456789.12345678899873747");
  CHECK(format_long_double(-2.50L) == "-2.5");
  CHECK(format_long_double(std::numeric_limits<long double>::infinity()) == "inf");
  CHECK(format_long_double(-0x1p16000L).size() == 4818);
}

TEST_CASE("text: case is ignored for ASCII only", "[base]") {
  CHECK(equals_ignoring_case("GeT", "gEt"));
  CHECK(equals_ignoring_case("", ""));
  CHECK_FALSE(equals_ignoring_case("get", "gets"));
  CHECK_FALSE(equals_ignoring_case("\xc4", "\xe4"));
  CHECK_FALSE(equals_ignoring_case("@", "`"));
  CHECK(to_lower("AbZ-\xc4") == "abz-\xc4");
  CHECK(to_upper("aBz-\xe4{") == "ABZ-\xe4{");
}

// The whole table was made by KEYS of redis-server 7.0.15 on these keys.
TEST_CASE("text: globs match what they match in Redis", "[base]") {
  struct Row {
    const char* pattern;
    Words matched;
  };

  const Words keys = {"",     "a",        "b",  "ab", "abc",  "[",  "]",     "^",
                      "-",    "a-c",      "\\", "*",  "?",    "a*", "hello", "HELLO",
                      "hllo", "heeeello", "a]", "[a", "x\ny", "ac", "aXc"};
  const std::vector<Row> rows = {
      {"", {""}},
      {"?", {"*", "-", "?", "[", "\\", "]", "^", "a", "b"}},
      {"[", {}},
      {"[^", {"*", "-", "?", "[", "\\", "]", "^", "a", "b"}},
      {"[a", {"a"}},
      {"[^a", {"*", "-", "?", "[", "\\", "]", "^", "b"}},
      {"[]", {}},
      {"[^]", {"*", "-", "?", "[", "\\", "]", "^", "a", "b"}},
      {"[a-", {"-", "a"}},
      {"[a-c]", {"a", "b"}},
      {"[c-a]", {"a", "b"}},
      {"[\\", {"\\"}},
      {"\\", {"\\"}},
      {"\\\\", {"\\"}},
      {"a\\", {}},
      {"[\\]]", {"]"}},
      {"[a\\-c]", {"-", "a"}},
      {"*]", {"]", "a]"}},
      {"[]a]", {}},
      {"h[ae]llo", {"hello"}},
      {"h?llo", {"hello"}},
      {"h*llo", {"heeeello", "hello", "hllo"}},
      {"h[^e]llo", {}},
      {"*a*", {"[a", "a", "a*", "a-c", "aXc", "a]", "ab", "abc", "ac"}},
      {"a*c", {"a-c", "aXc", "abc", "ac"}},
      {"a**", {"a", "a*", "a-c", "aXc", "a]", "ab", "abc", "ac"}},
      {"**a", {"[a", "a"}},
      {"[a-\\]]", {"a]"}},
      {"*\\*", {"*", "a*"}},
      {"\\*", {"*"}},
      {"[*]", {"*"}},
      {"[?]", {"?"}},
      {"a[", {}},
      {"[^^]", {"*", "-", "?", "[", "\\", "]", "a", "b"}},
      {"[--c]", {"-", "?", "[", "\\", "]", "^", "a", "b"}},
      {"[a-c", {"a", "b"}},
      {"*[^a-z]*",
       {"*", "-", "?", "HELLO", "[", "[a", "\\", "]", "^", "a*", "a-c", "aXc", "a]", "x\ny"}},
      {"[ab]c", {"ac"}},
      {"[a-cx-z]?", {"a*", "a]", "ab", "ac"}},
      {"a]", {"a]"}},
      {"[^-a]", {"*", "?", "[", "\\", "]", "^", "b"}},
  };
  for (const Row& row : rows) {
    for (const std::string& key : keys) {
      INFO(row.pattern << " and " << key);
      const bool expected =
          std::find(row.matched.begin(), row.matched.end(), key) != row.matched.end();
      CHECK(glob_match(row.pattern, key) == expected);
    }
  }
  for (const std::string& key : keys) {
    CHECK(glob_match("*", key));
    CHECK(glob_match("**", key) == !key.empty());
    CHECK(glob_match("*?", key) == !key.empty());
  }
}

TEST_CASE("text: globs can ignore case, but for escaped members of a class", "[base]") {
  CHECK(glob_match("H[A-C]l*O", "hBLLo", true));
  CHECK_FALSE(glob_match("H[A-C]l*O", "hBLLo", false));
  CHECK(glob_match("\\A", "a", true));
  CHECK_FALSE(glob_match("[\\A]", "a", true));
  CHECK(glob_match("[\\A]", "A", true));
}

TEST_CASE("text: a hostile glob takes bounded work", "[base]") {
  std::string pattern;
  for (int i = 0; i < 5000; ++i) pattern += "a*";
  CHECK_FALSE(glob_match(pattern + "b", std::string(10'000, 'a')));
  CHECK(glob_match(pattern, std::string(10'000, 'a')));
}

TEST_CASE("text: a line is split into words as Redis splits it", "[base]") {
  CHECK(split_arguments("") == Words{});
  CHECK(split_arguments(" \t\r\n\v\f ") == Words{});
  CHECK(split_arguments(" set  k\tv ") == Words{"set", "k", "v"});
  CHECK(split_arguments("\"a b\" 'c d'") == Words{"a b", "c d"});
  CHECK(split_arguments("\"\" ''") == Words{"", ""});
  CHECK(split_arguments("\"\\x41\\xfF\\n\\r\\t\\b\\a\\q\\\\\\\"\"") ==
        Words{"A\xff\n\r\t\b\aq\\\""});
  CHECK(split_arguments("\"\\x4\\xg1\"") == Words{"x4xg1"});
  CHECK(split_arguments("'a\\'b\\n\\'") == std::nullopt);
  CHECK(split_arguments("'a\\'b\\n'") == Words{"a'b\\n"});
  CHECK(split_arguments("foo\"b a\"") == Words{"foob a"});
  CHECK(split_arguments("a\vb c") == Words{"a\vb", "c"});
  CHECK(split_arguments("\"a\"\vb") == Words{"a", "b"});
  CHECK(split_arguments("a\\ b") == Words{"a\\", "b"});
  CHECK(split_arguments(std::string_view("a\0b c", 5)) == Words{std::string("a\0b", 3), "c"});
  for (const char* bad :
       {"\"", "'", "\"a", "'a", "\"a\"b", "'a'b", "\"a\\", "\"a\\\"", "a\"b\"c", "\"a\"'b'"}) {
    INFO(bad);
    CHECK(split_arguments(bad) == std::nullopt);
  }
}

TEST_CASE("text: what is quoted for display can be split again", "[base]") {
  CHECK(quote_for_display("") == "\"\"");
  CHECK(quote_for_display("a b~") == "\"a b~\"");
  CHECK(quote_for_display("\\\"\n\r\t\a\b") == "\"\\\\\\\"\\n\\r\\t\\a\\b\"");
  CHECK(quote_for_display(std::string_view("\0\x7f\xff", 3)) == "\"\\x00\\x7f\\xff\"");
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  CHECK(split_arguments(quote_for_display(all)) == Words{all});
}
