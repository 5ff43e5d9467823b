// A generator of random requests for every write command of the data families. Few keys, values
// and databases, so that the commands meet each other's effects; some requests are wrong.
//
// A new write command needs a row in kWriteGenerators: a test compares the table with the rows.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "tests/command/data_bench.h"

namespace quoris::command::testing {

using Words = std::vector<std::string>;

class Draw {
 public:
  // Databases that keys are put into.
  static constexpr uint64_t kDatabases = 3;

  explicit Draw(uint64_t seed) : rng_(seed) {}

  size_t below(size_t bound) { return rng_.below(bound); }

  bool one_in(size_t count) { return below(count) == 0; }

  template <size_t kSize>
  std::string of(const char* const (&choices)[kSize]) {
    return choices[below(kSize)];
  }

  std::string key() {
    if (one_in(40)) return std::string(300, 'k');  // longer than a length byte says
    return of({"a", "b", "c", "d", "e", "counter", "a key of middle length"});
  }

  std::string integer() {
    return of({"0", "1", "-1", "7", "9999", "10000", "-123456789012", "9223372036854775807",
               "-9223372036854775808", "nonsense"});
  }

  std::string number() { return of({"0.5", "-2.25", "3", "1e20", "10.50", "nan", "-1e-3"}); }

  std::string value() {
    switch (below(8)) {
      case 0:
      case 1:
      case 2:
        return integer();
      case 3:
        return number();
      case 4:
        return std::string(below(60), static_cast<char>('a' + below(3)));
      case 5:
        return one_in(10) ? std::string(70'000, 'L') : std::string("\0\r\n\xff", 4);
      default:
        return of({"", "x", "hello", "a value of some thirty characters"});
    }
  }

  std::string database() {
    return one_in(20) ? of({"16", "-1", "x"}) : std::to_string(below(kDatabases));
  }

  std::string offset() { return one_in(15) ? of({"-1", "x"}) : std::to_string(below(80)); }

  // Times: most of them near, so that keys expire while the test's clock goes on.
  std::string ms() { return one_in(10) ? of({"0", "-5", "x"}) : std::to_string(1 + below(400)); }

  std::string seconds() { return of({"0", "1", "1", "2", "100", "-3", "x"}); }

  std::string at_ms() {
    if (one_in(8)) return of({"1", "-1", "x", "9223372036854775807"});
    return std::to_string(Bench::kStartMs - 100 + static_cast<int64_t>(below(20'000)));
  }

  std::string at_seconds() {
    return std::to_string(Bench::kStartMs / 1000 - 1 + static_cast<int64_t>(below(30)));
  }

  Words ttl_option() {
    switch (below(4)) {
      case 0:
        return {"EX", seconds()};
      case 1:
        return {"PX", ms()};
      case 2:
        return {"EXAT", at_seconds()};
      default:
        return {"PXAT", at_ms()};
    }
  }

  Words expire_options() {
    return one_in(2) ? Words{} : Words{of({"NX", "XX", "GT", "LT", "bad"})};
  }

 private:
  TestRng rng_;
};

inline Words with(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

inline Words set_request(Draw& draw) {
  Words words = {"SET", draw.key(), draw.value()};
  if (draw.one_in(3)) words = with(words, draw.ttl_option());
  if (draw.one_in(4)) words.push_back(draw.of({"NX", "XX", "GET", "KEEPTTL", "bad"}));
  if (draw.one_in(8)) words.push_back(draw.of({"NX", "XX", "GET", "KEEPTTL"}));
  return words;
}

inline Words getex_request(Draw& draw) {
  const Words words = {"GETEX", draw.key()};
  if (draw.one_in(4)) return with(words, {"PERSIST"});
  return draw.one_in(5) ? words : with(words, draw.ttl_option());
}

inline Words copy_request(Draw& draw) {
  Words words = {"COPY", draw.key(), draw.key()};
  if (draw.one_in(2)) words = with(words, {"DB", draw.database()});
  if (draw.one_in(2)) words.emplace_back("REPLACE");
  return words;
}

inline Words keys_request(Draw& draw, std::string_view name) {
  Words words = {std::string(name)};
  for (size_t i = 1 + draw.below(3); i > 0; --i) words.push_back(draw.key());
  return words;
}

inline Words pairs_request(Draw& draw, std::string_view name) {
  Words words = {std::string(name)};
  for (size_t i = 1 + draw.below(3); i > 0; --i) {
    words = with(words, {draw.key(), draw.value()});
  }
  return words;
}

inline Words flush_request(Draw& draw, std::string_view name) {
  return with({std::string(name)}, draw.one_in(2) ? Words{} : Words{draw.of({"ASYNC", "SYNC"})});
}

struct WriteGenerator {
  std::string_view name;  // as the row says it
  Words (*make)(Draw&);
};

inline constexpr auto kWriteGenerators = std::to_array<WriteGenerator>({
    // Keys.
    {"DEL", [](Draw& draw) { return keys_request(draw, "DEL"); }},
    {"UNLINK", [](Draw& draw) { return keys_request(draw, "UNLINK"); }},
    {"RENAME", [](Draw& draw) { return Words{"RENAME", draw.key(), draw.key()}; }},
    {"RENAMENX", [](Draw& draw) { return Words{"RENAMENX", draw.key(), draw.key()}; }},
    {"COPY", copy_request},
    {"MOVE", [](Draw& draw) { return Words{"MOVE", draw.key(), draw.database()}; }},
    {"EXPIRE",
     [](Draw& draw) {
       return with({"EXPIRE", draw.key(), draw.seconds()}, draw.expire_options());
     }},
    {"PEXPIRE",
     [](Draw& draw) { return with({"PEXPIRE", draw.key(), draw.ms()}, draw.expire_options()); }},
    {"EXPIREAT",
     [](Draw& draw) {
       return with({"EXPIREAT", draw.key(), draw.at_seconds()}, draw.expire_options());
     }},
    {"PEXPIREAT",
     [](Draw& draw) {
       return with({"PEXPIREAT", draw.key(), draw.at_ms()}, draw.expire_options());
     }},
    {"PERSIST", [](Draw& draw) { return Words{"PERSIST", draw.key()}; }},
    {"SWAPDB", [](Draw& draw) { return Words{"SWAPDB", draw.database(), draw.database()}; }},
    {"FLUSHDB", [](Draw& draw) { return flush_request(draw, "FLUSHDB"); }},
    {"FLUSHALL", [](Draw& draw) { return flush_request(draw, "FLUSHALL"); }},
    // Strings.
    {"SET", set_request},
    {"GETSET", [](Draw& draw) { return Words{"GETSET", draw.key(), draw.value()}; }},
    {"GETDEL", [](Draw& draw) { return Words{"GETDEL", draw.key()}; }},
    {"GETEX", getex_request},
    {"SETEX", [](Draw& draw) { return Words{"SETEX", draw.key(), draw.seconds(), draw.value()}; }},
    {"PSETEX", [](Draw& draw) { return Words{"PSETEX", draw.key(), draw.ms(), draw.value()}; }},
    {"SETNX", [](Draw& draw) { return Words{"SETNX", draw.key(), draw.value()}; }},
    {"MSET", [](Draw& draw) { return pairs_request(draw, "MSET"); }},
    {"MSETNX", [](Draw& draw) { return pairs_request(draw, "MSETNX"); }},
    {"APPEND", [](Draw& draw) { return Words{"APPEND", draw.key(), draw.value()}; }},
    {"INCR", [](Draw& draw) { return Words{"INCR", draw.key()}; }},
    {"INCRBY", [](Draw& draw) { return Words{"INCRBY", draw.key(), draw.integer()}; }},
    {"DECR", [](Draw& draw) { return Words{"DECR", draw.key()}; }},
    {"DECRBY", [](Draw& draw) { return Words{"DECRBY", draw.key(), draw.integer()}; }},
    {"INCRBYFLOAT", [](Draw& draw) { return Words{"INCRBYFLOAT", draw.key(), draw.number()}; }},
    {"SETRANGE",
     [](Draw& draw) {
       const std::string offset = draw.one_in(20) ? "5000" : draw.offset();
       return Words{"SETRANGE", draw.key(), offset, draw.value()};
     }},
});

}  // namespace quoris::command::testing
