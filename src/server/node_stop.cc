// Node: the end: SHUTDOWN and signals.
#include <utility>

#include "cluster/control/control.h"
#include "server/node.h"

namespace quoris::server {

void Node::shutdown(const Shutdown& how, std::function<void()> failed) {
  if (stopping_) return;
  stopping_ = true;
  abort_stop_ = false;
  log_.write(LogLevel::notice, "stopping");
  if (durability_.directory() == nullptr || durability_.is_loading()) return leave();
  const bool disk_fails = durability_.log_fails();
  if (disk_fails && !how.force) {
    log_.write(LogLevel::warning, "the log cannot be written: the server goes on");
    stopping_ = false;
    return failed();
  }
  if (disk_fails || !how.save.value_or(!values().save.empty())) return leave();
  auto saved = [this, force = how.force, failed = std::move(failed)](const Error* error) {
    if (error == nullptr && !abort_stop_) return leave();
    if (error != nullptr && force && !abort_stop_) return leave();
    stopping_ = false;
    failed();
  };
  if (durability_.saving().is_running()) {
    durability_.saving().schedule_another(Saving::Kind::snapshot, std::move(saved));
  } else {
    durability_.saving().begin(Saving::Kind::snapshot, std::move(saved));
  }
}

bool Node::abort_shutdown() {
  if (!stopping_ || is_leaving_) return false;
  abort_stop_ = true;
  return true;
}

// There is no way back from here. In a cluster others take over what this node leads, while it
// still serves: that takes a second or so at most.
void Node::leave() {
  is_leaving_ = true;
  if (cluster_ == nullptr) return end();
  cluster_->stop([this] { end(); });
}

void Node::end() {
  const bool has_data = durability_.directory() != nullptr && !durability_.is_loading();
  const bool disk_fails = durability_.log() != nullptr && !durability_.log()->accepts();
  if (!has_data || disk_fails) return stop_now(0);
  seal();
}

// From then on nothing changes: what there is becomes durable. Never within a command.
void Node::seal() {
  static_cast<void>(env_.timers.schedule(0, [this] {
    refresh_time();
    sealed_ = true;
    outbox_.end_turn();
    durability_.finish([this] { edge_.stop(0); });
  }));
}

void Node::stop_now(int exit_status) {
  stopping_ = true;
  edge_.stop(exit_status);
}

void Node::data_is_ready() {
  refresh_time();
  log_.write(LogLevel::notice, "Ready to accept connections");
}

// Expiry, eviction and defragmentation by themselves: not while the data is loaded, nor when its
// changes can't be kept.
bool Node::may_change_data() const {
  if (durability_.is_loading() || sealed_) return false;
  return !durability_.log_fails();
}

}  // namespace quoris::server
