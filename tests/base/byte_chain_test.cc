#include "base/byte_chain.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "base/free_list.h"

using quoris::ByteChain;

namespace {

constexpr size_t kNoLimit = SIZE_MAX;

std::string text_of(const ByteChain& chain) {
  std::vector<std::string_view> pieces;
  chain.pieces(pieces, kNoLimit);
  std::string text;
  for (const std::string_view piece : pieces) text += piece;
  return text;
}

// Bytes in which a wrong order or a lost piece shows.
std::string pattern(size_t size, size_t seed = 0) {
  std::string text(size, '\0');
  for (size_t i = 0; i < size; ++i) {
    text[i] = static_cast<char>('a' + (i * 7 + i / 251 + seed) % 26);
  }
  return text;
}

}  // namespace

TEST_CASE("byte chain: an empty chain holds no memory and has no pieces", "[base]") {
  ByteChain chain;
  std::vector<std::string_view> pieces{"left over"};
  chain.pieces(pieces, kNoLimit);
  CHECK(pieces.empty());
  CHECK(chain.empty());
  CHECK(chain.memory() == 0);
  chain.append("");
  chain.append(std::string_view());
  chain.consume(0);
  CHECK(chain.memory() == 0);
}

TEST_CASE("byte chain: what is appended comes out, in order, whatever the sizes", "[base]") {
  ByteChain chain;
  std::string expected;
  for (const size_t size : {0, 1, 100, 16'000, 400, 16'384, 3, 100'000, 1, 32'768, 7}) {
    const std::string bytes = pattern(size, size);
    chain.append(bytes);
    expected += bytes;
    REQUIRE(chain.size() == expected.size());
  }
  CHECK(text_of(chain) == expected);
  CHECK(chain.memory() >= expected.size());
  CHECK(chain.memory() <= expected.size() + 8 * ByteChain::kChunkSize);
}

