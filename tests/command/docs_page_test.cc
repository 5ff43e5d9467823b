#include "command/docs_page.h"

#include <array>
#include <catch2/catch.hpp>

namespace quoris::command {

TEST_CASE("commands page: a line for each command that replies, in its group", "[command]") {
  const CommandTable table(data_command_families());
  const std::string page = commands_markdown(table);
  size_t lines = 0;
  for (size_t at = page.find("\n| `"); at != std::string::npos; at = page.find("\n| `", at + 1)) {
    ++lines;
  }
  size_t containers = 0;
  for (const Command* command : table.commands()) containers += command->is_container() ? 1 : 0;
  CHECK(lines == table.size() - containers);
  const size_t strings = page.find("\n## Strings\n");
  const size_t keys = page.find("\n## Keys\n");
  const size_t get = page.find("\n| `GET key` | ");
  REQUIRE(strings != std::string::npos);
  REQUIRE(keys != std::string::npos);
  REQUIRE(get != std::string::npos);
  CHECK(strings < get);
  CHECK(get < keys);
  CHECK(page.find("\n## Streams\n") == std::string::npos);
}

TEST_CASE("commands page: bars within a cell are escaped", "[command]") {
  const std::array<std::span<const CommandSpec>, 1> families = {key_command_rows()};
  const std::string page = commands_markdown(CommandTable(families));
  CHECK(page.find("| `FLUSHDB [ASYNC \\| SYNC]` | ") != std::string::npos);
  CHECK(page.find("[ASYNC | SYNC]") == std::string::npos);
}

}  // namespace quoris::command
