// Durability: what a node alone does so that its data outlives it: recovery at the start, the log
// while it runs, the last fsync when it stops; and when replies may leave.
//
// start() begins recovery, which goes on in slices from timers; commands are answered with -LOADING
// until it is through (is_loading()). Then every batch of the outbox goes to the log; a reply
// leaves when the log has acknowledged what it tells of (persistence/append_log.h says when that
// is under which policy): a writer's own batch, and for readers the newest change that they saw.
//
// Without a data directory (tests of other things) all of this is off: nothing is held.
// Invariants: while the log is wanted (`appendonly`) acknowledged() never goes back. After a failed
// recovery nothing is served and nothing in the directory was changed.
// Used by: node (one), commands of persistence, INFO. Errors of the disk: refusal() says what
// writers are told.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "persistence/append_log.h"
#include "persistence/data_directory.h"
#include "persistence/recovery.h"
#include "server/durability/saving.h"
#include "server/outbox.h"
#include "store/writer.h"

namespace quoris::server {

class Node;

class Durability final : public BatchListener, private persistence::LogOwner {
 public:
  // `directory` may be null; it outlives this.
  Durability(Node& node, persistence::DataDirectory* directory);
  ~Durability() override;
  Durability(const Durability&) = delete;
  Durability& operator=(const Durability&) = delete;

  // Once, when the node can answer. Without a directory there is nothing to do.
  void start();

  [[nodiscard]] bool is_loading() const { return recovery_ != nullptr; }

  // There is a directory, and what it held is loaded.
  [[nodiscard]] bool is_ready() const { return report_.has_value(); }

  // What the last recovery found; null before it was through.
  [[nodiscard]] const persistence::Recovery::Report* recovered() const {
    return report_ ? &*report_ : nullptr;
  }

  [[nodiscard]] persistence::Recovery::Progress load_progress() const;

  // Since 1970.
  [[nodiscard]] int64_t load_began_s() const { return load_began_s_; }

  // The error that commands that write are answered with now; empty: none.
  [[nodiscard]] std::string refusal() const;

  // Changes can't be kept as `appendonly` asks for.
  [[nodiscard]] bool log_fails() const { return log_ && is_wanted_ && !log_->accepts(); }

  // refusal() may not be empty.
  [[nodiscard]] bool refuses() const { return log_fails() || saving_.has_failed(); }

  // Null while nothing is logged.
  [[nodiscard]] persistence::AppendLog* log() { return log_.get(); }

  [[nodiscard]] const persistence::AppendLog* log() const { return log_.get(); }

  [[nodiscard]] Saving& saving() { return saving_; }

  [[nodiscard]] const Saving& saving() const { return saving_; }

  // Null without a directory.
  [[nodiscard]] persistence::DataDirectory* directory() const { return directory_; }

  // Opens the log for a snapshot where `appendonly` is off; and closes it when that is done:
  // nothing more is appended then, and it is gone when all is durable and the manifest knows.
  // REQUIRES (opening): !is_closing_log().
  [[nodiscard]] Status open_log();
  void close_log_if_unwanted();

  [[nodiscard]] bool is_closing_log() const { return is_closing_log_; }

  // Takes over what CONFIG SET changed.
  void settings_changed();

  // --- replies ----------------------------------------------------------------------------------
  // What a reply has to wait for: the log's position up to which it must be acknowledged.
  using Position = persistence::LogPosition;

  // "The end of the turn that runs now": it has no position yet.
  static constexpr Position kThisTurn{~uint64_t{0}};

  // With `appendonly no` nothing waits: not even for a log that is written beside a snapshot, or
  // that was wanted before and can't be closed as the disk fails.
  [[nodiscard]] Position acknowledged() const {
    return log_ && is_wanted_ && !is_closing_log_ ? log_->acknowledged() : kThisTurn;
  }

  // Something that was executed is not acknowledged: readers may have to wait as well.
  [[nodiscard]] bool is_behind() const { return !unacknowledged_.empty() || turn_has_batches_; }

  // What a reader of this has to wait for; Position{0}: nothing.
  [[nodiscard]] Position awaited_by(const store::Writer::Observed& observed) const;

  // ... and who looked at everything.
  [[nodiscard]] Position awaited_by_all() const;

  // Where the turn that has just ended stands in the log.
  [[nodiscard]] Position end_of_turn() const { return log_ ? log_->appended() : Position{0}; }

  // --- the end ----------------------------------------------------------------------------------
  // Everything that was appended is to be durable; `done` follows, at once if there is nothing to
  // wait for. No more is appended afterwards.
  void finish(std::function<void()> done);

  // Once a second.
  void tick();

  // --- BatchListener ----------------------------------------------------------------------------
  void on_batch(std::span<const store::Mutation> batch) override;
  void on_turn_end() override;

 private:
  // --- LogOwner ---------------------------------------------------------------------------------
  void on_log_advanced() override;
  void on_log_failed(const Error& error) override;
  void on_log_recovered() override;

  void load_slice();
  void end_loading();
  void fail_start(const Error& error);
  void release_acknowledged();
  void finish_if_durable();
  void end_closing();

  // The end of a turn that the log has not acknowledged, and the newest version it made.
  struct TurnEnd {
    Position end{0};
    store::Version newest = store::kNoVersion;
  };

  Node& node_;
  persistence::DataDirectory* directory_;
  std::unique_ptr<persistence::Recovery> recovery_;
  std::optional<persistence::Recovery::Report> report_;
  int64_t load_began_s_ = 0;
  uint64_t load_began_ns_ = 0;
  std::unique_ptr<persistence::CeilingKeeper> ceiling_;
  std::unique_ptr<persistence::AppendLog> log_;
  persistence::AppendLog::Start log_start_;  // where a log that is opened goes on
  Saving saving_;
  std::deque<TurnEnd> unacknowledged_;
  bool turn_has_batches_ = false;
  bool is_closing_log_ = false;
  bool is_wanted_ = false;  // the log: `appendonly`
  // It was wanted, then not: replies may wait for what is no turn's end any more.
  bool was_unwanted_ = false;
  store::Version acknowledged_version_ = store::kNoVersion;
  store::Version last_removal_ = store::kNoVersion;
  store::Version last_swap_ = store::kNoVersion;
  std::function<void()> on_durable_;  // finish()
};

}  // namespace quoris::server
