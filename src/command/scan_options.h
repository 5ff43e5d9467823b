// What SCAN, SSCAN, HSCAN and ZSCAN have in common: the cursor and the options.
//
// Used by: their handlers, KEYS (patterns). Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "command/args.h"

namespace quoris::command {

// "*" is by far the commonest pattern.
[[nodiscard]] inline bool matches_pattern(std::string_view pattern, std::string_view text) {
  return pattern == "*" || glob_match(pattern, text);
}

struct ScanOptions {
  size_t count = 10;
  std::string_view pattern = "*";
  std::string_view type;  // SCAN alone
  bool any_type = true;

  [[nodiscard]] bool matches(std::string_view text) const { return matches_pattern(pattern, text); }
};

[[nodiscard]] Parsed<uint64_t> parse_cursor(std::string_view text);

enum class ScanKind : uint8_t { keys, elements };

// The words behind the cursor. TYPE is an option of `keys` only.
[[nodiscard]] Parsed<ScanOptions> parse_scan_options(std::span<const std::string_view> words,
                                                     ScanKind kind);

}  // namespace quoris::command
