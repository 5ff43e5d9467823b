// docs/commands.md, made from the command table.
//
// Used by: the binary's subcommand that writes the page, and the test that keeps it current.
#pragma once

#include <string>

#include "command/table.h"

namespace quoris::command {

// One table per group, in the order of the rows; containers without a reply of their own stand
// there only by their subcommands.
[[nodiscard]] std::string commands_markdown(const CommandTable& table);

}  // namespace quoris::command
