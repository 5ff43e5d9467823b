// A network in memory for the tests of the bus: streams between named hosts, whose bytes move only
// when deliver() is called, and which tests can cut, hold up, listen in on and tamper with.
//
// It keeps the promises of base/stream.h and base/transport.h: nothing is called from within a call
// of the core, ends of streams come behind the turn (deliver_ends()).
#pragma once

#include <catch2/catch.hpp>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/stream.h"
#include "base/transport.h"

namespace quoris::bus::testing {

class MemoryNetwork {
 public:
  // Bytes on their way: may be looked at and changed.
  using Tap = std::function<void(const std::string& from, const std::string& to, std::string&)>;

  MemoryNetwork() = default;
  MemoryNetwork(const MemoryNetwork&) = delete;
  MemoryNetwork& operator=(const MemoryNetwork&) = delete;

  void listen(const HostPort& at, StreamAcceptor& acceptor) { listeners_[at] = &acceptor; }

  void stop_listening(const HostPort& at) { listeners_.erase(at); }

  // Nothing passes from one to the other until it is healed; nobody is told.
  void cut(const std::string& from, const std::string& to) { cut_.insert({from, to}); }

  void cut_both(const std::string& a, const std::string& b) {
    cut(a, b);
    cut(b, a);
  }

  void heal() { cut_.clear(); }

  void set_tap(Tap tap) { tap_ = std::move(tap); }

  // Breaks all connections of a host, as the end of its process does.
  void reset(const std::string& host) {
    for (auto& wire : wires_) {
      if (wire->hosts[0] == host || wire->hosts[1] == host) wire->broken = true;
    }
  }

  // As reset(), but nobody is told: the power is gone.
  void lose(const std::string& host) {
    for (auto& wire : wires_) {
      if (wire->hosts[0] == host || wire->hosts[1] == host) wire->lost = true;
    }
  }

  [[nodiscard]] size_t connections() const {
    size_t count = 0;
    for (const auto& wire : wires_) count += wire->ends[0] != nullptr && wire->ends[1] != nullptr;
    return count;
  }

  [[nodiscard]] uint64_t attempts() const { return attempts_; }

  // Bytes and new connections. True: something happened.
  bool deliver() {
    bool moved = false;
    // Handlers may begin connections meanwhile.
    for (size_t i = 0; i < wires_.size(); ++i) {
      const std::shared_ptr<Wire> wire = wires_[i];
      moved |= connect(*wire);
      moved |= carry(*wire, 0);
      moved |= carry(*wire, 1);
    }
    return moved;
  }

  bool deliver_ends() {
    bool moved = false;
    for (size_t i = 0; i < wires_.size(); ++i) {
      const std::shared_ptr<Wire> wire = wires_[i];
      for (const int end : {0, 1}) moved |= finish(*wire, end);
    }
    std::erase_if(wires_, [](const auto& wire) {
      return wire->ends[0] == nullptr && wire->ends[1] == nullptr;
    });
    return moved;
  }

  // Connections begun by `host`.
  [[nodiscard]] Transport& transport(const std::string& host) {
    auto& transport = transports_[host];
    if (transport == nullptr) transport = std::make_unique<HostTransport>(*this, host);
    return *transport;
  }

 private:
  class MemoryStream;

  // Both directions of a connection; end 0 began it.
  struct Wire {
    std::string hosts[2];
    std::string texts[2];
    MemoryStream* ends[2] = {nullptr, nullptr};
    StreamHandler* handlers[2] = {nullptr, nullptr};
    std::string bytes[2];            // sent by each end, not delivered
    bool waits[2] = {false, false};  // on_drained() is due when all is delivered
    bool finished[2] = {false, false};
    bool gone[2] = {false, false};  // destroyed
    bool paused[2] = {false, false};
    bool broken = false;
    bool lost = false;
    bool connected = false;
    ConnectHandler* caller = nullptr;
    HostPort to;
  };

  class MemoryStream final : public Stream {
   public:
    MemoryStream(std::shared_ptr<Wire> wire, int end) : wire_(std::move(wire)), end_(end) {
      wire_->ends[end_] = this;
    }

    ~MemoryStream() override {
      wire_->ends[end_] = nullptr;
      wire_->gone[end_] = true;
    }

    void write(ByteChain&& bytes) override {
      std::vector<std::string_view> pieces;
      bytes.pieces(pieces, SIZE_MAX);
      for (const std::string_view piece : pieces) wire_->bytes[end_] += piece;
      bytes.clear();
      wire_->waits[end_] = true;
    }

