// Random requests for the write commands on hashes.
#pragma once

#include <array>

#include "tests/command/draw.h"

namespace quoris::command::testing {

inline std::string hash_field(Draw& draw) {
  if (draw.one_in(60)) return std::string(65 + draw.below(300), 'f');  // makes a table of it
  return draw.one_in(3) ? std::to_string(draw.below(200))
                        : draw.of({"a", "b", "c", "7", "", "count"});
}

inline Words hash_pairs_request(Draw& draw, std::string_view name) {
  Words words = {std::string(name), draw.key()};
  // Now and then more fields than a block may hold.
  size_t pairs = draw.one_in(25) ? 150 : 1 + draw.below(3);
  while (pairs-- > 0) words = with(words, {hash_field(draw), draw.value()});
  if (draw.one_in(20)) words.emplace_back("odd");
  return words;
}

inline Words hash_removal_request(Draw& draw) {
  Words words = {"HDEL", draw.key()};
  for (size_t i = 1 + draw.below(8); i > 0; --i) words.push_back(hash_field(draw));
  return words;
}

inline constexpr auto kHashGenerators = std::to_array<WriteGenerator>({
    {"HSET", [](Draw& draw) { return hash_pairs_request(draw, "HSET"); }},
    {"HMSET", [](Draw& draw) { return hash_pairs_request(draw, "HMSET"); }},
    {"HSETNX",
     [](Draw& draw) {
       return Words{"HSETNX", draw.key(), hash_field(draw), draw.value()};
     }},
    {"HDEL", hash_removal_request},
    {"HINCRBY",
     [](Draw& draw) {
       return Words{"HINCRBY", draw.key(), hash_field(draw), draw.integer()};
     }},
    {"HINCRBYFLOAT",
     [](Draw& draw) {
       return Words{"HINCRBYFLOAT", draw.key(), hash_field(draw), draw.number()};
     }},
});

}  // namespace quoris::command::testing
