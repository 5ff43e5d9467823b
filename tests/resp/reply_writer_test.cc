#include "resp/reply_writer.h"

#include <catch2/catch.hpp>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "resp/reply_parser.h"

namespace quoris::resp {

namespace {

std::string text_of(const ByteChain& chain) {
  std::vector<std::string_view> pieces;
  chain.pieces(pieces, SIZE_MAX);
  std::string text;
  for (const std::string_view piece : pieces) text += piece;
  return text;
}

std::string written(Protocol protocol, const std::function<void(ReplyWriter&)>& write) {
  ByteChain chain;
  ReplyWriter writer(chain, protocol);
  write(writer);
  return text_of(chain);
}

}  // namespace

// The forms of DEBUG PROTOCOL and of ZSCORE of redis-server 7.0.15, in both protocols.
TEST_CASE("reply writer: every kind has the form that its protocol knows", "[resp]") {
  struct Row {
    const char* what;
    std::function<void(ReplyWriter&)> write;
    std::string resp2;
    std::string resp3;
  };

  constexpr double kEndless = std::numeric_limits<double>::infinity();
  const std::vector<Row> rows = {
      {"ok", [](auto& reply) { reply.ok(); }, "+OK\r\n", "+OK\r\n"},
      {"simple", [](auto& reply) { reply.simple("PONG"); }, "+PONG\r\n", "+PONG\r\n"},
      {"error", [](auto& reply) { reply.error("ERR no"); }, "-ERR no\r\n", "-ERR no\r\n"},
      {"integer", [](auto& reply) { reply.integer(12345); }, ":12345\r\n", ":12345\r\n"},
      {"negative", [](auto& reply) { reply.integer(-1); }, ":-1\r\n", ":-1\r\n"},
      {"bulk", [](auto& reply) { reply.bulk("Hello World"); }, "$11\r\nHello World\r\n",
       "$11\r\nHello World\r\n"},
      {"empty bulk", [](auto& reply) { reply.bulk(""); }, "$0\r\n\r\n", "$0\r\n\r\n"},
      {"bulk integer", [](auto& reply) { reply.bulk_integer(-70); }, "$3\r\n-70\r\n",
       "$3\r\n-70\r\n"},
      {"null", [](auto& reply) { reply.null(); }, "$-1\r\n", "_\r\n"},
      {"null array", [](auto& reply) { reply.null_array(); }, "*-1\r\n", "_\r\n"},
      {"array", [](auto& reply) { reply.array(3); }, "*3\r\n", "*3\r\n"},
      {"map", [](auto& reply) { reply.map(3); }, "*6\r\n", "%3\r\n"},
      {"set", [](auto& reply) { reply.set(3); }, "*3\r\n", "~3\r\n"},
      {"push", [](auto& reply) { reply.push(2); }, "*2\r\n", ">2\r\n"},
      {"double", [](auto& reply) { reply.number(3.141); }, "$5\r\n3.141\r\n", ",3.141\r\n"},
      {"whole double", [](auto& reply) { reply.number(3); }, "$1\r\n3\r\n", ",3\r\n"},
      {"tenth", [](auto& reply) { reply.number(0.1); }, "$19\r\n0.10000000000000001\r\n",
       ",0.10000000000000001\r\n"},
      {"inf", [](auto& reply) { reply.number(kEndless); }, "$3\r\ninf\r\n", ",inf\r\n"},
      {"-inf", [](auto& reply) { reply.number(-kEndless); }, "$4\r\n-inf\r\n", ",-inf\r\n"},
      {"human", [](auto& reply) { reply.human_number(10.5L); }, "$4\r\n10.5\r\n", "$4\r\n10.5\r\n"},
      {"true", [](auto& reply) { reply.boolean(true); }, ":1\r\n", "#t\r\n"},
      {"false", [](auto& reply) { reply.boolean(false); }, ":0\r\n", "#f\r\n"},
      {"big number", [](auto& reply) { reply.big_number("1234567999999999999999999999999999999"); },
       "$37\r\n1234567999999999999999999999999999999\r\n",
       "(1234567999999999999999999999999999999\r\n"},
      {"verbatim", [](auto& reply) { reply.verbatim("txt", "This is a verbatim\nstring"); },
       "$25\r\nThis is a verbatim\nstring\r\n", "=29\r\ntxt:This is a verbatim\nstring\r\n"},
      {"raw", [](auto& reply) { reply.raw(":1\r\n:2\r\n"); }, ":1\r\n:2\r\n", ":1\r\n:2\r\n"},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    CHECK(written(Protocol::resp2, row.write) == row.resp2);
    CHECK(written(Protocol::resp3, row.write) == row.resp3);
  }
  CHECK(written(Protocol::resp3, [](ReplyWriter& reply) { reply.attribute(1); }) == "|1\r\n");
}

TEST_CASE("reply writer: integers of every length", "[resp]") {
  for (const int64_t value : {int64_t{0}, int64_t{9}, int64_t{10}, int64_t{99}, int64_t{100},
                              int64_t{-9}, int64_t{-10}, INT64_MAX, INT64_MIN}) {
    CHECK(written(Protocol::resp2, [value](ReplyWriter& reply) { reply.integer(value); }) ==
          ":" + std::to_string(value) + "\r\n");
  }
}

TEST_CASE("reply writer: bulk strings of every size, one behind the other", "[resp]") {
  ByteChain chain;
  ReplyWriter writer(chain, Protocol::resp2);
  std::string expected;
  for (size_t size = 0; size < 3000; size += 1 + size / 7) {
    const std::string text(size, static_cast<char>('a' + size % 26));
    for (int i = 0; i < 5; ++i) {
      writer.bulk(text);
      expected += "$" + std::to_string(size) + "\r\n" + text + "\r\n";
    }
  }
  const std::string large(1'000'000, 'L');
  writer.bulk(large);
  expected += "$1000000\r\n" + large + "\r\n";
  CHECK(text_of(chain) == expected);
}

TEST_CASE("reply writer: an error stays one line", "[resp]") {
  const auto error = [](std::string_view text) {
    return written(Protocol::resp2, [text](ReplyWriter& reply) { reply.error(text); });
  };
  CHECK(error("ERR unknown command 'a\r\nb'") == "-ERR unknown command 'a  b'\r\n");
  CHECK(error("ERR x\r\n\r\n") == "-ERR x\r\n");
  CHECK(error("ERR Protocol error: expected '$', got '\r'") ==
        "-ERR Protocol error: expected '$', got ' '\r\n");
}

TEST_CASE("reply writer: errors are counted and the last code is kept", "[resp]") {
  ByteChain chain;
  ReplyWriter writer(chain, Protocol::resp2);
  CHECK(writer.errors() == 0);
  CHECK(writer.last_error_code().empty());
  writer.error("WRONGTYPE Operation against a key");
  CHECK(writer.last_error_code() == "WRONGTYPE");
  writer.error("ERR no");
  CHECK(writer.errors() == 2);
  CHECK(writer.last_error_code() == "ERR");
  writer.error(std::string(50, 'X'));
  CHECK(writer.last_error_code() == std::string(ReplyWriter::kErrorCodeMax, 'X'));
  writer.ok();
  CHECK(writer.errors() == 3);
}

TEST_CASE("reply writer: the protocol and the place may change on the way", "[resp]") {
  ByteChain first;
  ByteChain second;
  ReplyWriter writer(first, Protocol::resp2);
  writer.null();
  writer.set_protocol(Protocol::resp3);
  writer.null();
  writer.redirect(second);
  writer.null();
  CHECK(text_of(first) == "$-1\r\n_\r\n");
  CHECK(text_of(second) == "_\r\n");
  CHECK(&writer.out() == &second);
}

TEST_CASE("reply writer: aggregates that are counted at the end nest", "[resp]") {
  const auto write = [](ReplyWriter& reply) {
    const auto outer = reply.open();
    reply.bulk("first");
    const auto map = reply.open();
    reply.bulk("key");
    const auto set = reply.open();
    reply.integer(1);
    reply.integer(2);
    reply.close_set(set, 2);
    reply.close_map(map, 1);
    const auto empty = reply.open();
    reply.close_array(empty, 0);
    reply.close_array(outer, 3);
    reply.ok();
  };
  CHECK(written(Protocol::resp2, write) ==
        "*3\r\n$5\r\nfirst\r\n*2\r\n$3\r\nkey\r\n*2\r\n:1\r\n:2\r\n*0\r\n+OK\r\n");
  CHECK(written(Protocol::resp3, write) ==
        "*3\r\n$5\r\nfirst\r\n%1\r\n$3\r\nkey\r\n~2\r\n:1\r\n:2\r\n*0\r\n+OK\r\n");
}

TEST_CASE("reply writer: many deferred aggregates with large contents keep their order", "[resp]") {
  ByteChain chain;
  ReplyWriter writer(chain, Protocol::resp3);
  const auto outer = writer.open();
  for (size_t i = 0; i < 300; ++i) {
    const auto inner = writer.open();
    for (size_t j = 0; j < i % 5; ++j) writer.bulk(std::string(j * 1000, 'x'));
    writer.close_array(inner, i % 5);
  }
  writer.close_array(outer, 300);

  ReplyParser parser;
  parser.feed(text_of(chain));
  const auto value = parser.next();
  REQUIRE(value.has_value());
  REQUIRE(value->has_value());
  const std::vector<Value>& items = (*value)->items;
  REQUIRE(items.size() == 300);
  for (size_t i = 0; i < 300; ++i) {
    REQUIRE(items[i].items.size() == i % 5);
    for (size_t j = 0; j < i % 5; ++j) REQUIRE(items[i].items[j].text.size() == j * 1000);
  }
}

}  // namespace quoris::resp
