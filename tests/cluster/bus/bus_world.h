// Several buses over a network in memory and a simulated clock; what their owners are told is
// kept, and each handles what it is told in turns.
#pragma once

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/planted.h"
#include "base/text.h"
#include "cluster/bus/bus.h"
#include "cluster/bus/channel.h"
#include "sim/env/sim_env.h"
#include "tests/cluster/bus/frames.h"
#include "tests/cluster/bus/memory_network.h"
#include "tests/cluster/bus/sample_messages.h"

namespace quoris::bus::testing {

struct Planted {
  explicit Planted(std::string_view name) { plant_bug(name); }

  Planted(const Planted&) = delete;
  Planted& operator=(const Planted&) = delete;

  ~Planted() { plant_bug({}); }
};

class KeptLog final : public LogSink {
 public:
  void write(LogLevel, std::string_view line) override { lines.emplace_back(line); }

  [[nodiscard]] size_t count(std::string_view part) const {
    size_t found = 0;
    for (const std::string& line : lines) found += line.find(part) != std::string::npos;
    return found;
  }

  std::vector<std::string> lines;
};

inline std::string identity_of(uint16_t number) {
  return fmt::format("{:040x}", 0xabc000 + number);
}

inline HostPort address_of(uint16_t number) { return {"n" + std::to_string(number), 8000}; }

inline Member member_of(uint16_t number) {
  return {
      .number = NodeNumber{number}, .identity = identity_of(number), .address = address_of(number)};
}

class TestNode final : public BusOwner {
 public:
  TestNode(sim::SimEnv& world, MemoryNetwork& network, uint16_t number, const BusOptions& options,
           const LocalNode& local)
      : number_(number),
        network_(network),
        rng(number * 1000 + raw(local.facts.boot)),
        log(sink),
        bus({.clock = world.clock(),
             .rng = rng,
             .timers = world.timers(),
             .transport = network.transport(address_of(number).host),
             .log = log},
            options, local, *this),
        channel(bus) {
    network_.listen(address_of(number), bus);
    bus.start();
  }

  TestNode(const TestNode&) = delete;
  TestNode& operator=(const TestNode&) = delete;

  ~TestNode() override {
    network_.stop_listening(address_of(number_));
    bus.stop();
  }

  std::optional<Notice> admit(const PeerFacts& peer) override {
    asked.push_back(peer);
    return verdict ? verdict(peer) : std::nullopt;
  }

  void on_link_up(PeerId peer, LinkKind link) override {
    events.push_back(fmt::format("up {} {}", name(peer), name_of(link)));
    if (when_up) when_up(peer, link);
  }

  void on_link_down(PeerId peer, LinkKind link, EndReason reason) override {
    events.push_back(fmt::format("down {} {} {}", name(peer), name_of(link), name_of(reason)));
  }

  Status on_message(const Sender& from, Words words) override {
    auto message = Channel<SampleMessages>::decode(from, words);
    if (!message) return message.error();
    senders.push_back(from);
    if (const auto* note = std::get_if<Note>(&*message)) notes.push_back(note->text);
    if (const auto* record = std::get_if<Record>(&*message)) records.push_back(record->number);
    if (std::holds_alternative<Chunk>(*message)) ++chunks;
    if (when_message) when_message(from);
    return ok();
  }

  void on_refused(const RefusalReport& report) override { refusals.push_back(report); }

  void on_room(PeerId peer, LinkKind link) override {
    events.push_back(fmt::format("room {} {}", name(peer), name_of(link)));
    if (when_room) when_room();
  }

  SendResult note(uint16_t to, const std::string& text) {
    return channel.send(NodeNumber{to}, Note{.number = 1, .text = text});
  }

  SendResult record(uint16_t to, uint64_t number, size_t bytes = 0) {
    return channel.send(NodeNumber{to}, Record{.number = number, .bytes = std::string(bytes, 'x')});
  }

  [[nodiscard]] bool is_up(uint16_t peer) const {
    return std::ranges::all_of(kLinkKinds,
                               [&](LinkKind link) { return bus.is_up(NodeNumber{peer}, link); });
  }

  [[nodiscard]] LinkCounters counters(uint16_t peer, LinkKind link) const {
    for (const PeerStatus& status : bus.peers()) {
      if (status.number == NodeNumber{peer}) return status.counters[index_of(link)];
    }
    FAIL("no such peer");
    return {};
  }

