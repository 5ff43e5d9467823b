#include "command/table.h"

#include <array>
#include <catch2/catch.hpp>
#include <set>
#include <string>

#include "base/text.h"
#include "tests/command/row_checks.h"

namespace quoris::command {
namespace {

constexpr auto kWords = std::to_array<CommandSpec>({
    {.name = "GET", .arity = 3, .flags = readonly},
    {.name = "NO-EVICT", .arity = -2, .flags = admin | loading},
});

constexpr auto kTwoKeys = std::to_array<KeySpec>(
    {{.flags = key_rw | key_delete}, {.flags = key_ow | key_update, .begin_index = 2}});
constexpr auto kKeyAndCount =
    std::to_array<KeySpec>({{.flags = key_ow | key_update},
                            {.flags = key_ro, .begin_index = 2, .find = KeySpec::Find::keynum}});
constexpr auto kStreams = std::to_array<KeySpec>({{.flags = key_ro,
                                                   .begin = KeySpec::Begin::keyword,
                                                   .keyword = "STREAMS",
                                                   .keyword_start = 1,
                                                   .last_key = -1,
                                                   .limit = 2}});
constexpr auto kApart =
    std::to_array<KeySpec>({{.flags = key_ro}, {.flags = key_ro, .begin_index = 3}});
constexpr auto kPairs = std::to_array<KeySpec>({{.flags = key_ow, .last_key = -1, .key_step = 2}});
constexpr auto kAllAfterFirst = std::to_array<KeySpec>(
    {{.flags = key_ow}, {.flags = key_ro, .begin_index = 2, .last_key = -1}});

constexpr auto kRows = std::to_array<CommandSpec>({
    {.name = "A", .arity = 1},
    {.name = "AB", .arity = -2, .flags = write | fast, .extra_categories = cat_string},
    {.name = "ABC", .arity = 3, .keys = kTwoKeys},
    {.name = "ABCD", .arity = 1},
    {.name = "EXACTLY8", .arity = 1},
    {.name = "EXACTLY-16-BYTES", .arity = 1},
    {.name = "SEVENTEEN-LETTERS", .arity = 1},
    {.name = "THE-LONGEST-NAME-THAT-IS", .arity = 1},
    {.name = "BOX", .arity = -2, .subcommands = kWords},
    {.name = "UNION", .arity = -4, .keys = kKeyAndCount},
    {.name = "XREAD", .arity = -4, .keys = kStreams},
    {.name = "APART", .arity = 4, .keys = kApart},
    {.name = "PAIRS", .arity = -3, .keys = kPairs},
    {.name = "REST", .arity = -3, .keys = kAllAfterFirst},
    {.name = "SCRIPT", .arity = 1, .flags = readonly, .extra_categories = cat_scripting},
    {.name = "LISTEN", .arity = 1, .flags = pubsub | blocking},
});

const CommandTable& toy_table() {
  static const std::array<std::span<const CommandSpec>, 2> families = {std::span(kRows).first(3),
                                                                       std::span(kRows).subspan(3)};
  static const CommandTable table{families};
  return table;
}

const CommandTable& room_table() {
  static const CommandTable table{data_command_families()};
  return table;
}

std::string swap_case(std::string text) {
  for (char& c : text) {
    c = lower(c) == c && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : lower(c);
  }
  return text;
}

}  // namespace

TEST_CASE("command table: every row is found by its name in any case", "[command]") {
  for (const CommandTable* table : {&toy_table(), &room_table()}) {
    for (const Command* command : table->commands()) {
      const std::string name(command->spec->name);
      CHECK(table->find(name) == command);
      CHECK(table->find(to_lower(name)) == command);
      std::string mixed = name;
      for (size_t i = 0; i < mixed.size(); i += 2) mixed[i] = lower(mixed[i]);
      CHECK(table->find(mixed) == command);
      CHECK(table->find(swap_case(mixed)) == command);
    }
  }
}

TEST_CASE("command table: names that are nearly right are not found", "[command]") {
  const CommandTable& table = toy_table();
  using namespace std::string_view_literals;
  CHECK(table.find("") == nullptr);
  CHECK(table.find("\0"sv) == nullptr);
  CHECK(table.find("AB\0"sv) == nullptr);
  CHECK(table.find("A\0\0\0\0\0\0\0"sv) == nullptr);
  CHECK(table.find(" A") == nullptr);
  CHECK(table.find("AB ") == nullptr);
  CHECK(table.find("ABCDE") == nullptr);
  CHECK(table.find("EXACTLY8\0"sv) == nullptr);
  CHECK(table.find("EXACTLY18") == nullptr);
  CHECK(table.find("THE-LONGEST-NAME-THAT-IS-") == nullptr);
  CHECK(table.find(std::string(1 << 20, 'a')) == nullptr);
  // Case folding touches letters only: '-' is 0x20 away from CR, '@' from '`', '[' from '{'.
  CHECK(table.find("EXACTLY\r16\rBYTES") == nullptr);
  CHECK(table.find("\xC1") == nullptr);
  CHECK(table.find("\xE1") == nullptr);
}

TEST_CASE("command table: a name with one bit flipped is another name", "[command]") {
  const CommandTable& table = room_table();
  for (const Command* command : table.commands()) {
    const std::string name(command->spec->name);
    for (size_t bit = 0; bit < name.size() * 8; ++bit) {
      std::string changed = name;
      changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << (bit % 8)));
      const Command* found = table.find(changed);
      if (found != nullptr) CHECK(equals_ignoring_case(found->spec->name, changed));
    }
  }
}

