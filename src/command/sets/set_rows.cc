// Rows of the set commands.
#include "command/table.h"

namespace quoris::command {

std::span<const CommandSpec> set_command_rows() { return {}; }

}  // namespace quoris::command
