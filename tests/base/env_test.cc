#include "base/env.h"

#include <catch2/catch.hpp>
#include <vector>

#include "base/hash.h"

namespace {

// Answers what the test says.
class ScriptedRng final : public quoris::Rng {
 public:
  explicit ScriptedRng(std::vector<uint64_t> answers) : answers_(std::move(answers)) {}

  uint64_t next() override { return answers_[at_++ % answers_.size()]; }

  void secret_bytes(std::span<std::byte> out) override {
    for (std::byte& byte : out) byte = std::byte{0};
  }

 private:
  std::vector<uint64_t> answers_;
  size_t at_ = 0;
};

}  // namespace

TEST_CASE("env: below() spreads the whole range of draws over the bound", "[base]") {
  ScriptedRng rng({0, UINT64_MAX / 2, UINT64_MAX});
  CHECK(rng.below(10) == 0);
  CHECK(rng.below(10) == 4);
  CHECK(rng.below(10) == 9);
  CHECK(rng.below(1) == 0);
  CHECK(rng.below(UINT64_MAX) < UINT64_MAX);
}

TEST_CASE("hash: depends on every byte and on the secret, and is the same for the same input",
          "[base]") {
  using quoris::hash_bytes;
  using quoris::HashSecret;
  CHECK(hash_bytes("key:1", HashSecret{1}) == hash_bytes("key:1", HashSecret{1}));
  CHECK(hash_bytes("key:1", HashSecret{1}) != hash_bytes("key:1", HashSecret{2}));
  CHECK(hash_bytes("key:1", HashSecret{1}) != hash_bytes("key:2", HashSecret{1}));
  CHECK(hash_bytes("", HashSecret{0}) == 0x2d06800538d394c2ULL);  // XXH3's published value
}
