// The settings of redis.conf that Quoris doesn't have, so that whoever brings a file of Redis is
// told that the name is right and the setting is not there.
//
// Used by: setting_row.cc. Source: CONFIG GET * of redis-server 7.0.15, and the directives of its
// config file that CONFIG doesn't know.
#pragma once

#include <string_view>

namespace quoris::server {

// Whatever the case.
[[nodiscard]] bool is_redis_only_setting(std::string_view name);

// What to use instead, as a clause; empty: nothing. Whatever the case.
[[nodiscard]] std::string_view instead_of_redis_setting(std::string_view name);

}  // namespace quoris::server
