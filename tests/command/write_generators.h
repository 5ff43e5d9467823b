// A generator of random requests for every write command of the data families.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tests/command/draw.h"
#include "tests/command/hashes/hash_generators.h"
#include "tests/command/lists/list_generators.h"
#include "tests/command/sets/set_generators.h"
#include "tests/command/sorted_sets/sorted_set_generators.h"

namespace quoris::command::testing {

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

inline constexpr auto kKeyAndStringGenerators = std::to_array<WriteGenerator>({
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

// A new write command needs a row in its family's table: a test compares these with the rows.
inline const std::vector<WriteGenerator>& write_generators() {
  static const std::vector<WriteGenerator> all = [] {
    std::vector<WriteGenerator> gathered(kKeyAndStringGenerators.begin(),
                                         kKeyAndStringGenerators.end());
    const std::span<const WriteGenerator> families[] = {kHashGenerators, kListGenerators,
                                                        kSetGenerators, kSortedSetGenerators};
    for (size_t i = 0; i < std::size(families); ++i) {
      for (WriteGenerator generator : families[i]) {
        generator.family = i + 1;
        gathered.push_back(generator);
      }
    }
    return gathered;
  }();
  return all;
}

}  // namespace quoris::command::testing
