// Text and number conversions with Redis's rules, which are stricter than the C library's.
//
// Used by: every room that meets a client's bytes. Pure.
// Sources: the behaviour of redis-server 7.0.15 (string2ll, string2d, ll2string, d2string).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quoris {

// Longest decimal form of an int64_t ("-9223372036854775808").
inline constexpr size_t kInt64TextMax = 20;

// The whole text is a decimal int64 in its canonical form: no sign but '-', no leading zeros,
// no spaces, not "-0"; else nothing. So a value parsed is a value printed.
[[nodiscard]] std::optional<int64_t> parse_int64(std::string_view text) noexcept;

// As parse_int64, for the unsigned range.
[[nodiscard]] std::optional<uint64_t> parse_uint64(std::string_view text) noexcept;

// A double as Redis accepts it in arguments: the whole text, no leading space, no NaN; "inf",
// "+inf", "-inf" and hexadecimal are fine.
[[nodiscard]] std::optional<double> parse_double(std::string_view text) noexcept;

// As parse_double with the precision of the machine's long double (INCRBYFLOAT).
[[nodiscard]] std::optional<long double> parse_long_double(std::string_view text) noexcept;

// Writes the decimal form; returns its length. REQUIRES: room for kInt64TextMax characters.
size_t format_int64(int64_t value, char* out) noexcept;

// Longest form of format_double ("-2.2250738585072014e-308").
inline constexpr size_t kDoubleTextMax = 24;

// "1 member", "2 members": a noun whose plural ends with s.
[[nodiscard]] std::string counted(uint64_t count, std::string_view noun);

// As RESP2 and RESP3 replies carry a double: %.17g, so 0.1 is "0.10000000000000001" as in 7.0;
// "inf", "-inf", "nan". The second form writes to `out` and returns the length.
// REQUIRES of the second: room for kDoubleTextMax + 1 characters.
[[nodiscard]] std::string format_double(double value);
size_t format_double(double value, char* out) noexcept;

// As INCRBYFLOAT stores it: %.17Lf without trailing zeros.
[[nodiscard]] std::string format_long_double(long double value);

// ASCII only, whatever the locale.
[[nodiscard]] bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept;
[[nodiscard]] std::string to_lower(std::string_view text);
[[nodiscard]] std::string to_upper(std::string_view text);

[[nodiscard]] constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Redis's glob: * ? [abc] [^a] [a-z] and backslash. Bounded work: only the last star is tried
// again, so at most pattern times text steps, and no recursion. As in Redis an unclosed class ends
// with the pattern, and an empty text matches no pattern but the empty one and "*" ("**" doesn't).
[[nodiscard]] bool glob_match(std::string_view pattern, std::string_view text,
                              bool ignore_case = false) noexcept;

// Takes a line apart into words, decoding quotes in place: a decoded word is never longer than
// what it was written as, and the words are views into the line. Rules as of split_arguments.
class LineWords {
 public:
  enum class Step : uint8_t { word, end, unbalanced };

  explicit LineWords(char* begin, char* end) : at_(begin), end_(end) {}

  // Sets `word` when it answers Step::word. After Step::unbalanced the line is spoilt.
  [[nodiscard]] Step next(std::string_view& word);

 private:
  [[nodiscard]] bool decode_double_quoted(char*& out);
  [[nodiscard]] bool decode_single_quoted(char*& out);
  [[nodiscard]] bool at_word_end() const;

  char* at_;
  char* end_;
};

// Splits a line into words as redis-cli and inline commands do: "double quotes" with \n \xHH
// escapes, 'single quotes' with \'. Nothing when quotes are unbalanced.
[[nodiscard]] std::optional<std::vector<std::string>> split_arguments(std::string_view line);

// The inverse for one word: quoted, with non-printable bytes as \xHH (as MONITOR shows them).
[[nodiscard]] std::string quote_for_display(std::string_view bytes);

}  // namespace quoris
