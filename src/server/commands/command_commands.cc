#include "server/commands/command_commands.h"

#include <array>

#include "command/help.h"
#include "command/introspection.h"
#include "server/node.h"
#include "server/node_context.h"

namespace quoris::server {

using command::KeyDetail;

void handle_command(NodeContext& context) {
  command::write_command_info(context.reply(), context.node().commands(), {});
}

void handle_command_count(NodeContext& context) {
  command::write_command_count(context.reply(), context.node().commands());
}

void handle_command_list(NodeContext& context) {
  command::write_command_list(context.reply(), context.node().commands(),
                              context.arguments().subspan(2));
}

void handle_command_info(NodeContext& context) {
  command::write_command_info(context.reply(), context.node().commands(),
                              context.arguments().subspan(2));
}

void handle_command_docs(NodeContext& context) {
  command::write_command_docs(context.reply(), context.node().commands(),
                              context.arguments().subspan(2));
}

void handle_command_getkeys(NodeContext& context) {
  command::write_command_keys(context.reply(), context.node().commands(),
                              context.arguments().subspan(2), KeyDetail::names);
}

void handle_command_getkeysandflags(NodeContext& context) {
  command::write_command_keys(context.reply(), context.node().commands(),
                              context.arguments().subspan(2), KeyDetail::flags);
}

void handle_command_help(NodeContext& context) {
  static constexpr auto kLines = std::to_array<std::string_view>({
      "(no subcommand)",
      "    All commands with their arity, flags, keys and categories.",
      "COUNT",
      "    How many commands there are.",
      "LIST",
      "    Their names; FILTERBY MODULE, ACLCAT or PATTERN picks some.",
      "INFO [<command-name> ...]",
      "    What the list without subcommand says, of these commands.",
      "DOCS [<command-name> ...]",
      "    What these commands do, since when, and with which arguments; no name: all.",
      "GETKEYS <full-command>",
      "    The keys in a command with its arguments.",
      "GETKEYSANDFLAGS <full-command>",
      "    The same, each with what the command does to it.",
  });
  command::reply_help(context.reply(), "COMMAND", kLines);
}

}  // namespace quoris::server
