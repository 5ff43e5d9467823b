// Frames as words, for tests that look into them.
#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "resp/request_reader.h"

namespace quoris::bus::testing {

using OwnedWords = std::vector<std::string>;

inline std::vector<std::string_view> views(const OwnedWords& words) {
  return {words.begin(), words.end()};
}

// All whole frames in `bytes`.
inline std::vector<OwnedWords> split_frames(std::string_view bytes) {
  resp::RequestReader reader;
  REQUIRE(reader.feed(bytes, {}) == resp::ReadStatus::ok);
  std::vector<OwnedWords> frames;
  for (const auto& command : reader.commands()) {
    const auto words = reader.arguments(command);
    frames.emplace_back(words.begin(), words.end());
  }
  reader.drop(reader.commands().size());
  return frames;
}

inline OwnedWords words_of(std::string_view frame) {
  const auto frames = split_frames(frame);
  REQUIRE(frames.size() == 1);
  return frames[0];
}

inline std::string join_words(const OwnedWords& words) {
  std::string frame = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string& word : words) {
    frame += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  }
  return frame;
}

}  // namespace quoris::bus::testing
