#include "net/uv_rng.h"

#include <sys/random.h>

#include <algorithm>
#include <bit>
#include <cerrno>

#include "base/assert.h"

namespace quoris::net {

namespace {

// getrandom(2) gives up to this many bytes in one piece, whatever signals arrive.
constexpr size_t kBytesPerCall = 256;

}  // namespace

UvRng::UvRng() {
  secret_bytes(std::as_writable_bytes(std::span(state_)));
  // All zero is the one state that xoshiro never leaves.
  if (std::ranges::all_of(state_, [](uint64_t word) { return word == 0; })) state_[0] = 1;
}

uint64_t UvRng::next() {
  const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

void UvRng::secret_bytes(std::span<std::byte> out) {
  while (!out.empty()) {
    const ssize_t got = getrandom(out.data(), std::min(out.size(), kBytesPerCall), 0);
    if (got < 0) {
      QUORIS_ASSERT(errno == EINTR);
      continue;
    }
    out = out.subspan(static_cast<size_t>(got));
  }
}

}  // namespace quoris::net
