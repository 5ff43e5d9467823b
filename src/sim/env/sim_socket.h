// SimSocket: one end of a connection of SimNetwork, the kernel's part of it: what the process wrote
// and the kernel has not taken, what is on the way, what has come and was not read.
//
// The process holds a SimStream, which is a hold on it and no more; the socket stays until both
// ends are through.
// Used by: SimNetwork alone.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "sim/env/sim_network.h"

namespace quoris::sim {

class SimSocket final : public LoopSource, public std::enable_shared_from_this<SimSocket> {
 public:
  enum class State : uint8_t {
    connecting,
    open,
    finishing,  // reads nothing more, sends what is pending
    closed,
  };

  struct Place {
    HostId host{0};
    HostId peer{0};
    uint64_t connection = 0;
    size_t side = 0;  // 0: who began it
  };

  SimSocket(SimNetwork& network, const Place& place, State state);

  // --- what the process does with it
  // --------------------------------------------------------------
  void attach(StreamHandler& handler);
  void write(ByteChain&& bytes);

  [[nodiscard]] size_t pending() const { return queue_.memory(); }

  [[nodiscard]] size_t unsent() const { return queue_.size(); }

  void pause_reading() { reading_ = false; }

  void resume_reading();
  void close_after_write();
  // Its stream is destroyed.
  void close();

  // --- LoopSource
  // ---------------------------------------------------------------------------------
  bool on_poll() override;

  [[nodiscard]] const Place& place() const { return place_; }

 private:
  friend class SimNetwork;

  enum class Kind : uint8_t { bytes, end, reset };

  struct Segment {
    Kind kind = Kind::bytes;
    std::string bytes;
    uint64_t arrives_us = 0;
  };

  [[nodiscard]] bool is_of_this_boot() const;

  [[nodiscard]] size_t unread() const { return inbox_.size() - inbox_taken_; }

  [[nodiscard]] SimLoop& loop() const;

  // Hands to the kernel what fits.
  void pump();
  void launch(Kind kind, std::string bytes);
  void read_some();
  void finish_if_sent();
  void notify_closed();
  // The connection broke: the process hears of it.
  void fail();
  // The power went: nobody hears of anything.
  void die();

  SimNetwork& network_;
  Place place_;
  uint64_t boot_;
  State state_;
  StreamHandler* handler_ = nullptr;
  ConnectHandler* connecting_ = nullptr;

  // Out.
  ByteChain queue_;
  std::deque<Segment> flight_;
  size_t flight_bytes_ = 0;
  uint64_t last_arrival_us_ = 0;
  bool arrival_is_scheduled_ = false;
  uint64_t stuck_since_us_ = EventQueue::kNever;  // no acknowledgement since
  uint64_t retry_us_ = 0;
  bool retry_is_scheduled_ = false;
  bool waits_for_window_ = false;
  bool window_event_pending_ = false;
  bool closes_when_sent_ = false;
  std::vector<std::string_view> pieces_;

  // In.
  std::string inbox_;
  size_t inbox_taken_ = 0;
  bool reading_ = true;
  bool input_ended_ = false;

  // News for the process, told in its loop.
  bool is_established_ = false;
  bool has_failed_ = false;
  std::unique_ptr<Error> refusal_;
};

// What the process holds.
class SimStream final : public Stream {
 public:
  SimStream(SimNetwork& network, std::shared_ptr<SimSocket> socket)
      : network_(network), socket_(std::move(socket)) {}

  ~SimStream() override { socket_->close(); }

  void write(ByteChain&& bytes) override { socket_->write(std::move(bytes)); }

  [[nodiscard]] size_t pending() const override { return socket_->pending(); }

  [[nodiscard]] size_t unsent() const override { return socket_->unsent(); }

  void pause_reading() override { socket_->pause_reading(); }

  void resume_reading() override { socket_->resume_reading(); }

  void close_after_write() override { socket_->close_after_write(); }

  [[nodiscard]] std::string peer_address() const override;
  [[nodiscard]] std::string local_address() const override;

  [[nodiscard]] int descriptor() const override { return -1; }

  [[nodiscard]] bool is_local() const override {
    return socket_->place().host == socket_->place().peer;
  }

  [[nodiscard]] bool is_unix() const override { return false; }

 private:
  SimNetwork& network_;
  std::shared_ptr<SimSocket> socket_;
};

}  // namespace quoris::sim
