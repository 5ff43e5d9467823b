// The reply of a container's HELP: an array of lines in the form that Redis gives them.
//
// Used by: OBJECT here, the containers of src/server.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "resp/reply_writer.h"

namespace quoris::command {

// `lines`: each subcommand with its arguments, followed by what it does, indented by four spaces.
inline void reply_help(resp::ReplyWriter& reply, std::string_view container,
                       std::span<const std::string_view> lines) {
  reply.array(lines.size() + 3);
  reply.simple(std::string(container) +
               " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
  for (const std::string_view line : lines) reply.simple(line);
  reply.simple("HELP");
  reply.simple("    Prints this help.");
}

}  // namespace quoris::command
