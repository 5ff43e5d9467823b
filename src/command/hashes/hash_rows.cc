// Rows of the hash commands.
#include "command/table.h"

namespace quoris::command {

std::span<const CommandSpec> hash_command_rows() { return {}; }

}  // namespace quoris::command
