// Random words of requests, for the generators of each family. Few keys, values and databases, so
// that the commands meet each other's effects; some requests are wrong.
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

  // Keys that the next request takes more often than others, so that a type's commands meet values
  // of their own.
  void favour(size_t family) { family_ = family; }

  std::string key() {
    if (family_ > 0 && !one_in(3)) {
      return "family " + std::to_string(family_) + "." + std::to_string(below(3));
    }
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
  size_t family_ = 0;
  TestRng rng_;
};

inline Words with(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

struct WriteGenerator {
  std::string_view name;  // as the row says it
  Words (*make)(Draw&);
  size_t family = 0;  // of write_generators()
};

}  // namespace quoris::command::testing
