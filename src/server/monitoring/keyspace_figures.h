// Figures over all databases that INFO and LATENCY DOCTOR show.
//
// Used by: info_sections.cc, latency_commands.cc.
#pragma once

#include <cstdint>

#include "base/ids.h"

namespace quoris::server {

class Node;

// Keys past their time that nobody has removed yet; no client sees them. An estimate.
[[nodiscard]] uint64_t expired_backlog(Node& node);

// ... in percent of the keys with an expiry.
[[nodiscard]] double expired_percent(Node& node);

// Mean of the remaining lifetimes of the keys with an expiry, from a sample of the database's
// keys of bounded size; 0 when the sample has none.
[[nodiscard]] int64_t mean_ttl_ms(Node& node, DbIndex db);

}  // namespace quoris::server
