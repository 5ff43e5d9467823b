#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace quoris {

uint64_t hash_bytes(std::string_view bytes, HashSecret secret) noexcept {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), secret.seed);
}

}  // namespace quoris
