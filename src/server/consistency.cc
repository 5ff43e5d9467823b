#include "server/consistency.h"

#include <array>

#include "base/assert.h"
#include "base/text.h"

namespace quoris::server {
namespace {

struct NamedLevel {
  Level level;
  std::string_view name;
};

constexpr auto kLevels = std::to_array<NamedLevel>({
    {Level::any, "ANY"},
    {Level::one, "ONE"},
    {Level::quorum, "QUORUM"},
    {Level::all, "ALL"},
    {Level::strong, "STRONG"},
});

}  // namespace

std::string_view level_name(Level level) {
  for (const NamedLevel& named : kLevels) {
    if (named.level == level) return named.name;
  }
  QUORIS_ASSERT(false);
  return {};
}

std::optional<Level> parse_level(std::string_view word) {
  for (const NamedLevel& named : kLevels) {
    if (equals_ignoring_case(named.name, word)) return named.level;
  }
  return std::nullopt;
}

}  // namespace quoris::server