TEST_CASE("command table: an empty table finds nothing", "[command]") {
  const CommandTable table({});
  CHECK(table.find("GET") == nullptr);
  CHECK(table.commands().empty());
  CHECK(table.size() == 0);
}

TEST_CASE("command table: subcommands belong to their container", "[command]") {
  const CommandTable& table = toy_table();
  const Command* box = table.find("box");
  REQUIRE(box != nullptr);
  CHECK(box->is_container());
  const Command* get = table.find_subcommand(*box, "gEt");
  REQUIRE(get != nullptr);
  CHECK(get->parent == box);
  CHECK(get->full_name == "box|get");
  CHECK(table.find_subcommand(*box, "got") == nullptr);
  CHECK(table.find_subcommand(*box, "") == nullptr);
  CHECK(table.find_subcommand(*table.find("A"), "get") == nullptr);
  CHECK(table.find("GET") == nullptr);
}

TEST_CASE("command table: full names are taken apart at the bar", "[command]") {
  const CommandTable& table = toy_table();
  CHECK(table.find_full("BOX|No-Evict")->full_name == "box|no-evict");
  CHECK(table.find_full("box") == table.find("box"));
  for (const char* wrong : {"box|", "|", "|get", "box|get|", "box|get|x", "a|b", "box get", ""}) {
    CHECK(table.find_full(wrong) == nullptr);
  }
}

TEST_CASE("command table: a request names a subcommand by its second word", "[command]") {
  const CommandTable& table = toy_table();
  using Words = std::vector<std::string_view>;
  CHECK(table.find_request(Words{"box", "get", "x"})->full_name == "box|get");
  CHECK(table.find_request(Words{"box"})->full_name == "box");
  CHECK(table.find_request(Words{"box", "nope"}) == nullptr);
  CHECK(table.find_request(Words{"ab", "get"})->full_name == "ab");
  CHECK(table.find_request(Words{"nope"}) == nullptr);
  CHECK(table.find_request(Words{}) == nullptr);
}

