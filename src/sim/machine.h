// Machine: one simulated machine with a disk, a clock and a place on the network, and the database
// process that runs on it: a whole server::Node over its own data directory, and in a cluster the
// control::Control that makes it a member.
//
// States: off (no power), idle (no process), running, paused (SIGSTOP). A process that ends by
// itself is started again a second later, as a supervisor would; one that was killed stays dead
// until somebody starts it. A machine may be in store (not deployed): nothing runs on it and its
// disk is empty, until it is wanted; it goes back there when its node has left the cluster.
// Invariants: a node is made and destroyed only in an event of its own, never inside a call of its
// own; from the moment of a power cut not a byte of it reaches disk or network, even when its turn
// goes on for the rest of the event. Who watches costs the process no time.
// Used by: World (owns), fault driver, checkers (read).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cluster/control/control.h"
#include "persistence/data_directory.h"
#include "server/node.h"
#include "sim/env/sim_host.h"
#include "sim/env/sim_loop.h"
#include "sim/env/sim_network.h"
#include "sim/observer.h"

namespace quoris::sim {

class World;

class Machine final : private server::NodeEdge,
                      private control::ControlOwner,
                      private TurnHandler,
                      private LogSink,
                      private DiskWatcher {
 public:
  static constexpr uint16_t kClientPort = 6379;
  static constexpr uint16_t kClusterPort = 16379;
  static constexpr const char* kDirectory = "data";
  static constexpr uint64_t kSupervisorUs = 1'000'000;
  static constexpr size_t kKeyspaces = 1'000;  // more than there are machines

  enum class State : uint8_t { off, idle, running, paused };

  struct Options {
    size_t index = 0;
    std::string address;
    uint64_t seed = 0;
    std::vector<std::pair<std::string, std::string>> settings;  // as flags give them
    bool is_in_cluster = false;
  };

  Machine(World& world, Options options);
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  ~Machine() override;

  // --- its life
  // ----------------------------------------------------------------------------------- REQUIRES:
  // idle.
  void start();
  // kill -9. Harmless where no process runs.
  void kill();
  // At once, from wherever it is called; harmless when it is off.
  void cut_power();
  // REQUIRES: off. The process starts by itself after the boot.
  void power_on();
  void pause();
  void resume();
  // SIGTERM: the process takes leave and ends; its supervisor starts it again. Harmless where none
  // runs.
  void stop_cleanly();

  // --- its place in the cluster
  // ---------------------------------------------------------------------
  // It is taken out of the store and started. REQUIRES: it is not deployed.
  void deploy();
  // The process ends if there is one, the disk is emptied, and it is put into the store.
  void retire();
  // The disk is emptied; the next process is a newcomer of the same name. REQUIRES: idle.
  void wipe();

  // Its node is to leave the cluster: when the process ends because it was removed the machine is
  // retired.
  void expect_removal() { is_leaving_ = true; }

  // Behind the next turn of the process, if it is still the same one then. Only in a cluster.
  void post(std::function<void(control::Control&)> call);

  // REQUIRES: idle. As start(), in an event of its own.
  void start_soon() { start_after(0); }

  // Brings it back from whatever state it is in; faults of its disk and clock end.
  void heal();

  // The power goes when the disk has done so many more steps; see SimDisk::stop_after.
  void cut_power_after_steps(uint64_t steps);
  // As above; the process dies instead.
  void kill_after_steps(uint64_t steps);
  void disarm();

  // Each job takes so much longer; 0: as usual.
  void slow_disk_down(uint64_t by_us) { disk_slower_us_ = by_us; }

  // --- looks
  // --------------------------------------------------------------------------------------
  [[nodiscard]] size_t index() const { return options_.index; }

  [[nodiscard]] State state() const { return state_; }

  [[nodiscard]] bool is_serving() const { return state_ == State::running && is_ready_; }

  [[nodiscard]] HostId host() const { return host_; }

  // Null while no process runs.
  [[nodiscard]] server::Node* node() { return life_ ? &*life_->node : nullptr; }

  // Null while no process runs, and where there is no cluster.
  [[nodiscard]] control::Control* control() { return life_ ? life_->control.get() : nullptr; }

  // What `look` tells of it, looked at from outside. REQUIRES: there is one.
  template <class Look>
  [[nodiscard]] auto observe(Look look) {
    const uint64_t cost_us = clock_.cost_of_look();
    clock_.set_cost_of_look(0);
    auto seen = look(*life_->control);
    clock_.set_cost_of_look(cost_us);
    return seen;
  }

  [[nodiscard]] bool is_deployed() const { return is_deployed_; }

  [[nodiscard]] bool is_leaving() const { return is_leaving_; }

  // A running process that a fault of its disk has put out of the cluster's log.
  [[nodiscard]] bool has_lost_its_log() const;

  // Neither was its disk ever emptied nor was it retired.
  [[nodiscard]] bool is_first_of_its_name() const { return wipes_ == 0; }

  // As --node-id has it: the same until the machine is retired.
  [[nodiscard]] std::string node_name() const;

  // What its data is compared with: another one when the disk was emptied.
  [[nodiscard]] size_t keyspace() const { return options_.index + wipes_ * kKeyspaces; }

  [[nodiscard]] static size_t index_of_keyspace(size_t keyspace) { return keyspace % kKeyspaces; }

  [[nodiscard]] SimDisk& disk() { return disk_; }

  [[nodiscard]] SimClock& clock() { return clock_; }

  // How many processes there were.
  [[nodiscard]] uint64_t lives() const { return lives_; }

  // "node 2".
  [[nodiscard]] std::string name() const;

  // Since when it has been serving for `us` in all, up to now, with a log that takes and
  // acknowledges what it is given: what was acknowledged before it had that much time to become
  // durable.
  [[nodiscard]] uint64_t served_since_us(uint64_t us) const;

  // The first microsecond of the life that runs or ran last.
  [[nodiscard]] uint64_t ready_at_us() const { return ready_at_us_; }

 private:
  struct Life {
    server::Settings settings;
    std::unique_ptr<persistence::DataDirectory> directory;
    std::optional<Log> control_log;
    std::unique_ptr<control::Control> control;  // null: there is no cluster
    std::optional<server::Node> node;
  };

  enum class Armed : uint8_t { nothing, power, kill };

  // --- NodeEdge
  // -----------------------------------------------------------------------------------
  void stop(int exit_status) override;
  Status replace_file(const std::string& path, std::string_view content) override;
  Result<std::string> read_file(const std::string& path) override;
  Status apply_setting(std::string_view name, const server::SettingValues& values) override;

  void sleep_us(uint64_t microseconds) override { clock_.spend_us(microseconds); }

  // --- ControlOwner, TurnHandler
  // ------------------------------------------------------------------
  void on_fatal(const std::string& why) override;
  void run_turn() override;
  [[nodiscard]] bool wants_turn() const override;

  // --- LogSink, DiskWatcher
  // -----------------------------------------------------------------------
  void write(LogLevel level, std::string_view line) override;
  void on_disk_step(SimDisk::Operation operation, const std::string& path, uint64_t offset,
                    std::string_view bytes) override;
  void on_disk_stopped() override;

  void fail_start(const Error& error);
  [[nodiscard]] Status open_control(Life& life);
  [[nodiscard]] control::Wish wish();
  void end_process();
  void end_soon(ProcessEvent event);
  void after_turn();
  void start_after(uint64_t delay_us);
  void note(ProcessEvent event);
  [[nodiscard]] bool is_log_well(const persistence::AppendLog& log);
  void note_serving(bool serves);

  World& world_;
  Options options_;
  SimRng rng_;       // the process's
  SimRng hardware_;  // latencies, what a power cut leaves
  SimClock clock_;
  SimTimers timers_;
  SimLoop loop_;
  SimDisk disk_;
  SimHost facts_;
  HostId host_{0};
  State state_ = State::idle;
  Armed armed_ = Armed::nothing;
  std::unique_ptr<Life> life_;
  uint64_t lives_ = 0;
  bool is_ready_ = false;
  uint64_t ready_at_us_ = 0;
  EventId start_event_{0};
  uint64_t disk_slower_us_ = 0;
  uint64_t late_syncs_seen_ = 0;
  bool is_deployed_ = false;
  bool is_leaving_ = false;
  size_t deployments_ = 0;
  size_t wipes_ = 0;

  struct Span {
    uint64_t from_us = 0;
    uint64_t to_us = Operation::kNotReturned;  // that: it goes on
  };

  std::vector<Span> serving_;
};

}  // namespace quoris::sim
