// Several Controls over the simulated network, disk and clocks: whole clusters without a server.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cluster/control/control.h"
#include "sim/env/sim_env.h"
#include "sim/env/sim_loop.h"
#include "sim/env/sim_network.h"

namespace quoris::control::testing {

inline constexpr uint16_t kClientPort = 7000;
inline constexpr uint16_t kClusterPort = 8000;
inline constexpr const char* kDirectory = "data";

class ControlWorld;

// A machine: its disk stays, its process comes and goes.
class TestNode final : private ControlOwner, private LogSink {
 public:
  TestNode(ControlWorld& world, size_t index);

  ~TestNode() override { kill(); }

  TestNode(const TestNode&) = delete;
  TestNode& operator=(const TestNode&) = delete;

  // What the start says; seeds are added by ControlWorld::start().
  Wish wish;

  [[nodiscard]] Status start();
  void kill();
  void pause();
  void resume();
  // Another, empty disk.
  void wipe();
  // The directory is somebody else's now, by its identity; all else is as it was.
  void lose_identity();

  [[nodiscard]] bool is_up() const { return control_ != nullptr && fatal.empty(); }

  [[nodiscard]] Control& control() { return *control_; }

  [[nodiscard]] sim::HostId host() const { return host_; }

  [[nodiscard]] sim::SimClock& clock() { return clock_; }

  [[nodiscard]] sim::SimDisk& disk() { return *disk_; }

  [[nodiscard]] bool has_logged(std::string_view part) const;

  [[nodiscard]] std::string address() const;

  std::string fatal;  // as on_fatal() said; empty: it didn't
  std::vector<std::string> lines;

 private:
  void on_fatal(const std::string& why) override { fatal = why; }

  void write(LogLevel /*level*/, std::string_view line) override { lines.emplace_back(line); }

  ControlWorld& world_;
  size_t index_;
  sim::SimRng rng_;
  sim::SimClock clock_;
  sim::SimTimers timers_;
  sim::SimLoop loop_;
  std::unique_ptr<sim::SimDisk> disk_;
  sim::HostId host_;
  Log log_;
  std::string identity_;
  std::unique_ptr<Control> control_;
};

class ControlWorld {
 public:
  explicit ControlWorld(size_t nodes, uint64_t seed = 1);

  [[nodiscard]] TestNode& node(size_t index) { return *nodes_.at(index); }

  [[nodiscard]] Control& control(size_t index) { return node(index).control(); }

  TestNode& add_node();

  // The first founds, the others have it and each other as seeds; all at once.
  void start_all();

  void advance_ms(uint64_t ms) { queue_.run_until(queue_.now_us() + ms * 1000); }

  // How long it took, in ms; fails the test if it doesn't come about.
  uint64_t until(const std::function<bool()>& holds, uint64_t ms_max, std::string_view what);

  // All that are up know one leader among them, and are members and up in one equal map.
  [[nodiscard]] bool is_settled();
  // Index of the settled leader; the number of nodes: there is none.
  [[nodiscard]] size_t leader() const;
  [[nodiscard]] size_t voters() const;

  void cut(size_t a, size_t b);
  void isolate(size_t index);
  void mend();

  [[nodiscard]] size_t size() const { return nodes_.size(); }

  [[nodiscard]] sim::EventQueue& queue() { return queue_; }

  [[nodiscard]] sim::SimNetwork& network() { return network_; }

  Options options;

 private:
  sim::EventQueue queue_;
  sim::SimNetwork network_;
  uint64_t seed_;
  std::vector<std::unique_ptr<TestNode>> nodes_;
  std::vector<std::pair<sim::HostId, sim::HostId>> cuts_;

  friend class TestNode;
};

}  // namespace quoris::control::testing
