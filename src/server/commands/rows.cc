#include "server/commands/rows.h"

#include <vector>

#include "command/table.h"

namespace quoris::server {

std::span<const std::span<const command::CommandSpec>> command_families() {
  static const auto families = [] {
    const auto data = command::data_command_families();
    std::vector<std::span<const command::CommandSpec>> all(data.begin(), data.end());
    const auto node = {transaction_rows(), pubsub_rows(),     connection_rows(), client_rows(),
                       server_rows(),      monitoring_rows(), cluster_rows(),    quoris_rows()};
    all.insert(all.end(), node.begin(), node.end());
    return all;
  }();
  return families;
}

}  // namespace quoris::server