    [[nodiscard]] size_t pending() const override { return wire_->bytes[end_].size(); }

    [[nodiscard]] size_t unsent() const override { return wire_->bytes[end_].size(); }

    void pause_reading() override { wire_->paused[end_] = true; }

    void resume_reading() override { wire_->paused[end_] = false; }

    void close_after_write() override { wire_->finished[end_] = true; }

    [[nodiscard]] std::string peer_address() const override { return wire_->texts[1 - end_]; }

    [[nodiscard]] std::string local_address() const override { return wire_->texts[end_]; }

    [[nodiscard]] int descriptor() const override { return -1; }

    [[nodiscard]] bool is_local() const override { return true; }

    [[nodiscard]] bool is_unix() const override { return false; }

   private:
    std::shared_ptr<Wire> wire_;
    int end_;
  };

  class HostTransport final : public Transport {
   public:
    HostTransport(MemoryNetwork& network, std::string host)
        : network_(network), host_(std::move(host)) {}

    std::unique_ptr<Stream> connect(const HostPort& to, ConnectHandler& handler) override {
      auto wire = std::make_shared<Wire>();
      wire->hosts[0] = host_;
      wire->hosts[1] = to.host;
      wire->texts[0] = host_ + ":" + std::to_string(50'000 + network_.attempts_++ % 10'000);
      wire->texts[1] = to.host + ":" + std::to_string(to.port);
      wire->caller = &handler;
      wire->to = to;
      network_.wires_.push_back(wire);
      return std::make_unique<MemoryStream>(wire, 0);
    }

   private:
    MemoryNetwork& network_;
    std::string host_;
  };

  [[nodiscard]] bool is_cut(const Wire& wire, int from) const {
    return wire.lost || cut_.contains({wire.hosts[from], wire.hosts[1 - from]});
  }

  bool connect(Wire& wire) {
    if (wire.connected || wire.ends[0] == nullptr || wire.broken) return false;
    if (is_cut(wire, 0) || is_cut(wire, 1)) return false;
    wire.connected = true;
    const auto listener = listeners_.find(wire.to);
    if (listener == listeners_.end()) {
      wire.caller->on_failed(Error{Errc::io, "connection refused"});
      return true;
    }
    std::shared_ptr<Wire> shared;
    for (const auto& candidate : wires_) {
      if (candidate.get() == &wire) shared = candidate;
    }
    wire.handlers[1] = listener->second->accept(std::make_unique<MemoryStream>(shared, 1));
    wire.handlers[0] = wire.caller;
    wire.caller->on_connected();
    return true;
  }

  bool carry(Wire& wire, int from) {
    const int to = 1 - from;
    if (!wire.connected || wire.broken || is_cut(wire, from) || wire.bytes[from].empty()) {
      return false;
    }
    if (tap_) tap_(wire.hosts[from], wire.hosts[to], wire.bytes[from]);
    bool moved = false;
    while (!wire.bytes[from].empty()) {
      if (wire.ends[to] == nullptr) {
        wire.bytes[from].clear();
        break;
      }
      if (wire.paused[to]) break;
      const std::span<char> room = wire.handlers[to]->read_buffer();
      if (room.empty()) {
        wire.paused[to] = true;
        break;
      }
      const size_t count = wire.bytes[from].copy(room.data(), room.size());
      wire.bytes[from].erase(0, count);
      wire.handlers[to]->on_read(count);
      moved = true;
    }
    if (wire.bytes[from].empty() && std::exchange(wire.waits[from], false) &&
        wire.ends[from] != nullptr && !wire.finished[from]) {
      wire.handlers[from]->on_drained();
    }
    return moved;
  }

  bool finish(Wire& wire, int end) {
    if (wire.ends[end] == nullptr || wire.handlers[end] == nullptr) return false;
    const int other = 1 - end;
    const bool own_end = wire.finished[end] && wire.bytes[end].empty();
    const bool their_end =
        wire.gone[other] && !is_cut(wire, other) && (wire.bytes[other].empty() || wire.paused[end]);
    if (!wire.broken && !own_end && !their_end) return false;
    std::exchange(wire.handlers[end], nullptr)->on_closed();
    return true;
  }

  std::map<HostPort, StreamAcceptor*> listeners_;
  std::map<std::string, std::unique_ptr<HostTransport>> transports_;
  std::vector<std::shared_ptr<Wire>> wires_;
  std::set<std::pair<std::string, std::string>> cut_;
  Tap tap_;
  uint64_t attempts_ = 0;
};

}  // namespace quoris::bus::testing
