// Durability of a whole node over a simulated disk: what survives a killed process and a power cut,
// when replies leave, what a failing disk does to clients.
#include "server/durability/durability.h"

#include <catch2/catch.hpp>

#include "tests/server/node_fixture.h"

namespace quoris::server {
namespace {

constexpr const char* kDirectory = "/data";
constexpr uint64_t kSyncUs = 5'000;

// A machine with a disk, on which a node is started again and again.
class Machine {
 public:
  Machine() : edge_(env_) {
    env_.disk().set_latency_us(kSyncUs);
    set("save", "");
  }

  ~Machine() {
    env_.timers().clear();
    stop();
  }

  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  void set(std::string_view name, std::string_view value) {
    const Settings::Change change{.name = name, .value = value};
    REQUIRE(settings_.change({&change, 1}, [](const SettingRow&) { return ok(); }));
    if (node_) node_->settings_changed();
  }

  void start() {
    auto directory = persistence::DataDirectory::open(env_.disk(), env_.env().rng, kDirectory);
    REQUIRE(directory);
    directory_ = std::move(directory).value();
    node_ = std::make_unique<Node>(Node::Parts{.env = env_.env(),
                                               .host = host_,
                                               .log_sink = sink_,
                                               .edge = edge_,
                                               .settings = settings_,
                                               .directory = directory_.get()});
    node_->start();
    advance_us(1000);
  }

  void stop() {
    node_.reset();
    directory_.reset();
  }

  // kill -9.
  void kill() {
    env_.disk().kill();
    env_.timers().clear();
    stop();
  }

  void cut_power() {
    env_.disk().crash(env_.env().rng);
    env_.timers().clear();
    stop();
  }

  void turn() {
    do {
      node_->run_turn();
    } while (node_->wants_turn());
  }

  void advance_us(uint64_t us) {
    // In small steps, with a turn after each as the loop has it.
    constexpr uint64_t kStepUs = 500;
    for (uint64_t passed = 0; passed < us; passed += kStepUs) {
      env_.timers().advance(kStepUs);
      turn();
    }
  }

  // A client that stays for the node's life.
  struct Client {
    StreamHandler* handler;
    std::shared_ptr<MemoryStream::Record> record;
  };

  Client connect() {
    auto record = std::make_shared<MemoryStream::Record>();
    return {node_->accept(std::make_unique<MemoryStream>(record)), record};
  }

  void send(Client& client, std::initializer_list<std::string_view> words) {
    const std::string request = TestClient::request_of(words);
    const std::span<char> room = client.handler->read_buffer();
    REQUIRE(room.size() >= request.size());
    std::copy(request.begin(), request.end(), room.begin());
    client.handler->on_read(request.size());
  }

  static std::string received(Client& client) { return std::exchange(client.record->received, {}); }

  // What has come when the turn is over: nothing, if the reply is held.
  std::string at_once(Client& client, std::initializer_list<std::string_view> words) {
    send(client, words);
    turn();
    return received(client);
  }

  // Waits for the disk.
  std::string ask(Client& client, std::initializer_list<std::string_view> words) {
    std::string reply = at_once(client, words);
    for (int i = 0; reply.empty() && i < 100; ++i) {
      advance_us(kSyncUs);
      reply = received(client);
    }
    return reply;
  }

  Node& node() { return *node_; }

  sim::SimDisk& disk() { return env_.disk(); }

  CollectingSink& log() { return sink_; }

  TestEdge& edge() { return edge_; }

