// GET, SET and their relatives. Replies are those of redis-server 7.0.15.
#include "command/strings/string_commands.h"

#include "tests/command/data_bench.h"

namespace quoris::command {
namespace {

using testing::Bench;

const std::string kSyntaxReply = "-ERR syntax error";
const std::string kNotIntegerReply = "-ERR value is not an integer or out of range";

TEST_CASE("strings: GET gives back what SET took, in every form a value has", "[command]") {
  Bench bench;
  CHECK(bench("GET a") == "$-1");
  CHECK(bench("SET a hello") == "+OK");
  CHECK(bench("GET a") == "$5 hello");
  CHECK(bench("SET a -123") == "+OK");
  CHECK(bench("GET a") == "$4 -123");
  CHECK(bench("SET a ''") == "+OK");
  CHECK(bench("GET a") == "$0 ");
  const std::string large(100'000, 'x');
  CHECK(bench.run({"SET", "a", large}) == "+OK");
  CHECK(bench("GET a") == "$100000 " + large);
  CHECK(bench.run({"SET", "a", std::string("\0\r\n\xff", 4)}) == "+OK");
  CHECK(bench("STRLEN a") == ":4");
  bench.protocol = resp::Protocol::resp3;
  CHECK(bench("GET nothing") == "_");
}

TEST_CASE("strings: SET picks int, embstr or raw as Redis does", "[command]") {
  Bench bench;
  bench("MSET a 12 b 012 c 9223372036854775807 d 9223372036854775808 e -0");
  bench.run({"SET", "f", std::string(44, 'x')});
  bench.run({"SET", "g", std::string(45, 'x')});
  const std::pair<const char*, const char*> cases[] = {
      {"a", "$3 int"},    {"b", "$6 embstr"}, {"c", "$3 int"}, {"d", "$6 embstr"},
      {"e", "$6 embstr"}, {"f", "$6 embstr"}, {"g", "$3 raw"}};
  for (const auto& [key, encoding] : cases) {
    CAPTURE(key);
    CHECK(bench(std::string("OBJECT ENCODING ") + key) == encoding);
  }
}

TEST_CASE("strings: SET's options that exclude each other are a syntax error", "[command]") {
  Bench bench;
  for (const char* options :
       {"NX XX", "XX GET NX", "EX 10 PX 20", "EX 10 EXAT 20", "PX 1 PXAT 1", "EX", "KEEPTTL EX 5",
        "EX 5 KEEPTTL", "PERSIST", "bad EX abc", "EX abc bad", "GET EX"}) {
    CAPTURE(options);
    CHECK(bench(std::string("SET k v ") + options) == kSyntaxReply);
  }
  for (const char* options :
       {"EX 10 EX 20", "KEEPTTL KEEPTTL", "nx", "GET xx get", "ExAt 99999999999"}) {
    CAPTURE(options);
    CHECK(bench(std::string("SET k v ") + options) != kSyntaxReply);
  }
}

TEST_CASE("strings: SET's times are checked before anything is changed", "[command]") {
  Bench bench;
  bench("SET k old");
  CHECK(bench("SET k v EX abc") == kNotIntegerReply);
  for (const char* options : {"EX 0", "PX -1", "EX 9223372036854775807", "PX 9223372036854775807",
                              "EX 9223372036854775", "EXAT -3"}) {
    CAPTURE(options);
    CHECK(bench(std::string("SET k v ") + options) == "-ERR invalid expire time in 'set' command");
  }
  CHECK(bench("SET k v EX 0 GET") == "-ERR invalid expire time in 'set' command");
  CHECK(bench("GET k") == "$3 old");
}

TEST_CASE("strings: SET with a time sets it, without one takes it away, KEEPTTL leaves it",
          "[command]") {
  Bench bench;
  CHECK(bench("SET k v EX 100") == "+OK");
  CHECK(bench("PTTL k") == ":100000");
  CHECK(bench("SET k w KEEPTTL") == "+OK");
  CHECK(bench("PTTL k") == ":100000");
  CHECK(bench("SET k w") == "+OK");
  CHECK(bench("TTL k") == ":-1");
  CHECK(bench("SET k w PX 1") == "+OK");
  bench.now_ms += 1;
  CHECK(bench("SET k w KEEPTTL") == "+OK");
  CHECK(bench("TTL k") == ":-1");
  CHECK(bench("SET k v PXAT 1800000005000") == "+OK");
  CHECK(bench("TTL k") == ":5");
}

TEST_CASE("strings: SET with a time that is past leaves no key", "[command]") {
  Bench bench;
  bench("SET k old");
  CHECK(bench("SET k v PXAT 1") == "+OK");
  CHECK(bench("EXISTS k") == ":0");
  CHECK(bench("DBSIZE") == ":0");
  CHECK(bench("SET nothing v EXAT 1") == "+OK");
  CHECK(bench("DBSIZE") == ":0");
}

TEST_CASE("strings: NX and XX decide, GET tells the old value either way", "[command]") {
  Bench bench;
  CHECK(bench("SET k v XX") == "$-1");
  CHECK(bench("SET k v NX GET") == "$-1");
  CHECK(bench("GET k") == "$1 v");
  CHECK(bench("SET k w NX GET") == "$1 v");
  CHECK(bench("SET k w NX") == "$-1");
  CHECK(bench("GET k") == "$1 v");
  CHECK(bench("SET k w XX GET") == "$1 v");
  CHECK(bench("SET k w2 XX") == "+OK");
  CHECK(bench("GET k") == "$2 w2");
  bench.protocol = resp::Protocol::resp3;
  CHECK(bench("SET k w NX") == "_");
}

TEST_CASE("strings: SETNX, SETEX and PSETEX are SET with an option", "[command]") {
  Bench bench;
  CHECK(bench("SETNX k v") == ":1");
  CHECK(bench("SETNX k w") == ":0");
  CHECK(bench("SETEX k 10 w") == "+OK");
  CHECK(bench("TTL k") == ":10");
  CHECK(bench("PSETEX k 10 w") == "+OK");
  CHECK(bench("PTTL k") == ":10");
  CHECK(bench("SETEX k 0 v") == "-ERR invalid expire time in 'setex' command");
  CHECK(bench("PSETEX k -5 v") == "-ERR invalid expire time in 'psetex' command");
  CHECK(bench("SETEX k abc v") == kNotIntegerReply);
}

TEST_CASE("strings: GETSET and GETDEL tell the old value", "[command]") {
  Bench bench;
  CHECK(bench("GETSET k a") == "$-1");
  CHECK(bench("EXPIRE k 10") == ":1");
  CHECK(bench("GETSET k 7") == "$1 a");
  CHECK(bench("TTL k") == ":-1");
  CHECK(bench("OBJECT ENCODING k") == "$3 int");
  CHECK(bench("GETDEL k") == "$1 7");
  CHECK(bench("GETDEL k") == "$-1");
}

TEST_CASE("strings: GETEX changes the expiry and nothing else", "[command]") {
  Bench bench;
  bench("SET k v");
  CHECK(bench("GETEX k") == "$1 v");
  CHECK(bench("GETEX k EX 10") == "$1 v");
  CHECK(bench("TTL k") == ":10");
  CHECK(bench("GETEX k PERSIST") == "$1 v");
  CHECK(bench("TTL k") == ":-1");
  CHECK(bench("GETEX k PXAT 1") == "$1 v");
  CHECK(bench("EXISTS k") == ":0");
  CHECK(bench("GETEX k EX 0") == "$-1");
  bench("SET k v");
  CHECK(bench("GETEX k EX 0") == "-ERR invalid expire time in 'getex' command");
  CHECK(bench("GETEX k EX abc") == kNotIntegerReply);
  for (const char* options : {"NX", "KEEPTTL", "PERSIST EX 5", "EX 5 PERSIST", "EX", "EX 5 PX 5"}) {
    CAPTURE(options);
    CHECK(bench(std::string("GETEX k ") + options) == kSyntaxReply);
  }
}

TEST_CASE("strings: MSET and MGET take many keys, and a key more than once", "[command]") {
  Bench bench;
  CHECK(bench("MSET a 1 b 2 a 3") == "+OK");
  CHECK(bench("MGET a b c a") == "*4 $1 3 $1 2 $-1 $1 3");
  CHECK(bench("MSET a 1 b") == "-ERR wrong number of arguments for 'mset' command");
  CHECK(bench("MSETNX a 1 b") == "-ERR wrong number of arguments for 'msetnx' command");
  CHECK(bench("MSETNX c 1 a 2") == ":0");
  CHECK(bench("EXISTS c") == ":0");
  CHECK(bench("MSETNX c 1 c 2 d 3") == ":1");
  CHECK(bench("MGET c d") == "*2 $1 2 $1 3");
}

TEST_CASE("strings: commands on many keys see every one, whatever their number", "[command]") {
  for (const size_t count : {1U, 15U, 16U, 17U, 33U, 25'000U}) {
    CAPTURE(count);
    Bench bench;
    std::vector<std::string> mset = {"MSET"};
    std::vector<std::string> keys;
    for (size_t i = 0; i < count; ++i) {
      keys.push_back("key:" + std::to_string(i));
      mset.push_back(keys.back());
      mset.push_back(std::to_string(i));
    }
    CHECK(bench.run(mset) == "+OK");
    CHECK(bench.breaths == count / DataContext::kStepsPerBreath);
    std::vector<std::string> exists = {"EXISTS"};
    std::vector<std::string> mget = {"MGET"};
    std::string expected = "*" + std::to_string(count);
    for (size_t i = 0; i < count; ++i) {
      exists.push_back(keys[i]);
      mget.push_back(keys[i]);
      const std::string value = std::to_string(i);
      expected += " $" + std::to_string(value.size()) + " " + value;
    }
    CHECK(bench.run(exists) == ":" + std::to_string(count));
    CHECK(bench.run(mget) == expected);
    exists[0] = "UNLINK";
    CHECK(bench.run(exists) == ":" + std::to_string(count));
    CHECK(bench("DBSIZE") == ":0");
  }
}

}  // namespace
}  // namespace quoris::command
