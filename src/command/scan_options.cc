#include "command/scan_options.h"

#include <string>

namespace quoris::command {

// Redis reads cursors with strtoul: the empty text is 0, a sign may lead and minus wraps.
Parsed<uint64_t> parse_cursor(std::string_view text) {
  const bool negative = text.starts_with('-');
  std::string_view digits = text;
  if (negative || text.starts_with('+')) digits.remove_prefix(1);
  if (digits.empty() && !text.empty()) return std::string(errors::kInvalidCursor);
  uint64_t cursor = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9' || __builtin_mul_overflow(cursor, uint64_t{10}, &cursor) ||
        __builtin_add_overflow(cursor, static_cast<uint64_t>(c - '0'), &cursor)) {
      return std::string(errors::kInvalidCursor);
    }
  }
  return negative ? uint64_t{0} - cursor : cursor;
}

Parsed<ScanOptions> parse_scan_options(std::span<const std::string_view> words, ScanKind kind) {
  ScanOptions options;
  for (size_t i = 0; i < words.size(); i += 2) {
    if (i + 1 == words.size()) return std::string(errors::kSyntax);
    const std::string_view value = words[i + 1];
    if (is(words[i], "COUNT")) {
      const auto count = integer_argument(value);
      if (!count) return count.error();
      if (*count < 1) return std::string(errors::kSyntax);
      options.count = static_cast<size_t>(*count);
    } else if (is(words[i], "MATCH")) {
      options.pattern = value;
    } else if (kind == ScanKind::keys && is(words[i], "TYPE")) {
      options.type = value;
      options.any_type = false;
    } else {
      return std::string(errors::kSyntax);
    }
  }
  return options;
}

}  // namespace quoris::command
