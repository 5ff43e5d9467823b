// XXH3 with a secret: the hash of keys. Clients who don't know the secret can't build collisions.
//
// The secret is drawn once per data directory (in a cluster once per cluster): SCAN cursors,
// the order of a walk and Merkle leaves are the hash's top bits and depend on it.
// Used by: store (dictionary). Source: xxHash 0.8.1, XXH3_64bits_withSeed.
#pragma once

#include <cstdint>
#include <string_view>

namespace quoris {

// What makes the hash ours. Compared by value; zero only in tests.
struct HashSecret {
  uint64_t seed = 0;
};

[[nodiscard]] uint64_t hash_bytes(std::string_view bytes, HashSecret secret) noexcept;

}  // namespace quoris
