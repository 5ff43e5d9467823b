#include "sim/env/event_queue.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace quoris::sim {

namespace {

constexpr unsigned kSlotBits = 32;

uint32_t slot_of(EventId event) { return static_cast<uint32_t>(event); }

uint32_t generation_of(EventId event) {
  return static_cast<uint32_t>(static_cast<uint64_t>(event) >> kSlotBits);
}

}  // namespace

EventId EventQueue::schedule_at(uint64_t at_us, std::function<void()> callback) {
  uint32_t index = free_;
  if (index == kNoSlot) {
    index = static_cast<uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    free_ = slots_[index].next_free;
  }
  Slot& slot = slots_[index];
  slot.callback = std::move(callback);
  const EventId event{(uint64_t{slot.generation} << kSlotBits) | index};
  heap_.push_back({.at_us = at_us, .sequence = next_sequence_++, .event = event});
  std::push_heap(heap_.begin(), heap_.end());
  ++pending_;
  return event;
}

EventQueue::Slot* EventQueue::find(EventId event) {
  const uint32_t index = slot_of(event);
  if (index >= slots_.size() || slots_[index].generation != generation_of(event)) return nullptr;
  return &slots_[index];
}

void EventQueue::free_slot(EventId event) {
  Slot& slot = slots_[slot_of(event)];
  slot.callback = nullptr;
  ++slot.generation;
  slot.next_free = std::exchange(free_, slot_of(event));
  --pending_;
}

void EventQueue::cancel(EventId event) {
  if (find(event) != nullptr) free_slot(event);
}

void EventQueue::drop_cancelled() {
  while (!heap_.empty() && find(heap_.front().event) == nullptr) {
    std::pop_heap(heap_.begin(), heap_.end());
    heap_.pop_back();
  }
}

uint64_t EventQueue::next_us() {
  drop_cancelled();
  return heap_.empty() ? kNever : std::max(heap_.front().at_us, now_us_);
}

bool EventQueue::run_next(uint64_t until_us) {
  if (next_us() > until_us || heap_.empty()) return false;
  const Due due = heap_.front();
  std::pop_heap(heap_.begin(), heap_.end());
  heap_.pop_back();
  const std::function<void()> callback = std::move(find(due.event)->callback);
  free_slot(due.event);
  now_us_ = std::max(now_us_, due.at_us);
  ++happened_;
  callback();
  return true;
}

void EventQueue::run_until(uint64_t until_us) {
  while (run_next(until_us)) {
  }
  now_us_ = std::max(now_us_, until_us);
}

void EventQueue::advance_to(uint64_t now_us) {
  QUORIS_ASSERT(now_us >= now_us_);
  now_us_ = now_us;
}

}  // namespace quoris::sim
