#include "command/syntax.h"

#include <array>
#include <catch2/catch.hpp>

namespace quoris::command {
namespace {

constexpr auto kOnOff = std::to_array<Argument>({
    {.name = "on", .type = ArgumentType::pure_token, .token = "ON"},
    {.name = "off", .type = ArgumentType::pure_token, .token = "OFF"},
});
constexpr auto kPair = std::to_array<Argument>({{.name = "key"}, {.name = "value"}});

std::string syntax_of(const Argument& argument) { return arguments_syntax({&argument, 1}); }

Argument choice(uint8_t flags, std::string_view token = {}) {
  return {.name = "c",
          .type = ArgumentType::oneof,
          .token = token,
          .flags = flags,
          .arguments = kOnOff};
}

}  // namespace

TEST_CASE("syntax: values, options and repetition", "[command]") {
  CHECK(syntax_of({.name = "key"}) == "key");
  CHECK(syntax_of({.name = "key", .flags = Argument::multiple}) == "key [key ...]");
  CHECK(syntax_of({.name = "n", .token = "COUNT", .flags = Argument::optional}) == "[COUNT n]");
  CHECK(syntax_of({.name = "i", .flags = Argument::optional | Argument::multiple}) ==
        "[i [i ...]]");
  CHECK(syntax_of({.name = "p",
                   .token = "PREFIX",
                   .flags = Argument::multiple | Argument::multiple_token}) ==
        "PREFIX p [PREFIX p ...]");
  CHECK(syntax_of({.name = "name", .token = "lib-name"}) == "LIB-NAME name");
}

TEST_CASE("syntax: a choice needs brackets of some kind", "[command]") {
  CHECK(syntax_of(choice(Argument::none)) == "<ON | OFF>");
  CHECK(syntax_of(choice(Argument::optional)) == "[ON | OFF]");
  CHECK(syntax_of(choice(Argument::none, "TYPE")) == "TYPE <ON | OFF>");
  CHECK(syntax_of(choice(Argument::optional, "TYPE")) == "[TYPE <ON | OFF>]");
  CHECK(syntax_of(choice(Argument::multiple)) == "<ON | OFF> ...");
}

TEST_CASE("syntax: a block repeats as a whole", "[command]") {
  CHECK(syntax_of({.name = "pairs",
                   .type = ArgumentType::block,
                   .flags = Argument::multiple,
                   .arguments = kPair}) == "key value [key value ...]");
}

TEST_CASE("syntax: lines of real commands", "[command]") {
  const CommandTable table(data_command_families());
  CHECK(syntax_line(*table.find("DBSIZE")) == "DBSIZE");
  CHECK(syntax_line(*table.find("SET")) ==
        "SET key value [NX | XX] [GET] [EX seconds | PX milliseconds | EXAT unix-time-seconds | "
        "PXAT unix-time-milliseconds | KEEPTTL]");
  CHECK(syntax_line(*table.find("MSET")) == "MSET key value [key value ...]");
  CHECK(syntax_line(*table.find_full("object|freq")) == "OBJECT FREQ key");
}

}  // namespace quoris::command
