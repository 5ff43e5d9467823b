// Rows of the sorted set commands.
#include "command/table.h"

namespace quoris::command {

std::span<const CommandSpec> sorted_set_command_rows() { return {}; }

}  // namespace quoris::command
