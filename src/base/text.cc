#include "base/text.h"

#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <system_error>
#include <utility>

namespace quoris {

namespace {

// Longest argument that is read as a long double (MAX_LONG_DOUBLE_CHARS of Redis).
constexpr size_t kLongDoubleTextMax = 5UL * 1024;

// The C locale's classes, whatever the process's locale is.
constexpr bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

constexpr bool is_printable(char c) { return c >= ' ' && c <= '~'; }

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

constexpr int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  const char small = lower(c);
  return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
}

// strtod and strtold need a terminated text: the callback gets one.
template <class Number, class Convert>
std::optional<Number> convert_whole(std::string_view text, Convert convert) {
  if (text.empty() || is_space(text.front())) return std::nullopt;
  const std::string terminated(text);
  char* end = nullptr;
  errno = 0;
  const Number value = convert(terminated.c_str(), &end);
  if (end != terminated.c_str() + terminated.size()) return std::nullopt;
  if (std::isnan(value)) return std::nullopt;
  // A denormal sets ERANGE too and is fine; lost altogether or endless is not.
  if (errno == ERANGE && (std::isinf(value) || value == Number{0})) return std::nullopt;
  return value;
}

}  // namespace

std::optional<uint64_t> parse_uint64(std::string_view text) noexcept {
  if (text.empty() || text.size() > kInt64TextMax) return std::nullopt;
  if (text[0] == '0' && text.size() > 1) return std::nullopt;
  uint64_t value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    if (__builtin_mul_overflow(value, uint64_t{10}, &value)) return std::nullopt;
    if (__builtin_add_overflow(value, static_cast<uint64_t>(c - '0'), &value)) return std::nullopt;
  }
  return value;
}

std::optional<int64_t> parse_int64(std::string_view text) noexcept {
  constexpr uint64_t kMagnitudeMax = uint64_t{1} << 63;
  const bool negative = !text.empty() && text[0] == '-';
  const std::optional<uint64_t> magnitude = parse_uint64(text.substr(negative ? 1 : 0));
  if (!magnitude) return std::nullopt;
  if (!negative) {
    if (*magnitude >= kMagnitudeMax) return std::nullopt;
    return static_cast<int64_t>(*magnitude);
  }
  if (*magnitude == 0 || *magnitude > kMagnitudeMax) return std::nullopt;
  return static_cast<int64_t>(~*magnitude + 1);
}

std::optional<double> parse_double(std::string_view text) noexcept {
  // from_chars takes nearly all that comes and is several times faster; what it refuses (a plus,
  // hexadecimal, denormals that it calls out of range) strtod decides.
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, failure] = std::from_chars(text.data(), end, value);
  if (failure == std::errc() && stopped == end && std::isfinite(value)) return value;
  return convert_whole<double>(text, [](const char* from, char** to) { return strtod(from, to); });
}

std::optional<long double> parse_long_double(std::string_view text) noexcept {
  if (text.size() >= kLongDoubleTextMax) return std::nullopt;
  return convert_whole<long double>(text,
                                    [](const char* from, char** to) { return strtold(from, to); });
}

std::string counted(uint64_t count, std::string_view noun) {
  return std::to_string(count) + ' ' + std::string(noun) + (count == 1 ? "" : "s");
}

size_t format_int64(int64_t value, char* out) noexcept {
  return static_cast<size_t>(std::to_chars(out, out + kInt64TextMax, value).ptr - out);
}

size_t format_double(double value, char* out) noexcept {
  if (std::isnan(value)) return std::string_view("nan").copy(out, 3);
  if (std::isinf(value)) {
    const std::string_view name = value > 0 ? "inf" : "-inf";
    return name.copy(out, name.size());
  }
  // Small whole numbers are most scores, and printf is slow.
  constexpr double kExact = 1e15;
  if (value > -kExact && value < kExact) {
    const auto whole = static_cast<int64_t>(value);
    if (static_cast<double>(whole) == value && (whole != 0 || !std::signbit(value))) {
      return format_int64(whole, out);
    }
  }
  return static_cast<size_t>(std::snprintf(out, kDoubleTextMax + 1, "%.17g", value));
}

std::string format_double(double value) {
  char text[kDoubleTextMax + 1];
  return {text, format_double(value, text)};
}

std::string format_long_double(long double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  const int length = std::snprintf(nullptr, 0, "%.17Lf", value);
  std::string text(static_cast<size_t>(length) + 1, '\0');
  std::snprintf(text.data(), text.size(), "%.17Lf", value);
  text.pop_back();
  text.resize(text.find_last_not_of('0') + 1);  // there is a point, so this stops in time
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

std::string to_lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = lower(c);
  return result;
}

std::string to_upper(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return result;
}

