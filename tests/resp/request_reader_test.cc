#include "resp/request_reader.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/resp/requests.h"

namespace quoris::resp {

namespace {

using test::collect;
using test::encode;
using test::Outcome;
using test::Random;
using test::Words;

constexpr RequestLimits kLimits;
constexpr RequestLimits kBeforeAuth{.authenticated = false};

Outcome read_pieces(const std::vector<std::string_view>& pieces, const RequestLimits& limits) {
  RequestReader reader;
  Outcome outcome;
  for (const std::string_view piece : pieces) {
    reader.feed(piece, limits);
    collect(reader, outcome);
    if (reader.stalled()) {
      reader.commit(0, limits);
      collect(reader, outcome);
    }
  }
  outcome.error = reader.error();
  outcome.buffered = reader.buffered();
  return outcome;
}

Outcome read_whole(std::string_view bytes, const RequestLimits& limits = kLimits) {
  return read_pieces({bytes}, limits);
}

Outcome read_bytewise(std::string_view bytes, const RequestLimits& limits = kLimits) {
  std::vector<std::string_view> pieces;
  for (size_t i = 0; i < bytes.size(); ++i) pieces.push_back(bytes.substr(i, 1));
  return read_pieces(pieces, limits);
}

Words first_command(std::string_view bytes) {
  const Outcome outcome = read_whole(bytes);
  REQUIRE(outcome.error.empty());
  REQUIRE(outcome.commands.size() == 1);
  return outcome.commands[0];
}

// A bit of everything that a client may send.
std::string mixed_requests() {
  std::string bytes = encode({"SET", "key", "value"});
  bytes += "PING\r\n";
  bytes += encode({"GET", ""});
  bytes += "\r\n  \n*0\r\n*-1\r\n";
  bytes += encode({"ECHO", std::string(300, 'x')});
  bytes += "SET \"a b\" 'c\\'d'  e\\f\n";
  bytes += encode({"MSET", "a", "1", "b", "2", "c", "3", "d", "4", "e", "5", "f", "6"});
  bytes += encode({std::string("bin\0\r\n*1", 8), "\r\n$5\r\n"});
  return bytes;
}

}  // namespace

TEST_CASE("request reader: an array of bulk strings becomes a command", "[resp]") {
  RequestReader reader;
  CHECK(reader.feed("*2\r\n$3\r\nGET\r\n$5\r\nkey:1\r\n", kLimits) == ReadStatus::ok);
  REQUIRE(reader.commands().size() == 1);
  const RequestReader::Command command = reader.commands()[0];
  CHECK(command.argument_count == 2);
  CHECK(command.bytes == 8);
  CHECK(test::words_of(reader, command) == Words{"GET", "key:1"});

  std::vector<std::string_view> appended{"before"};
  reader.arguments(command, appended);
  CHECK(appended == std::vector<std::string_view>{"before", "GET", "key:1"});
}

TEST_CASE("request reader: split at every byte, requests read the same", "[resp]") {
  const std::string bytes = mixed_requests();
  const Outcome whole = read_whole(bytes);
  REQUIRE(whole.error.empty());
  REQUIRE(whole.commands.size() == 7);
  REQUIRE(whole.buffered == 0);
  CHECK(whole.commands[4] == Words{"SET", "a b", "c'd", "e\\f"});
  CHECK(read_bytewise(bytes) == whole);
  for (size_t cut = 0; cut <= bytes.size(); ++cut) {
    const std::string_view all = bytes;
    INFO(cut);
    REQUIRE(read_pieces({all.substr(0, cut), all.substr(cut)}, kLimits) == whole);
  }
}

TEST_CASE("request reader: split in three at random, requests read the same", "[resp]") {
  Random random(20);
  std::string bytes;
  for (int i = 0; i < 20; ++i) bytes += mixed_requests();
  const Outcome whole = read_whole(bytes);
  REQUIRE(whole.commands.size() == 140);
  for (int round = 0; round < 500; ++round) {
    const std::string_view all = bytes;
    const size_t first = random.below(all.size());
    const size_t second = random.below(all.size() - first);
    REQUIRE(
        read_pieces({all.substr(0, first), all.substr(first, second), all.substr(first + second)},
                    kLimits) == whole);
  }
}

// Every row was sent to redis-server 7.0.15, whose reply ends with the text shown here.
TEST_CASE("request reader: protocol errors have the texts of Redis", "[resp]") {
  struct Row {
    std::string input;
    std::string error;
  };

  const std::string long_digits(RequestReader::kInlineMax, '1');
  const std::vector<Row> rows = {
      {"*a\r\n", "invalid multibulk length"},
      {"*\r\n", "invalid multibulk length"},
      {"*+1\r\n", "invalid multibulk length"},
      {"*01\r\n", "invalid multibulk length"},
      {"*-0\r\n", "invalid multibulk length"},
      {"*1x\r\n", "invalid multibulk length"},
      {"*2147483648\r\n", "invalid multibulk length"},
      {"*99999999999999999999\r\n", "invalid multibulk length"},
      {"*" + long_digits, "too big mbulk count string"},
      {"*1\r\nx4\r\n", "expected '$', got 'x'"},
      {"*1\r\n\xff\r\n", "expected '$', got '\xff'"},
      {"*1\r\n\r\nabc", "expected '$', got '\r'"},
      {"*1\r\n*1\r\n", "expected '$', got '*'"},
      {"*2\r\n$1\r\na\r\n:1\r\n", "expected '$', got ':'"},
      {"*1\r\n$-1\r\n", "invalid bulk length"},
      {"*1\r\n$a\r\n", "invalid bulk length"},
      {"*1\r\n$\r\n", "invalid bulk length"},
      {"*1\r\n$04\r\nPING\r\n", "invalid bulk length"},
      {"*1\r\n$536870913\r\n", "invalid bulk length"},
      {"*1\r\n$9223372036854775807\r\n", "invalid bulk length"},
      {"*1\r\n$9223372036854775808\r\n", "invalid bulk length"},
      {"*1\r\n$" + long_digits, "too big bulk count string"},
      {"*1\r\nx" + long_digits, "too big bulk count string"},
      {std::string(RequestReader::kInlineMax + 1, 'x'), "too big inline request"},
      {"\"PING\r\n", "unbalanced quotes in request"},
      {"PING 'a\r\n", "unbalanced quotes in request"},
      {"PING \"a\"b\r\n", "unbalanced quotes in request"},
      {"PING \"a\\\r\n", "unbalanced quotes in request"},
  };
  for (const Row& row : rows) {
    INFO(row.input.substr(0, 60));
    const Outcome alone = read_whole(row.input);
    CHECK(alone.error == "Protocol error: " + row.error);
    CHECK(alone.commands.empty());
    CHECK(alone.buffered == 0);
    CHECK(read_bytewise(row.input) == alone);

    // What came whole before it is executed first.
    const Outcome behind = read_whole(encode({"PING"}) + row.input);
    CHECK(behind.error == alone.error);
    CHECK(behind.commands == std::vector<Words>{{"PING"}});
  }
}

TEST_CASE("request reader: after an error nothing more is parsed", "[resp]") {
  RequestReader reader;
  CHECK(reader.feed("PING\r\n*1\r\n$1\r\na\r\n*x\r\nPING\r\n", kLimits) ==
        ReadStatus::protocol_error);
  CHECK(reader.commands().size() == 2);
  CHECK(reader.feed("PING\r\n", kLimits) == ReadStatus::protocol_error);
  CHECK(reader.commands().size() == 2);
  CHECK(test::words_of(reader, reader.commands()[1]) == Words{"a"});
  reader.drop(2);
  CHECK(reader.memory() == 0);
  CHECK(reader.feed("PING\r\n", kLimits) == ReadStatus::protocol_error);
  CHECK(reader.commands().empty());
  CHECK(reader.memory() == 0);
  CHECK(reader.error() == "Protocol error: invalid multibulk length");
}

TEST_CASE("request reader: lengths at their limits are fine", "[resp]") {
  CHECK(read_whole("*2147483647\r\n").error.empty());
  CHECK(read_whole("*1\r\n$536870912\r\n").error.empty());
  // Lines of the longest length without their end, and with it.
  const std::string longest(RequestReader::kInlineMax - 1, 'x');
  CHECK(read_whole(longest + "x").error.empty());
  CHECK(read_whole("*1" + longest.substr(1)).error.empty());
  CHECK(first_command(longest + "x\n") == Words{longest + "x"});
  CHECK(read_bytewise(longest + "x\n").commands == std::vector<Words>{{longest + "x"}});
}

TEST_CASE("request reader: empty arrays and blank lines leave no trace", "[resp]") {
  for (const char* nothing : {"*0\r\n", "*-1\r\n", "*-9223372036854775808\r\n", "\r\n", "\n",
                              " \r\n", "\t\v\f\r\n", "\r\r\n"}) {
    INFO(nothing);
    const Outcome outcome = read_whole(std::string(nothing) + nothing + "PING\r\n" + nothing);
    CHECK(outcome.error.empty());
    CHECK(outcome.commands == std::vector<Words>{{"PING"}});
    RequestReader reader;
    reader.feed(nothing, kLimits);
    CHECK(reader.memory() == 0);
    CHECK(reader.buffered() == 0);
  }
}

TEST_CASE("request reader: line ends are as careless as in Redis", "[resp]") {
  CHECK(first_command("*1\rx$4\ryPINGzz") == Words{"PING"});
  CHECK(read_whole("*1\r\n$4\r\nPINGxx*1\r\n$4\r\nPING\r\n").commands.size() == 2);
  CHECK(first_command("PING\r\r\n") == Words{"PING"});
  CHECK(first_command("ECHO a\rb\r\n") == Words{"ECHO", "a", "b"});
  CHECK(first_command("ECHO \"a\"\vb\r\n") == Words{"ECHO", "a", "b"});
  CHECK(first_command("PING \"\\x41\\n\\q\"\r\n") == Words{"PING", "A\nq"});
  CHECK(first_command("PING \"\" ''\r\n") == Words{"PING", "", ""});
  // Here Redis waits for ever: a NUL hides the line end from it.
  CHECK(first_command(std::string("A\0B\r\n", 5)) == Words{std::string("A\0B", 3)});
}

TEST_CASE("request reader: before AUTH few and small arguments are taken", "[resp]") {
  const std::string ten = "*10\r\n";
  CHECK(read_whole(ten, kBeforeAuth).error.empty());
  CHECK(read_whole("*1\r\n$16384\r\n", kBeforeAuth).error.empty());
  CHECK(read_whole("*11\r\n", kBeforeAuth).error ==
        "Protocol error: unauthenticated multibulk length");
  CHECK(read_whole("*1\r\n$16385\r\n", kBeforeAuth).error ==
        "Protocol error: unauthenticated bulk length");
  CHECK(read_whole("*1\r\n$16385\r\n", RequestLimits{.bulk_max = 100, .authenticated = false})
            .error == "Protocol error: invalid bulk length");
  // Bytewise as well, behind a command that was no AUTH.
  CHECK(read_bytewise("PING\r\n*11\r\n", kBeforeAuth) ==
        read_whole("PING\r\n*11\r\n", kBeforeAuth));
}

TEST_CASE("request reader: what follows an AUTH waits for it, and is then parsed", "[resp]") {
  const Words many = {"DEL", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"};
  const Words big = {"SET", "k", std::string(20'000, 'x')};
  for (const Words& second : {many, big}) {
    RequestReader reader;
    REQUIRE(reader.feed(encode({"AUTH", "pw"}) + encode(second), kBeforeAuth) == ReadStatus::ok);
    REQUIRE(reader.commands().size() == 1);
    CHECK(reader.stalled());
    // Still waiting: more input doesn't change that.
    CHECK(reader.feed(encode({"PING"}), kBeforeAuth) == ReadStatus::ok);
    CHECK(reader.commands().size() == 1);
    reader.drop(1);
    CHECK(reader.commit(0, kLimits) == ReadStatus::ok);
    CHECK_FALSE(reader.stalled());
    REQUIRE(reader.commands().size() == 2);
    CHECK(test::words_of(reader, reader.commands()[0]) == second);
    CHECK(test::words_of(reader, reader.commands()[1]) == Words{"PING"});

    // With the wrong password it is the error.
    RequestReader refused;
    REQUIRE(refused.feed(encode({"AUTH", "no"}) + encode(second), kBeforeAuth) == ReadStatus::ok);
    refused.drop(1);
    CHECK(refused.commit(0, kBeforeAuth) == ReadStatus::protocol_error);
    CHECK(refused.memory() == 0);
  }
}

TEST_CASE("request reader: mutated requests read the same however they are cut", "[resp]") {
  Random random(7);
  const std::string valid = mixed_requests();
  const RequestLimits limits{.bulk_max = 400};
  size_t failed = 0;
  for (int round = 0; round < 30'000; ++round) {
    std::string bytes = valid;
    for (uint64_t i = 0, changes = 1 + random.below(6); i < changes; ++i) {
      if (bytes.empty()) break;
      const size_t at = random.below(bytes.size());
      switch (random.below(5)) {
        case 0:
          bytes[at] = static_cast<char>(random.below(256));
          break;
        case 1:
          bytes.erase(at, 1 + random.below(8));
          break;
        case 2:
          bytes.insert(at, 1, "\r\n*$0123456789-\"'\\ "[random.below(20)]);
          break;
        case 3:
          bytes.insert(at, bytes.substr(random.below(bytes.size()), random.below(30)));
          break;
        default:
          bytes.resize(at + 1);
      }
    }
    const Outcome whole = read_whole(bytes, limits);
    std::vector<std::string_view> pieces;
    for (std::string_view rest = bytes; !rest.empty();) {
      pieces.push_back(rest.substr(0, 1 + random.below(40)));
      rest.remove_prefix(pieces.back().size());
    }
    Outcome cut = read_pieces(pieces, limits);
    INFO("round " << round);
    REQUIRE(cut.commands == whole.commands);
    REQUIRE(cut.error == whole.error);
    failed += whole.error.empty() ? 0 : 1;
  }
  // Both ends were seen often.
  CHECK(failed > 5000);
  CHECK(failed < 28'000);
}

TEST_CASE("request reader: noise never breaks it", "[resp]") {
  Random random(8);
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes(random.below(60), '\0');
    for (char& c : bytes) {
      c = random.below(3) == 0 ? static_cast<char>(random.below(256))
                               : "\r\n*$0123456789-\"'\\ "[random.below(20)];
    }
    const Outcome whole = read_whole(bytes);
    const Outcome bytewise = read_bytewise(bytes);
    REQUIRE(bytewise.commands == whole.commands);
    REQUIRE(bytewise.error == whole.error);
  }
}

}  // namespace quoris::resp
