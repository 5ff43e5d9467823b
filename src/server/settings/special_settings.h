// Settings whose values are more than a word of a common kind: what Custom rows point to.
//
// Each parse_* leaves the values as they were when it answers with a reason; reasons are Redis's
// where Redis has the setting.
// Used by: settings_rows.cc.
#pragma once

#include <string>
#include <vector>

#include "server/settings/setting_row.h"

namespace quoris::server::special {

using Outcome = Result<Done, std::string>;

// At most this many addresses in `bind`.
inline constexpr size_t kBindAddressesMax = 16;

Outcome parse_bind(SettingValues& values, const Custom::Input& input);
std::string format_bind(const SettingValues& values);
std::vector<std::string> bind_lines(const SettingValues& values);

Outcome parse_save(SettingValues& values, const Custom::Input& input);
std::string format_save(const SettingValues& values);
std::vector<std::string> save_lines(const SettingValues& values);

Outcome parse_output_limits(SettingValues& values, const Custom::Input& input);
std::string format_output_limits(const SettingValues& values);
std::vector<std::string> output_limit_lines(const SettingValues& values);

Outcome parse_percentiles(SettingValues& values, const Custom::Input& input);
std::string format_percentiles(const SettingValues& values);
std::vector<std::string> percentile_lines(const SettingValues& values);

Outcome parse_log_topics(SettingValues& values, const Custom::Input& input);
std::string format_log_topics(const SettingValues& values);
std::vector<std::string> log_topic_lines(const SettingValues& values);

Outcome parse_consistency(SettingValues& values, const Custom::Input& input);
std::string format_consistency(const SettingValues& values);

Outcome parse_events(SettingValues& values, const Custom::Input& input);
std::string format_events(const SettingValues& values);
std::vector<std::string> event_lines(const SettingValues& values);

Outcome parse_node_id(SettingValues& values, const Custom::Input& input);
std::string format_node_id(const SettingValues& values);
std::vector<std::string> node_id_lines(const SettingValues& values);

// Names as the cluster map takes them.
Outcome parse_cluster_name(SettingValues& values, const Custom::Input& input);
std::string format_cluster_name(const SettingValues& values);
std::vector<std::string> cluster_name_lines(const SettingValues& values);
Outcome parse_rack(SettingValues& values, const Custom::Input& input);
std::string format_rack(const SettingValues& values);
std::vector<std::string> rack_lines(const SettingValues& values);
Outcome parse_announce_host(SettingValues& values, const Custom::Input& input);
std::string format_announce_host(const SettingValues& values);
std::vector<std::string> announce_host_lines(const SettingValues& values);

// At most this many addresses in `seed`.
inline constexpr size_t kSeedsMax = 64;

Outcome parse_seeds(SettingValues& values, const Custom::Input& input);
std::string format_seeds(const SettingValues& values);
std::vector<std::string> seed_lines(const SettingValues& values);

Outcome parse_partitions(SettingValues& values, const Custom::Input& input);
std::string format_partitions(const SettingValues& values);

// Settings of redis.conf of which only "no" is possible here.
Outcome parse_daemonize(SettingValues& values, const Custom::Input& input);
Outcome parse_supervised(SettingValues& values, const Custom::Input& input);
std::string format_no(const SettingValues& values);

}  // namespace quoris::server::special
