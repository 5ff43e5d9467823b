#include "cluster/membership/probe_order.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace quoris::membership {

void ProbeOrder::add(NodeNumber member, Rng& rng) {
  QUORIS_DCHECK(std::ranges::find(list_, member) == list_.end());
  const auto place = static_cast<size_t>(rng.below(list_.size() + 1));
  list_.insert(list_.begin() + static_cast<std::ptrdiff_t>(place), member);
  if (place < next_) ++next_;  // whoever was next is still next
}

void ProbeOrder::remove(NodeNumber member) {
  const auto place = std::ranges::find(list_, member);
  QUORIS_ASSERT(place != list_.end());
  if (place - list_.begin() < static_cast<std::ptrdiff_t>(next_)) --next_;
  list_.erase(place);
}

void ProbeOrder::reshuffle(Rng& rng) {
  for (size_t i = list_.size(); i > 1; --i) std::swap(list_[i - 1], list_[rng.below(i)]);
  next_ = 0;
}

}  // namespace quoris::membership
