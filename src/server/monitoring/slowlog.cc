#include "server/monitoring/slowlog.h"

#include <fmt/format.h>

#include <algorithm>

namespace quoris::server {
namespace {

std::string shortened(std::string_view argument) {
  constexpr size_t kShown = Slowlog::kArgumentBytesMax;
  if (argument.size() <= kShown) return std::string(argument);
  return fmt::format("{}... ({} more bytes)", argument.substr(0, kShown), argument.size() - kShown);
}

}  // namespace

void Slowlog::note(std::span<const std::string_view> arguments, uint64_t microseconds,
                   int64_t time_s, std::string client_address, std::string_view client_name,
                   size_t entries_max) {
  SlowlogEntry& entry = entries_.emplace_front();
  entry.id = next_id_++;
  entry.time_s = time_s;
  entry.microseconds = microseconds;
  entry.client_address = std::move(client_address);
  entry.client_name = shortened(client_name);
  // The last place goes to the remark where there are more.
  const bool fits = arguments.size() <= kArgumentsMax;
  const size_t shown = fits ? arguments.size() : kArgumentsMax - 1;
  entry.arguments.reserve(std::min(arguments.size(), kArgumentsMax));
  for (const std::string_view argument : arguments.first(shown)) {
    entry.arguments.push_back(shortened(argument));
  }
  if (!fits) {
    entry.arguments.push_back(fmt::format("... ({} more arguments)", arguments.size() - shown));
  }
  while (entries_.size() > entries_max) entries_.pop_back();
}

}  // namespace quoris::server
