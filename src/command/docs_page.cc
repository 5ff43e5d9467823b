#include "command/docs_page.h"

#include <array>

#include "command/syntax.h"

namespace quoris::command {

namespace {

struct GroupTitle {
  CommandGroup group;
  std::string_view title;
};

// In the order of the page.
constexpr auto kGroupTitles = std::to_array<GroupTitle>({
    {CommandGroup::string, "Strings"},
    {CommandGroup::list, "Lists"},
    {CommandGroup::set, "Sets"},
    {CommandGroup::sorted_set, "Sorted sets"},
    {CommandGroup::hash, "Hashes"},
    {CommandGroup::stream, "Streams"},
    {CommandGroup::bitmap, "Bitmaps"},
    {CommandGroup::hyperloglog, "HyperLogLog"},
    {CommandGroup::geo, "Geo"},
    {CommandGroup::generic, "Keys"},
    {CommandGroup::transactions, "Transactions"},
    {CommandGroup::pubsub, "Publish and subscribe"},
    {CommandGroup::scripting, "Scripts"},
    {CommandGroup::connection, "Connection"},
    {CommandGroup::cluster, "Cluster"},
    {CommandGroup::sentinel, "Sentinel"},
    {CommandGroup::server, "Server"},
});
static_assert(kGroupTitles.size() == static_cast<size_t>(CommandGroup::bitmap) + 1);

std::string_view routing_text(Routing routing) {
  switch (routing) {
    case Routing::node_local:
      return "this node";
    case Routing::one_slot:
      return "one slot";
    case Routing::scattered:
      return "all slots";
    case Routing::refused:
      return "refused";
  }
  return "";
}

// A bar would end the table's cell, in code too.
std::string cell(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '|') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

void append_row(const Command& command, CommandGroup group, std::string& page) {
  const CommandSpec& row = *command.spec;
  if (row.group != group || (row.handler == nullptr && row.node_handler == nullptr)) return;
  page += "| `" + cell(syntax_line(command)) + "` | " + cell(row.summary);
  if (!row.replaced_by.empty()) page += " Use " + cell(row.replaced_by) + " instead.";
  page += " | " + std::string(row.since) + " | " + std::string(routing_text(row.routing)) + " |\n";
}

}  // namespace

std::string commands_markdown(const CommandTable& table) {
  std::string page =
      "# Commands\n"
      "\n"
      "Made from the command table (`src/command/*_rows.cc`, `src/server/*_rows.cc`); do not "
      "edit.\n"
      "\n"
      "*Since* is the release of Redis that brought the command, and of Quoris for what only we\n"
      "have (0.x).\n"
      "*In a cluster* says where a command runs once nodes form one: on *this node*, on the owner\n"
      "of *one slot* (all its keys must be in it), on the owners of *all slots* it names or that\n"
      "there are, or not at all (*refused*). Square brackets may be left out, angle brackets "
      "group\n"
      "choices.\n";
  for (const GroupTitle& entry : kGroupTitles) {
    std::string rows;
    for (const Command* command : table.commands()) {
      append_row(*command, entry.group, rows);
      for (const Command* subcommand : command->subcommands) {
        append_row(*subcommand, entry.group, rows);
      }
    }
    if (rows.empty()) continue;
    page += "\n## " + std::string(entry.title) + "\n\n";
    page += "| command | what it does | since | in a cluster |\n";
    page += "| --- | --- | --- | --- |\n";
    page += rows;
  }
  return page;
}

}  // namespace quoris::command
