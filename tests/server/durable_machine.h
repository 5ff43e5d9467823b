// A machine with a simulated disk, and the nodes that live on it one after another.
//
// kill() is a process killed, crash() a power cut. Settings stay from one life to the next. As in
// the loop, a turn follows each millisecond that passes.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "persistence/data_directory.h"
#include "tests/server/node_fixture.h"

namespace quoris::server {

class DurableMachine {
 public:
  static constexpr const char* kDirectory = "data";

  explicit DurableMachine(uint64_t seed = 1) : env(seed), rng(seed), edge_(env) {}

  DurableMachine(const DurableMachine&) = delete;
  DurableMachine& operator=(const DurableMachine&) = delete;

  void set(std::string_view name, std::string_view value) {
    const Settings::Change change{.name = name, .value = value};
    REQUIRE(settings_.change({&change, 1}, [](const SettingRow&) { return ok(); }));
    if (life_) life_->node.settings_changed();
  }

  // False if the node refuses.
  bool start() {
    edge_.stopped_with = -1;
    life_.emplace(*this);
    advance_ms(1'000);
    return edge_.stopped_with == -1 && node().durability().is_ready();
  }

  void kill() {
    end_life();
    env.disk().kill();
  }

  void crash() {
    end_life();
    env.disk().crash(rng);
  }

  void turn() {
    do {
      node().run_turn();
    } while (node().wants_turn());
  }

  void advance_ms(uint64_t ms) {
    for (uint64_t i = 0; i < ms; ++i) {
      env.timers().advance(1'000);
      turn();
    }
  }

  struct Client {
    StreamHandler* handler;
    std::shared_ptr<MemoryStream::Record> record;

    std::string received() { return std::exchange(record->received, {}); }
  };

  // Until the node's end.
  Client connect() {
    auto record = std::make_shared<MemoryStream::Record>();
    StreamHandler* handler = node().accept(std::make_unique<MemoryStream>(record));
    return {handler, std::move(record)};
  }

  void send(Client& client, std::initializer_list<std::string_view> words) {
    const std::string request = TestClient::request_of(words);
    const std::span<char> room = client.handler->read_buffer();
    REQUIRE(room.size() >= request.size());
    std::ranges::copy(request, room.begin());
    client.handler->on_read(request.size());
  }

  // What has come when the turn is over: nothing, if the reply is held.
  std::string at_once(Client& client, std::initializer_list<std::string_view> words) {
    send(client, words);
    turn();
    return client.received();
  }

  // Waits for the disk.
  std::string ask(Client& client, std::initializer_list<std::string_view> words) {
    send(client, words);
    turn();
    for (int i = 0; i < 5'000 && client.record->received.empty(); ++i) advance_ms(1);
    return client.received();
  }

  // By a client of its own.
  std::string ask(std::initializer_list<std::string_view> words) {
    Client client = connect();
    std::string reply = ask(client, words);
    client.handler->on_closed();
    turn();
    return reply;
  }

  [[nodiscard]] Node& node() { return life_->node; }

  [[nodiscard]] sim::SimDisk& disk() { return env.disk(); }

  [[nodiscard]] TestEdge& edge() { return edge_; }

  sim::SimEnv env;
  sim::SimRng rng;

 private:
  struct Life {
    explicit Life(DurableMachine& machine)
        : directory(open(machine)),
          node({.env = {.clock = machine.env.clock(),
                        .rng = machine.rng,
                        .timers = machine.env.timers(),
                        .disk = machine.env.disk()},
                .host = machine.host_,
                .log_sink = machine.sink_,
                .edge = machine.edge_,
                .settings = machine.settings_,
                .directory = directory.get()}) {
      node.start();
    }

    static std::unique_ptr<persistence::DataDirectory> open(DurableMachine& machine) {
      auto opened = persistence::DataDirectory::open(machine.env.disk(), machine.rng, kDirectory);
      REQUIRE(opened);
      return std::move(opened).value();
    }

    std::unique_ptr<persistence::DataDirectory> directory;
    Node node;
  };

  // Nothing fires when it is over.
  void end_life() {
    life_.reset();
    env.timers().cancel_all();
  }

  TestHost host_;
  TestEdge edge_;
  CollectingSink sink_;
  Settings settings_;
  std::optional<Life> life_;
};

}  // namespace quoris::server
