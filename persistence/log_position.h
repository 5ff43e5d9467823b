// LogPosition: where something stands in the log, in bytes since its very first frame.
//
// Counts frames only (no headers of segments) over the whole life of a data directory; it never
// goes back but when a torn tail is cut. Used by: everyone who writes, reads or waits for the log.
#pragma once

#include <compare>
#include <cstdint>

#include "base/ids.h"

namespace quoris::persistence {

enum class LogPosition : uint64_t {};

[[nodiscard]] constexpr LogPosition operator+(LogPosition position, uint64_t bytes) noexcept {
  return LogPosition{raw(position) + bytes};
}

// REQUIRES: from <= to.
[[nodiscard]] constexpr uint64_t distance(LogPosition from, LogPosition to) noexcept {
  return raw(to) - raw(from);
}

}  // namespace quoris::persistence
