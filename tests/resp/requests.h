// What the tests of the request reader share: commands as plain data, and a seeded generator.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "resp/request_reader.h"

namespace quoris::resp::test {

using Words = std::vector<std::string>;

inline std::string encode(const Words& words) {
  std::string bytes = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string& word : words) {
    bytes += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  }
  return bytes;
}

inline Words words_of(const RequestReader& reader, const RequestReader::Command& command) {
  Words words;
  for (const std::string_view argument : reader.arguments(command)) words.emplace_back(argument);
  return words;
}

// All that a reader made of its input.
struct Outcome {
  std::vector<Words> commands;
  std::string error;
  size_t buffered = 0;  // what was left behind the commands

  bool operator==(const Outcome&) const = default;
};

// Moves all whole commands from the reader to the outcome.
inline void collect(RequestReader& reader, Outcome& outcome) {
  for (const RequestReader::Command& command : reader.commands()) {
    outcome.commands.push_back(words_of(reader, command));
  }
  reader.drop(reader.commands().size());
}

// SplitMix64 (Steele et al. 2014).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  // Uniform in [0, bound); 0 for a bound of 0.
  uint64_t below(uint64_t bound) {
    if (bound == 0) return 0;
    state_ += 0x9e3779b97f4a7c15ULL;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return (z ^ (z >> 31)) % bound;
  }

 private:
  uint64_t state_;
};

}  // namespace quoris::resp::test