 private:
  sim::SimEnv env_{1};
  TestHost host_;
  TestEdge edge_;
  CollectingSink sink_;
  Settings settings_;
  std::unique_ptr<persistence::DataDirectory> directory_;
  std::unique_ptr<Node> node_;
};

const std::string kOk = "+OK\r\n";

}  // namespace

TEST_CASE("durability: a killed process loses nothing under any policy", "[durability]") {
  const char* policy = GENERATE("always", "everysec", "no");
  Machine machine;
  machine.set("appendfsync", policy);
  machine.start();
  auto client = machine.connect();
  CHECK(machine.ask(client, {"SET", "a", "1"}) == kOk);
  CHECK(machine.ask(client, {"RPUSH", "list", "x", "y"}) == ":2\r\n");
  CHECK(machine.ask(client, {"HSET", "hash", "f", "v"}) == ":1\r\n");
  machine.kill();

  machine.start();
  auto again = machine.connect();
  CHECK(machine.ask(again, {"GET", "a"}) == "$1\r\n1\r\n");
  CHECK(machine.ask(again, {"LRANGE", "list", "0", "-1"}) == "*2\r\n$1\r\nx\r\n$1\r\ny\r\n");
  CHECK(machine.ask(again, {"HGET", "hash", "f"}) == "$1\r\nv\r\n");
  CHECK(machine.ask(again, {"DBSIZE"}) == ":3\r\n");
}

TEST_CASE("durability: under always a power cut loses nothing that was answered", "[durability]") {
  Machine machine;
  machine.set("appendfsync", "always");
  machine.start();
  auto client = machine.connect();
  for (const char* key : {"a", "b", "c"}) CHECK(machine.ask(client, {"SET", key, "1"}) == kOk);
  machine.cut_power();
  machine.start();
  auto again = machine.connect();
  for (const char* key : {"a", "b", "c"}) {
    CHECK(machine.ask(again, {"GET", key}) == "$1\r\n1\r\n");
  }
}

TEST_CASE("durability: under always a reply waits for the fsync of its turn", "[durability]") {
  Machine machine;
  machine.set("appendfsync", "always");
  machine.start();
  auto client = machine.connect();
  CHECK(machine.at_once(client, {"SET", "a", "1"}).empty());
  machine.advance_us(3 * kSyncUs);
  CHECK(Machine::received(client) == kOk);
}

TEST_CASE("durability: a reader waits for what it saw, others don't", "[durability]") {
  Machine machine;
  machine.set("appendfsync", "always");
  machine.start();
  auto writer = machine.connect();
  auto reader = machine.connect();
  auto other = machine.connect();
  CHECK(machine.ask(writer, {"SET", "old", "1"}) == kOk);
  CHECK(machine.ask(writer, {"SET", "gone", "1"}) == kOk);

  CHECK(machine.at_once(writer, {"SET", "new", "2"}).empty());
  CHECK(machine.at_once(reader, {"GET", "new"}).empty());
  CHECK(machine.at_once(other, {"GET", "old"}) == "$1\r\n1\r\n");
  CHECK(machine.at_once(other, {"PING"}) == "+PONG\r\n");
  // Its replies keep their order.
  CHECK(machine.at_once(reader, {"PING"}).empty());
  machine.advance_us(3 * kSyncUs);
  CHECK(Machine::received(writer) == kOk);
  CHECK(Machine::received(reader) == "$1\r\n2\r\n+PONG\r\n");

  CHECK(machine.at_once(writer, {"DEL", "gone"}).empty());
  CHECK(machine.at_once(reader, {"GET", "gone"}).empty());
  CHECK(machine.at_once(other, {"DBSIZE"}).empty());
  machine.advance_us(3 * kSyncUs);
  CHECK(Machine::received(reader) == "$-1\r\n");
  CHECK(Machine::received(other) == ":2\r\n");
}

TEST_CASE("durability: who was served by a blocked command's wait waits as well", "[durability]") {
  Machine machine;
  machine.set("appendfsync", "always");
  machine.start();
  auto waiting = machine.connect();
  auto pushing = machine.connect();
  CHECK(machine.at_once(waiting, {"BLPOP", "list", "0"}).empty());
  CHECK(machine.at_once(pushing, {"RPUSH", "list", "x"}).empty());
  CHECK(Machine::received(waiting).empty());
  machine.advance_us(3 * kSyncUs);
  CHECK(Machine::received(waiting) == "*2\r\n$4\r\nlist\r\n$1\r\nx\r\n");
  CHECK(Machine::received(pushing) == ":1\r\n");
}

TEST_CASE("durability: under everysec a reply leaves when its turn ends", "[durability]") {
  Machine machine;
  machine.start();
  auto client = machine.connect();
  CHECK(machine.at_once(client, {"SET", "a", "1"}) == kOk);
  CHECK(machine.at_once(client, {"GET", "a"}) == "$1\r\n1\r\n");
}

TEST_CASE("durability: QUIT behind a held reply closes when all was sent", "[durability]") {
  Machine machine;
  machine.set("appendfsync", "always");
  machine.start();
  auto client = machine.connect();
  machine.send(client, {"SET", "a", "1"});
  machine.send(client, {"QUIT"});
  machine.turn();
  CHECK_FALSE(client.record->closed_after_write);
  machine.advance_us(3 * kSyncUs);
  CHECK(client.record->received == "+OK\r\n+OK\r\n");
  CHECK(client.record->closed_after_write);
}

TEST_CASE("durability: a failing disk refuses writes, serves reads, and recovers", "[durability]") {
  using Operation = sim::SimDisk::Operation;
  Machine machine;
  machine.set("appendfsync", "always");
  machine.start();
  auto client = machine.connect();
  CHECK(machine.ask(client, {"SET", "a", "1"}) == kOk);
  machine.disk().fail(Operation::sync, {.code = Errc::io, .count = 6});
  auto hit = machine.connect();
  CHECK(machine.at_once(hit, {"SET", "b", "1"}).empty());
  machine.advance_us(10 * kSyncUs);
  CHECK(machine.at_once(client, {"SET", "c", "1"}).starts_with("-MISCONF "));
  CHECK(machine.at_once(client, {"GET", "a"}) == "$1\r\n1\r\n");
  CHECK(machine.at_once(client, {"INFO", "persistence"}).find("aof_last_write_status:err") !=
        std::string::npos);
  CHECK(Machine::received(hit).empty());

  machine.advance_us(60'000'000);
  CHECK(Machine::received(hit) == kOk);
  CHECK(machine.ask(client, {"SET", "c", "1"}) == kOk);
  machine.cut_power();
  machine.start();
  auto again = machine.connect();
  CHECK(machine.ask(again, {"MGET", "a", "b", "c"}) == "*3\r\n$1\r\n1\r\n$1\r\n1\r\n$1\r\n1\r\n");
}

TEST_CASE("durability: a snapshot lets the log go and is what the next start loads",
          "[durability]") {
  Machine machine;
  machine.start();
  auto client = machine.connect();
  for (int i = 0; i < 1000; ++i) {
    CHECK(machine.ask(client, {"SET", "k" + std::to_string(i), "v"}) == kOk);
  }
  CHECK(machine.ask(client, {"SAVE"}) == kOk);
  CHECK(machine.ask(client, {"SET", "after", "1"}) == kOk);
  CHECK(machine.ask(client, {"BGSAVE"}) == "+Background saving started\r\n");
  CHECK(machine.at_once(client, {"BGSAVE"}) == "-ERR Background save already in progress\r\n");
  machine.advance_us(1'000'000);
  machine.kill();
  machine.start();
  REQUIRE(machine.node().durability().recovered() != nullptr);
  CHECK(machine.node().durability().recovered()->snapshot_entries == 1001);
  auto again = machine.connect();
  CHECK(machine.ask(again, {"DBSIZE"}) == ":1001\r\n");
}

TEST_CASE("durability: SHUTDOWN leaves a clean end", "[durability]") {
  Machine machine;
  machine.start();
  auto client = machine.connect();
  CHECK(machine.ask(client, {"SET", "a", "1"}) == kOk);
  machine.send(client, {"SHUTDOWN"});
  machine.advance_us(1'000'000);
  CHECK(machine.edge().stopped_with == 0);
  machine.cut_power();
  machine.start();
  auto again = machine.connect();
  CHECK(machine.ask(again, {"GET", "a"}) == "$1\r\n1\r\n");
}

TEST_CASE("durability: versions never go back across a restart", "[durability]") {
  Machine machine;
  machine.set("appendonly", "no");
  machine.start();
  auto client = machine.connect();
  CHECK(machine.ask(client, {"SET", "a", "1"}) == kOk);
  const store::Version before = machine.node().store().versions().last();
  machine.kill();
  machine.start();
  CHECK(machine.node().store().versions().last() >= before);
}

}  // namespace quoris::server
