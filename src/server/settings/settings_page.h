// docs/settings.md, made from the table.
//
// Used by: main (`quoris docs settings`).
#pragma once

#include <string>

namespace quoris::server {

[[nodiscard]] std::string settings_page();

}  // namespace quoris::server
