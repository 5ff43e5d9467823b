// Counters, ranges and LCS. Replies are those of redis-server 7.0.15.
#include "command/strings/string_commands.h"
#include "tests/command/data_bench.h"

namespace quoris::command {
namespace {

using testing::Bench;

const std::string kNotIntegerReply = "-ERR value is not an integer or out of range";
const std::string kOverflowReply = "-ERR increment or decrement would overflow";
const std::string kNotFloatReply = "-ERR value is not a valid float";

TEST_CASE("counters: INCR and its family count from nothing and keep the expiry", "[command]") {
  Bench bench;
  CHECK(bench("INCR n") == ":1");
  CHECK(bench("OBJECT ENCODING n") == "$3 int");
  CHECK(bench("EXPIRE n 100") == ":1");
  CHECK(bench("INCRBY n 41") == ":42");
  CHECK(bench("DECR n") == ":41");
  CHECK(bench("DECRBY n 50") == ":-9");
  CHECK(bench("TTL n") == ":100");
  CHECK(bench("GET n") == "$2 -9");
}

TEST_CASE("counters: an integer held as bytes counts too", "[command]") {
  Bench bench;
  bench("APPEND n 1");
  bench("APPEND n 0");
  CHECK(bench("OBJECT ENCODING n") == "$3 raw");
  CHECK(bench("INCR n") == ":11");
  CHECK(bench("OBJECT ENCODING n") == "$3 int");
}

TEST_CASE("counters: what is no integer, and what would overflow, stays as it was", "[command]") {
  Bench bench;
  bench("MSET max 9223372036854775807 min -9223372036854775808 text ' 1' empty ''");
  CHECK(bench("INCR max") == kOverflowReply);
  CHECK(bench("DECR min") == kOverflowReply);
  CHECK(bench("DECRBY max -1") == kOverflowReply);
  CHECK(bench("INCRBY min -1") == kOverflowReply);
  CHECK(bench("INCR text") == kNotIntegerReply);
  CHECK(bench("INCR empty") == kNotIntegerReply);
  CHECK(bench("INCRBY max abc") == kNotIntegerReply);
  CHECK(bench("DECRBY max 9223372036854775808") == kNotIntegerReply);
  CHECK(bench("DECRBY max -9223372036854775808") == "-ERR decrement would overflow");
  CHECK(bench("GET max") == "$19 9223372036854775807");
}

TEST_CASE("counters: INCRBYFLOAT leaves text, without trailing zeros", "[command]") {
  Bench bench;
  bench("SET f 10.50");
  CHECK(bench("INCRBYFLOAT f 0.1") == "$4 10.6");
  CHECK(bench("INCRBYFLOAT f 0.4") == "$2 11");
  CHECK(bench("OBJECT ENCODING f") == "$6 embstr");
  CHECK(bench("INCR f") == ":12");
  CHECK(bench("INCRBYFLOAT f -2.5e1") == "$3 -13");
  CHECK(bench("INCRBYFLOAT new 3.0") == "$1 3");
  CHECK(bench("EXPIRE new 10") == ":1");
  CHECK(bench("INCRBYFLOAT new 1e60") ==
        "$60 999999999999999999999373423426722168652130621984886772203520");
  CHECK(bench("OBJECT ENCODING new") == "$3 raw");
  CHECK(bench("TTL new") == ":10");
}

TEST_CASE("counters: INCRBYFLOAT refuses what is no float and what is not finite", "[command]") {
  Bench bench;
  bench("MSET f 1 text abc");
  CHECK(bench("INCRBYFLOAT f abc") == kNotFloatReply);
  CHECK(bench("INCRBYFLOAT f nan") == kNotFloatReply);
  CHECK(bench("INCRBYFLOAT f ' 1'") == kNotFloatReply);
  CHECK(bench("INCRBYFLOAT f ''") == kNotFloatReply);
  CHECK(bench("INCRBYFLOAT f 1e5000") == kNotFloatReply);
  CHECK(bench("INCRBYFLOAT text 1") == kNotFloatReply);
  CHECK(bench("INCRBYFLOAT f inf") == "-ERR increment would produce NaN or Infinity");
  CHECK(bench("GET f") == "$1 1");
}

TEST_CASE("ranges: APPEND makes a new value as SET does, an old one raw", "[command]") {
  Bench bench;
  CHECK(bench("APPEND a 5") == ":1");
  CHECK(bench("OBJECT ENCODING a") == "$3 int");
  CHECK(bench("EXPIRE a 10") == ":1");
  CHECK(bench("APPEND a ''") == ":1");
  CHECK(bench("OBJECT ENCODING a") == "$3 raw");
  CHECK(bench("APPEND a hello") == ":6");
  CHECK(bench("GET a") == "$6 5hello");
  CHECK(bench("TTL a") == ":10");
  CHECK(bench("STRLEN a") == ":6");
  CHECK(bench("STRLEN nothing") == ":0");
}

TEST_CASE("ranges: SETRANGE fills a gap with zeros", "[command]") {
  Bench bench;
  CHECK(bench("SETRANGE a 3 x") == ":4");
  CHECK(bench("GET a") == std::string("$4 \0\0\0x", 7));
  CHECK(bench("SET a 12345") == "+OK");
  CHECK(bench("SETRANGE a 1 ab") == ":5");
  CHECK(bench("GET a") == "$5 1ab45");
  CHECK(bench("SETRANGE a 7 z") == ":8");
  CHECK(bench("GETRANGE a 4 -1") == std::string("$4 5\0\0z", 7));
  CHECK(bench("SETRANGE far 100000 x") == ":100001");
  CHECK(bench("GETRANGE far 99999 -1") == std::string("$2 \0x", 5));
  CHECK(bench("OBJECT ENCODING far") == "$3 raw");
}

TEST_CASE("ranges: SETRANGE with nothing to write changes nothing", "[command]") {
  Bench bench;
  CHECK(bench("SETRANGE a 5 ''") == ":0");
  CHECK(bench("EXISTS a") == ":0");
  bench("SET a foo");
  CHECK(bench("SETRANGE a 536870912 ''") == ":3");
  CHECK(bench("OBJECT ENCODING a") == "$6 embstr");
  CHECK(bench("SETRANGE a -1 x") == "-ERR offset is out of range");
  CHECK(bench("SETRANGE nothing abc ''") == kNotIntegerReply);
}

TEST_CASE("ranges: no string grows past proto-max-bulk-len", "[command]") {
  Bench bench;
  bench.settings.proto_max_bulk_len = 1024 * 1024;
  const std::string too_long = "-ERR string exceeds maximum allowed size (proto-max-bulk-len)";
  CHECK(bench("SETRANGE a 1048576 x") == too_long);
  CHECK(bench("SETRANGE a 9223372036854775807 x") == too_long);
  CHECK(bench("SETRANGE a 1048575 xy") == too_long);
  CHECK(bench("EXISTS a") == ":0");
  CHECK(bench("SETRANGE a 1048575 x") == ":1048576");
  CHECK(bench("APPEND a x") == too_long);
  CHECK(bench("APPEND a ''") == ":1048576");
}

TEST_CASE("ranges: GETRANGE counts from either end", "[command]") {
  Bench bench;
  bench("MSET a fxo n 12345");
  const std::pair<const char*, const char*> cases[] = {
      {"a 0 -1", "$3 fxo"},   {"a 0 -100", "$1 f"},
      {"a -1 -3", "$0 "},     {"a -100 100", "$3 fxo"},
      {"a 5 10", "$0 "},      {"a 2 1", "$0 "},
      {"a -2 -2", "$1 x"},    {"n 1 3", "$3 234"},
      {"nothing 0 0", "$0 "}, {"a -9223372036854775808 9223372036854775807", "$3 fxo"}};
  for (const auto& [arguments, reply] : cases) {
    CAPTURE(arguments);
    CHECK(bench(std::string("GETRANGE ") + arguments) == reply);
    CHECK(bench(std::string("SUBSTR ") + arguments) == reply);
  }
  CHECK(bench("GETRANGE nothing a 0") == kNotIntegerReply);
  CHECK(bench("GETRANGE nothing 0 b") == kNotIntegerReply);
}

TEST_CASE("LCS: the subsequence, its length, its matches", "[command]") {
  Bench bench;
  bench("MSET x ohmytext y mynewtext");
  CHECK(bench("LCS x y") == "$6 mytext");
  CHECK(bench("LCS x y LEN") == ":6");
  CHECK(bench("LCS x y IDX") ==
        "*4 $7 matches *2 *2 *2 :4 :7 *2 :5 :8 *2 *2 :2 :3 *2 :0 :1 $3 len :6");
  CHECK(bench("LCS x y IDX MINMATCHLEN 4 WITHMATCHLEN") ==
        "*4 $7 matches *1 *3 *2 :4 :7 *2 :5 :8 :4 $3 len :6");
  bench.protocol = resp::Protocol::resp3;
  CHECK(bench("LCS x y IDX MINMATCHLEN 5") == "%2 $7 matches *0 $3 len :6");
}

TEST_CASE("LCS: missing keys are empty, integers are their digits", "[command]") {
  Bench bench;
  bench("MSET x 12345 y 345");
  CHECK(bench("LCS x y") == "$3 345");
  CHECK(bench("LCS x nothing") == "$0 ");
  CHECK(bench("LCS nothing nothing2 LEN") == ":0");
  CHECK(bench("LCS nothing x IDX") == "*4 $7 matches *0 $3 len :0");
  CHECK(bench("SET old v PX 1") == "+OK");
  bench.now_ms += 10;
  CHECK(bench("LCS x old") == "$0 ");
  CHECK(bench("LCS old x LEN") == ":0");
}

TEST_CASE("LCS: its errors", "[command]") {
  Bench bench;
  bench("SET a 1");
  CHECK(bench("LCS a a FOO") == "-ERR syntax error");
  CHECK(bench("LCS a a MINMATCHLEN") == "-ERR syntax error");
  CHECK(bench("LCS a a MINMATCHLEN abc") == kNotIntegerReply);
  CHECK(bench("LCS a a IDX LEN") ==
        "-ERR If you want both the length and indexes, please just use IDX.");
  CHECK(bench("LCS a a IDX MINMATCHLEN -5 WITHMATCHLEN") ==
        "*4 $7 matches *1 *3 *2 :0 :0 *2 :0 :0 :1 $3 len :1");
}

TEST_CASE("LCS: strings whose table would be too large are refused", "[command]") {
  Bench bench;
  bench.settings.proto_max_bulk_len = 1024 * 1024;
  bench.run({"SET", "fits", std::string(511, 'a')});
  bench.run({"SET", "not", std::string(512, 'a')});
  CHECK(bench("LCS fits fits LEN") == ":511");
  CHECK(bench("LCS not fits LEN") ==
        "-ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
}

}  // namespace
}  // namespace quoris::command
