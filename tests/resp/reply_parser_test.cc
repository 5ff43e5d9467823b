#include "resp/reply_parser.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <string>
#include <vector>

#include "resp/reply_writer.h"
#include "tests/resp/requests.h"

namespace quoris::resp {

namespace {

using Kind = Value::Kind;

// Whole values, and the error that ended them if there was one.
struct Parsed {
  std::vector<Value> values;
  std::string error;

  bool operator==(const Parsed&) const = default;
};

Parsed parse_pieces(const std::vector<std::string_view>& pieces) {
  ReplyParser parser;
  Parsed parsed;
  for (const std::string_view piece : pieces) {
    parser.feed(piece);
    for (;;) {
      auto next = parser.next();
      if (!next) {
        parsed.error = next.error().message;
        return parsed;
      }
      if (!next->has_value()) break;
      parsed.values.push_back(std::move(**next));
    }
  }
  return parsed;
}

Parsed parse(std::string_view bytes) { return parse_pieces({bytes}); }

Value one(std::string_view bytes) {
  const Parsed parsed = parse(bytes);
  INFO(bytes);
  REQUIRE(parsed.error.empty());
  REQUIRE(parsed.values.size() == 1);
  return parsed.values[0];
}

std::string text_of(const ByteChain& chain) {
  std::vector<std::string_view> pieces;
  chain.pieces(pieces, SIZE_MAX);
  std::string text;
  for (const std::string_view piece : pieces) text += piece;
  return text;
}

// What a writer makes of one of each kind.
std::string one_of_each(Protocol protocol) {
  ByteChain chain;
  ReplyWriter writer(chain, protocol);
  writer.ok();
  writer.error("WRONGTYPE no");
  writer.array(12);
  writer.integer(INT64_MIN);
  writer.bulk(std::string_view("a\0\r\nb", 5));
  writer.bulk("");
  writer.null();
  writer.null_array();
  writer.number(-1.5e300);
  writer.boolean(true);
  writer.big_number("-123456789012345678901234567890");
  writer.verbatim("txt", "some\r\ntext");
  writer.map(1);
  writer.bulk("key");
  writer.set(1);
  writer.integer(1);
  writer.array(0);
  writer.push(1);
  writer.simple("message");
  return text_of(chain);
}

}  // namespace

TEST_CASE("reply parser: every kind comes back as it was written", "[resp]") {
  const Parsed parsed = parse(one_of_each(Protocol::resp3));
  REQUIRE(parsed.error.empty());
  REQUIRE(parsed.values.size() == 3);
  CHECK(parsed.values[0] == Value{.kind = Kind::simple, .text = "OK"});
  CHECK(parsed.values[1] == Value{.kind = Kind::error, .text = "WRONGTYPE no"});
  const std::vector<Value>& items = parsed.values[2].items;
  REQUIRE(items.size() == 12);
  CHECK(items[0] == Value{.kind = Kind::integer, .integer = INT64_MIN});
  CHECK(items[1] == Value{.kind = Kind::bulk, .text = std::string("a\0\r\nb", 5)});
  CHECK(items[2] == Value{.kind = Kind::bulk});
  CHECK(items[3] == Value{});
  CHECK(items[4] == Value{});
  CHECK(items[5] == Value{.kind = Kind::number, .number = -1.5e300});
  CHECK(items[6] == Value{.kind = Kind::boolean, .integer = 1});
  CHECK(items[7] == Value{.kind = Kind::big_number, .text = "-123456789012345678901234567890"});
  CHECK(items[8] == Value{.kind = Kind::verbatim, .text = "some\r\ntext"});
  const Value set{.kind = Kind::set, .items = {Value{.kind = Kind::integer, .integer = 1}}};
  CHECK(items[9] ==
        Value{.kind = Kind::map, .items = {Value{.kind = Kind::bulk, .text = "key"}, set}});
  CHECK(items[10] == Value{.kind = Kind::array});
  CHECK(items[11] ==
        Value{.kind = Kind::push, .items = {Value{.kind = Kind::simple, .text = "message"}}});
}

TEST_CASE("reply parser: cut at every byte, replies read the same in both protocols", "[resp]") {
  for (const Protocol protocol : {Protocol::resp2, Protocol::resp3}) {
    const std::string bytes = one_of_each(protocol);
    const Parsed whole = parse(bytes);
    REQUIRE(whole.values.size() == 3);
    std::vector<std::string_view> single;
    for (size_t cut = 0; cut < bytes.size(); ++cut) {
      const std::string_view all = bytes;
      single.push_back(all.substr(cut, 1));
      REQUIRE(parse_pieces({all.substr(0, cut), all.substr(cut)}) == whole);
      // Nothing is made up before the last byte is there.
      REQUIRE(parse(all.substr(0, cut)).values.size() < 3);
      REQUIRE(parse(all.substr(0, cut)).error.empty());
    }
    CHECK(parse_pieces(single) == whole);
  }
}

TEST_CASE("reply parser: both nulls of RESP2 and the odd numbers of RESP3", "[resp]") {
  CHECK(one("$-1\r\n") == Value{});
  CHECK(one("*-1\r\n") == Value{});
  CHECK(one("_\r\n") == Value{});
  CHECK(one(",inf\r\n").number == std::numeric_limits<double>::infinity());
  CHECK(one(",-inf\r\n").number == -std::numeric_limits<double>::infinity());
  CHECK(std::isnan(one(",nan\r\n").number));
  CHECK(one(",10\r\n").number == 10);
  CHECK(one("!5\r\nERR x\r\n") == Value{.kind = Kind::blob_error, .text = "ERR x"});
  CHECK(one("+a\rb\nc\r\n").text == "a\rb\nc");
}

TEST_CASE("reply parser: an attribute does not count as an element", "[resp]") {
  const Parsed top = parse("|1\r\n+key\r\n:1\r\n+reply\r\n");
  REQUIRE(top.values.size() == 2);
  CHECK(top.values[0].kind == Kind::attribute);
  CHECK(top.values[0].items.size() == 2);
  CHECK(top.values[1].text == "reply");

  const Value nested = one("*2\r\n:1\r\n|1\r\n+ttl\r\n:9\r\n:2\r\n");
  REQUIRE(nested.items.size() == 3);
  CHECK(nested.items[1].kind == Kind::attribute);
  CHECK(nested.items[2].integer == 2);
}

TEST_CASE("reply parser: what is no reply is refused", "[resp]") {
  for (const char* bad : {"x1\r\n",
                          "\r\n",
                          ":\r\n",
                          ":1a\r\n",
                          ":01\r\n",
                          ":9223372036854775808\r\n",
                          ",x\r\n",
                          ",\r\n",
                          "(12a\r\n",
                          "(\r\n",
                          "(-\r\n",
                          "#x\r\n",
                          "#\r\n",
                          "_x\r\n",
                          "$\r\n",
                          "$-2\r\n",
                          "$x\r\n",
                          "*-2\r\n",
                          "%-1\r\n",
                          "~-1\r\n",
                          "=-1\r\n",
                          "$?\r\n",
                          "*?\r\n",
                          "$3\r\nabcde",
                          "$3\r\nabc\n\n",
                          "=3\r\nabc\r\n",
                          "=4\r\nabcd\r\n",
                          "*9223372036854775807\r\n",
                          "%9223372036854775807\r\n",
                          "%67108864\r\n",
                          "$536870913\r\n",
                          "*67108865\r\n"}) {
    INFO(bad);
    ReplyParser parser;
    parser.feed(bad);
    const auto next = parser.next();
    CHECK_FALSE(next.has_value());
    // And stays refused.
    parser.feed("+OK\r\n");
    CHECK_FALSE(parser.next().has_value());
  }
}

TEST_CASE("reply parser: values before an error are delivered", "[resp]") {
  const Parsed parsed = parse("+OK\r\n:1\r\nwhat\r\n");
  CHECK(parsed.values.size() == 2);
  CHECK_FALSE(parsed.error.empty());
}

TEST_CASE("reply parser: nesting is bounded", "[resp]") {
  std::string deepest;
  for (size_t i = 0; i < ReplyParser::kDepthMax; ++i) deepest += "*1\r\n";
  CHECK(parse(deepest + ":1\r\n").values.size() == 1);
  CHECK(parse(deepest + "*0\r\n").values.size() == 1);
  CHECK(parse(deepest + "*1\r\n:1\r\n").error == "nested too deep");

  std::string bomb;
  for (int i = 0; i < 1'000'000; ++i) bomb += "*1\r\n";
  CHECK(parse(bomb).error == "nested too deep");
}

TEST_CASE("reply parser: huge promises cost nothing, endless lines end", "[resp]") {
  for (const char* promise : {"*67108864\r\n", "$536870912\r\n", "%33554432\r\n:1\r\n"}) {
    const Parsed parsed = parse(promise);
    CHECK(parsed.error.empty());
    CHECK(parsed.values.empty());
  }
  CHECK(one("+" + std::string(ReplyParser::kLineMax, 'x') + "\r\n").text.size() ==
        ReplyParser::kLineMax);
  CHECK(parse("+" + std::string(ReplyParser::kLineMax + 1, 'x') + "\r\n").error == "line too long");
  CHECK(parse("+" + std::string(ReplyParser::kLineMax + 10, 'x')).error == "line too long");
}

TEST_CASE("reply parser: a large array in small pieces is not read again and again", "[resp]") {
  // Reading everything anew at every piece would be 200,000 times 1 MB: this would not end.
  ReplyParser parser;
  parser.feed("*200000\r\n");
  for (int i = 0; i < 200'000; ++i) {
    REQUIRE_FALSE(parser.next()->has_value());
    parser.feed(":" + std::to_string(i));
    REQUIRE_FALSE(parser.next()->has_value());
    parser.feed("\r\n");
  }
  const auto value = parser.next();
  REQUIRE(value->has_value());
  REQUIRE((*value)->items.size() == 200'000);
  CHECK((*value)->items.back().integer == 199'999);
}

TEST_CASE("reply parser: mutated replies read the same however they are cut", "[resp]") {
  test::Random random(3);
  const std::string valid = one_of_each(Protocol::resp3);
  size_t failed = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = valid;
    for (uint64_t i = 0, changes = 1 + random.below(4); i < changes; ++i) {
      if (bytes.empty()) break;
      const size_t at = random.below(bytes.size());
      if (random.below(3) == 0) {
        bytes.erase(at, 1 + random.below(5));
      } else {
        bytes[at] = random.below(2) == 0 ? static_cast<char>(random.below(256))
                                         : "+-:$*_,#(=!%~>|\r\n0123456789"[random.below(27)];
      }
    }
    const Parsed whole = parse(bytes);
    std::vector<std::string_view> pieces;
    for (std::string_view rest = bytes; !rest.empty();) {
      pieces.push_back(rest.substr(0, 1 + random.below(30)));
      rest.remove_prefix(pieces.back().size());
    }
    const Parsed cut = parse_pieces(pieces);
    REQUIRE(cut.error == whole.error);
    REQUIRE(cut.values.size() == whole.values.size());
    failed += whole.error.empty() ? 0 : 1;
  }
  CHECK(failed > 2000);
}

}  // namespace quoris::resp
