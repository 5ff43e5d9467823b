// Custom settings of a cluster (special_settings.h): what the cluster map limits is checked by its
// rules, so that a start is refused here and not by a peer.
#include <fmt/format.h>

#include <optional>

#include "base/text.h"
#include "cluster/control/node_file.h"
#include "cluster/topology/map_check.h"
#include "cluster/topology/slot.h"
#include "server/settings/special_settings.h"

namespace quoris::server::special {
namespace {

Outcome parse_name(std::string& field, const Custom::Input& input) {
  const std::string& word = input.words[0];
  if (!word.empty() && !topology::is_name(word)) {
    return fmt::format("argument must be at most {} letters, digits, '-', '_' and '.'",
                       topology::kNameMax);
  }
  field = word;
  return Done{};
}

std::vector<std::string> quoted_if_empty(const std::string& word) {
  return {word.empty() ? "\"\"" : word};
}

}  // namespace

Outcome parse_cluster_name(SettingValues& values, const Custom::Input& input) {
  return parse_name(values.cluster_name, input);
}

std::string format_cluster_name(const SettingValues& values) { return values.cluster_name; }

std::vector<std::string> cluster_name_lines(const SettingValues& values) {
  return quoted_if_empty(values.cluster_name);
}

Outcome parse_rack(SettingValues& values, const Custom::Input& input) {
  return parse_name(values.rack, input);
}

std::string format_rack(const SettingValues& values) { return values.rack; }

std::vector<std::string> rack_lines(const SettingValues& values) {
  return quoted_if_empty(values.rack);
}

Outcome parse_announce_host(SettingValues& values, const Custom::Input& input) {
  const std::string& word = input.words[0];
  if (!word.empty() && !topology::is_host(word)) {
    return std::string("argument must be a host name or an address, without a port");
  }
  values.announce_host = word;
  return Done{};
}

std::string format_announce_host(const SettingValues& values) { return values.announce_host; }

std::vector<std::string> announce_host_lines(const SettingValues& values) {
  return quoted_if_empty(values.announce_host);
}

// --- seed ----------------------------------------------------------------------------------------

Outcome parse_seeds(SettingValues& values, const Custom::Input& input) {
  std::vector<HostPort> seeds;
  if (input.add) seeds = values.seeds;
  for (const std::string& word : input.words) {
    const Result<HostPort> seed = control::parse_host_port(word);
    if (!seed || seed->port == 0 || !topology::is_host(seed->host)) {
      return std::string("argument must be host:port or [IPv6 address]:port");
    }
    if (seeds.size() == kSeedsMax) {
      return fmt::format("argument must be at most {} addresses", kSeedsMax);
    }
    seeds.push_back(*seed);
  }
  values.seeds = std::move(seeds);
  return Done{};
}

std::string format_seeds(const SettingValues& values) {
  std::string text;
  for (const HostPort& seed : values.seeds) {
    if (!text.empty()) text += ' ';
    text += control::format_host_port(seed);
  }
  return text;
}

std::vector<std::string> seed_lines(const SettingValues& values) {
  return quoted_if_empty(format_seeds(values));
}

// --- partitions ----------------------------------------------------------------------------------

Outcome parse_partitions(SettingValues& values, const Custom::Input& input) {
  const std::optional<int64_t> count = parse_int64(input.words[0]);
  const bool fits = count && *count >= 0 && *count <= int64_t{topology::kSlots};
  if (!fits || (*count != 0 && !topology::is_partition_count(static_cast<uint32_t>(*count)))) {
    return fmt::format("argument must be 0, or a power of two up to {}", topology::kSlots);
  }
  values.partitions = *count;
  return Done{};
}

std::string format_partitions(const SettingValues& values) {
  return fmt::format("{}", values.partitions);
}

}  // namespace quoris::server::special
