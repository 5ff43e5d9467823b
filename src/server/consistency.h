// Consistency levels of a connection, as the CONSISTENCY command and `--consistency` name them.
//
// A node that runs alone holds every copy there is, so all levels mean the same; they are kept
// and shown all the same, because clients set them.
// Source: docs/architecture.md, "Consistency levels".
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace quoris::server {

enum class Level : uint8_t { any, one, quorum, all, strong };

struct Consistency {
  Level read = Level::quorum;
  Level write = Level::quorum;
  bool operator==(const Consistency&) const = default;
};

// "ANY", "ONE", "QUORUM", "ALL", "STRONG".
[[nodiscard]] std::string_view level_name(Level level);
// Whatever the case.
[[nodiscard]] std::optional<Level> parse_level(std::string_view word);

}  // namespace quoris::server
