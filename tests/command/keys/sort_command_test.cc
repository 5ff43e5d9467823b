// SORT: what its replies do not show, and large collections. The oracle's replies are in
// redis-tests.
#include <string>
#include <vector>

#include "tests/command/data_bench.h"

namespace quoris::command {
namespace {

using testing::Bench;

TEST_CASE("sort: a list that is replaced by its own sorting", "[command]") {
  Bench bench;
  bench("RPUSH l 3 x 1 2");
  bench("EXPIRE l 100");
  CHECK(bench("SORT l") == "-ERR One or more scores can't be converted into double");
  CHECK(bench("SORT l ALPHA DESC STORE l") == ":4");
  CHECK(bench("LRANGE l 0 -1") == "*4 $1 x $1 3 $1 2 $1 1");
  CHECK(bench("TTL l") == ":-1");
}

TEST_CASE("sort: a large list, in breaths", "[command]") {
  Bench bench;
  std::vector<std::string> words = {"RPUSH", "l"};
  for (size_t i = 0; i < 20'000; ++i) words.push_back(std::to_string(i * 7'919 % 20'011));
  bench.run(words);
  const uint64_t before = bench.breaths;
  CHECK(bench("SORT l STORE t") == ":20000");
  CHECK(bench.breaths - before >= 4);
  CHECK(bench("LRANGE t 0 1") == "*2 $1 0 $1 1");
  CHECK(bench("SORT l DESC LIMIT 0 1") == "*1 $5 20010");
}

TEST_CASE("sort: equal weights are in the order of the elements", "[command]") {
  Bench bench;
  bench("RPUSH l c a b");
  bench("MSET wa 1 wb 1 wc 1");
  CHECK(bench("SORT l BY w*") == "*3 $1 a $1 b $1 c");
  CHECK(bench("SORT l BY w* DESC") == "*3 $1 c $1 b $1 a");
}

TEST_CASE("sort: keys of patterns whose time has come are not there", "[command]") {
  Bench bench;
  bench("RPUSH l 1 2");
  bench("SET w1 9 PX 5");
  bench("SET w2 1");
  CHECK(bench("SORT l BY w* GET w*") == "*2 $1 1 $1 9");
  bench.now_ms += 6;
  CHECK(bench("SORT l BY w* GET w*") == "*2 $-1 $1 1");
}

}  // namespace
}  // namespace quoris::command
