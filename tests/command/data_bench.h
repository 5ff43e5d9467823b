// What the tests of data handlers share: a store with a clock that the test moves, and commands
// given as lines, run through the rows as the dispatcher runs them, with their replies as text.
#pragma once

#include <array>
#include <catch2/catch.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "command/data_context.h"
#include "command/errors.h"
#include "command/table.h"

namespace quoris::command::testing {

// SplitMix64: the same numbers for the same seed everywhere.
class TestRng final : public Rng {
 public:
  explicit TestRng(uint64_t seed) : state_(seed) {}

  uint64_t next() override {
    uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  void secret_bytes(std::span<std::byte> out) override {
    for (std::byte& byte : out) byte = static_cast<std::byte>(next());
  }

 private:
  uint64_t state_;
};

inline const CommandTable& data_command_table() {
  static const CommandTable table{data_command_families()};
  return table;
}

class Bench : Breather {
 public:
  static constexpr int64_t kStartMs = 1'800'000'000'000;
  static constexpr size_t kDatabases = 16;

  explicit Bench(store::MutationSink* sink = nullptr, uint64_t seed = 1)
      : store(kDatabases, HashSecret{7}, NodeNumber{0}), rng(seed), sink_(sink) {}

  // The reply's bytes with each line end as one space, the last one left out:
  // "*2 $1 a $-1". `line` is split as redis-cli splits it.
  std::string operator()(std::string_view line) {
    const auto words = split_arguments(line);
    REQUIRE(words.has_value());
    return run(*words);
  }

  std::string run(const std::vector<std::string>& words) {
    const std::vector<std::string_view> arguments(words.begin(), words.end());
    ByteChain out;
    resp::ReplyWriter reply(out, protocol);
    store::Writer writer(store, stats, rng, now_ms, {.sink = sink_, .events = events});
    DataContext context({.writer = writer,
                         .reply = reply,
                         .rng = rng,
                         .settings = settings,
                         .breather = this,
                         .blocker = blocker,
                         .no_touch = false},
                        db, arguments);
    dispatch(context);
    return text_of(out);
  }

  store::Store store;
  store::KeyspaceStats stats;
  TestRng rng;
  DataSettings settings;
  DbIndex db{0};
  int64_t now_ms = kStartMs;
  resp::Protocol protocol = resp::Protocol::resp2;
  uint64_t breaths = 0;
  store::KeyspaceEvents* events = nullptr;
  Blocker* blocker = nullptr;

 private:
  void breathe() override { ++breaths; }

  static void dispatch(DataContext& context) {
    const Command* command = data_command_table().find(context.argument(0));
    REQUIRE(command != nullptr);
    if (command->is_container()) {
      REQUIRE(context.count() > 1);
      command = data_command_table().find_subcommand(*command, context.argument(1));
      REQUIRE(command != nullptr);
    }
    const int arity = command->spec->arity;
    const auto count = static_cast<int>(context.count());
    if (arity > 0 ? count != arity : count < -arity) {
      return context.reply().error(errors::wrong_arity(command->full_name));
    }
    REQUIRE(command->spec->handler != nullptr);
    command->spec->handler(context);
  }

  static std::string text_of(const ByteChain& out) {
    std::vector<std::string_view> pieces;
    out.pieces(pieces, 1'000'000);
    std::string bytes;
    for (const std::string_view piece : pieces) bytes += piece;
    std::string text;
    for (size_t i = 0; i < bytes.size(); ++i) {
      const bool line_end = bytes.compare(i, 2, "\r\n") == 0;
      text += line_end ? ' ' : bytes[i];
      if (line_end) ++i;
    }
    if (!text.empty()) text.pop_back();
    return text;
  }

  store::MutationSink* sink_;
};

}  // namespace quoris::command::testing
