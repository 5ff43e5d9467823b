// Rows of the list commands.
#include "command/table.h"

namespace quoris::command {

std::span<const CommandSpec> list_command_rows() { return {}; }

}  // namespace quoris::command
