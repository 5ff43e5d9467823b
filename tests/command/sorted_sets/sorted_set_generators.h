// Random requests for the write commands on sorted sets.
#pragma once

#include <array>

#include "tests/command/draw.h"

namespace quoris::command::testing {

inline std::string zset_member(Draw& draw) {
  switch (draw.below(6)) {
    case 0:
      return std::to_string(draw.below(8));
    case 1:
      return draw.one_in(10) ? draw.value() : "m";
    default:
      // Now and then a long one: the set becomes large.
      return draw.one_in(60) ? std::string(70, 'l') : std::string(1 + draw.below(4), 'm');
  }
}

inline std::string zset_score(Draw& draw) {
  return draw.one_in(4) ? draw.number()
                        : draw.of({"0", "-0", "1", "2", "2", "3", "inf", "-inf", "1e300"});
}

inline std::string zset_rank(Draw& draw) {
  return draw.of({"0", "1", "2", "-1", "-2", "-3", "100", "x"});
}

inline std::string zset_lex_bound(Draw& draw) {
  return draw.of({"-", "+", "[m", "(m", "[mmm", "(1", "[", "bad"});
}

inline Words zset_pairs(Draw& draw, Words words) {
  // Some are many: more than fit into a block.
  const size_t count = draw.one_in(40) ? 140 : 1 + draw.below(4);
  for (size_t i = 0; i < count; ++i) {
    words.push_back(zset_score(draw));
    words.push_back(count > 100 ? "n" + std::to_string(i) : zset_member(draw));
  }
  return words;
}

inline Words zadd_request(Draw& draw) {
  Words words = {"ZADD", draw.key()};
  while (draw.one_in(3)) words.push_back(draw.of({"NX", "XX", "GT", "LT", "CH", "INCR"}));
  return zset_pairs(draw, words);
}

inline Words zrem_request(Draw& draw) {
  Words words = {"ZREM", draw.key()};
  do {
    words.push_back(zset_member(draw));
  } while (!draw.one_in(2));
  return words;
}

inline Words zset_keys(Draw& draw, Words words) {
  const size_t count = 1 + draw.below(3);
  words.push_back(std::to_string(count));
  for (size_t i = 0; i < count; ++i) words.push_back(draw.key());
  return words;
}

inline Words zset_store_request(Draw& draw, const char* name) {
  Words words = zset_keys(draw, {name, draw.key()});
  if (std::string_view(name) != "ZDIFFSTORE" && draw.one_in(3)) {
    words = with(words, {"AGGREGATE", draw.of({"SUM", "MIN", "MAX"})});
  }
  return words;
}

inline Words zrangestore_request(Draw& draw) {
  switch (draw.below(3)) {
    case 0:
      return {"ZRANGESTORE", draw.key(), draw.key(), zset_rank(draw), zset_rank(draw)};
    case 1:
      return {"ZRANGESTORE",    draw.key(),      draw.key(),
              zset_score(draw), "+inf",          "BYSCORE",
              "LIMIT",          zset_rank(draw), draw.of({"-1", "1", "2", "200"})};
    default:
      return {"ZRANGESTORE", draw.key(), draw.key(), zset_lex_bound(draw), "-", "BYLEX", "REV"};
  }
}

inline Words zpop_request(Draw& draw, const char* name) {
  Words words = {name, draw.key()};
  if (draw.one_in(3)) words.push_back(draw.of({"0", "1", "2", "3", "200", "-1"}));
  return words;
}

inline Words zmpop_request(Draw& draw, Words words) {
  words = zset_keys(draw, words);
  words.push_back(draw.of({"MIN", "MAX"}));
  return draw.one_in(2) ? words : with(words, {"COUNT", draw.of({"1", "2", "200", "0"})});
}

inline constexpr std::array<WriteGenerator, 16> kSortedSetGenerators = {{
    {"ZADD", zadd_request},
    {"ZINCRBY",
     [](Draw& draw) {
       return Words{"ZINCRBY", draw.key(), zset_score(draw), zset_member(draw)};
     }},
    {"ZREM", zrem_request},
    {"ZRANGESTORE", zrangestore_request},
    {"ZREMRANGEBYRANK",
     [](Draw& draw) {
       return Words{"ZREMRANGEBYRANK", draw.key(), zset_rank(draw), zset_rank(draw)};
     }},
    {"ZREMRANGEBYSCORE",
     [](Draw& draw) {
       return Words{"ZREMRANGEBYSCORE", draw.key(), draw.of({"-inf", "-inf", "0", "(1", "x"}),
                    draw.of({"(1", "2", "(3", "inf"})};
     }},
    {"ZREMRANGEBYLEX",
     [](Draw& draw) {
       return Words{"ZREMRANGEBYLEX", draw.key(), draw.of({"-", "-", "(1", "[m", "bad"}),
                    draw.of({"+", "+", "[5", "(mmm"})};
     }},
    {"ZPOPMIN", [](Draw& draw) { return zpop_request(draw, "ZPOPMIN"); }},
    {"ZPOPMAX", [](Draw& draw) { return zpop_request(draw, "ZPOPMAX"); }},
    {"ZMPOP", [](Draw& draw) { return zmpop_request(draw, {"ZMPOP"}); }},
    {"ZUNIONSTORE", [](Draw& draw) { return zset_store_request(draw, "ZUNIONSTORE"); }},
    {"ZINTERSTORE", [](Draw& draw) { return zset_store_request(draw, "ZINTERSTORE"); }},
    {"ZDIFFSTORE", [](Draw& draw) { return zset_store_request(draw, "ZDIFFSTORE"); }},
    {"BZPOPMIN",
     [](Draw& draw) {
       return Words{"BZPOPMIN", draw.key(), draw.key(), "0"};
     }},
    {"BZPOPMAX",
     [](Draw& draw) {
       return Words{"BZPOPMAX", draw.key(), "0.1"};
     }},
    {"BZMPOP",
     [](Draw& draw) {
       return zmpop_request(draw, {"BZMPOP", "0"});
     }},
}};

}  // namespace quoris::command::testing
