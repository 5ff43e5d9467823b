#include "cluster/membership/suspicion.h"

#include <algorithm>
#include <cmath>

namespace quoris::membership {

Suspicion::Timing Suspicion::Timing::of(const Options& options, size_t live) {
  const auto needed_by = [live](uint32_t wanted) {
    const size_t others = live > 2 ? live - 2 : 0;
    const size_t majority_but_one = live / 2;
    return static_cast<uint32_t>(std::min({size_t{wanted}, others, majority_but_one}));
  };
  const double spread = std::max(1.0, std::log10(static_cast<double>(live)));
  const auto periods = [&options, spread](uint32_t tenths) {
    return static_cast<uint64_t>(spread * tenths * static_cast<double>(options.probe_period_us) /
                                 10);
  };
  Timing timing;
  timing.min_us = periods(options.suspicion_min_tenths);
  timing.max_us = timing.min_us * options.suspicion_max_factor;
  timing.closed_us = periods(options.suspicion_closed_tenths);
  timing.confirmations = needed_by(options.confirmations);
  return timing;
}

bool Suspicion::accuse(Accuser accuser) {
  const auto known = std::ranges::find(accusers_, accuser.member, &Accuser::member);
  if (known != accusers_.end()) {
    if (known->link_closed || !accuser.link_closed) return false;
    known->link_closed = true;
    return true;
  }
  if (accusers_.size() > timing_.confirmations) return false;
  accusers_.push_back(accuser);
  return true;
}

void Suspicion::delay(uint64_t late_us, uint64_t earliest_us) {
  start_us_ += late_us;
  if (deadline_us() >= earliest_us || was_deferred_) return;
  was_deferred_ = true;
  start_us_ += earliest_us - deadline_us();
}

uint64_t Suspicion::timeout_us() const {
  const uint32_t needed = timing_.confirmations;
  const auto closed = std::ranges::count(accusers_, true, &Accuser::link_closed);
  if (closed > static_cast<int64_t>(needed)) return timing_.closed_us;
  const size_t confirmations = accusers_.empty() ? 0 : accusers_.size() - 1;
  if (confirmations >= needed) return timing_.min_us;
  const double share = std::log(static_cast<double>(confirmations) + 1) / std::log(needed + 1.0);
  const auto range = static_cast<double>(timing_.max_us - timing_.min_us);
  return std::max(timing_.min_us, timing_.max_us - static_cast<uint64_t>(range * share));
}

}  // namespace quoris::membership
