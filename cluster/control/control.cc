#include "cluster/control/control.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/planted.h"
#include "cluster/topology/cluster_views.h"
#include "cluster/topology/map_codec.h"

namespace quoris::control {

namespace {

constexpr uint64_t kNever = std::numeric_limits<uint64_t>::max();
constexpr uint64_t kNsPerUs = 1000;

// A timer that fires later than that: the loop stood still. Timers are exact to a millisecond or
// so; what is less changes nothing for anybody.
constexpr uint64_t kLateUs = 10'000;

// A clean stop waits no longer for others to take over.
constexpr uint64_t kStopUs = 1'500'000;

}  // namespace

Control::Control(const Parts& parts, const Options& options) : parts_(parts), options_(options) {}

Control::~Control() {
  parts_.env.timers.cancel(timer_);
  if (bus_ != nullptr) bus_->stop();
}

void Control::start() {
  tell_bus();
  bus_->start();
  publish_notes();
  // What is applied now may be the end of this node; its owner hears of it in the first turn.
  begin_breath();
  pump();
  end_breath();
}

// --- a turn -------------------------------------------------------------------------------------

uint64_t Control::now_us() const { return parts_.env.clock.monotonic_ns() / kNsPerUs; }

membership::Moment Control::moment() const {
  return {.monotonic_us = now_us(), .wall_us = parts_.env.clock.wall_us()};
}

void Control::run_turn() {
  note_lateness();
  bus_->receive(is_breathing_ ? bus::Bus::Serve::control_only : bus::Bus::Serve::all);
  pump();
}

bool Control::wants_turn() const {
  return bus_->wants_turn() || (!posts_.empty() && !is_breathing_);
}

void Control::on_timer() {
  timer_ = TimerId{0};
  note_lateness();
  pump();
}

// Before anything that waited is handled: deadlines that passed while nothing ran are nobody's
// fault.
void Control::note_lateness() {
  const uint64_t now = now_us();
  if (timer_due_us_ == 0 || now < timer_due_us_ + kLateUs) return;
  const uint64_t late_us = now - timer_due_us_;
  figures_.late_us_max = std::max(figures_.late_us_max, late_us);
  if (gossip_ != nullptr) gossip_->note_late(late_us, moment());
  timer_due_us_ = now;
}

// Everything that follows from what has happened, until nothing does.
void Control::pump() {
  if (is_pumping_) return;
  if (phase_ == Phase::over) return deliver_posts();
  is_pumping_ = true;
  if (has_moved_) tell_bus();
  do_what_is_due();
  bool more = true;
  while (more && phase_ != Phase::over) {
    more = take_raft_output();
    more = take_gossip_output() || more;
    more = do_duties() || more;
  }
  if (phase_ != Phase::over) {
    note_leader();
    compact_log();
    note_commit();
    go_on_stopping();
  }
  for (auto& [done, result] : proposals_.take_ready()) {
    post([call = std::move(done), outcome = std::move(result)] { call(outcome); });
  }
  is_pumping_ = false;
  bus_->flush();
  arm();
  deliver_posts();
}

void Control::do_what_is_due() {
  const uint64_t now = now_us();
  if (raft_ != nullptr && raft_->wake_at_us() <= now) raft_->tick(now);
  if (gossip_ != nullptr && gossip_->next_due_us() <= now) gossip_->tick(moment());
  if (phase_ == Phase::newcomer && join_due_us_ <= now) ask_to_join();
  if (raft_ != nullptr && lease_due_us_ <= now) {
    renew_lease();
    publish_notes();
    announce_self();
  }
  proposals_.give_up(now);
  push_proposals();
}

bool Control::take_raft_output() {
  if (raft_ == nullptr) return false;
  if (const LogIndex lost = raft_->lost_index(); lost != LogIndex{0} && phase_ != Phase::over) {
    fatal(
        fmt::format("this node had confirmed changes of the cluster up to {} that its data "
                    "directory doesn't hold: files were lost, or it is an older copy; start it "
                    "with an empty data directory",
                    raw(lost)));
    return false;
  }
  raft::Output output = raft_->take_output();
  if (output.is_empty()) return false;
  if (output.persist) storage_->persist(std::move(*output.persist));
  for (const raft::Outgoing& outgoing : output.messages) {
    std::visit([&](const auto& message) { send(outgoing.to, message); }, outgoing.message);
    if (std::holds_alternative<raft::Heartbeat>(outgoing.message)) grant_lease(outgoing.to);
  }
  if (output.restore == nullptr && output.committed.empty()) return true;
  const topology::ClusterMap before = map_;
  if (output.restore != nullptr) restore(*output.restore);
  for (const raft::LogEntry& entry : output.committed) {
    if (phase_ != Phase::over) apply(entry);
  }
  if (phase_ == Phase::over) return false;
  map_changed(before);
  return true;
}

bool Control::take_gossip_output() {
  if (gossip_ == nullptr) return false;
  const membership::Output output = gossip_->take_output();
  for (const membership::Outgoing& outgoing : output.messages) {
    std::visit([&](const auto& message) { send(outgoing.to, message); }, outgoing.message);
  }
  for (const membership::Event& event : output.events) on_event(event);
  return !output.messages.empty() || !output.events.empty();
}

void Control::on_persisted(uint64_t sequence) {
  raft_->persisted(now_us(), sequence);
  pump();
}

void Control::on_storage_failed(const Error& error) {
  parts_.log.write(LogLevel::warning,
                   "raft: {}; this node neither votes nor leads until it is started anew",
                   error.message);
  raft_->fail();
  publish_notes();
  pump();
}

// The log up to what the map holds is the map.
void Control::compact_log() {
  if (raft_ == nullptr || map_.version == LogIndex{0} || !map_.is_founded()) return;
  if (storage_->log_bytes() < options_.log_bytes_min || map_.version != raft_->applied_index())
    return;
  // The size that the map had last, for it grows slowly and to encode it takes long.
  if (storage_->log_bytes() < options_.log_times_map * map_bytes_) return;
  std::string bytes = topology::encode_map(map_);
  map_bytes_ = bytes.size();
  if (storage_->log_bytes() < options_.log_times_map * map_bytes_) return;
  if (raft_->compact(map_.version, std::move(bytes))) {
    parts_.log.topic(LogTopic::raft, "the log up to {} is a snapshot now", raw(map_.version));
  }
  static_cast<void>(take_raft_output());
}

// A restart shows the map as far as was noted. A while after the change, so that many cost one
// write.
void Control::note_commit() {
  if (raft_ == nullptr || !raft_->has_commit_to_note()) {
    commit_due_us_ = 0;
    return;
  }
  const uint64_t now = now_us();
  if (commit_due_us_ == 0) commit_due_us_ = now + options_.note_commit_us;
  if (commit_due_us_ > now && phase_ != Phase::stopping) return;
  commit_due_us_ = 0;
  raft_->note_commit();
  static_cast<void>(take_raft_output());
}

uint64_t Control::next_due_us() const {
  uint64_t due = kNever;
  if (raft_ != nullptr) due = std::min({due, raft_->wake_at_us(), lease_due_us_});
  if (gossip_ != nullptr) due = std::min(due, gossip_->next_due_us());
  if (commit_due_us_ != 0) due = std::min(due, commit_due_us_);
  if (phase_ == Phase::newcomer) due = std::min(due, join_due_us_);
  if (raft_ != nullptr && raft_->is_leader()) due = std::min(due, duty_due_us_);
  const bool is_waiting =
      stopped_ != nullptr || QUORIS_PLANTED("control: a stop that is over is waited for");
  if (phase_ == Phase::stopping && is_waiting) due = std::min(due, stop_by_us_);
  return std::min(due, proposals_.next_due_us());
}

void Control::arm() {
  if (phase_ == Phase::over) return;
  const uint64_t due = next_due_us();
  // One that fires before anything is due costs less than setting it anew whenever a heartbeat
  // moves a deadline.
  if (timer_ != TimerId{0} && timer_due_us_ <= due) return;
  parts_.env.timers.cancel(timer_);
  timer_ = TimerId{0};
  timer_due_us_ = due == kNever ? 0 : due;
  if (due == kNever) return;
  const uint64_t now = now_us();
  timer_ = parts_.env.timers.schedule(due > now ? due - now : 0, [this] { on_timer(); });
}

// In a call of its own, as if the timer were due.
void Control::pump_soon() {
  if (is_pumping_ || phase_ == Phase::over) return;
  parts_.env.timers.cancel(timer_);
  timer_due_us_ = now_us();
  timer_ = parts_.env.timers.schedule(0, [this] { on_timer(); });
}

// --- what others are told -----------------------------------------------------------------------

void Control::post(std::function<void()> call) { posts_.push_back(std::move(call)); }

void Control::deliver_posts() {
  if (is_breathing_ || is_pumping_) return;
  while (!posts_.empty()) {
    const std::function<void()> call = std::move(posts_.front());
    posts_.pop_front();
    call();
  }
}

void Control::fatal(std::string why) {
  if (phase_ == Phase::over) return;
  phase_ = Phase::over;
  parts_.env.timers.cancel(timer_);
  timer_ = TimerId{0};
  post([this, text = std::move(why)] { parts_.owner.on_fatal(text); });
  if (stopped_ != nullptr) post(std::exchange(stopped_, nullptr));
}

void Control::stop(std::function<void()> done) {
  if (phase_ != Phase::member) {
    post(std::move(done));
    return deliver_posts();
  }
  phase_ = Phase::stopping;
  stop_by_us_ = now_us() + kStopUs;
  stopped_ = std::move(done);
  publish_notes();
  pump();
}

// Over when nothing depends on this node any more: it doesn't lead, and the map says that it is
// down, which is what the leader makes of its notes; and when the directory has what it knows.
void Control::go_on_stopping() {
  if (phase_ != Phase::stopping || stopped_ == nullptr) return;
  const topology::Member* self = map_.find(number_);
  const bool is_alone = map_.members.size() <= 1;
  const bool is_released = self == nullptr || self->state == topology::MemberState::down;
  const bool is_late = now_us() >= stop_by_us_;
  if (is_late) stop_by_us_ = kNever;
  const bool is_kept = storage_->is_idle() && !raft_->has_commit_to_note();
  if (is_late || (is_kept && (is_alone || (is_released && !raft_->is_leader())))) {
    post(std::exchange(stopped_, nullptr));
  }
}

// --- what is known ------------------------------------------------------------------------------

uint64_t Control::map_hash() const {
  if (!map_hash_) map_hash_ = topology::hash_of(map_);
  return *map_hash_;
}

NodeNumber Control::leader() const { return raft_ == nullptr ? raft::kNobody : raft_->leader(); }

bool Control::is_settled_leader() const { return raft_ != nullptr && raft_->is_settled_leader(); }

uint64_t Control::lease_left_us() const {
  const topology::Member* self = map_.find(number_);
  if (raft_ == nullptr || self == nullptr || self->boot != file_.boot) return 0;
  if (self->state != topology::MemberState::up && self->state != topology::MemberState::leaving) {
    return 0;
  }
  const uint64_t until = lease_.until_us(map_.version);
  const uint64_t now = now_us();
  return until > now ? until - now : 0;
}

std::optional<uint64_t> Control::granted_left_us(NodeNumber node) const {
  if (!is_settled_leader()) return std::nullopt;
  return grants_.left_us(node, now_us());
}

std::optional<membership::ClockEstimate::Reading> Control::clock_of(NodeNumber node) const {
  if (gossip_ == nullptr || node == number_) return std::nullopt;
  return gossip_->clock(node, moment());
}

std::string_view Control::state_of(const topology::Member& member) const {
  using topology::MemberState;
  const bool is_counted_in =
      member.state == MemberState::up || member.state == MemberState::leaving;
  const membership::Member* seen = gossip_ == nullptr ? nullptr : gossip_->find(member.number);
  if (is_counted_in && seen != nullptr && seen->standing.health != membership::Health::alive) {
    return "SUSPECT";
  }
  return topology::state_name(member.state);
}

}  // namespace quoris::control
