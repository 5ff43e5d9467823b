#include "server/commands/rows.h"

#include <array>

#include "command/table.h"

namespace quoris::server {

std::span<const std::span<const command::CommandSpec>> command_families() {
  static const auto families = std::to_array<std::span<const command::CommandSpec>>(
      {command::string_command_rows(), command::key_command_rows(), transaction_rows(),
       connection_rows(), client_rows(), server_rows(), monitoring_rows(), quoris_rows()});
  return families;
}

}  // namespace quoris::server