TEST_CASE("byte chain: small appends fill a chunk before the next is taken", "[base]") {
  ByteChain chain;
  for (int i = 0; i < 100'000; ++i) chain.append("+OK\r\n");
  CHECK(chain.size() == 500'000);
  CHECK(chain.memory() < 500'000 + 2 * ByteChain::kChunkSize);
}

TEST_CASE("byte chain: reserved bytes are contiguous and only committed ones count", "[base]") {
  ByteChain chain;
  std::string expected;
  for (size_t i = 0; i < 100; ++i) {
    char* room = chain.reserve(1000);
    std::memset(room, static_cast<int>('a' + i % 26), 1000);
    chain.commit(i);
    expected.append(i, static_cast<char>('a' + i % 26));
  }
  CHECK(chain.size() == expected.size());
  CHECK(text_of(chain) == expected);
}

TEST_CASE("byte chain: a gap is filled where it was left", "[base]") {
  ByteChain chain;
  chain.append("before ");
  const ByteChain::Gap gap = chain.gap();
  chain.append(" behind");
  CHECK(text_of(chain) == "before  behind");
  chain.fill(gap, "here");
  CHECK(text_of(chain) == "before here behind");
  CHECK(chain.size() == 18);
}

TEST_CASE("byte chain: gaps nest, may stay unfilled, and cost little", "[base]") {
  ByteChain chain;
  std::vector<ByteChain::Gap> gaps;
  std::string expected;
  for (size_t i = 0; i < 1000; ++i) {
    gaps.push_back(chain.gap());
    chain.append("x");
  }
  for (size_t i = gaps.size(); i-- > 0;) chain.fill(gaps[i], std::to_string(i));
  for (size_t i = 0; i < 1000; ++i) expected += std::to_string(i) + "x";
  CHECK(text_of(chain) == expected);
  CHECK(chain.memory() < 160'000UL);

  ByteChain unfilled;
  static_cast<void>(unfilled.gap());
  CHECK(unfilled.empty());
  unfilled.append("x");
  CHECK(text_of(unfilled) == "x");
}

TEST_CASE("byte chain: an open gap at the front survives consuming, one passed is gone", "[base]") {
  ByteChain chain;
  chain.append("one");
  const ByteChain::Gap gap = chain.gap();
  chain.append("three");
  chain.consume(3);
  CHECK(text_of(chain) == "three");
  chain.fill(gap, "two");
  CHECK(text_of(chain) == "twothree");
  chain.consume(8);
  CHECK(chain.memory() == 0);

  ByteChain only_gap;
  const ByteChain::Gap kept = only_gap.gap();
  only_gap.consume(0);
  only_gap.fill(kept, "x");
  CHECK(text_of(only_gap) == "x");

  ByteChain passed;
  static_cast<void>(passed.gap());
  passed.append("abc");
  passed.consume(3);
  CHECK(passed.memory() == 0);
}

TEST_CASE("byte chain: consuming any number of bytes leaves the rest", "[base]") {
  const std::string all = pattern(100'000);
  for (const size_t step : {1UL, 7UL, 4096UL, 16'384UL, 16'385UL, 99'999UL, 100'000UL}) {
    ByteChain chain;
    chain.append(std::string_view(all).substr(0, 50'000));
    chain.append(std::string_view(all).substr(50'000, 10));
    chain.append(std::string_view(all).substr(50'010));
    size_t gone = 0;
    while (gone < all.size()) {
      const size_t count = std::min(step, all.size() - gone);
      chain.consume(count);
      gone += count;
      REQUIRE(chain.size() == all.size() - gone);
      if (step > 1) REQUIRE(text_of(chain) == std::string_view(all).substr(gone));
    }
    CHECK(chain.memory() == 0);
  }
}

TEST_CASE("byte chain: memory is given back while it is consumed", "[base]") {
  ByteChain chain;
  for (int i = 0; i < 1000; ++i) chain.append(pattern(1000));
  const size_t before = chain.memory();
  chain.consume(500'000);
  CHECK(chain.memory() < before / 2 + 2 * ByteChain::kChunkSize);
  chain.consume(500'000);
  CHECK(chain.memory() == 0);
}

TEST_CASE("byte chain: pieces stop at the limit and skip what is empty", "[base]") {
  ByteChain chain;
  for (int i = 0; i < 5; ++i) {
    chain.append("a");
    chain.fill(chain.gap(), "");
    chain.append("b");
  }
  std::vector<std::string_view> pieces;
  chain.pieces(pieces, 3);
  CHECK(pieces.size() == 3);
  chain.pieces(pieces, 0);
  CHECK(pieces.empty());
  chain.pieces(pieces, kNoLimit);
  for (const std::string_view piece : pieces) CHECK_FALSE(piece.empty());
  CHECK(text_of(chain) == "ababababab");
}

TEST_CASE("byte chain: spliced bytes follow, both ways of doing it, and gaps stay usable",
          "[base]") {
  for (const size_t size : {0UL, 1UL, 4096UL, 4097UL, 100'000UL}) {
    ByteChain chain;
    chain.append("first ");
    const ByteChain::Gap gap = chain.gap();
    ByteChain other;
    other.append(pattern(size));
    chain.splice(std::move(other));
    CHECK(other.empty());  // NOLINT(bugprone-use-after-move): promised to be empty
    CHECK(other.memory() == 0);
    chain.append(" last");
    chain.fill(gap, "gap ");
    CHECK(text_of(chain) == "first gap " + pattern(size) + " last");
    CHECK(chain.size() == size + 15);
    other.append("usable again");
    CHECK(text_of(other) == "usable again");
  }
}

TEST_CASE("byte chain: many small splices don't pile up chunks", "[base]") {
  ByteChain pending;
  for (int i = 0; i < 10'000; ++i) {
    ByteChain turn;
    turn.append("a message of some bytes");
    pending.splice(std::move(turn));
  }
  CHECK(pending.size() == 230'000);
  CHECK(pending.memory() < 230'000 + 2 * ByteChain::kChunkSize);
}

TEST_CASE("byte chain: a move takes everything along, open gaps too", "[base]") {
  ByteChain from;
  from.append("a");
  const ByteChain::Gap gap = from.gap();
  ByteChain to(std::move(from));
  // NOLINTNEXTLINE(bugprone-use-after-move,clang-analyzer-cplusplus.Move): promised to be empty
  CHECK(from.empty());
  CHECK(from.memory() == 0);  // NOLINT(clang-analyzer-cplusplus.Move): promised to be 0
  to.append("c");
  to.fill(gap, "b");
  CHECK(text_of(to) == "abc");
  ByteChain assigned;
  assigned.append("thrown away");
  assigned = std::move(to);
  assigned.append("d");
  CHECK(text_of(assigned) == "abcd");
}

TEST_CASE("byte chain: chunks are used again", "[base]") {
  if (!quoris::kFreeLists) return;  // by design under AddressSanitizer
  const auto first_byte = [] {
    ByteChain chain;
    chain.append("x");
    std::vector<std::string_view> pieces;
    chain.pieces(pieces, 1);
    return pieces[0].data();
  };
  const char* first = first_byte();
  for (int i = 0; i < 10; ++i) CHECK(first_byte() == first);
}

TEST_CASE("byte chain: random appends, gaps, splices and consumption match a plain string",
          "[base]") {
  uint64_t state = 12345;
  const auto below = [&state](uint64_t bound) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (state >> 33) % bound;
  };
  ByteChain chain;
  std::string model;
  for (int round = 0; round < 20'000; ++round) {
    const std::string bytes = pattern(below(below(20) == 0 ? 40'000 : 60), below(26));
    switch (below(5)) {
      case 0:
      case 1:
        chain.append(bytes);
        model += bytes;
        break;
      case 2: {
        const ByteChain::Gap gap = chain.gap();
        chain.append(bytes);
        chain.fill(gap, "*12\r\n");
        model += "*12\r\n" + bytes;
        break;
      }
      case 3: {
        ByteChain other;
        other.append(bytes);
        chain.splice(std::move(other));
        model += bytes;
        break;
      }
      default: {
        const size_t count = below(model.size() + 1) / (below(4) + 1);
        chain.consume(count);
        model.erase(0, count);
      }
    }
    REQUIRE(chain.size() == model.size());
    if (round % 50 == 0) REQUIRE(text_of(chain) == model);
  }
  CHECK(text_of(chain) == model);
  chain.clear();
  CHECK(chain.memory() == 0);
}
