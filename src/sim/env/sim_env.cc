#include "sim/env/sim_env.h"

#include <bit>
#include <cstring>

#include "base/assert.h"

namespace quoris::sim {

void SimClock::advance_to(uint64_t now_us) {
  QUORIS_ASSERT(now_us >= now_us_);
  now_us_ = now_us;
}

SimRng::SimRng(uint64_t seed) {
  for (uint64_t& word : state_) {
    seed += 0x9E3779B97F4A7C15ULL;
    uint64_t mixed = seed;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9ULL;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBULL;
    word = mixed ^ (mixed >> 31);
  }
}

uint64_t SimRng::next() {
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

void SimRng::secret_bytes(std::span<std::byte> out) {
  while (!out.empty()) {
    const uint64_t word = next();
    const size_t count = std::min(out.size(), sizeof(word));
    std::memcpy(out.data(), &word, count);
    out = out.subspan(count);
  }
}

TimerId SimTimers::schedule(uint64_t delay_us, std::function<void()> callback) {
  const uint64_t id = next_id_++;
  const uint64_t deadline = clock_.now_us() + delay_us;
  timers_.emplace(Key{deadline, id}, std::move(callback));
  deadlines_.emplace(id, deadline);
  return TimerId{id};
}

void SimTimers::cancel(TimerId timer) {
  const auto found = deadlines_.find(raw(timer));
  if (found == deadlines_.end()) return;
  timers_.erase(Key{found->second, found->first});
  deadlines_.erase(found);
}

void SimTimers::advance(uint64_t us) {
  const uint64_t until = clock_.now_us() + us;
  while (!timers_.empty() && timers_.begin()->first.first <= until) {
    const auto first = timers_.begin();
    const auto [deadline, id] = first->first;
    const std::function<void()> callback = std::move(first->second);
    timers_.erase(first);
    deadlines_.erase(id);
    if (deadline > clock_.now_us()) clock_.advance_to(deadline);
    callback();
  }
  if (until > clock_.now_us()) clock_.advance_to(until);
}

}  // namespace quoris::sim
