#include "base/byte_arena.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

namespace quoris {
namespace {

TEST_CASE("byte arena: copies of all sizes stay what they were until it is cleared", "[base]") {
  ByteArena arena;
  for (int round = 0; round < 3; ++round) {
    std::vector<std::string> originals;
    std::vector<std::string_view> copies;
    for (const size_t size : {size_t{0}, size_t{1}, size_t{16}, ByteArena::kChunkBytes - 20,
                              size_t{40}, 3 * ByteArena::kChunkBytes, size_t{7},
                              ByteArena::kChunkBytes, ByteArena::kChunkBytes + 1}) {
      const std::string& original = originals.emplace_back(
          size, static_cast<char>('a' + originals.size() + static_cast<size_t>(round)));
      copies.push_back(arena.copy(original));
      CHECK((size == 0 || copies.back().data() != original.data()));
    }
    for (size_t i = 0; i < originals.size(); ++i) CHECK(copies[i] == originals[i]);
    arena.clear();
  }
}

TEST_CASE("byte arena: the first bytes may be more than a chunk", "[base]") {
  ByteArena arena;
  const std::string large(2 * ByteArena::kChunkBytes, 'x');
  CHECK(arena.copy(large) == large);
  arena.clear();
  const std::string chunk(ByteArena::kChunkBytes, 'y');
  const std::string_view first = arena.copy(chunk);
  const std::string_view second = arena.copy("z");
  CHECK(first == chunk);
  CHECK(second == "z");
}

}  // namespace
}  // namespace quoris
