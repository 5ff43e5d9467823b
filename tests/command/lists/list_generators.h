// Random requests for the write commands on lists, and SORT, which makes one.
#pragma once

#include <array>

#include "tests/command/draw.h"

namespace quoris::command::testing {

inline std::string list_key(Draw& draw) {
  return draw.one_in(6) ? draw.key() : draw.of({"list", "list", "queue"});
}

inline std::string list_item(Draw& draw) {
  if (draw.one_in(60)) return std::string(9'000 + draw.below(3), 'h');  // larger than a block
  return draw.one_in(4) ? draw.value() : draw.of({"x", "y", "z", "1", "01"});
}

inline std::string list_index(Draw& draw) {
  if (draw.one_in(25)) return draw.of({"x", "9223372036854775807", "-9223372036854775808"});
  return std::to_string(static_cast<int64_t>(draw.below(12)) - 6);
}

inline std::string list_end(Draw& draw) { return draw.of({"LEFT", "RIGHT", "left", "right"}); }

// Nobody waits here.
inline std::string timeout(Draw& draw) { return draw.of({"0", "1", "0.25", "-1", "x"}); }

inline Words push_request(Draw& draw, std::string_view name) {
  Words words = {std::string(name), list_key(draw)};
  // Now and then enough for the form of blocks, and for several of them.
  const size_t many = draw.one_in(4) ? 1'000 : 70;
  for (size_t i = draw.one_in(8) ? many : 1 + draw.below(3); i > 0; --i) {
    words.push_back(i > 3 ? "an item of a list with many " + std::to_string(i % 5)
                          : list_item(draw));
  }
  return words;
}

inline Words pop_request(Draw& draw, std::string_view name) {
  Words words = {std::string(name), list_key(draw)};
  if (draw.one_in(3)) words.push_back(draw.of({"0", "1", "2", "5", "900", "-1", "x"}));
  return words;
}

inline Words multi_pop(Draw& draw) {
  Words words =
      draw.one_in(2) ? Words{"1", list_key(draw)} : Words{"2", list_key(draw), list_key(draw)};
  words.push_back(list_end(draw));
  if (draw.one_in(2)) words = with(words, {"COUNT", draw.of({"1", "3", "200", "0"})});
  return words;
}

inline Words blocking_pop_request(Draw& draw, std::string_view name) {
  return {std::string(name), list_key(draw), list_key(draw), timeout(draw)};
}

inline constexpr auto kListGenerators = std::to_array<WriteGenerator>({
    {"LPUSH", [](Draw& draw) { return push_request(draw, "LPUSH"); }},
    {"RPUSH", [](Draw& draw) { return push_request(draw, "RPUSH"); }},
    {"LPUSHX", [](Draw& draw) { return push_request(draw, "LPUSHX"); }},
    {"RPUSHX", [](Draw& draw) { return push_request(draw, "RPUSHX"); }},
    {"LPOP", [](Draw& draw) { return pop_request(draw, "LPOP"); }},
    {"RPOP", [](Draw& draw) { return pop_request(draw, "RPOP"); }},
    {"LSET",
     [](Draw& draw) {
       return Words{"LSET", list_key(draw), list_index(draw), list_item(draw)};
     }},
    {"LINSERT",
     [](Draw& draw) {
       return Words{"LINSERT", list_key(draw), draw.of({"BEFORE", "AFTER"}), list_item(draw),
                    list_item(draw)};
     }},
    {"LREM",
     [](Draw& draw) {
       return Words{"LREM", list_key(draw), list_index(draw), list_item(draw)};
     }},
    {"LTRIM",
     [](Draw& draw) {
       const bool most = draw.one_in(2);
       return Words{"LTRIM", list_key(draw), most ? "1" : list_index(draw),
                    most ? "-2" : list_index(draw)};
     }},
    {"LMOVE",
     [](Draw& draw) {
       return Words{"LMOVE", list_key(draw), list_key(draw), list_end(draw), list_end(draw)};
     }},
    {"RPOPLPUSH",
     [](Draw& draw) {
       return Words{"RPOPLPUSH", list_key(draw), list_key(draw)};
     }},
    {"LMPOP", [](Draw& draw) { return with({"LMPOP"}, multi_pop(draw)); }},
    {"BLPOP", [](Draw& draw) { return blocking_pop_request(draw, "BLPOP"); }},
    {"BRPOP", [](Draw& draw) { return blocking_pop_request(draw, "BRPOP"); }},
    {"BLMOVE",
     [](Draw& draw) {
       return Words{"BLMOVE",       list_key(draw), list_key(draw),
                    list_end(draw), list_end(draw), timeout(draw)};
     }},
    {"BRPOPLPUSH",
     [](Draw& draw) {
       return Words{"BRPOPLPUSH", list_key(draw), list_key(draw), timeout(draw)};
     }},
    {"SORT",
     [](Draw& draw) {
       const Words words = {"SORT", list_key(draw), "ALPHA", "STORE", list_key(draw)};
       return draw.one_in(2) ? with(words, {"LIMIT", "0", list_index(draw)}) : words;
     }},
    {"BLMPOP",
     [](Draw& draw) {
       return with({"BLMPOP", timeout(draw)}, multi_pop(draw));
     }},
});

}  // namespace quoris::command::testing
