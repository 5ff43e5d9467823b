// Rows of the commands that need the node or the connection, family by family.
//
// Used by: server, where it makes the command table together with key_command_rows() and
// string_command_rows() of command/table.h. In the order in which COMMAND lists them.
#pragma once

#include <span>

#include "command/spec.h"

namespace quoris::server {

[[nodiscard]] std::span<const command::CommandSpec> connection_rows();
[[nodiscard]] std::span<const command::CommandSpec> client_rows();
[[nodiscard]] std::span<const command::CommandSpec> transaction_rows();
[[nodiscard]] std::span<const command::CommandSpec> pubsub_rows();
[[nodiscard]] std::span<const command::CommandSpec> server_rows();
[[nodiscard]] std::span<const command::CommandSpec> monitoring_rows();
[[nodiscard]] std::span<const command::CommandSpec> cluster_rows();
[[nodiscard]] std::span<const command::CommandSpec> quoris_rows();

// All of them and those of src/command: what the node's table is made of.
[[nodiscard]] std::span<const std::span<const command::CommandSpec>> command_families();

}  // namespace quoris::server