TEST_CASE("command table: indexes are dense and in the order of the rows", "[command]") {
  const CommandTable& table = toy_table();
  CHECK(table.size() == kRows.size() + kWords.size());
  CHECK(table.commands().size() == kRows.size());
  for (size_t i = 0; i < kRows.size(); ++i) CHECK(table.commands()[i]->spec->name == kRows[i].name);
  std::set<std::string> names;
  for (uint32_t i = 0; i < table.size(); ++i) {
    CHECK(table.at(i).index == i);
    names.insert(table.at(i).full_name);
  }
  CHECK(names.size() == table.size());
}

TEST_CASE("command table: ACL categories derive from flags", "[command]") {
  const CommandTable& table = toy_table();
  CHECK(table.find("AB")->categories == (cat_write | cat_fast | cat_string));
  CHECK(table.find("A")->categories == cat_slow);
  CHECK(table.find_full("box|get")->categories == (cat_read | cat_slow));
  CHECK(table.find_full("box|no-evict")->categories == (cat_admin | cat_dangerous | cat_slow));
  CHECK(table.find("SCRIPT")->categories == (cat_scripting | cat_slow));
  CHECK(table.find("LISTEN")->categories == (cat_pubsub | cat_blocking | cat_slow));
}

TEST_CASE("command table: the classic key triple derives from the key specs", "[command]") {
  struct Expected {
    const char* name;
    std::array<int, 3> triple;
    bool movable;
  };

  const auto expected = std::to_array<Expected>({
      {"A", {0, 0, 0}, false},
      {"ABC", {1, 2, 1}, false},
      {"UNION", {1, 1, 1}, true},
      {"XREAD", {0, 0, 0}, true},
      {"APART", {1, 1, 1}, true},
      {"PAIRS", {1, -1, 2}, false},
      {"REST", {1, -1, 1}, false},
  });
  for (const Expected& row : expected) {
    CAPTURE(row.name);
    const Command* command = toy_table().find(row.name);
    REQUIRE(command != nullptr);
    CHECK(std::array{command->first_key, command->last_key, command->key_step} == row.triple);
    CHECK(command->has(movablekeys) == row.movable);
  }
}

TEST_CASE("command table: arity is exact or a minimum", "[command]") {
  const CommandTable& table = toy_table();
  CHECK(table.find("ABC")->arity_fits(3));
  CHECK_FALSE(table.find("ABC")->arity_fits(2));
  CHECK_FALSE(table.find("ABC")->arity_fits(4));
  CHECK_FALSE(table.find("AB")->arity_fits(1));
  CHECK(table.find("AB")->arity_fits(2));
  CHECK(table.find("AB")->arity_fits(1 << 20));
}

TEST_CASE("command rows: the rows of keys and strings keep the rules", "[command]") {
  const auto problems = testing::RowChecks::problems(room_table());
  for (const std::string& problem : problems) FAIL_CHECK(problem);
}

TEST_CASE("command rows: every data command has a data handler", "[command]") {
  const CommandTable& table = room_table();
  for (uint32_t i = 0; i < table.size(); ++i) CHECK(table.at(i).spec->node_handler == nullptr);
}

TEST_CASE("command rows: arities are Redis's", "[command]") {
  struct Fact {
    const char* name;
    int arity;
  };

  for (const Fact& fact : std::to_array<Fact>(
           {{"get", 2},         {"set", -3},    {"del", -2},        {"mset", -3},
            {"setex", 4},       {"getex", -2},  {"lcs", -3},        {"append", 3},
            {"expire", -3},     {"persist", 2}, {"scan", -2},       {"rename", 3},
            {"copy", -3},       {"swapdb", 3},  {"flushall", -1},   {"dbsize", 1},
            {"randomkey", 1},   {"object", -2}, {"object|freq", 3}, {"object|help", 2},
            {"incrbyfloat", 3}, {"setrange", 4}})) {
    CAPTURE(fact.name);
    const Command* command = room_table().find_full(fact.name);
    REQUIRE(command != nullptr);
    CHECK(command->spec->arity == fact.arity);
  }
}

}  // namespace quoris::command
