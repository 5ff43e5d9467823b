// A command's syntax on one line, made from its argument tree: "EXPIRE key seconds [NX | XX]".
//
// Words in capitals are typed as they stand, others are replaced by a value; [ ] may be left out,
// < > groups choices, " | " separates them.
// Used by: HELP of containers (introspection.cc), docs_page.cc.
#pragma once

#include <string>

#include "command/table.h"

namespace quoris::command {

// With the whole name: "CLIENT SETNAME connection-name".
[[nodiscard]] std::string syntax_line(const Command& command);

// A row's arguments only, without the name; empty if it has none.
[[nodiscard]] std::string arguments_syntax(std::span<const Argument> arguments);

}  // namespace quoris::command
