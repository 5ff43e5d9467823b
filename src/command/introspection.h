// What COMMAND and its subcommands reply: the command table told to a client.
//
// Each function writes one whole reply, an error included. `names` and `request` are what follows
// the subcommand's word. REQUIRES: the subcommand's arity was checked.
// Used by: the COMMAND commands in src/server (which only forward), and whoever prints flags.
// Source: forms and order of fields as redis-server 7.0.15 sends them; where it follows the order
// of its hash table, the rows' order stands here.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "command/table.h"
#include "resp/reply_writer.h"

namespace quoris::command {

void write_command_count(resp::ReplyWriter& reply, const CommandTable& table);

// COMMAND and COMMAND INFO: one description per name, null where there is no such command; no
// names: all commands (subcommands stand within their containers).
void write_command_info(resp::ReplyWriter& reply, const CommandTable& table,
                        std::span<const std::string_view> names);

// COMMAND DOCS: a map from name to documentation; unknown names are left out. No names: all.
void write_command_docs(resp::ReplyWriter& reply, const CommandTable& table,
                        std::span<const std::string_view> names);

// COMMAND LIST: names of commands and subcommands. `filter`: nothing, or FILTERBY and MODULE,
// ACLCAT or PATTERN with its value.
void write_command_list(resp::ReplyWriter& reply, const CommandTable& table,
                        std::span<const std::string_view> filter);

// COMMAND GETKEYS and GETKEYSANDFLAGS about a whole request.
enum class KeyDetail : uint8_t { names, flags };
void write_command_keys(resp::ReplyWriter& reply, const CommandTable& table,
                        std::span<const std::string_view> request, KeyDetail detail);

// A container's HELP: each subcommand's syntax and summary.
void write_help(resp::ReplyWriter& reply, const Command& container);

// Words of set bits, in the order of COMMAND INFO.
[[nodiscard]] std::vector<std::string_view> command_flag_names(uint32_t flags);
[[nodiscard]] std::vector<std::string_view> key_flag_names(uint32_t flags);
// Without "@".
[[nodiscard]] std::vector<std::string_view> category_names(uint32_t categories);
[[nodiscard]] std::string_view group_name(CommandGroup group);

}  // namespace quoris::command
