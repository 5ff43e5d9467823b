#include "cluster/membership/update_queue.h"

#include <cmath>
#include <iterator>

namespace quoris::membership {

uint32_t UpdateQueue::sends(uint32_t retransmit_factor, size_t members) {
  return static_cast<uint32_t>(
      std::ceil(retransmit_factor * std::log2(static_cast<double>(members) + 1)));
}

void UpdateQueue::push(NodeNumber member) {
  drop(member);
  Bucket& fresh = bucket(0);
  fresh.push_back(member);
  place(member) = {.is_in = true, .sent = 0, .at = std::prev(fresh.end())};
  size_++;
}

void UpdateQueue::drop(NodeNumber member) {
  Place& here = place(member);
  if (!here.is_in) return;
  bucket(here.sent).erase(here.at);
  here.is_in = false;
  size_--;
}

UpdateQueue::Place& UpdateQueue::place(NodeNumber member) {
  if (places_.size() <= raw(member)) places_.resize(size_t{raw(member)} + 1);
  return places_[raw(member)];
}

UpdateQueue::Bucket& UpdateQueue::bucket(uint32_t sent) {
  if (by_sent_.size() <= sent) by_sent_.resize(size_t{sent} + 1);
  return by_sent_[sent];
}

void UpdateQueue::count_send(NodeNumber member, uint32_t sends_max) {
  Place& here = place(member);
  if (here.sent + 1 >= sends_max) {
    drop(member);
    return;
  }
  Bucket& next = bucket(here.sent + 1);  // may move the buckets, not what is in them
  next.splice(next.end(), bucket(here.sent), here.at);
  here.sent++;
}

}  // namespace quoris::membership