namespace {

// Whether `c` belongs to the class whose '[' stands before `at`; moves `at` behind the class.
bool class_matches(std::string_view pattern, size_t& at, char c, bool ignore_case) {
  const auto fold = [ignore_case](char raw) { return ignore_case ? lower(raw) : raw; };
  const bool inverted = at < pattern.size() && pattern[at] == '^';
  if (inverted) at++;
  bool matched = false;
  while (at < pattern.size() && pattern[at] != ']') {
    const size_t left = pattern.size() - at;
    if (left >= 2 && pattern[at] == '\\') {
      // An escaped member is compared as it is, whatever the case mode: so does Redis.
      matched = matched || pattern[at + 1] == c;
      at += 2;
    } else if (left >= 3 && pattern[at + 1] == '-') {
      auto low = static_cast<unsigned char>(pattern[at]);
      auto high = static_cast<unsigned char>(pattern[at + 2]);
      if (low > high) std::swap(low, high);
      low = static_cast<unsigned char>(fold(static_cast<char>(low)));
      high = static_cast<unsigned char>(fold(static_cast<char>(high)));
      const auto folded = static_cast<unsigned char>(fold(c));
      matched = matched || (folded >= low && folded <= high);
      at += 3;
    } else {
      matched = matched || fold(pattern[at]) == fold(c);
      at++;
    }
  }
  if (at < pattern.size()) at++;  // the closing bracket
  return matched != inverted;
}

// Whether the pattern's element at `at` (not a star) takes `c`; moves `at` behind the element.
bool element_matches(std::string_view pattern, size_t& at, char c, bool ignore_case) {
  const char kind = pattern[at++];
  if (kind == '?') return true;
  if (kind == '[') return class_matches(pattern, at, c, ignore_case);
  char literal = kind;
  if (kind == '\\' && at < pattern.size()) literal = pattern[at++];
  return ignore_case ? lower(literal) == lower(c) : literal == c;
}

}  // namespace

bool glob_match(std::string_view pattern, std::string_view text, bool ignore_case) noexcept {
  constexpr size_t kNone = std::string_view::npos;
  if (pattern == "*") return true;
  if (text.empty()) return pattern.empty();

  // Every element but the star takes exactly one character, so if the rest fails it is enough to
  // let the last star take one more: what an earlier star could gain, the last one can too.
  size_t at = 0;
  size_t position = 0;
  size_t star = kNone;  // behind the last star
  size_t taken_to = 0;  // where its match ends so far
  while (position < text.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = ++at;
      taken_to = position;
      continue;
    }
    if (at < pattern.size() && element_matches(pattern, at, text[position], ignore_case)) {
      position++;
      continue;
    }
    if (star == kNone) return false;
    at = star;
    position = ++taken_to;
  }
  while (at < pattern.size() && pattern[at] == '*') at++;
  return at == pattern.size();
}

// A closing quote must end the word.
bool LineWords::at_word_end() const { return at_ == end_ || is_space(*at_); }

// Reads behind the opening quote up to and with the closing one.
bool LineWords::decode_double_quoted(char*& out) {
  while (at_ < end_) {
    const char c = *at_++;
    if (c == '"') return at_word_end();
    if (c != '\\' || at_ == end_) {
      *out++ = c;
      continue;
    }
    if (end_ - at_ >= 3 && at_[0] == 'x' && hex_value(at_[1]) >= 0 && hex_value(at_[2]) >= 0) {
      *out++ = static_cast<char>(hex_value(at_[1]) * 16 + hex_value(at_[2]));
      at_ += 3;
      continue;
    }
    const char escaped = *at_++;
    switch (escaped) {
      case 'n':
        *out++ = '\n';
        break;
      case 'r':
        *out++ = '\r';
        break;
      case 't':
        *out++ = '\t';
        break;
      case 'b':
        *out++ = '\b';
        break;
      case 'a':
        *out++ = '\a';
        break;
      default:
        *out++ = escaped;
    }
  }
  return false;
}

bool LineWords::decode_single_quoted(char*& out) {
  while (at_ < end_) {
    const char c = *at_++;
    if (c == '\'') return at_word_end();
    if (c == '\\' && at_ < end_ && *at_ == '\'') {
      *out++ = *at_++;
    } else {
      *out++ = c;
    }
  }
  return false;
}

LineWords::Step LineWords::next(std::string_view& word) {
  while (at_ < end_ && is_space(*at_)) at_++;
  if (at_ == end_) return Step::end;
  char* const begin = at_;
  char* out = at_;
  // \v and \f part words, but don't end one that has begun without quotes: so does Redis.
  while (at_ < end_ && *at_ != ' ' && *at_ != '\n' && *at_ != '\r' && *at_ != '\t') {
    const char c = *at_++;
    if (c == '"' || c == '\'') {
      if (!(c == '"' ? decode_double_quoted(out) : decode_single_quoted(out))) {
        return Step::unbalanced;
      }
      break;  // a closing quote ends the word
    }
    *out++ = c;
  }
  word = {begin, static_cast<size_t>(out - begin)};
  return Step::word;
}

std::optional<std::vector<std::string>> split_arguments(std::string_view line) {
  std::string scratch(line);
  LineWords words(scratch.data(), scratch.data() + scratch.size());
  std::vector<std::string> result;
  std::string_view word;
  for (;;) {
    switch (words.next(word)) {
      case LineWords::Step::word:
        result.emplace_back(word);
        break;
      case LineWords::Step::end:
        return result;
      case LineWords::Step::unbalanced:
        return std::nullopt;
    }
  }
}

std::string quote_for_display(std::string_view bytes) {
  constexpr std::string_view kHex = "0123456789abcdef";
  // Character by character: what stands in the text, and how it is shown.
  constexpr std::string_view kNamed = "\\\"\n\r\t\a\b";
  constexpr std::string_view kNames = "\\\"nrtab";
  std::string shown = "\"";
  shown.reserve(bytes.size() + 2);
  for (const char c : bytes) {
    const size_t named = kNamed.find(c);
    if (named != std::string_view::npos) {
      shown += '\\';
      shown += kNames[named];
    } else if (is_printable(c)) {
      shown += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      shown += "\\x";
      shown += kHex[byte >> 4];
      shown += kHex[byte & 15];
    }
  }
  shown += '"';
  return shown;
}

}  // namespace quoris
