// Versions that the node names: its own, and the Redis whose replies and errors it gives.
//
// Used by: INFO, HELLO, LOLWUT, --version.
#pragma once

#include <string_view>

namespace quoris::server {

// The version of project() in CMakeLists.txt.
inline constexpr std::string_view kQuorisVersion = QUORIS_VERSION;

// Client libraries choose what they use by it.
inline constexpr std::string_view kRedisVersion = "7.0.15";

}  // namespace quoris::server
