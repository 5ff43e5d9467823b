// A seeded generator for property tests (splitmix64): the seed is printed with a failure.
#pragma once

#include <cstring>
#include <span>

#include "base/env.h"

namespace quoris::store::testing {

class TestRng : public Rng {
 public:
  explicit TestRng(uint64_t seed) : state_(seed) {}

  uint64_t next() override {
    state_ += 0x9E3779B97F4A7C15;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }

  void secret_bytes(std::span<std::byte> out) override {
    for (std::byte& byte : out) byte = static_cast<std::byte>(next());
  }

 private:
  uint64_t state_;
};

}  // namespace quoris::store::testing
