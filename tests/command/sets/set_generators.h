// Random requests for the write commands on sets.
#pragma once

#include <array>

#include "tests/command/draw.h"

namespace quoris::command::testing {

// Mostly keys that other families leave alone.
inline std::string set_key(Draw& draw) {
  return draw.one_in(6) ? draw.key() : draw.of({"s1", "s2"});
}

// Few, so that commands meet; of every form.
inline std::string set_member(Draw& draw) {
  switch (draw.below(12)) {
    case 0:
      return draw.value();
    case 1:
    case 2:
      return draw.of({"a", "b", "c", "d"});
    default:
      return std::to_string(draw.below(30));
  }
}

// A number of members at once, now and then, so that sets become large.
inline Words sadd_request(Draw& draw) {
  Words words = {"SADD", set_key(draw)};
  if (draw.one_in(4)) {
    const char* prefix = draw.one_in(2) ? "" : "m";
    const size_t first = draw.below(1'000);
    constexpr size_t kCount = 80;
    for (size_t i = 0; i < kCount; ++i) words.push_back(prefix + std::to_string(first + i));
    return words;
  }
  for (size_t i = 1 + draw.below(4); i > 0; --i) words.push_back(set_member(draw));
  return words;
}

inline Words srem_request(Draw& draw) {
  Words words = {"SREM", set_key(draw)};
  for (size_t i = 1 + draw.below(8); i > 0; --i) words.push_back(set_member(draw));
  return words;
}

inline Words spop_request(Draw& draw) {
  if (draw.one_in(2)) return {"SPOP", set_key(draw)};
  return {"SPOP", set_key(draw), draw.of({"0", "1", "2", "2", "3", "3", "50", "1000", "-1", "x"})};
}

inline Words set_store_request(Draw& draw, std::string_view name) {
  // Mostly somewhere else: results are often empty.
  Words words = {std::string(name), draw.one_in(4) ? set_key(draw) : "s3"};
  for (size_t i = 1 + draw.below(3); i > 0; --i) words.push_back(set_key(draw));
  return words;
}

inline constexpr auto kSetGenerators = std::to_array<WriteGenerator>({
    {"SADD", sadd_request},
    {"SREM", srem_request},
    {"SPOP", spop_request},
    {"SMOVE",
     [](Draw& draw) {
       return Words{"SMOVE", set_key(draw), set_key(draw), set_member(draw)};
     }},
    {"SINTERSTORE", [](Draw& draw) { return set_store_request(draw, "SINTERSTORE"); }},
    {"SUNIONSTORE", [](Draw& draw) { return set_store_request(draw, "SUNIONSTORE"); }},
    {"SDIFFSTORE", [](Draw& draw) { return set_store_request(draw, "SDIFFSTORE"); }},
});

}  // namespace quoris::command::testing
