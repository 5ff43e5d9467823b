// Commands on keys, their expiry, OBJECT. Replies are those of redis-server 7.0.15.
#include "command/keys/key_commands.h"

#include "tests/command/data_bench.h"

namespace quoris::command {
namespace {

using testing::Bench;

const std::string kNotIntegerReply = "-ERR value is not an integer or out of range";
const std::string kSameObjectReply = "-ERR source and destination objects are the same";
const std::string kNoSuchKeyReply = "-ERR no such key";

TEST_CASE("keys: DEL, UNLINK, EXISTS and TOUCH count what they find", "[command]") {
  Bench bench;
  bench("MSET a 1 b 2 c 3");
  CHECK(bench("EXISTS a a nothing b") == ":3");
  CHECK(bench("TOUCH a nothing b") == ":2");
  CHECK(bench("DEL a a nothing") == ":1");
  CHECK(bench("UNLINK b c nothing") == ":2");
  CHECK(bench("DBSIZE") == ":0");
}

TEST_CASE("keys: an expired key is not there for any command, and DEL does not count it",
          "[command]") {
  Bench bench;
  for (const char* command :
       {"GET k", "TYPE k", "EXISTS k", "DEL k", "TTL k", "PERSIST k", "EXPIRE k 10",
        "OBJECT ENCODING k", "STRLEN k", "TOUCH k", "RENAME k l", "COPY k l", "MOVE k 1"}) {
    CAPTURE(command);
    const std::string without = bench(command);
    bench("SET k v PX 5");
    bench.now_ms += 5;
    CHECK(bench(command) == without);
    CHECK(bench("DBSIZE") == ":0");
  }
}

TEST_CASE("keys: TYPE is a simple string", "[command]") {
  Bench bench;
  bench("SET a 1");
  CHECK(bench("TYPE a") == "+string");
  CHECK(bench("TYPE b") == "+none");
}

TEST_CASE("keys: RENAME takes value, encoding and expiry along", "[command]") {
  Bench bench;
  CHECK(bench("RENAME a a") == kNoSuchKeyReply);
  CHECK(bench("RENAMENX a b") == kNoSuchKeyReply);
  bench("SET a 7 EX 100");
  bench("SET b old");
  CHECK(bench("RENAME a a") == "+OK");
  CHECK(bench("RENAMENX a a") == ":0");
  CHECK(bench("RENAMENX a b") == ":0");
  CHECK(bench("RENAME a b") == "+OK");
  CHECK(bench("EXISTS a") == ":0");
  CHECK(bench("GET b") == "$1 7");
  CHECK(bench("TTL b") == ":100");
  CHECK(bench("OBJECT ENCODING b") == "$3 int");
  CHECK(bench("RENAMENX b c") == ":1");
  CHECK(bench("TTL c") == ":100");
}

TEST_CASE("keys: RENAME and COPY onto an expired key replace it", "[command]") {
  Bench bench;
  bench("MSET a 1 b 2");
  bench("PSETEX old 1 x");
  bench.now_ms += 1;
  CHECK(bench("RENAMENX a old") == ":1");
  CHECK(bench("GET old") == "$1 1");
  bench("PSETEX old2 1 x");
  bench.now_ms += 1;
  CHECK(bench("COPY b old2") == ":1");
  CHECK(bench("GET old2") == "$1 2");
}

TEST_CASE("keys: COPY within a database, to another, over what is there", "[command]") {
  Bench bench;
  bench("SET a 1 EX 50");
  bench("SET b 2");
  CHECK(bench("COPY a a") == kSameObjectReply);
  CHECK(bench("COPY a a DB 0") == kSameObjectReply);
  CHECK(bench("COPY nothing a") == ":0");
  CHECK(bench("COPY a b") == ":0");
  CHECK(bench("COPY a b REPLACE") == ":1");
  CHECK(bench("TTL b") == ":50");
  CHECK(bench("COPY a a DB 3") == ":1");
  CHECK(bench("COPY a b REPLACE REPLACE DB 1 DB 2") == ":1");
  bench.db = DbIndex{2};
  CHECK(bench("GET b") == "$1 1");
  bench.db = DbIndex{3};
  CHECK(bench("TTL a") == ":50");
}

TEST_CASE("keys: COPY's errors in their order", "[command]") {
  Bench bench;
  CHECK(bench("COPY a a DB") == "-ERR syntax error");
  CHECK(bench("COPY a a FOO") == "-ERR syntax error");
  CHECK(bench("COPY a a DB abc FOO") == kNotIntegerReply);
  CHECK(bench("COPY a a DB 16") == "-ERR DB index is out of range");
  CHECK(bench("COPY a a DB -1") == "-ERR DB index is out of range");
  CHECK(bench("COPY a a DB 99999999999") ==
        "-ERR value is out of range, value must between -2147483648 and 2147483647");
}

TEST_CASE("keys: MOVE to another database, not onto a key that is there", "[command]") {
  Bench bench;
  bench("SET a 1 EX 50");
  bench("SET b 2");
  CHECK(bench("MOVE nothing 0") == kSameObjectReply);
  CHECK(bench("MOVE nothing 1") == ":0");
  CHECK(bench("MOVE a abc") == kNotIntegerReply);
  CHECK(bench("MOVE a 16") == "-ERR DB index is out of range");
  CHECK(bench("MOVE a 2") == ":1");
  CHECK(bench("EXISTS a") == ":0");
  bench.db = DbIndex{2};
  CHECK(bench("TTL a") == ":50");
  bench("SET b 3");
  CHECK(bench("MOVE b 0") == ":0");
}

TEST_CASE("expiry: EXPIRE in all its units, TTL in all of its", "[command]") {
  Bench bench;
  bench("SET a 1");
  CHECK(bench("TTL a") == ":-1");
  CHECK(bench("EXPIRETIME a") == ":-1");
  CHECK(bench("PTTL nothing") == ":-2");
  CHECK(bench("PEXPIRETIME nothing") == ":-2");
  CHECK(bench("EXPIRE a 10") == ":1");
  CHECK(bench("PTTL a") == ":10000");
  CHECK(bench("PEXPIRE a 1499") == ":1");
  CHECK(bench("TTL a") == ":1");
  CHECK(bench("PEXPIRE a 1500") == ":1");
  CHECK(bench("TTL a") == ":2");
  CHECK(bench("EXPIRETIME a") == ":1800000002");
  CHECK(bench("EXPIREAT a 1800000100") == ":1");
  CHECK(bench("TTL a") == ":100");
  CHECK(bench("PEXPIREAT a 1800000000001") == ":1");
  CHECK(bench("PEXPIRETIME a") == ":1800000000001");
  CHECK(bench("PERSIST a") == ":1");
  CHECK(bench("PERSIST a") == ":0");
  CHECK(bench("PERSIST nothing") == ":0");
  CHECK(bench("EXPIRE nothing 10") == ":0");
}

TEST_CASE("expiry: the furthest time there is does not overflow", "[command]") {
  Bench bench;
  bench("SET a 1");
  CHECK(bench("PEXPIREAT a 9223372036854775807") == ":1");
  CHECK(bench("PEXPIRETIME a") == ":9223372036854775807");
  CHECK(bench("EXPIRETIME a") == ":9223372036854776");
  CHECK(bench("PTTL a") == ":" + std::to_string(9223372036854775807 - Bench::kStartMs));
  CHECK(bench("GET a") == "$1 1");
}

TEST_CASE("expiry: a time that is past removes the key", "[command]") {
  Bench bench;
  for (const char* command :
       {"EXPIRE a 0", "EXPIRE a -1", "PEXPIRE a -9223372036854775808", "EXPIREAT a 5",
        "PEXPIREAT a -5", "PEXPIREAT a -1", "PEXPIREAT a 1800000000000"}) {
    CAPTURE(command);
    bench("SET a 1");
    CHECK(bench(command) == ":1");
    CHECK(bench("DBSIZE") == ":0");
    CHECK(bench(command) == ":0");
  }
}

TEST_CASE("expiry: NX, XX, GT and LT", "[command]") {
  struct Case {
    const char* present;  // PERSIST or an EXPIRE
    const char* arguments;
    const char* reply;
  };

  const Case cases[] = {
      {"PERSIST a", "10 NX", ":1"},      {"EXPIRE a 20", "10 NX", ":0"},
      {"PERSIST a", "10 XX", ":0"},      {"EXPIRE a 20", "10 XX", ":1"},
      {"PERSIST a", "10 GT", ":0"},      {"EXPIRE a 20", "10 GT", ":0"},
      {"EXPIRE a 20", "20 GT", ":0"},    {"EXPIRE a 20", "21 GT", ":1"},
      {"PERSIST a", "10 LT", ":1"},      {"EXPIRE a 20", "10 LT", ":1"},
      {"EXPIRE a 20", "20 LT", ":0"},    {"EXPIRE a 20", "21 LT", ":0"},
      {"PERSIST a", "10 XX LT", ":0"},   {"EXPIRE a 20", "10 XX LT", ":1"},
      {"EXPIRE a 20", "30 XX GT", ":1"}, {"PERSIST a", "0 GT", ":0"},
      {"EXPIRE a 20", "0 LT lt", ":1"},
  };
  for (const auto& [present, arguments, reply] : cases) {
    CAPTURE(present, arguments);
    Bench bench;
    bench("SET a 1");
    bench(present);
    CHECK(bench(std::string("EXPIRE a ") + arguments) == reply);
  }
}

TEST_CASE("expiry: errors in the order options, number, key", "[command]") {
  Bench bench;
  CHECK(bench("EXPIRE a abc FOO") == "-ERR Unsupported option FOO");
  CHECK(bench("EXPIRE a abc NX XX") ==
        "-ERR NX and XX, GT or LT options at the same time are not compatible");
  CHECK(bench("EXPIRE a abc NX GT LT") ==
        "-ERR NX and XX, GT or LT options at the same time are not compatible");
  CHECK(bench("EXPIRE a abc GT LT") ==
        "-ERR GT and LT options at the same time are not compatible");
  CHECK(bench("EXPIRE nothing abc") == kNotIntegerReply);
  for (const char* name : {"expire", "expireat", "pexpire"}) {
    CAPTURE(name);
    CHECK(bench(std::string(name) + " nothing 9223372036854775807") ==
          std::string("-ERR invalid expire time in '") + name + "' command");
  }
  CHECK(bench("EXPIRE nothing -9223372036854775807") ==
        "-ERR invalid expire time in 'expire' command");
  CHECK(bench("PEXPIREAT nothing 9223372036854775807") == ":0");
}

TEST_CASE("OBJECT: small integers are shared, all else has one reference", "[command]") {
  Bench bench;
  bench("MSET zero 0 last 9999 first 10000 below -1 text abc digits 05");
  CHECK(bench("OBJECT REFCOUNT zero") == ":2147483647");
  CHECK(bench("OBJECT REFCOUNT last") == ":2147483647");
  for (const char* key : {"first", "below", "text", "digits"}) {
    CAPTURE(key);
    CHECK(bench(std::string("OBJECT REFCOUNT ") + key) == ":1");
  }
  CHECK(bench("INCR last") == ":10000");
  CHECK(bench("OBJECT REFCOUNT last") == ":1");
  CHECK(bench("INCRBYFLOAT zero 1") == "$1 1");
  CHECK(bench("OBJECT REFCOUNT zero") == ":1");
  bench.settings.shared_integers = false;
  bench("SET zero 0");
  CHECK(bench("OBJECT REFCOUNT zero") == ":1");
  CHECK(bench("OBJECT REFCOUNT nothing") == "$-1");
}

TEST_CASE("OBJECT: idle time without LFU, frequency with it", "[command]") {
  Bench bench;
  bench("SET a 1");
  bench.now_ms += 5'000;
  CHECK(bench("OBJECT IDLETIME a") == ":5");
  CHECK(bench("OBJECT IDLETIME a") == ":5");
  CHECK(bench("TTL a") == ":-1");
  CHECK(bench("TYPE a") == "+string");
  CHECK(bench("EXISTS a") == ":1");
  CHECK(bench("OBJECT IDLETIME a") == ":5");
  CHECK(bench("TOUCH a") == ":1");
  CHECK(bench("OBJECT IDLETIME a") == ":0");
  CHECK(bench("OBJECT FREQ a").starts_with("-ERR An LFU maxmemory policy is not selected, "));
  CHECK(bench("OBJECT FREQ nothing") == "$-1");

  bench.settings.lfu = true;
  bench.store.access().mode = store::AccessMode::lfu;
  bench("SET b 1");
  CHECK(bench("OBJECT FREQ b") == ":5");
  CHECK(bench("OBJECT IDLETIME b").starts_with("-ERR An LFU maxmemory policy is selected, "));
  CHECK(bench("OBJECT IDLETIME nothing") == "$-1");
}

TEST_CASE("OBJECT: HELP names every subcommand", "[command]") {
  Bench bench;
  const std::string help = bench("OBJECT HELP");
  CHECK(help.starts_with("*11 +OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
  for (const char* word :
       {"+ENCODING <key>", "+FREQ <key>", "+IDLETIME <key>", "+REFCOUNT <key>", "+HELP"}) {
    CAPTURE(word);
    CHECK(help.find(word) != std::string::npos);
  }
}

}  // namespace
}  // namespace quoris::command