  void turn() {
    bus.receive(serve);
    bus.flush();
  }

 private:
  [[nodiscard]] std::string name(PeerId peer) const {
    const NodeFacts* facts = bus.facts(peer);
    return facts == nullptr ? "?" : facts->name.empty() ? facts->identity : facts->name;
  }

  uint16_t number_;
  MemoryNetwork& network_;

 public:
  sim::SimRng rng;
  KeptLog sink;
  Log log;
  Bus bus;
  Channel<SampleMessages> channel;
  Bus::Serve serve = Bus::Serve::all;
  std::function<std::optional<Notice>(const PeerFacts&)> verdict;
  std::function<void(PeerId, LinkKind)> when_up;
  std::function<void(const Sender&)> when_message;
  std::function<void()> when_room;
  std::vector<PeerFacts> asked;
  std::vector<std::string> events;
  std::vector<Sender> senders;
  std::vector<std::string> notes;
  std::vector<uint64_t> records;
  size_t chunks = 0;
  std::vector<RefusalReport> refusals;
};

class World {
 public:
  explicit World(uint64_t seed = 1) : env(seed) {}

  [[nodiscard]] LocalNode local(uint16_t number, uint64_t boot = 1) const {
    LocalNode local;
    local.cluster = "orchard";
    local.secret = secret;
    local.facts.identity = identity_of(number);
    local.facts.number = NodeNumber{number};
    local.facts.boot = BootNumber{boot};
    local.facts.name = fmt::format("node{}", number);
    local.facts.client_address = {.host = address_of(number).host, .port = 7000};
    local.facts.cluster_address = {.host = address_of(number).host, .port = 8000};
    return local;
  }

  TestNode& add(uint16_t number) { return add(number, local(number)); }

  TestNode& add(uint16_t number, const LocalNode& as) {
    return *(nodes[number] = std::make_unique<TestNode>(env, network, number, options, as));
  }

  // Its process ends; connections break, or, for a power cut, nobody is told.
  void kill(uint16_t number, bool silently = false) {
    if (silently) {
      network.lose(address_of(number).host);
    } else {
      network.reset(address_of(number).host);
    }
    nodes.erase(number);
  }

  // 1 to `count`, each knowing all.
  void cluster(uint16_t count) {
    std::vector<Member> members;
    for (uint16_t number = 1; number <= count; ++number) members.push_back(member_of(number));
    for (uint16_t number = 1; number <= count; ++number) add(number).bus.set_members(members);
    run_ms(10);
  }

  // Until nothing moves any more.
  void settle() {
    turns();
    bool moved = true;
    while (moved) {
      moved = network.deliver();
      turns();
      for (const auto& [number, node] : nodes) {
        moved |= node->serve == Bus::Serve::all && node->bus.wants_turn();
      }
      moved |= network.deliver_ends();
      turns();
    }
  }

  void run_ms(uint64_t ms) {
    settle();
    for (; ms > 0; --ms) {
      env.timers().advance(1000);
      settle();
    }
  }

  TestNode& operator[](uint16_t number) { return *nodes.at(number); }

  void turns() {
    for (const auto& [number, node] : nodes) node->turn();
  }

  std::string secret = "sesame";
  BusOptions options;
  sim::SimEnv env;
  MemoryNetwork network;
  std::map<uint16_t, std::unique_ptr<TestNode>> nodes;
};

// Somebody who connects and says what he likes.
class Stranger final : public ConnectHandler {
 public:
  Stranger(MemoryNetwork& network, const std::string& host, const HostPort& to)
      : stream_(network.transport(host).connect(to, *this)) {}

  void say(std::string_view bytes) {
    ByteChain chain;
    chain.append(bytes);
    if (stream_ != nullptr) stream_->write(std::move(chain));
  }

  void leave() { stream_.reset(); }

  void on_connected() override { connected = true; }

  void on_failed(const Error&) override { closed = true; }

  std::span<char> read_buffer() override {
    if (deaf) return {};
    return buffer_;
  }

  void on_read(size_t count) override { heard.append(buffer_.data(), count); }

  void on_drained() override {}

  void on_closed() override {
    closed = true;
    stream_.reset();
  }

  std::string heard;
  bool connected = false;
  bool closed = false;
  bool deaf = false;

 private:
  std::vector<char> buffer_ = std::vector<char>(4096);
  std::unique_ptr<Stream> stream_;
};

}  // namespace quoris::bus::testing
