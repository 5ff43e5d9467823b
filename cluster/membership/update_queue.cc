#include "cluster/membership/update_queue.h"

#include <cmath>
#include <utility>

namespace quoris::membership {

uint32_t UpdateQueue::sends(uint32_t retransmit_factor, size_t members) {
  return static_cast<uint32_t>(
      std::ceil(retransmit_factor * std::log2(static_cast<double>(members) + 1)));
}

void UpdateQueue::push(NodeNumber member) {
  drop(member);
  const Entry entry{.sent = 0, .order = next_order_++, .member = member};
  entries_.insert(entry);
  by_member_.emplace(member, entry);
}

void UpdateQueue::drop(NodeNumber member) {
  const auto known = by_member_.find(member);
  if (known == by_member_.end()) return;
  entries_.erase(known->second);
  by_member_.erase(known);
}

void UpdateQueue::count_send(const Entry& entry, uint32_t sends_max) {
  auto node = entries_.extract(entry);
  if (entry.sent + 1 >= sends_max) {
    by_member_.erase(entry.member);
    return;
  }
  node.value().sent++;
  by_member_.find(entry.member)->second = node.value();
  entries_.insert(std::move(node));
}

}  // namespace quoris::membership
