// SimClient: one client on a host of its own, that speaks RESP to a node over the simulated
// network, one operation after another, sometimes several at once, and tells the observers how each
// ended.
//
// It connects anew when its connection breaks, or when an answer takes longer than kAnswerUs; what
// was under way then has an unknown outcome. It has no faults of its own, only those of its links.
// Used by: Simulation.
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <span>
#include <string_view>

#include "base/transport.h"
#include "sim/clients/workload.h"
#include "sim/env/sim_loop.h"
#include "sim/env/sim_network.h"
#include "sim/world.h"

namespace quoris::sim {

class SimClient final : private ConnectHandler {
 public:
  // As client libraries have it, and more than a disk's hiccup.
  static constexpr uint64_t kAnswerUs = 5'000'000;
  static constexpr uint64_t kConnectUs = 2'000'000;

  struct Options {
    size_t index = 0;
    size_t node = 0;
    uint64_t think_us = 20'000;  // mean pause between operations
  };

  SimClient(World& world, const Workload& workload, const Options& options);
  SimClient(const SimClient&) = delete;
  SimClient& operator=(const SimClient&) = delete;
  ~SimClient() override;

  void start();

  // Begins nothing more; what is under way goes on.
  void finish();

  [[nodiscard]] bool is_idle() const { return pending_.empty(); }

  [[nodiscard]] HostId host() const { return host_; }

  [[nodiscard]] size_t node() const { return options_.node; }

  // What it does, whatever becomes of it.
  [[nodiscard]] uint64_t begun() const { return next_number_; }

 private:
  // --- ConnectHandler
  // -----------------------------------------------------------------------------
  std::span<char> read_buffer() override { return buffer_; }

  void on_read(size_t count) override;

  void on_drained() override {}

  void on_connected() override;
  void on_failed(const Error& error) override;
  void on_closed() override;

  void connect();
  void hang_up(std::string_view why);
  void connect_later();
  void think();
  void issue();
  void send_one(ByteChain& out);
  void take(const resp::Value& reply);
  void conclude(Request& request);

  World& world_;
  const Workload& workload_;
  Options options_;
  SimRng rng_;
  SimClock clock_;
  SimTimers timers_;
  SimLoop loop_;
  HostId host_;
  std::unique_ptr<Stream> stream_;
  bool connected_ = false;
  resp::ReplyParser parser_;
  std::deque<Request> pending_;
  uint64_t next_number_ = 0;
  uint64_t backoff_us_ = 0;
  TimerId think_timer_{0};
  TimerId deadline_{0};
  bool finished_ = false;
  std::array<char, 16UL * 1024> buffer_{};
};

}  // namespace quoris::sim
