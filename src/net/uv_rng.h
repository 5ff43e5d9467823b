// UvRng: xoshiro256** seeded by the system; secrets come from the system itself.
//
// Used by: main, as Env's rng.
// Sources: Blackman and Vigna, "Scrambled linear pseudorandom number generators" (2021).
#pragma once

#include <array>
#include <cstdint>

#include "base/env.h"

namespace quoris::net {

class UvRng final : public Rng {
 public:
  UvRng();

  [[nodiscard]] uint64_t next() override;
  void secret_bytes(std::span<std::byte> out) override;

 private:
  std::array<uint64_t, 4> state_{};
};

}  // namespace quoris::net
