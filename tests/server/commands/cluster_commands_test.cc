// The commands of a cluster, asked of nodes whose Controls form one over the simulated network.
#include <catch2/catch.hpp>

#include "base/transport.h"
#include "cluster/bus/handshake.h"
#include "cluster/topology/cluster_views.h"
#include "tests/cluster/control/control_world.h"
#include "tests/server/node_fixture.h"

namespace quoris::server {
namespace {

using control::testing::ControlWorld;

// So many nodes that have found each other, and a server with a client on each.
class Cluster {
 public:
  explicit Cluster(size_t size) : world_(size) {
    world_.start_all();
    const size_t voters = size % 2 == 0 ? size - 1 : size;  // an even number is no safer
    world_.until([&] { return world_.is_settled() && world_.voters() == voters; }, 5'000,
                 "settled");
    for (size_t i = 0; i < size; ++i) serve(i);
  }

  // A server on the present life of a node.
  void serve(size_t index) {
    if (servers_.size() <= index) servers_.resize(index + 1);
    servers_[index].reset();
    servers_[index] = std::make_unique<Served>(world_.control(index));
  }

  std::string ask(size_t index, std::initializer_list<std::string_view> words) {
    return client(index).ask(words);
  }

  // ... of a command that waits for the cluster.
  std::string wait(size_t index, std::initializer_list<std::string_view> words) {
    std::string reply = ask(index, words);
    CHECK(reply.empty());
    world_.until(
        [&] {
          turn(index);
          reply += client(index).received();
          return !reply.empty();
        },
        15'000, "an answer");
    return reply;
  }

  TestClient& client(size_t index) { return servers_[index]->client; }

  void turn(size_t index) { servers_[index]->node.turn(); }

  void stop_serving(size_t index) { servers_[index].reset(); }

  [[nodiscard]] ControlWorld& world() { return world_; }

  [[nodiscard]] control::Control& control(size_t index) { return world_.control(index); }

  [[nodiscard]] TestNode& node(size_t index) { return servers_[index]->node; }

  const topology::Member& member(size_t index) {
    return *world_.control(index).map().find(world_.control(index).number());
  }

  // Another node than the leader.
  [[nodiscard]] size_t follower() { return world_.leader() == 0 ? 1 : 0; }

  // It departs, or has gone already: without data that takes a moment.
  [[nodiscard]] bool is_leaving(size_t seen_by, std::string_view name) {
    const topology::Member* member = control(seen_by).map().find_name(name);
    return member == nullptr || member->departs;
  }

  [[nodiscard]] std::vector<std::string> followers() {
    std::vector<std::string> names;
    for (size_t i = 0; i < world_.size(); ++i) {
      if (i != world_.leader()) names.push_back(control(i).name());
    }
    return names;
  }

  // It dies, and the leader has said that it is down.
  void kill(size_t index) {
    const NodeNumber number = control(index).number();
    stop_serving(index);
    world_.node(index).kill();
    world_.until(
        [&] {
          const size_t leader = world_.leader();
          if (leader == world_.size()) return false;
          const topology::Member* seen = world_.control(leader).map().find(number);
          return seen->state == topology::MemberState::down;
        },
        5'000, "down");
    world_.advance_ms(300);  // until the others have heard
  }

 private:
  struct Served {
    explicit Served(control::Control& control) : node(1, {}, &control), client(node.connect()) {}

    TestNode node;
    TestClient client;
  };

  ControlWorld world_;
  std::vector<std::unique_ptr<Served>> servers_;
};

// Somebody on a node's machine who calls another node's cluster port, and says one thing.
class Stranger final : public ConnectHandler {
 public:
  Stranger(ControlWorld& world, size_t from, size_t to, std::string_view words)
      : stream_(
            world.network()
                .transport(world.node(from).host())
                .connect({.host = world.node(to).address(), .port = control::testing::kClusterPort},
                         *this)) {
    ByteChain bytes;
    bytes.append(words);
    stream_->write(std::move(bytes));
  }

  void on_connected() override {}

  void on_failed(const Error& /*error*/) override {}

  std::span<char> read_buffer() override { return buffer_; }

  void on_read(size_t /*count*/) override {}

  void on_drained() override {}

  void on_closed() override { stream_.reset(); }

 private:
  std::vector<char> buffer_ = std::vector<char>(4096);
  std::unique_ptr<Stream> stream_;
};

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// The value of a line "name:value".
uint64_t figure(const std::string& text, std::string_view name) {
  const size_t at = text.find(fmt::format("\n{}:", name));
  REQUIRE(at != std::string::npos);
  return std::stoull(text.substr(at + name.size() + 2));
}

size_t count_lines(const std::string& text) {
  return static_cast<size_t>(std::ranges::count(text, '\n'));
}

}  // namespace

TEST_CASE("CLUSTER: one node that founded serves all slots", "[server]") {
  Cluster cluster(1);
  const std::string id = cluster.control(0).identity();
  const std::string nodes = cluster.ask(0, {"CLUSTER", "NODES"});
  CHECK(has(nodes, id + " 10.0.0.1:7000@8000 myself,master - 0 0 "));
  CHECK(has(nodes, " connected 0-16383\n"));
  CHECK(cluster.ask(0, {"CLUSTER", "MYID"}) == "$40\r\n" + id + "\r\n");
  CHECK(has(cluster.ask(0, {"CLUSTER", "INFO"}), "cluster_state:ok\r\n"));
  CHECK(cluster.ask(0, {"CLUSTER", "SLOTS"}) ==
        "*1\r\n*3\r\n:0\r\n:16383\r\n*4\r\n$8\r\n10.0.0.1\r\n:7000\r\n$40\r\n" + id + "\r\n*0\r\n");
  CHECK(cluster.ask(0, {"CLUSTER", "KEYSLOT", "foo"}) == ":12182\r\n");
  CHECK(cluster.ask(0, {"CLUSTER", "KEYSLOT", "{foo}.bar"}) == ":12182\r\n");
  CHECK(cluster.ask(0, {"CLUSTER", "LINKS"}) == "*0\r\n");
  CHECK(cluster.ask(0, {"NODES"}) ==
        "*2\r\n+NODE ID  ADDRESS        ROLE    STATE\r\n"
        "+n1       10.0.0.1:7000  LEADER  ALIVE\r\n");
  for (const std::string_view word : {"READONLY", "READWRITE", "ASKING"}) {
    CHECK(cluster.ask(0, {word}) == "+OK\r\n");
  }
  CHECK(has(cluster.ask(0, {"HELLO"}), "$4\r\nmode\r\n$7\r\ncluster\r\n"));
}

TEST_CASE("CLUSTER: three nodes show each other, the leader, and who holds which slots",
          "[server]") {
  Cluster cluster(3);
  cluster.world().until([&] { return cluster.control(0).map().replication_in_force == 3; }, 5'000,
                        "RF 3");
  cluster.world().advance_ms(1'000);
  for (size_t i = 0; i < 3; ++i) {
    const std::string table = cluster.ask(i, {"NODES"});
    CAPTURE(table);
    CHECK(count_lines(table) == 5);
    CHECK(has(table, "+n1       10.0.0.1:7000  "));
    CHECK(has(table, fmt::format("n{}       10.0.0.{}:7000  LEADER ", cluster.world().leader() + 1,
                                 cluster.world().leader() + 1)));
    const std::string nodes = cluster.ask(i, {"CLUSTER", "NODES"});
    CAPTURE(nodes);
    CHECK(has(nodes,
              cluster.control(i).identity() + fmt::format(" 10.0.0.{}:7000@8000 myself,", i + 1)));
    CHECK_FALSE(has(nodes, "disconnected"));
    const std::string slots = cluster.ask(i, {"CLUSTER", "SLOTS"});
    CHECK(has(slots, "*5\r\n:0\r\n"));  // the first run, with two replicas behind the primary
    const std::string links = cluster.ask(i, {"CLUSTER", "LINKS"});
    CHECK(links.substr(0, 5) == "*12\r\n");  // three kinds, two peers, both ways
  }
}

TEST_CASE("CLUSTER: replies change when the map does", "[server]") {
  Cluster cluster(3);
  cluster.world().advance_ms(1'000);
  const size_t asked = cluster.world().leader();
  const size_t victim = cluster.follower();
  const std::string id = cluster.control(victim).identity();
  const std::string before = cluster.ask(asked, {"CLUSTER", "NODES"});
  CHECK(cluster.ask(asked, {"CLUSTER", "NODES"}) == before);
  CHECK(cluster.node(asked).node().cluster_replies().made() == 1);
  CHECK_FALSE(has(before, "fail"));
  cluster.kill(victim);
  const std::string after = cluster.ask(asked, {"CLUSTER", "NODES"});
  CHECK(has(after, id + fmt::format(" 10.0.0.{}:7000@8000 master,fail - 0 0 0 disconnected\n",
                                    victim + 1)));
  CHECK(has(cluster.ask(asked, {"NODES"}), "DOWN"));
  CHECK(has(cluster.ask(asked, {"CLUSTER", "INFO"}), "cluster_state:ok\r\n"));
}

TEST_CASE("NODES FULL: the leader knows leases, clocks and round trips of all", "[server]") {
  Cluster cluster(3);
  cluster.world().advance_ms(3'000);
  const size_t leader = cluster.world().leader();
  cluster.client(leader).session().protocol = resp::Protocol::resp3;
  const std::string full = cluster.ask(leader, {"NODES", "FULL"});
  CAPTURE(full);
  CHECK(full.substr(0, 4) == "*3\r\n");
  CHECK_FALSE(has(full, "lease-left-ms\r\n_"));
  CHECK_FALSE(has(full, "clock-offset-us\r\n_"));
  CHECK_FALSE(has(full, "round-trip-us\r\n_"));
  CHECK_FALSE(has(full, "map-version\r\n_"));
  CHECK_FALSE(has(full, "raft\r\n$4\r\nnone"));
  CHECK(has(full, "$6\r\nLEADER\r\n"));
  const size_t other = cluster.follower();
  cluster.client(other).session().protocol = resp::Protocol::resp3;
  CHECK(has(cluster.ask(other, {"NODES", "FULL"}), "lease-left-ms\r\n_"));  // of others
}

TEST_CASE("CLUSTER: own keys of a slot, counted and listed, those that are expired left out",
          "[server]") {
  Cluster cluster(1);
  for (const std::string_view key : {"{foo}1", "{foo}2", "{foo}3", "bar"}) {
    cluster.ask(0, {"SET", key, "v"});
  }
  cluster.node(0).node().active_expire = false;
  cluster.ask(0, {"SET", "{foo}gone", "v", "PX", "1"});
  cluster.node(0).advance_ms(10);
  CHECK(cluster.ask(0, {"CLUSTER", "COUNTKEYSINSLOT", "12182"}) == ":3\r\n");
  CHECK(cluster.ask(0, {"CLUSTER", "COUNTKEYSINSLOT", "12181"}) == ":0\r\n");
  const std::string two = cluster.ask(0, {"CLUSTER", "GETKEYSINSLOT", "12182", "2"});
  CHECK(two.substr(0, 4) == "*2\r\n");
  const std::string all = cluster.ask(0, {"CLUSTER", "GETKEYSINSLOT", "12182", "100"});
  for (const std::string_view key : {"{foo}1", "{foo}2", "{foo}3"}) CHECK(has(all, key));
  CHECK(all.substr(0, 4) == "*3\r\n");
  CHECK(cluster.ask(0, {"CLUSTER", "GETKEYSINSLOT", "12182", "0"}) == "*0\r\n");
  CHECK(cluster.ask(0, {"CLUSTER", "COUNTKEYSINSLOT", "16384"}) == "-ERR Invalid slot\r\n");
  CHECK(cluster.ask(0, {"CLUSTER", "COUNTKEYSINSLOT", "x"}) ==
        "-ERR value is not an integer or out of range\r\n");
  CHECK(cluster.ask(0, {"CLUSTER", "GETKEYSINSLOT", "1", "-1"}) ==
        "-ERR Invalid slot or number of keys\r\n");
  CHECK(has(cluster.ask(0, {"RING"}), "      512     512       0  100.0%     5\r\n"));
}

TEST_CASE("RING KEY: where a key lives", "[server]") {
  Cluster cluster(1);
  CHECK(cluster.ask(0, {"RING", "KEY", "foo"}) ==
        "*10\r\n$4\r\nslot\r\n:12182\r\n$9\r\npartition\r\n:380\r\n$5\r\nepoch\r\n:1\r\n"
        "$7\r\nprimary\r\n$16\r\nn1 10.0.0.1:7000\r\n$8\r\nreplicas\r\n*0\r\n");
}

TEST_CASE("CLUSTER LEAVE and JOIN: answered when the map says so, on whichever node", "[server]") {
  Cluster cluster(3);
  const size_t other = cluster.follower();
  // Slow enough for second thoughts.
  for (size_t i = 0; i < 3; ++i) cluster.world().node(i).disk().set_latency_us(50'000);
  CHECK(cluster.wait(other, {"CLUSTER", "LEAVE"}) == "+OK\r\n");
  CHECK(cluster.member(other).departs);
  CHECK(cluster.ask(other, {"CLUSTER", "LEAVE"}) == "+OK\r\n");  // it does already
  CHECK(has(cluster.ask(other, {"NODES"}), "LEAVING"));
  CHECK(cluster.wait(other, {"CLUSTER", "JOIN"}) == "+OK\r\n");
  CHECK_FALSE(cluster.member(other).departs);
  CHECK(has(cluster.ask(other, {"CLUSTER", "JOIN"}), "is a member of cluster '"));
  CHECK(
      has(cluster.ask(other, {"CLUSTER", "JOIN", "10.0.0.1:8000"}), "-ERR this node is a member"));
}

TEST_CASE("CLUSTER LEAVE: of another node, by name, number or id", "[server]") {
  Cluster cluster(4);
  const size_t leader = cluster.world().leader();
  const std::vector<std::string> others = cluster.followers();
  const topology::ClusterMap& map = cluster.control(leader).map();
  const std::string number = fmt::to_string(raw(map.find_name(others[0])->number));
  const std::string id = map.find_name(others[1])->identity;
  CHECK(cluster.wait(leader, {"CLUSTER", "LEAVE", number}) == "+OK\r\n");
  CHECK(cluster.is_leaving(leader, others[0]));
  CHECK_FALSE(cluster.is_leaving(leader, others[1]));
  CHECK(cluster.wait(leader, {"CLUSTER", "LEAVE", id}) == "+OK\r\n");
  CHECK(cluster.wait(leader, {"CLUSTER", "LEAVE", others[2]}) == "+OK\r\n");
  // Now it is the last one that stays.
  CHECK(cluster.ask(leader, {"CLUSTER", "LEAVE"}) ==
        "-ERR the only node that stays can't leave: it holds all data\r\n");
  CHECK(cluster.ask(leader, {"CLUSTER", "LEAVE", "nobody"}).substr(0, 21) ==
        "-ERR no node 'nobody'");
}

TEST_CASE("CLUSTER LEAVE: not of a node alone in its cluster, and not inside MULTI", "[server]") {
  Cluster cluster(1);
  CHECK(cluster.ask(0, {"CLUSTER", "LEAVE"}).substr(0, 18) == "-ERR the only node");
  cluster.ask(0, {"MULTI"});
  CHECK(cluster.ask(0, {"CLUSTER", "LEAVE"}) ==
        "-ERR Command not allowed inside a transaction\r\n");
}

TEST_CASE("CLUSTER REMOVE: of a node that is down, else LEAVE is the word", "[server]") {
  Cluster cluster(3);
  const size_t leader = cluster.world().leader();
  const size_t other = cluster.follower();
  const std::string name = cluster.control(other).name();
  CHECK(cluster.ask(leader, {"CLUSTER", "REMOVE", name}) ==
        "-ERR node '" + name + "' is not down: use CLUSTER LEAVE\r\n");
  cluster.kill(other);
  CHECK(cluster.ask(leader, {"CLUSTER", "LEAVE", name}) ==
        "-ERR node '" + name + "' is down: use CLUSTER REMOVE if it won't come back\r\n");
  CHECK(cluster.wait(leader, {"CLUSTER", "REMOVE", name}) == "+OK\r\n");
}

TEST_CASE("CLUSTER LEAVE: without a majority the answer is that nobody knows", "[server]") {
  Cluster cluster(3);
  cluster.world().isolate(0);
  CHECK(cluster.wait(0, {"CLUSTER", "LEAVE"}).substr(0, 11) == "-UNCERTAIN ");
  const std::string name = cluster.control(1).name();
  CHECK(cluster.ask(0, {"CLUSTER", "REMOVE", name}) ==
        "-ERR node '" + name +
            "' is not down by the map: the leader declares it so, and this node knows none\r\n");
}

TEST_CASE("CLUSTER LEAVE: a client that goes or is unblocked is not answered later", "[server]") {
  Cluster cluster(3);
  const size_t leader = cluster.world().leader();
  const std::vector<std::string> others = cluster.followers();
  TestClient leaving = cluster.node(leader).connect();
  leaving.send_request({"CLUSTER", "LEAVE", others[0]});
  cluster.turn(leader);
  leaving.hang_up();
  TestClient unblocked = cluster.node(leader).connect();
  unblocked.send_request({"CLUSTER", "LEAVE", others[1]});
  cluster.turn(leader);
  const std::string client_id = fmt::to_string(raw(unblocked.session().id()));
  CHECK(cluster.ask(leader, {"CLIENT", "UNBLOCK", client_id, "ERROR"}) == ":1\r\n");
  CHECK(unblocked.received().substr(0, 11) == "-UNBLOCKED ");
  // It waits for something else by now: the change that comes about must not end that.
  unblocked.send_request({"BLPOP", "list", "0"});
  cluster.turn(leader);
  cluster.world().advance_ms(2'000);
  cluster.turn(leader);
  CHECK(unblocked.received().empty());
  CHECK(unblocked.session().is_blocked());
  CHECK(cluster.is_leaving(leader, others[1]));
}

TEST_CASE("CLUSTER LEAVE: the server may end while a client waits", "[server]") {
  Cluster cluster(3);
  const size_t leader = cluster.world().leader();
  const std::string other = cluster.followers().front();
  CHECK(cluster.ask(leader, {"CLUSTER", "LEAVE", other}).empty());
  cluster.stop_serving(leader);
  cluster.world().advance_ms(2'000);
  CHECK(cluster.is_leaving(leader, other));
}

TEST_CASE("CLUSTER FAILOVER: the leader hands over, others say who leads", "[server]") {
  Cluster cluster(3);
  cluster.world().advance_ms(1'000);
  const size_t leader = cluster.world().leader();
  const size_t other = cluster.follower();
  const std::string refusal = cluster.ask(other, {"CLUSTER", "FAILOVER"});
  CHECK(refusal == fmt::format("-ERR this node does not lead: ask 'n{}' at 10.0.0.{}:7000\r\n",
                               leader + 1, leader + 1));
  CHECK(has(cluster.ask(leader, {"CLUSTER", "FAILOVER", "FORCE"}), "CLUSTER FAILOVER [node]"));
  CHECK(has(cluster.ask(leader, {"CLUSTER", "FAILOVER", "nobody"}), "no node 'nobody'"));
  const std::string own = cluster.control(leader).name();
  CHECK(cluster.ask(leader, {"CLUSTER", "FAILOVER", own}) == "-ERR this node leads already\r\n");
  CHECK(cluster.ask(leader, {"CLUSTER", "FAILOVER", cluster.control(other).name()}) == "+OK\r\n");
  cluster.world().until([&] { return cluster.world().leader() == other; }, 1'000, "handed over");
}

TEST_CASE("CLUSTER JOIN: a node that nobody has let in yet is told whom to ask", "[server]") {
  ControlWorld world(2);
  REQUIRE(world.node(0).start());
  world.until([&] { return world.is_settled(); }, 5'000, "founded");
  world.node(1).wish.seeds = {{.host = "10.0.0.9", .port = 8000}};  // nobody is there
  REQUIRE(world.node(1).start());
  world.advance_ms(100);
  TestNode node(1, {}, &world.control(1));
  TestClient client = node.connect();
  CHECK(has(client.ask({"NODES"}), "FOLLOWER  JOINING\r\n"));
  CHECK(client.ask({"CLUSTER", "SLOTS"}) == "*0\r\n");
  CHECK(has(client.ask({"CLUSTER", "NODES"}),
            world.control(1).identity() + " :6379@8000 myself,master - 0 0 0 connected\n"));
  CHECK(has(client.ask({"CLUSTER", "INFO"}), "cluster_state:fail\r\n"));
  CHECK(has(client.ask({"INFO", "cluster"}), "cluster_node_state:JOINING\r\n"));
  CHECK(client.ask({"INFO", "raft"}) == "$8\r\n# Raft\r\n\r\n");
  CHECK(has(client.ask({"RING"}), "there is no ring"));
  CHECK(has(client.ask({"CLUSTER", "LEAVE"}), "is in no cluster yet"));
  CHECK(has(client.ask({"CLUSTER", "JOIN"}), "CLUSTER JOIN needs"));
  CHECK(has(client.ask({"CLUSTER", "JOIN", "10.0.0.1"}), "-ERR "));
  CHECK(client.ask({"CLUSTER", "JOIN", "10.0.0.1", "70000"}) ==
        "-ERR a port is a number from 1 to 65535\r\n");
  CHECK(client.ask({"CLUSTER", "JOIN", "a", "1", "2"}) == "-ERR syntax error\r\n");
  CHECK(client.ask({"CLUSTER", "JOIN", "10.0.0.1", "8000"}) == "+OK\r\n");
  world.until([&] { return world.is_settled() && world.control(1).is_member(); }, 5'000, "in");
  const std::string table = client.ask({"NODES"});
  CHECK(has(table, "n1       10.0.0.1:7000  LEADER    ALIVE\r\n"));
  CHECK(has(table, "n2       10.0.0.2:7000  FOLLOWER  ALIVE\r\n"));
}

TEST_CASE("CLUSTER: what does not apply names what does", "[server]") {
  Cluster cluster(1);
  const std::string id(40, '0');
  CHECK(
      cluster.ask(0, {"CLUSTER", "MEET", "127.0.0.1", "1"}) ==
      "-ERR CLUSTER MEET does not apply here: use CLUSTER JOIN on the node that is to come in\r\n");
  CHECK(has(cluster.ask(0, {"CLUSTER", "FORGET", id}), "use CLUSTER LEAVE"));
  CHECK(has(cluster.ask(0, {"CLUSTER", "ADDSLOTS", "1"}), "RING, CLUSTER JOIN and CLUSTER LEAVE"));
  CHECK(has(cluster.ask(0, {"CLUSTER", "slaves", id}), "CLUSTER SLAVES does not apply here"));
  size_t refused = 0;
  const command::Command* container = cluster.node(0).node().commands().find("CLUSTER");
  for (const command::Command* row : container->subcommands) {
    if (row->spec->summary != "Does not apply here: the error says what does.") continue;
    CAPTURE(row->full_name);
    const int words = std::abs(row->spec->arity);
    std::string request = fmt::format("*{}\r\n$7\r\nCLUSTER\r\n${}\r\n{}\r\n", words,
                                      row->spec->name.size(), row->spec->name);
    for (int i = 2; i < words; ++i) request += "$1\r\n1\r\n";
    cluster.client(0).send_all(request);
    CHECK(cluster.client(0).received().substr(0, 13) == "-ERR CLUSTER ");
    ++refused;
  }
  CHECK(refused == 16);
}

TEST_CASE("a cluster has one database, and no commands that need two", "[server]") {
  Cluster cluster(1);
  CHECK(cluster.ask(0, {"SELECT", "0"}) == "+OK\r\n");
  CHECK(cluster.ask(0, {"SELECT", "99"}) == "-ERR SELECT is not allowed in cluster mode\r\n");
  CHECK(cluster.ask(0, {"SELECT", "x"}) == "-ERR value is not an integer or out of range\r\n");
  CHECK(cluster.ask(0, {"SWAPDB", "0", "1"}) == "-ERR SWAPDB is not allowed in cluster mode\r\n");
  CHECK(cluster.ask(0, {"MOVE", "k", "1"}) == "-ERR MOVE is not allowed in cluster mode\r\n");
}

TEST_CASE("FAULT: rules of the channel, set, seen and taken back", "[server]") {
  Cluster cluster(3);
  cluster.world().advance_ms(1'000);
  const size_t other = cluster.follower();
  const std::string name = cluster.control(cluster.world().leader()).name();
  CHECK(cluster.ask(other, {"FAULT", "DROP", "10", "TO", name}) == "+OK\r\n");
  CHECK(has(cluster.ask(other, {"FAULT", "STATUS"}), "DROP 10 TO " + name + "\r\n"));
  CHECK(cluster.ask(other, {"FAULT", "DROP", "200"}).substr(0, 5) == "-ERR ");
  CHECK(cluster.ask(other, {"FAULT", "PARTITION", "nobody"}).substr(0, 5) == "-ERR ");
  CHECK(cluster.ask(other, {"FAULT"}) == "-ERR wrong number of arguments for 'fault' command\r\n");
  CHECK(cluster.ask(other, {"FAULT", "CLEAR"}) == "+OK\r\n");
  CHECK(has(cluster.ask(other, {"FAULT", "STATUS"}), "$5\r\nrules\r\n*0\r\n"));
  CHECK(has(cluster.ask(other, {"FAULT", "STATUS"}), "$5\r\nlinks\r\n*6\r\n"));
}

TEST_CASE("FAULT FAIL: the node is taken for down, and is back after RECOVER", "[server]") {
  Cluster cluster(3);
  cluster.world().advance_ms(1'000);
  const size_t victim = cluster.follower();
  const size_t leader = cluster.world().leader();
  const NodeNumber number = cluster.control(victim).number();
  const auto state = [&] { return cluster.control(leader).map().find(number)->state; };
  REQUIRE(cluster.ask(victim, {"FAULT", "FAIL"}) == "+OK\r\n");
  cluster.world().until([&] { return state() == topology::MemberState::down; }, 5'000, "down");
  CHECK(has(cluster.ask(victim, {"CLUSTER", "INFO"}), "cluster_state:fail\r\n"));
  REQUIRE(cluster.ask(victim, {"FAULT", "RECOVER"}) == "+OK\r\n");
  cluster.world().until([&] { return state() == topology::MemberState::up; }, 10'000, "back");
}

TEST_CASE("INFO and FAULT STATUS: malformed frames and refused connections are counted",
          "[server]") {
  Cluster cluster(3);
  cluster.world().advance_ms(1'000);
  const auto count = [&](std::string_view name) {
    return figure(cluster.ask(0, {"INFO", "cluster"}), name);
  };
  const uint64_t malformed = count("cluster_frames_malformed");
  const uint64_t refused = count("cluster_links_refused");
  const uint64_t silent = count("cluster_links_silent");
  const auto becomes = [&](std::string_view name, uint64_t value) {
    cluster.world().until([&] { return count(name) == value; }, 5'000, name);
  };

  // A member's.
  ByteChain frame;
  frame.append("*1\r\n$7\r\nUNKNOWN\r\n");
  bus::Bus& member = cluster.control(1).bus();
  REQUIRE(member.send(cluster.control(0).number(), bus::LinkKind::control, frame) ==
          bus::SendResult::sent);
  becomes("cluster_frames_malformed", malformed + 1);
  CHECK(has(cluster.ask(0, {"FAULT", "STATUS"}), "$9\r\nmalformed\r\n:1\r\n"));

  // Strangers'.
  Stranger client(cluster.world(), 1, 0, "*1\r\n$x\r\n");
  becomes("cluster_frames_malformed", malformed + 2);
  bus::LocalNode outsider;
  outsider.cluster = "another";
  outsider.facts.identity = std::string(bus::kIdentityDigits, 'f');
  const std::string hello =
      bus::Handshake::begin(outsider, {}, std::string(bus::kNonceBytes, 'n')).frame();
  Stranger caller(cluster.world(), 1, 0, hello);
  becomes("cluster_links_refused", refused + 1);
  CHECK(count("cluster_links_silent") == silent);
}

TEST_CASE("INFO: the sections of a cluster", "[server]") {
  Cluster cluster(3);
  cluster.world().advance_ms(2'000);
  const size_t leader = cluster.world().leader();
  const std::string all = cluster.ask(leader, {"INFO", "everything"});
  for (const std::string_view part :
       {"redis_mode:cluster\r\n", "cluster_connections:12\r\n",
        "# Cluster\r\ncluster_enabled:1\r\n", "cluster_node_state:ALIVE\r\n",
        "cluster_state:ok\r\n", "cluster_known_nodes:3\r\n", "cluster_partitions:512\r\n",
        "cluster_frames_malformed:0\r\n", "# Raft\r\nraft_role:leader\r\n", "raft_voters:1,2,3\r\n",
        "raft_learners:\r\n", "# Gossip\r\ngossip_members:3\r\ngossip_alive:3\r\n",
        "gossip_suspect:0\r\n", "gossip_local_health:0\r\n"}) {
    CAPTURE(part);
    CHECK(has(all, part));
  }
  CHECK(has(all, fmt::format("raft_leader_name:n{}\r\n", leader + 1)));
  CHECK_FALSE(has(all, "raft_lease_left_ms:0\r\n"));
  CHECK_FALSE(has(all, "raft_log_bytes:0\r\n"));
  CHECK(has(cluster.ask(cluster.follower(), {"INFO", "raft"}), "raft_role:follower\r\n"));
}

}  // namespace quoris::server
