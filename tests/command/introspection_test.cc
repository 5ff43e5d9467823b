#include "command/introspection.h"

#include <array>
#include <catch2/catch.hpp>
#include <functional>
#include <string>

#include "resp/reply_parser.h"

namespace quoris::command {
namespace {

using resp::Protocol;
using resp::Value;
using Kind = resp::Value::Kind;
using Words = std::vector<std::string_view>;

constexpr auto kNotedKey = std::to_array<KeySpec>(
    {{.notes = "a note", .flags = key_rw | key_access | key_insert | key_incomplete},
     {.flags = key_ro,
      .begin = KeySpec::Begin::keyword,
      .keyword = "STREAMS",
      .keyword_start = 2,
      .find = KeySpec::Find::keynum,
      .key_step = 3,
      .keynum_index = 1,
      .first_key = 2},
     {.flags = key_ow, .begin = KeySpec::Begin::unknown, .find = KeySpec::Find::unknown}});
constexpr auto kNumbered =
    std::to_array<KeySpec>({{.flags = key_rw, .begin_index = 2, .find = KeySpec::Find::keynum}});
constexpr auto kTips = std::to_array<std::string_view>({"tip one", "tip two"});
constexpr auto kChoice = std::to_array<Argument>({
    {.name = "on", .type = ArgumentType::pure_token, .token = "ON", .since = "1.1.1"},
    {.name = "n", .type = ArgumentType::floating, .deprecated_since = "2.2.2"},
});
constexpr auto kArguments = std::to_array<Argument>({
    {.name = "key", .type = ArgumentType::key, .key_spec_index = 0, .flags = Argument::multiple},
    {.name = "choice",
     .type = ArgumentType::oneof,
     .token = "PICK",
     .flags = Argument::optional | Argument::multiple | Argument::multiple_token,
     .arguments = kChoice},
});
constexpr auto kHistory = std::to_array<HistoryNote>({{"1.5.0", "One."}, {"1.6.0", "Two."}});
constexpr auto kBoxWords = std::to_array<CommandSpec>({
    {.name = "HELP", .arity = 2, .since = "1.0.0", .summary = "Helps."},
    {.name = "PUT",
     .arity = -3,
     .flags = write,
     .group = CommandGroup::sorted_set,
     .since = "1.0.0",
     .summary = "Puts.",
     .arguments = kArguments},
});

void do_nothing(DataContext&) {}

constexpr auto kRows = std::to_array<CommandSpec>({
    {.name = "ODD",
     .arity = -3,
     .flags = write | no_multi | immediate_in_multi,
     .extra_categories = cat_keyspace,
     .keys = kNotedKey,
     .tips = kTips,
     .group = CommandGroup::server,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Is odd.",
     .deprecated_since = "3.0.0",
     .replaced_by = "`EVEN`",
     .is_syscmd = true,
     .history = kHistory,
     .arguments = kArguments,
     .handler = &do_nothing},
    {.name = "BOX", .arity = -2, .since = "1.0.0", .summary = "Holds.", .subcommands = kBoxWords},
    {.name = "BOTH",
     .arity = -1,
     .since = "1.0.0",
     .summary = "Runs and holds.",
     .subcommands = kBoxWords,
     .handler = &do_nothing},
    {.name = "EVAL", .arity = -3, .flags = no_mandatory_keys, .keys = kNumbered},
    {.name = "UNION", .arity = -3, .keys = kNumbered},
});

const CommandTable& table() {
  static const std::array<std::span<const CommandSpec>, 3> families = {kRows, string_command_rows(),
                                                                       key_command_rows()};
  static const CommandTable made{families};
  return made;
}

using Write = std::function<void(resp::ReplyWriter&)>;

std::string bytes_of(Protocol protocol, const Write& write) {
  ByteChain out;
  resp::ReplyWriter reply(out, protocol);
  write(reply);
  std::vector<std::string_view> pieces;
  out.pieces(pieces, 1 << 20);
  std::string bytes;
  for (const std::string_view piece : pieces) bytes += piece;
  return bytes;
}

// The whole reply as a tree; fails if bytes are missing or left over.
Value value_of(Protocol protocol, const Write& write) {
  resp::ReplyParser parser;
  parser.feed(bytes_of(protocol, write));
  auto value = parser.next();
  REQUIRE(value.has_value());
  REQUIRE(value->has_value());
  const auto rest = parser.next();
  REQUIRE(rest.has_value());
  REQUIRE_FALSE(rest->has_value());
  return **value;
}

Value info_of(std::string_view name, Protocol protocol = Protocol::resp3) {
  const Value all = value_of(
      protocol, [&](resp::ReplyWriter& reply) { write_command_info(reply, table(), Words{name}); });
  REQUIRE(all.items.size() == 1);
  return all.items[0];
}

// The field of a RESP3 map; null if it has none.
Value field(const Value& map, std::string_view name) {
  REQUIRE(map.kind == Kind::map);
  for (size_t i = 0; i + 1 < map.items.size(); i += 2) {
    if (map.items[i].text == name) return map.items[i + 1];
  }
  return {};
}

Value docs_of(std::string_view name) {
  const Value all = value_of(Protocol::resp3, [&](resp::ReplyWriter& reply) {
    write_command_docs(reply, table(), Words{name});
  });
  return field(all, name);
}

std::vector<std::string> texts(const Value& list) {
  std::vector<std::string> out;
  for (const Value& item : list.items) out.push_back(item.text);
  return out;
}

using Texts = std::vector<std::string>;

Value keys_reply(const Words& request, KeyDetail detail = KeyDetail::names) {
  return value_of(Protocol::resp3, [&](resp::ReplyWriter& reply) {
    write_command_keys(reply, table(), request, detail);
  });
}

Value list_reply(const Words& filter) {
  return value_of(Protocol::resp2,
                  [&](resp::ReplyWriter& reply) { write_command_list(reply, table(), filter); });
}

}  // namespace

TEST_CASE("COMMAND INFO: GET in RESP2 byte for byte", "[command]") {
  const std::string bytes = bytes_of(Protocol::resp2, [](resp::ReplyWriter& reply) {
    write_command_info(reply, table(), Words{"GET", "nope"});
  });
  CHECK(bytes ==
        "*2\r\n*10\r\n$3\r\nget\r\n:2\r\n*2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n:1\r\n*3\r\n"
        "+@read\r\n+@string\r\n+@fast\r\n*0\r\n*1\r\n*6\r\n$5\r\nflags\r\n*2\r\n+RO\r\n+access\r\n"
        "$12\r\nbegin_search\r\n*4\r\n$4\r\ntype\r\n$5\r\nindex\r\n$4\r\nspec\r\n*2\r\n$5\r\nindex"
        "\r\n:1\r\n$9\r\nfind_keys\r\n*4\r\n$4\r\ntype\r\n$5\r\nrange\r\n$4\r\nspec\r\n*6\r\n$7\r\n"
        "lastkey\r\n:0\r\n$7\r\nkeystep\r\n:1\r\n$5\r\nlimit\r\n:0\r\n*0\r\n$-1\r\n");
}

TEST_CASE("COMMAND INFO: GET in RESP3 byte for byte", "[command]") {
  const std::string bytes = bytes_of(Protocol::resp3, [](resp::ReplyWriter& reply) {
    write_command_info(reply, table(), Words{"GET", "nope"});
  });
  CHECK(bytes ==
        "*2\r\n*10\r\n$3\r\nget\r\n:2\r\n~2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n:1\r\n~3\r\n"
        "+@read\r\n+@string\r\n+@fast\r\n~0\r\n~1\r\n%3\r\n$5\r\nflags\r\n~2\r\n+RO\r\n+access\r\n"
        "$12\r\nbegin_search\r\n%2\r\n$4\r\ntype\r\n$5\r\nindex\r\n$4\r\nspec\r\n%1\r\n$5\r\nindex"
        "\r\n:1\r\n$9\r\nfind_keys\r\n%2\r\n$4\r\ntype\r\n$5\r\nrange\r\n$4\r\nspec\r\n%3\r\n$7\r\n"
        "lastkey\r\n:0\r\n$7\r\nkeystep\r\n:1\r\n$5\r\nlimit\r\n:0\r\n~0\r\n_\r\n");
}

TEST_CASE("COMMAND INFO: all kinds of key specs, flags and tips", "[command]") {
  const Value odd = info_of("oDd");
  CHECK(odd.items[0].text == "odd");
  CHECK(odd.items[1].integer == -3);
  // Our own flag is not shown; movablekeys derives from the specs.
  CHECK(texts(odd.items[2]) == Texts{"write", "no_multi", "movablekeys"});
  CHECK(odd.items[2].items[0].kind == Kind::simple);
  CHECK(texts(odd.items[6]) == Texts{"@keyspace", "@write", "@slow"});
  CHECK(texts(odd.items[7]) == Texts{"tip one", "tip two"});
  CHECK(odd.items[7].items[0].kind == Kind::bulk);
  const std::vector<Value>& specs = odd.items[8].items;
  REQUIRE(specs.size() == 3);
  CHECK(specs[0].items[0].text == "notes");
  CHECK(field(specs[0], "notes").text == "a note");
  CHECK(texts(field(specs[0], "flags")) == Texts{"RW", "access", "insert", "incomplete"});
  const Value keyword = field(field(specs[1], "begin_search"), "spec");
  CHECK(field(keyword, "keyword").text == "STREAMS");
  CHECK(field(keyword, "startfrom").integer == 2);
  const Value keynum = field(field(specs[1], "find_keys"), "spec");
  CHECK(texts(keynum) == Texts{"keynumidx", "", "firstkey", "", "keystep", ""});
  CHECK(field(keynum, "keynumidx").integer == 1);
  CHECK(field(keynum, "firstkey").integer == 2);
  CHECK(field(keynum, "keystep").integer == 3);
  CHECK(field(field(specs[2], "begin_search"), "type").text == "unknown");
  CHECK(field(field(specs[2], "find_keys"), "spec").items.empty());
  CHECK(odd.items[9].kind == Kind::set);
}

TEST_CASE("COMMAND INFO: subcommands stand in an array within their container", "[command]") {
  const Value box = info_of("box");
  CHECK(box.items[9].kind == Kind::array);
  REQUIRE(box.items[9].items.size() == 2);
  CHECK(box.items[9].items[1].items[0].text == "box|put");
  CHECK(box.items[9].items[1] == info_of("BOX|put"));
}

TEST_CASE("COMMAND INFO: what is not a command is null", "[command]") {
  for (const char* name : {"nope", "box get", "box|", "box|nope", "get|x", ""}) {
    CAPTURE(name);
    CHECK(info_of(name).kind == Kind::null);
  }
}

TEST_CASE("COMMAND: lists all commands in the order of the rows", "[command]") {
  for (const Protocol protocol : {Protocol::resp2, Protocol::resp3}) {
    const Value all = value_of(
        protocol, [](resp::ReplyWriter& reply) { write_command_info(reply, table(), {}); });
    REQUIRE(all.items.size() == table().commands().size());
    CHECK(all.items[0].items[0].text == "odd");
    for (size_t i = 0; i < all.items.size(); ++i) {
      CHECK(all.items[i].items.size() == 10);
      CHECK(all.items[i].items[0].text == table().commands()[i]->full_name);
    }
  }
  const Value count = value_of(
      Protocol::resp2, [](resp::ReplyWriter& reply) { write_command_count(reply, table()); });
  CHECK(count.integer == static_cast<int64_t>(table().commands().size()));
}

TEST_CASE("COMMAND DOCS: fields in Redis's order, those without value left out", "[command]") {
  const Value odd = docs_of("odd");
  Texts names;
  for (size_t i = 0; i < odd.items.size(); i += 2) names.push_back(odd.items[i].text);
  CHECK(names == Texts{"summary", "since", "group", "complexity", "doc_flags", "deprecated_since",
                       "replaced_by", "history", "arguments"});
  CHECK(texts(field(odd, "doc_flags")) == Texts{"deprecated", "syscmd"});
  const Value history = field(odd, "history");
  CHECK(history.kind == Kind::set);
  REQUIRE(history.items.size() == 2);
  CHECK(texts(history.items[1]) == Texts{"1.6.0", "Two."});
  CHECK(field(docs_of("box"), "complexity").kind == Kind::null);
}

TEST_CASE("COMMAND DOCS: the argument tree", "[command]") {
  const Value arguments = field(docs_of("odd"), "arguments");
  CHECK(arguments.kind == Kind::array);
  REQUIRE(arguments.items.size() == 2);
  const Value& key = arguments.items[0];
  CHECK(field(key, "type").text == "key");
  CHECK(field(key, "key_spec_index").integer == 0);
  CHECK(texts(field(key, "flags")) == Texts{"multiple"});
  const Value& choice = arguments.items[1];
  CHECK(texts(choice) ==
        Texts{"name", "choice", "type", "oneof", "token", "PICK", "flags", "", "arguments", ""});
  CHECK(texts(field(choice, "flags")) == Texts{"optional", "multiple", "multiple_token"});
  const Value children = field(choice, "arguments");
  CHECK(texts(children.items[0]) ==
        Texts{"name", "on", "type", "pure-token", "token", "ON", "since", "1.1.1"});
  CHECK(texts(children.items[1]) ==
        Texts{"name", "n", "type", "double", "deprecated_since", "2.2.2"});
}

TEST_CASE("COMMAND DOCS: containers document their subcommands by full name", "[command]") {
  const Value subcommands = field(docs_of("box"), "subcommands");
  CHECK(subcommands.kind == Kind::map);
  const Value put = field(subcommands, "box|put");
  CHECK(field(put, "group").text == "sorted-set");
  CHECK(put == docs_of("box|put"));
}

TEST_CASE("COMMAND DOCS: unknown names are left out", "[command]") {
  const Value some = value_of(Protocol::resp3, [](resp::ReplyWriter& reply) {
    write_command_docs(reply, table(), Words{"nope", "GET", "box get"});
  });
  REQUIRE(some.items.size() == 2);
  CHECK(some.items[0].text == "get");
  const Value none = value_of(Protocol::resp2, [](resp::ReplyWriter& reply) {
    write_command_docs(reply, table(), Words{"nope"});
  });
  CHECK(none.items.empty());
  for (const Protocol protocol : {Protocol::resp2, Protocol::resp3}) {
    const Value all = value_of(
        protocol, [](resp::ReplyWriter& reply) { write_command_docs(reply, table(), {}); });
    CHECK(all.items.size() == 2 * table().commands().size());
  }
}

TEST_CASE("COMMAND LIST: names with subcommands behind their container", "[command]") {
  const Value all = list_reply({});
  CHECK(all.items.size() == table().size());
  CHECK(texts(all)[1] == "box");
  CHECK(texts(all)[2] == "box|help");
  CHECK(texts(list_reply({"FILTERBY", "PATTERN", "B?X|*"})) == Texts{"box|help", "box|put"});
  CHECK(texts(list_reply({"filterby", "pattern", "getd[ef]l"})) == Texts{"getdel"});
  CHECK(texts(list_reply({"FILTERBY", "ACLCAT", "KEYSPACE"}))[0] == "odd");
  CHECK(list_reply({"FILTERBY", "ACLCAT", "@keyspace"}).items.empty());
  CHECK(list_reply({"FILTERBY", "ACLCAT", "nope"}).items.empty());
  CHECK(list_reply({"FILTERBY", "MODULE", "any"}).items.empty());
}

TEST_CASE("COMMAND LIST: anything but one filter is a syntax error", "[command]") {
  for (const Words& wrong :
       {Words{"FILTERBY"}, Words{"FILTERBY", "PATTERN"}, Words{"x", "PATTERN", "y"},
        Words{"FILTERBY", "FOO", "x"}, Words{"FILTERBY", "PATTERN", "x", "y"}}) {
    const Value reply = list_reply(wrong);
    CHECK(reply.kind == Kind::error);
    CHECK(reply.text == "ERR syntax error");
  }
}

TEST_CASE("COMMAND GETKEYS: names the keys", "[command]") {
  CHECK(texts(keys_reply({"MSET", "a", "1", "b", "2"})) == Texts{"a", "b"});
  CHECK(texts(keys_reply({"object", "encoding", "k"})) == Texts{"k"});
  CHECK(texts(keys_reply({"EVAL", "s", "1", "k", "v"})) == Texts{"k"});
  for (const char* number : {"0", "x", "-1", "9", "99999999999999999999"}) {
    CHECK(keys_reply({"EVAL", "s", number, "k"}).kind == Kind::array);
    CHECK(keys_reply({"EVAL", "s", number, "k"}).items.empty());
  }
}

TEST_CASE("COMMAND GETKEYS: says what is wrong with the request", "[command]") {
  const auto error_of = [](const Words& request) {
    const Value reply = keys_reply(request);
    CHECK(reply.kind == Kind::error);
    CHECK(keys_reply(request, KeyDetail::flags) == reply);
    return reply.text;
  };
  CHECK(error_of({"nope", "a"}) == "ERR Invalid command specified");
  CHECK(error_of({"object", "nope", "k"}) == "ERR Invalid command specified");
  CHECK(error_of({"DBSIZE"}) == "ERR The command has no key arguments");
  CHECK(error_of({"OBJECT", "HELP"}) == "ERR The command has no key arguments");
  CHECK(error_of({"GET", "a", "b"}) == "ERR Invalid number of arguments specified for command");
  CHECK(error_of({"MSET", "a"}) == "ERR Invalid number of arguments specified for command");
  CHECK(error_of({"UNION", "s", "0"}) == "ERR Invalid arguments specified for command");
  CHECK(error_of({"UNION", "s", "2", "a"}) == "ERR Invalid arguments specified for command");
}

TEST_CASE("COMMAND GETKEYSANDFLAGS: names and flags in pairs", "[command]") {
  const Value copy = keys_reply({"COPY", "a", "b", "REPLACE"}, KeyDetail::flags);
  REQUIRE(copy.items.size() == 2);
  CHECK(copy.items[0].items[0].text == "a");
  CHECK(copy.items[0].items[1].kind == Kind::set);
  CHECK(texts(copy.items[0].items[1]) == Texts{"RO", "access"});
  CHECK(texts(copy.items[1].items[1]) == Texts{"OW", "update"});
  CHECK(texts(keys_reply({"SET", "k", "v"}, KeyDetail::flags).items[0].items[1]) ==
        Texts{"OW", "update"});
  CHECK(texts(keys_reply({"SET", "k", "v", "GET"}, KeyDetail::flags).items[0].items[1]) ==
        Texts{"RW", "access", "update"});
}

TEST_CASE("HELP: each subcommand with its syntax and summary", "[command]") {
  const auto help_of = [](const char* name) {
    return texts(value_of(Protocol::resp3, [name](resp::ReplyWriter& reply) {
      write_help(reply, *table().find(name));
    }));
  };
  CHECK(help_of("box") == Texts{"BOX <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
                                "PUT key [key ...] [PICK <ON | n> ...]", "    Puts.", "HELP",
                                "    Prints this help."});
  CHECK(help_of("both")[1] == "(no subcommand)");
  CHECK(help_of("both")[2] == "    Runs and holds.");
}

TEST_CASE("COMMAND DOCS: every row of this room is documented", "[command]") {
  for (uint32_t i = 0; i < table().size(); ++i) {
    const Value docs = docs_of(table().at(i).full_name);
    CHECK(docs.kind == Kind::map);
    CHECK(info_of(table().at(i).full_name).items.size() == 10);
  }
}

}  // namespace quoris::command
