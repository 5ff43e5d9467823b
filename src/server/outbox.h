// Outbox: where the effects of writes go, in batches that apply wholly or not at all.
//
// A batch is what one command (or one EXEC) emitted. Listeners (the log, replication) get whole
// batches in order, and are told when a turn ends so that they can append or send once for all.
// Without listeners nothing is collected: sink() is null, and emitting costs one branch.
// Used by: dispatcher. Limit: a batch is as large as its command made it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/byte_arena.h"
#include "store/mutation.h"

namespace quoris::server {

class BatchListener {
 public:
  virtual ~BatchListener() = default;
  // Views are valid during the call.
  virtual void on_batch(std::span<const store::Mutation> batch) = 0;
  // The turn is over: write, send, before any of its replies leave.
  virtual void on_turn_end() = 0;
};

class Outbox final : public store::MutationSink {
 public:
  void add_listener(BatchListener& listener) { listeners_.push_back(&listener); }

  // REQUIRES: no batch is open.
  void remove_listener(BatchListener& listener) { std::erase(listeners_, &listener); }

  // That were handed on so far: a command that leaves this as it was has changed nothing.
  [[nodiscard]] uint64_t batches() const { return batches_; }

  // Null while nobody listens.
  [[nodiscard]] store::MutationSink* sink() { return listeners_.empty() ? nullptr : this; }

  // Batches nest (EXEC around its commands): the outermost end hands on.
  void begin();
  void end();
  void end_turn();

  void emit(const store::Mutation& mutation) override;

 private:
  std::vector<BatchListener*> listeners_;
  std::vector<store::Mutation> batch_;
  ByteArena bytes_;  // keys and values of the batch
  uint32_t depth_ = 0;
  uint64_t batches_ = 0;
};

}  // namespace quoris::server
