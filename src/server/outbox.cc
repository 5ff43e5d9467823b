#include "server/outbox.h"

#include "base/assert.h"

namespace quoris::server {

void Outbox::begin() { ++depth_; }

void Outbox::end() {
  QUORIS_ASSERT(depth_ > 0);
  if (--depth_ > 0 || batch_.empty()) return;
  ++batches_;
  for (BatchListener* listener : listeners_) listener->on_batch(batch_);
  batch_.clear();
  bytes_.clear();
}

void Outbox::end_turn() {
  QUORIS_ASSERT(depth_ == 0);
  for (BatchListener* listener : listeners_) listener->on_turn_end();
}

void Outbox::emit(const store::Mutation& mutation) {
  QUORIS_ASSERT(depth_ > 0);
  batch_.push_back(mutation);
  store::Mutation& kept = batch_.back();
  // The caller's bytes live as long as its call only, the batch until its end.
  kept.key = bytes_.copy(mutation.key);
  kept.value = bytes_.copy(mutation.value);
}

}  // namespace quoris::server
