#include "tests/cluster/raft/simulated_disk.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "base/assert.h"

namespace quoris::raft::testing {

namespace {

// As far as `stages` of a batch's parts go: hard state, snapshot, log.
void apply(const Persist& batch, uint64_t stages, StoredState& state) {
  if (stages > 0 && batch.hard_state) state.hard_state = *batch.hard_state;
  if (stages > 1 && batch.snapshot != nullptr) state.snapshot = batch.snapshot;
  if (stages < 3) return;
  if (batch.base) {
    state.base = *batch.base;
    state.entries.clear();
  }
  if (batch.entries.empty()) return;
  state.entries.resize(raw(batch.entries.front().index) - raw(state.base.index) - 1);
  state.entries.insert(state.entries.end(), batch.entries.begin(), batch.entries.end());
}

constexpr uint64_t kAllStages = 3;

class MemoryDisk final : public SimulatedDisk {
 public:
  MemoryDisk(sim::SimTimers& timers, Rng& rng, SnapshotPtr first) : timers_(timers), rng_(rng) {
    state_.is_first_life = true;
    if (first == nullptr) return;
    state_.hard_state.term = first->term;
    state_.base = {.index = first->index, .term = first->term};
    state_.snapshot = std::move(first);
  }

  ~MemoryDisk() override { timers_.cancel(timer_); }

  std::optional<StoredState> start(Persisted on_persisted) override {
    on_persisted_ = std::move(on_persisted);
    StoredState found = state_;
    state_.is_first_life = false;
    return found;
  }

  void persist(Persist batch) override {
    waiting_.push_back(std::move(batch));
    pump();
  }

  void stop(bool loses_power) override {
    timers_.cancel(timer_);
    is_in_flight_ = false;
    const uint64_t whole =
        loses_power ? rng_.below(waiting_.size() + 1) : static_cast<uint64_t>(waiting_.size());
    for (uint64_t i = 0; i < whole; ++i) apply(waiting_[i], kAllStages, state_);
    if (whole < waiting_.size()) apply(waiting_[whole], rng_.below(kAllStages), state_);
    waiting_.clear();
    QUORIS_ASSERT(fit_log_to_snapshot(state_));
  }

  void set_latency_us(uint64_t us) override { latency_us_ = us; }

  bool is_durable(const LogEntry& entry) const override {
    if (state_.snapshot != nullptr && entry.index <= state_.snapshot->index) return true;
    const uint64_t at = raw(entry.index) - raw(state_.base.index);
    return at <= state_.entries.size() && state_.entries[at - 1] == entry;
  }

 private:
  void pump() {
    if (is_in_flight_ || waiting_.empty()) return;
    is_in_flight_ = true;
    const size_t count = waiting_.size();
    timer_ = timers_.schedule(latency_us_, [this, count] {
      uint64_t sequence = 0;
      for (size_t i = 0; i < count; ++i) {
        apply(waiting_.front(), kAllStages, state_);
        sequence = waiting_.front().sequence;
        waiting_.pop_front();
      }
      is_in_flight_ = false;
      pump();
      on_persisted_(sequence);
    });
  }

  sim::SimTimers& timers_;
  Rng& rng_;
  StoredState state_;
  std::deque<Persist> waiting_;
  Persisted on_persisted_;
  uint64_t latency_us_ = 1000;
  bool is_in_flight_ = false;
  TimerId timer_{0};
};

class FileDisk final : public SimulatedDisk, StorageOwner {
 public:
  FileDisk(sim::SimTimers& timers, Rng& rng, SnapshotPtr first)
      : disk_(timers), rng_(rng), first_(std::move(first)) {
    QUORIS_ASSERT(disk_.make_directory(kDirectory).has_value());
  }

  std::optional<StoredState> start(Persisted on_persisted) override {
    on_persisted_ = std::move(on_persisted);
    Result<RaftStorage::Opened> opened = RaftStorage::open(disk_, *this, kDirectory);
    if (!opened) return std::nullopt;
    storage_ = std::move(opened->storage);
    if (!opened->state.is_first_life || first_ == nullptr) return std::move(opened->state);
    Result<StoredState> founded = storage_->found(first_);
    QUORIS_ASSERT(founded.has_value());
    return std::move(founded).value();
  }

  void persist(Persist batch) override { storage_->persist(std::move(batch)); }

  void stop(bool loses_power) override {
    storage_.reset();
    if (loses_power) {
      disk_.crash(rng_);
    } else {
      disk_.kill();
    }
  }

  void set_latency_us(uint64_t us) override { disk_.set_latency_us(us); }

  bool is_durable(const LogEntry&) const override { return true; }

 private:
  static constexpr const char* kDirectory = "data";

  void on_persisted(uint64_t sequence) override { on_persisted_(sequence); }

  void on_storage_failed(const Error&) override { QUORIS_ASSERT(false); }

  sim::SimDisk disk_;
  Rng& rng_;
  SnapshotPtr first_;
  std::unique_ptr<RaftStorage> storage_;
  Persisted on_persisted_;
};

}  // namespace

std::unique_ptr<SimulatedDisk> make_memory_disk(sim::SimTimers& timers, Rng& rng,
                                                SnapshotPtr first) {
  return std::make_unique<MemoryDisk>(timers, rng, std::move(first));
}

std::unique_ptr<SimulatedDisk> make_file_disk(sim::SimTimers& timers, Rng& rng, SnapshotPtr first) {
  return std::make_unique<FileDisk>(timers, rng, std::move(first));
}

}  // namespace quoris::raft::testing
