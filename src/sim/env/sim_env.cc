#include "sim/env/sim_env.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "base/assert.h"

namespace quoris::sim {

namespace {

constexpr int64_t kMillion = 1'000'000;
constexpr uint64_t kNsPerUs = 1'000;

}  // namespace

// --- SimClock -----------------------------------------------------------------------------------

uint64_t SimClock::local_ns() const {
  const auto passed_us = static_cast<int64_t>(now_us() - anchor_true_us_);
  return anchor_local_ns_ + static_cast<uint64_t>(passed_us * (kMillion + drift_ppm_) /
                                                  static_cast<int64_t>(kNsPerUs));
}

int64_t SimClock::wall_us() {
  return kStartUs + static_cast<int64_t>(local_ns() / kNsPerUs) + wall_offset_us_;
}

int64_t SimClock::wall_error_us() { return wall_us() - kStartUs - static_cast<int64_t>(now_us()); }

void SimClock::set_drift_ppm(int64_t ppm) {
  QUORIS_ASSERT(ppm >= -kDriftPpmMax && ppm <= kDriftPpmMax);
  anchor_local_ns_ = local_ns();
  anchor_true_us_ = now_us();
  drift_ppm_ = ppm;
}

uint64_t SimClock::to_true_us(uint64_t delay_us) const {
  if (drift_ppm_ == 0) return delay_us;
  __extension__ using Wide = __int128;
  const Wide scaled = static_cast<Wide>(delay_us) * kMillion;
  // Up: a timer never fires before its clock says so.
  return static_cast<uint64_t>((scaled + kMillion + drift_ppm_ - 1) / (kMillion + drift_ppm_));
}

// --- SimRng -------------------------------------------------------------------------------------

SimRng::SimRng(uint64_t seed) {
  for (uint64_t& word : state_) {
    seed += 0x9E3779B97F4A7C15ULL;
    uint64_t mixed = seed;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9ULL;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBULL;
    word = mixed ^ (mixed >> 31);
  }
}

SimRng::SimRng(uint64_t seed, uint64_t stream) : SimRng(seed) {
  state_[0] ^= (stream + 1) * 0xD1342543DE82EF95ULL;
  // What differs in a word only has to reach the others first.
  for (int i = 0; i < 8; ++i) static_cast<void>(next());
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

// --- SimTimers ----------------------------------------------------------------------------------

TimerId SimTimers::schedule(uint64_t delay_us, std::function<void()> callback) {
  const uint64_t id = next_id_++;
  const uint64_t deadline_us = clock_.now_us() + clock_.to_true_us(delay_us);
  const EventId event = queue_.schedule_at(deadline_us, [this, id] { fire(id); });
  timers_.emplace(id, Timer{.event = event, .callback = std::move(callback)});
  return TimerId{id};
}

void SimTimers::cancel(TimerId timer) {
  const auto found = timers_.find(raw(timer));
  if (found == timers_.end()) return;
  queue_.cancel(found->second.event);
  timers_.erase(found);
}

void SimTimers::cancel_all() {
  for (const auto& [id, timer] : timers_) queue_.cancel(timer.event);
  timers_.clear();
  overdue_.clear();
}

void SimTimers::resume() {
  paused_ = false;
  for (const uint64_t id : std::exchange(overdue_, {})) {
    const auto found = timers_.find(id);
    if (found == timers_.end()) continue;
    found->second.event = queue_.schedule_at(clock_.now_us(), [this, id] { fire(id); });
  }
}

void SimTimers::fire(uint64_t id) {
  const auto found = timers_.find(id);
  if (paused_) {
    overdue_.push_back(id);
    return;
  }
  if (clock_.now_us() > queue_.now_us()) {
    // The process is still at work.
    found->second.event = queue_.schedule_at(clock_.now_us(), [this, id] { fire(id); });
    return;
  }
  const std::function<void()> callback = std::move(found->second.callback);
  timers_.erase(found);
  callback();
  if (after_fired_) after_fired_();
}

}  // namespace quoris::sim
