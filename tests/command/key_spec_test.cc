// Finding the keys of a request by key specs (find_keys in command/table.h).
#include <array>
#include <catch2/catch.hpp>
#include <sstream>
#include <string>

#include "command/table.h"

namespace quoris::command {
namespace {

constexpr auto kRange = std::to_array<KeySpec>({{.flags = key_ro, .last_key = -1}});
constexpr auto kButLast = std::to_array<KeySpec>({{.flags = key_ro, .last_key = -2}});
constexpr auto kPairs = std::to_array<KeySpec>({{.flags = key_ow, .last_key = -1, .key_step = 2}});
constexpr auto kTwo = std::to_array<KeySpec>(
    {{.flags = key_rw | key_delete}, {.flags = key_ow | key_update, .begin_index = 2}});
constexpr auto kEval =
    std::to_array<KeySpec>({{.flags = key_rw, .begin_index = 2, .find = KeySpec::Find::keynum}});
constexpr auto kUnionStore = std::to_array<KeySpec>(
    {{.flags = key_ow}, {.flags = key_ro, .begin_index = 2, .find = KeySpec::Find::keynum}});
constexpr auto kSteppedNumber = std::to_array<KeySpec>(
    {{.flags = key_ow, .find = KeySpec::Find::keynum, .key_step = 3, .first_key = 2}});
constexpr auto kStreams = std::to_array<KeySpec>({{.flags = key_ro,
                                                   .begin = KeySpec::Begin::keyword,
                                                   .keyword = "STREAMS",
                                                   .keyword_start = 1,
                                                   .last_key = -1,
                                                   .limit = 2}});
constexpr auto kBackwards = std::to_array<KeySpec>({{.flags = key_rw,
                                                     .begin = KeySpec::Begin::keyword,
                                                     .keyword = "KEYS",
                                                     .keyword_start = -2,
                                                     .last_key = -1}});
constexpr auto kStore = std::to_array<KeySpec>(
    {{.flags = key_ro},
     {.flags = key_ow, .begin = KeySpec::Begin::keyword, .keyword = "STORE", .keyword_start = 2}});
constexpr auto kUnknown = std::to_array<KeySpec>(
    {{.flags = key_ro, .begin = KeySpec::Begin::unknown, .find = KeySpec::Find::unknown}});
constexpr auto kChannel = std::to_array<KeySpec>({{.flags = key_not_key}});

// Keys are the arguments that begin with '@'; an argument "bad" makes no sense.
bool find_marked(const CommandTable&, std::span<const std::string_view> arguments,
                 std::vector<FoundKey>& keys) {
  for (uint32_t i = 1; i < arguments.size(); ++i) {
    if (arguments[i] == "bad") return false;
    if (arguments[i].starts_with('@')) keys.push_back({.position = i, .flags = key_rm});
  }
  return true;
}

constexpr auto kRows = std::to_array<CommandSpec>({
    {.name = "PING", .arity = -1},
    {.name = "MGET", .arity = -2, .keys = kRange},
    {.name = "BLPOP", .arity = -3, .keys = kButLast},
    {.name = "MSET", .arity = -3, .keys = kPairs},
    {.name = "RENAME", .arity = 3, .keys = kTwo},
    {.name = "EVAL", .arity = -3, .flags = no_mandatory_keys, .keys = kEval},
    {.name = "ZUNIONSTORE", .arity = -4, .keys = kUnionStore},
    {.name = "STEPPED", .arity = -3, .keys = kSteppedNumber},
    {.name = "XREAD", .arity = -4, .keys = kStreams},
    {.name = "MIGRATE", .arity = -3, .keys = kBackwards},
    {.name = "SORT", .arity = -2, .keys = kStore},
    {.name = "MYSTERY", .arity = -1, .keys = kUnknown},
    {.name = "MARKED", .arity = -1, .keys = kUnknown, .key_finder = &find_marked},
    {.name = "SPUBLISH", .arity = 3, .keys = kChannel},
});

const CommandTable& toy_table() {
  static const std::array<std::span<const CommandSpec>, 1> families = {kRows};
  static const CommandTable made{families};
  return made;
}

// The keys' positions, "-" for none, "bad" if the arguments make no sense.
std::string keys_of(const std::string& line) {
  std::istringstream words(line);
  std::vector<std::string> owned;
  for (std::string word; words >> word;) owned.push_back(word);
  const std::vector<std::string_view> arguments(owned.begin(), owned.end());
  const Command* command = toy_table().find_request(arguments);
  REQUIRE(command != nullptr);
  REQUIRE(command->arity_fits(arguments.size()));
  const auto keys = find_keys(*command, arguments);
  if (!keys) return "bad";
  std::string text;
  for (const FoundKey& key : *keys) {
    CHECK(key.position < arguments.size());
    text += (text.empty() ? "" : " ") + std::to_string(key.position);
  }
  return text.empty() ? "-" : text;
}

}  // namespace

TEST_CASE("key specs: a range goes to the end, before it, or by steps", "[command]") {
  CHECK(keys_of("MGET a") == "1");
  CHECK(keys_of("MGET a b c") == "1 2 3");
  CHECK(keys_of("BLPOP a b 0") == "1 2");
  CHECK(keys_of("MSET a 1 b 2") == "1 3");
  CHECK(keys_of("MSET a 1 b") == "1 3");
  CHECK(keys_of("RENAME a b") == "1 2");
}

TEST_CASE("key specs: commands without keys have none", "[command]") {
  CHECK(keys_of("PING x") == "-");
  CHECK(keys_of("SPUBLISH channel x") == "-");
  CHECK_FALSE(takes_keys(*toy_table().find("PING")));
  CHECK_FALSE(takes_keys(*toy_table().find("SPUBLISH")));
  CHECK(takes_keys(*toy_table().find("EVAL")));
}

TEST_CASE("key specs: a number says how many keys follow", "[command]") {
  CHECK(keys_of("EVAL s 2 a b c") == "3 4");
  CHECK(keys_of("EVAL s 0") == "-");
  CHECK(keys_of("EVAL s 0 a") == "-");
  CHECK(keys_of("ZUNIONSTORE d 2 a b") == "1 3 4");
  CHECK(keys_of("ZUNIONSTORE d 1 a WEIGHTS 2") == "1 3");
  CHECK(keys_of("STEPPED 2 x a . . b") == "3 6");
}

TEST_CASE("key specs: numbers that are none or too large are refused", "[command]") {
  for (const char* number :
       {"-1", "x", "3", "007", "+1", "1.5", "2147483648", "4294967297", "9223372036854775807",
        "-9223372036854775808", "99999999999999999999"}) {
    CAPTURE(number);
    CHECK(keys_of("ZUNIONSTORE d " + std::string(number) + " a b") == "bad");
    CHECK(keys_of("EVAL s " + std::string(number) + " a b") == "bad");
  }
  CHECK(keys_of("ZUNIONSTORE d 0 a") == "bad");
  CHECK(keys_of("STEPPED 2 x a . .") == "bad");
  CHECK(keys_of("STEPPED 3074457345618258603 x a . .") == "bad");
}

TEST_CASE("key specs: keys begin behind a keyword", "[command]") {
  CHECK(keys_of("XREAD COUNT 2 streams a b 1 2") == "4 5");
  CHECK(keys_of("XREAD COUNT 2 STREAMS a b 1") == "4");
  CHECK(keys_of("XREAD STREAMS STREAMS 1") == "2");
  CHECK(keys_of("SORT a BY b STORE c") == "1 5");
  CHECK(keys_of("SORT STORE") == "1");
}

TEST_CASE("key specs: a keyword that is missing or has nothing behind it", "[command]") {
  CHECK(keys_of("XREAD COUNT 2 x a") == "bad");
  CHECK(keys_of("XREAD a b STREAMS") == "bad");
  CHECK(keys_of("XREAD COUNT 2 STREAMS a") == "bad");
  CHECK(keys_of("SORT a") == "1");
  CHECK(keys_of("SORT a LIMIT STORE") == "1");
}

TEST_CASE("key specs: a keyword can be searched from the end", "[command]") {
  CHECK(keys_of("MIGRATE KEYS KEYS a b") == "3 4");
  CHECK(keys_of("MIGRATE x KEYS a") == "3");
  CHECK(keys_of("MIGRATE x y") == "bad");
  // The last word can't be the keyword: nothing could follow it.
  CHECK(keys_of("MIGRATE x KEYS") == "bad");
}

TEST_CASE("key specs: unknown places need a finder", "[command]") {
  CHECK(keys_of("MYSTERY a b") == "bad");
  CHECK(keys_of("MARKED a @b @c") == "2 3");
  CHECK(keys_of("MARKED a bad @c") == "bad");
  CHECK(keys_of("MARKED a") == "bad");
}

TEST_CASE("key specs: each key has the flags of its spec", "[command]") {
  const std::vector<std::string_view> arguments = {"RENAME", "a", "b"};
  const auto keys = find_keys(*toy_table().find("RENAME"), arguments);
  REQUIRE(keys.has_value());
  const std::vector<FoundKey> expected = {{1, key_rw | key_delete}, {2, key_ow | key_update}};
  CHECK(*keys == expected);
}

TEST_CASE("key specs: SET reads its key only with GET behind the value", "[command]") {
  const std::array<std::span<const CommandSpec>, 1> families = {string_command_rows()};
  const CommandTable strings(families);
  using Words = std::vector<std::string_view>;
  const auto flags_of = [&strings](const Words& words) {
    const auto keys = find_keys(*strings.find("SET"), words);
    REQUIRE(keys.has_value());
    REQUIRE(keys->size() == 1);
    CHECK(keys->front().position == 1);
    return keys->front().flags;
  };
  CHECK(flags_of({"SET", "k", "v"}) == (key_ow | key_update));
  CHECK(flags_of({"SET", "k", "get"}) == (key_ow | key_update));
  CHECK(flags_of({"SET", "k", "v", "NX", "gEt"}) == (key_rw | key_access | key_update));
}

TEST_CASE("key specs: the key to prefetch is where it always is", "[command]") {
  CHECK(static_first_key(*toy_table().find("MGET")) == 1);
  CHECK(static_first_key(*toy_table().find("ZUNIONSTORE")) == 1);
  CHECK(static_first_key(*toy_table().find("PING")) == 0);
  CHECK(static_first_key(*toy_table().find("EVAL")) == 0);
  CHECK(static_first_key(*toy_table().find("XREAD")) == 0);
  CHECK(static_first_key(*toy_table().find("MARKED")) == 0);
  CHECK(static_first_key(*toy_table().find("SPUBLISH")) == 0);
  const std::array<std::span<const CommandSpec>, 1> families = {key_command_rows()};
  const CommandTable keys(families);
  CHECK(static_first_key(*keys.find_full("object|freq")) == 2);
  CHECK(static_first_key(*keys.find("object")) == 0);
}

}  // namespace quoris::command
