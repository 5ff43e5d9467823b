#include "sim/machine.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "base/assert.h"
#include "server/versions.h"
#include "sim/world.h"

namespace quoris::sim {

namespace {

// From the power to the process.
constexpr uint64_t kBootUs = 500'000;

// What a look at the clock costs the process: with two looks per command a node does some
// 20,000 commands a second, and a snapshot of some hundred keys takes several slices.
constexpr uint64_t kLookUs = 20;

// A disk that is well: an fsync of half a millisecond, now and then much more.
constexpr uint64_t kDiskFastUs = 100;
constexpr uint64_t kDiskUsualUs = 1'000;
constexpr uint64_t kDiskHiccupUs = 30'000;
constexpr uint64_t kHiccupsPermille = 5;

// What remains when somebody has set the clock right: it is less than what drift makes of it.
constexpr int64_t kClockErrorUs = 100'000;

// Of the cluster. Few partitions, so that maps are looked at in no time; and a log of Raft that is
// made short every now and then.
constexpr uint16_t kPartitions = 32;
constexpr uint64_t kRaftLogBytes = 16UL * 1024;
constexpr uint64_t kRaftEntriesKept = 32;
constexpr const char* kClusterName = "orchard";
constexpr const char* kClusterSecret = "how do you like them apples";

enum Stream : uint64_t { kProcessStream, kHardwareStream, kStreams };

}  // namespace

Machine::Machine(World& world, Options options)
    : world_(world),
      options_(std::move(options)),
      rng_(options_.seed, kStreams * options_.index + kProcessStream),
      hardware_(options_.seed, kStreams * options_.index + kHardwareStream),
      clock_(world.queue()),
      timers_(world.queue(), clock_),
      loop_(world.queue(), clock_),
      disk_(timers_),
      host_(world.network().add_host(options_.address, loop_)) {
  clock_.set_cost_of_look(kLookUs);
  timers_.set_after_fired([this] { loop_.wake(); });
  loop_.set_after_turn([this] { after_turn(); });
  disk_.set_watcher(this);
  disk_.set_latency([this] {
    const bool hiccup = hardware_.chance(kHiccupsPermille);
    return disk_slower_us_ + (hiccup ? hardware_.between(kDiskUsualUs, kDiskHiccupUs)
                                     : hardware_.between(kDiskFastUs, kDiskUsualUs));
  });
}

Machine::~Machine() { life_.reset(); }

std::string Machine::name() const { return fmt::format("node {}", options_.index + 1); }

// --- its life
// -------------------------------------------------------------------------------------

void Machine::start_after(uint64_t delay_us) {
  world_.queue().cancel(start_event_);
  start_event_ = world_.queue().schedule(delay_us, [this] {
    if (state_ == State::idle && is_deployed_) start();
  });
}

void Machine::start() {
  QUORIS_ASSERT(state_ == State::idle && is_deployed_);
  world_.queue().cancel(start_event_);
  state_ = State::running;
  ++lives_;
  is_ready_ = false;
  note(ProcessEvent::started);
  auto life = std::make_unique<Life>();
  for (const auto& [name, value] : options_.settings) {
    const Status applied = life->settings.apply({.name = name,
                                                 .words = {value},
                                                 .source = server::SettingSource::flag,
                                                 .where = "--" + name});
    QUORIS_ASSERT(applied.has_value());
  }
  auto directory = persistence::DataDirectory::open(disk_, rng_, kDirectory);
  if (state_ == State::off) return;
  if (!directory) return fail_start(directory.error());
  life->directory = std::move(directory).value();
  if (options_.is_in_cluster) {
    const Status opened = open_control(*life);
    if (state_ == State::off) return;
    if (!opened) return fail_start(opened.error());
  }
  life->node.emplace(
      server::Node::Parts{.env = {.clock = clock_, .rng = rng_, .timers = timers_, .disk = disk_},
                          .host = facts_,
                          .log_sink = *this,
                          .edge = *this,
                          .settings = life->settings,
                          .directory = life->directory.get(),
                          .cluster = life->control.get()});
  life_ = std::move(life);
  world_.network().listen(host_, kClientPort, *life_->node);
  loop_.set_turn_handler(this);
  life_->node->start();
  if (life_->control != nullptr) {
    world_.network().listen(host_, kClusterPort, life_->control->acceptor());
    life_->control->start();
  }
  loop_.wake();
}

Status Machine::open_control(Life& life) {
  life.settings.enter_cluster(kClientPort, kClusterPort);
  control::Options options;
  options.raft.entries_kept = kRaftEntriesKept;
  options.log_bytes_min = kRaftLogBytes;
  auto opened = control::Control::open(
      {.env = {.clock = clock_, .rng = rng_, .timers = timers_, .disk = disk_},
       .transport = world_.network().transport(host_),
       .log = life.control_log.emplace(static_cast<LogSink&>(*this)),
       .owner = *this,
       .directory = kDirectory,
       .identity = life.directory->identity().node_id,
       .program = std::string(server::kQuorisVersion)},
      options, wish());
  if (!opened) return opened.error();
  life.control = std::move(opened).value();
  return ok();
}

// Who has been here before is told its addresses and nothing else.
control::Wish Machine::wish() {
  control::Wish wish;
  wish.announce_host = options_.address;
  wish.client_port = kClientPort;
  wish.cluster_port = kClusterPort;
  const auto kept = control::read_node_file(disk_, kDirectory);
  if (kept && *kept) return wish;
  wish.cluster_name = kClusterName;
  wish.secret = kClusterSecret;
  wish.name = node_name();
  wish.seeds = world_.seeds_for(*this);
  // The founder says how many there are to be; the others take what there is.
  if (wish.seeds.empty()) wish.partitions = kPartitions;
  return wish;
}

void Machine::fail_start(const Error& error) {
  write(LogLevel::warning, "the start failed: " + error.message);
  note(ProcessEvent::start_failed);
  world_.queue().schedule(0, [this, life = lives_] {
    if (state_ != State::running || life != lives_) return;
    end_process();
    state_ = State::idle;
    start_after(kSupervisorUs);
  });
}

// The kernel closes what it had open, unless there is no kernel any more.
void Machine::end_process() {
  note_serving(false);
  if (state_ == State::paused) {
    loop_.resume();
    timers_.resume();
  }
  world_.network().stop_listening(host_);
  world_.network().still(host_, false);
  loop_.set_turn_handler(nullptr);
  life_.reset();
  timers_.cancel_all();
  loop_.clear();
  disk_.kill();
  armed_ = Armed::nothing;
  is_ready_ = false;
}

void Machine::kill() {
  if (state_ != State::running && state_ != State::paused) return;
  note(ProcessEvent::killed);
  end_process();
  state_ = State::idle;
}

void Machine::cut_power() {
  if (state_ == State::off) return;
  note(ProcessEvent::power_cut);
  note_serving(false);
  world_.queue().cancel(start_event_);
  world_.network().power_off(host_);
  disk_.stop_after(0);
  loop_.pause();
  timers_.pause();
  state_ = State::off;
  world_.queue().schedule(0, [this] {
    end_process();
    loop_.resume();
    timers_.resume();
    disk_.crash(hardware_);
  });
}

void Machine::power_on() {
  QUORIS_ASSERT(state_ == State::off);
  world_.network().power_on(host_);
  state_ = State::idle;
  start_after(kBootUs);
}

void Machine::pause() {
  if (state_ != State::running) return;
  note(ProcessEvent::paused);
  note_serving(false);
  loop_.pause();
  timers_.pause();
  state_ = State::paused;
}

void Machine::resume() {
  if (state_ != State::paused) return;
  state_ = State::running;
  note(ProcessEvent::resumed);
  if (is_ready_) note_serving(true);
  timers_.resume();
  loop_.resume();
}

// A process that has no log any more has to be started again: the operator sees to that.
void Machine::heal() {
  if (!is_deployed_) return;
  disarm();
  disk_.heal();
  slow_disk_down(0);
  clock_.set_drift_ppm(0);
  const int64_t error_us = clock_.wall_error_us();
  if (std::abs(error_us) > kClockErrorUs) clock_.jump_wall_us(-error_us);
  resume();
  if (has_lost_its_log()) kill();
  if (state_ == State::off) power_on();
  if (state_ == State::idle) start_after(kBootUs);
}

void Machine::stop_cleanly() {
  if (state_ != State::running || !life_) return;
  loop_.defer([this] {
    // The disk may be in the way of a clean end; then there is another one.
    life_->node->shutdown({},
                          [this] { life_->node->shutdown({.save = {}, .force = true}, [] {}); });
  });
}

// --- its place in the cluster
// ---------------------------------------------------------------------

void Machine::deploy() {
  QUORIS_ASSERT(!is_deployed_ && state_ == State::idle);
  is_deployed_ = true;
  ++deployments_;
  start_soon();
}

void Machine::retire() {
  if (!is_deployed_) return;
  if (state_ == State::off) world_.network().power_on(host_);
  kill();
  state_ = State::idle;
  wipe();
  is_deployed_ = false;
}

void Machine::wipe() {
  QUORIS_ASSERT(state_ == State::idle);
  world_.queue().cancel(start_event_);
  disk_.wipe();
  disk_.heal();
  ++wipes_;
  is_leaving_ = false;
}

void Machine::post(std::function<void(control::Control&)> call) {
  if (control() == nullptr) return;
  loop_.defer([this, call = std::move(call)] {
    if (control() != nullptr) call(*control());
  });
}

bool Machine::has_lost_its_log() const {
  if (!life_ || life_->control == nullptr) return false;
  const raft::Raft* raft = life_->control->raft();
  return raft != nullptr && raft->role() == raft::Role::stopped;
}

std::string Machine::node_name() const {
  if (deployments_ <= 1) return fmt::format("n{}", options_.index + 1);
  return fmt::format("n{}-{}", options_.index + 1, deployments_);
}

void Machine::cut_power_after_steps(uint64_t steps) {
  armed_ = Armed::power;
  disk_.stop_after(steps);
}

void Machine::kill_after_steps(uint64_t steps) {
  armed_ = Armed::kill;
  disk_.stop_after(steps);
}

void Machine::disarm() {
  if (std::exchange(armed_, Armed::nothing) != Armed::nothing) {
    disk_.stop_after(SimDisk::kUnlimited);
  }
}

void Machine::on_disk_stopped() {
  if (state_ == State::off) return;
  switch (std::exchange(armed_, Armed::nothing)) {
    case Armed::power:
      return cut_power();
    case Armed::kill:
      // It changes nothing from here on: as if it had died within this very call.
      world_.network().still(host_, true);
      loop_.pause();
      timers_.pause();
      note_serving(false);
      state_ = State::paused;
      world_.queue().schedule(0, [this] { kill(); });
      return;
    case Armed::nothing:
      return;
  }
}

// --- NodeEdge
// -------------------------------------------------------------------------------------

void Machine::stop(int exit_status) {
  end_soon(exit_status == 0 ? ProcessEvent::stopped : ProcessEvent::start_failed);
}

void Machine::end_soon(ProcessEvent event) {
  note(event);
  const bool is_gone = is_leaving_ && event == ProcessEvent::gave_up;
  world_.queue().schedule(0, [this, life = lives_, is_gone] {
    if (state_ == State::off || state_ == State::idle || life != lives_) return;
    end_process();
    state_ = State::idle;
    if (is_gone) return retire();
    start_after(kSupervisorUs);
  });
}

Status Machine::replace_file(const std::string& /*path*/, std::string_view /*content*/) {
  return Error{Errc::unsupported, "there is no config file in a simulation"};
}

Result<std::string> Machine::read_file(const std::string& /*path*/) {
  return Error{Errc::not_found, "there is no config file in a simulation"};
}

Status Machine::apply_setting(std::string_view /*name*/, const server::SettingValues& /*values*/) {
  return ok();
}

// --- ControlOwner, TurnHandler
// ----------------------------------------------------------------------

void Machine::on_fatal(const std::string& why) {
  write(LogLevel::warning, "this node can't go on: " + why);
  end_soon(ProcessEvent::gave_up);
}

// One loop for both: here no command takes so long that the cluster would have to be served within.
void Machine::run_turn() {
  if (life_->control != nullptr) life_->control->run_turn();
  life_->node->run_turn();
}

bool Machine::wants_turn() const {
  return life_->node->wants_turn() || (life_->control != nullptr && life_->control->wants_turn());
}

// --- what is seen of it
// -----------------------------------------------------------------------------

void Machine::write(LogLevel level, std::string_view line) {
  for (Observer* observer : world_.observers()) observer->on_node_log(*this, level, line);
}

void Machine::on_disk_step(SimDisk::Operation operation, const std::string& path,
                           uint64_t /*offset*/, std::string_view bytes) {
  world_.note_disk_step(*this, operation, path, bytes);
}

void Machine::note(ProcessEvent event) { world_.note_process(*this, event); }

void Machine::after_turn() {
  if (!life_ || state_ != State::running) return;
  const server::Durability& durability = life_->node->durability();
  if (!is_ready_ && durability.is_ready()) {
    is_ready_ = true;
    ready_at_us_ = clock_.now_us();
    late_syncs_seen_ = 0;
    note(ProcessEvent::ready);
  }
  if (is_ready_) note_serving(durability.log() == nullptr || is_log_well(*durability.log()));
  clock_.set_cost_of_look(0);
  for (Observer* observer : world_.observers()) observer->on_turn(*this);
  clock_.set_cost_of_look(kLookUs);
}

// It takes what it is given and acknowledges it: no fsync is late.
bool Machine::is_log_well(const persistence::AppendLog& log) {
  const persistence::LogFigures figures = log.figures();
  if (!figures.sync_in_flight) late_syncs_seen_ = figures.delayed_syncs;
  return log.accepts() && figures.delayed_syncs <= late_syncs_seen_;
}

void Machine::note_serving(bool serves) {
  const bool did = !serving_.empty() && serving_.back().to_us == Operation::kNotReturned;
  if (serves == did) return;
  const uint64_t now_us = clock_.now_us();
  if (did) {
    serving_.back().to_us = now_us;
  } else {
    serving_.push_back({.from_us = now_us});
  }
}

uint64_t Machine::served_since_us(uint64_t us) const {
  uint64_t left_us = us;
  for (auto span = serving_.rbegin(); span != serving_.rend(); ++span) {
    const uint64_t to_us = std::min(span->to_us, clock_.now_us());
    const uint64_t served_us = to_us - std::min(span->from_us, to_us);
    if (served_us >= left_us) return to_us - left_us;
    left_us -= served_us;
  }
  return 0;
}

}  // namespace quoris::sim
