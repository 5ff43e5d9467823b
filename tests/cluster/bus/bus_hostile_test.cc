// Refusals, strangers, clients gone astray, hostile and malformed frames, limits.
#include <catch2/catch.hpp>

#include "tests/cluster/bus/bus_world.h"

namespace quoris::bus {

namespace {

using testing::address_of;
using testing::identity_of;
using testing::member_of;
using testing::Planted;
using testing::Stranger;
using testing::TestNode;
using testing::World;

std::string huge_frame(size_t bytes) {
  return testing::frame_of<testing::SampleMessages>(
      testing::Record{.number = 1, .bytes = std::string(bytes, 'x')});
}

// How much waits at a node whose peer doesn't read, after it was offered far too much.
size_t queue_behind_a_deaf_peer() {
  World world;
  world.options.queues[index_of(LinkKind::data)] = {.bytes = 100'000, .messages = 1000};
  world.cluster(2);
  world.network.cut("n1", "n2");
  for (uint64_t i = 0; i < 500; ++i) {
    static_cast<void>(world[1].record(2, i, 1000));
    if (i % 10 == 0) world[1].turn();
  }
  for (const LinkStatus& link : world[1].bus.links()) {
    if (link.link == LinkKind::data && link.began_here) return link.queued_bytes;
  }
  return 0;
}

}  // namespace

// --- refusals -------------------------------------------------------------------------------

TEST_CASE("bus: a node with another secret is refused, logged once, and tried seldom", "[bus]") {
  World world;
  LocalNode other = world.local(2);
  other.secret = "guess";
  world.add(1).bus.set_members({member_of(1), member_of(2)});
  world.add(2, other).bus.set_members({member_of(1), member_of(2)});
  world.run_ms(20'000);
  CHECK_FALSE(world[1].is_up(2));
  CHECK_FALSE(world[2].is_up(1));
  CHECK(world[1].sink.count("Refused by node 2") == 1);
  CHECK(world[1].sink.count("Refusing node 2") == 1);
  CHECK(world[1].sink.count("the cluster secrets differ") == 2);
  CHECK(world[1].asked.empty());
  REQUIRE_FALSE(world[1].refusals.empty());
  CHECK_FALSE(world[1].refusals[0].proven);
  CHECK(world[1].bus.troubles().refused >= 10);
  CHECK(world[1].bus.troubles().silent == 0);
  // Once in one to two seconds, each.
  CHECK(world.network.attempts() <= 42);
}

TEST_CASE("bus: nodes of another cluster and of another version are refused on both sides",
          "[bus]") {
  for (const bool by_name : {true, false}) {
    World world;
    LocalNode other = world.local(2);
    if (by_name) {
      other.cluster = "orchid";
    } else {
      other.versions = {.min = 7, .max = 9};
    }
    TestNode& here = world.add(1);
    TestNode& there = world.add(2, other);
    there.bus.set_seeds({address_of(1)});
    world.run_ms(10);
    const Refusal reason = by_name ? Refusal::other_cluster : Refusal::other_version;
    REQUIRE(here.refusals.size() == 1);
    CHECK(here.refusals[0].notice.reason == reason);
    CHECK_FALSE(here.refusals[0].by_peer);
    REQUIRE(there.refusals.size() == 1);
    CHECK(there.refusals[0].notice.reason == reason);
    CHECK(there.refusals[0].by_peer);
    CHECK(there.sink.count(by_name ? "this is cluster \\\"orchard\\\", not \\\"orchid\\\""
                                   : "protocol versions 1 to 1 here, 7 to 9 there") == 1);
    CHECK(here.bus.peers().empty());
  }
}

TEST_CASE("bus: a founder that starts afresh learns that its address belongs to another", "[bus]") {
  World world;
  world.cluster(3);
  world.kill(2);
  LocalNode fresh = world.local(2);
  fresh.facts.identity = std::string(40, 'f');
  fresh.facts.number = NodeNumber{1};
  TestNode& founder = world.add(2, fresh);
  world.run_ms(2000);
  REQUIRE_FALSE(founder.refusals.empty());
  const RefusalReport& report = founder.refusals[0];
  CHECK(report.notice.reason == Refusal::other_identity);
  CHECK(report.by_peer);
  CHECK(report.proven);
  CHECK(report.notice.text == "this address belongs to node " + identity_of(2) +
                                  ", who answers is " + std::string(40, 'f'));
  CHECK(report.node.identity != founder.bus.local().facts.identity);
  // And the members know that it is not who they look for.
  CHECK_FALSE(world[1].is_up(2));
  CHECK_FALSE(world[1].refusals[0].by_peer);
  CHECK(founder.asked.empty());
}

TEST_CASE("bus: the owner's refusal is said with its reason, and proven", "[bus]") {
  World world;
  TestNode& host = world.add(1);
  host.verdict = [](const PeerFacts& peer) -> std::optional<Notice> {
    return Notice{Refusal::clock, "your clock is 7 s off, " + peer.node.name};
  };
  TestNode& guest = world.add(2);
  guest.bus.set_seeds({address_of(1)});
  world.run_ms(10);
  REQUIRE(guest.refusals.size() == 1);
  CHECK(guest.refusals[0].notice.reason == Refusal::clock);
  CHECK(guest.refusals[0].notice.text == "your clock is 7 s off, node2");
  CHECK(guest.refusals[0].proven);
  CHECK(guest.refusals[0].node.identity == identity_of(1));
  CHECK(guest.events.empty());
  CHECK(host.bus.peers().empty());

  // The one who called may refuse as well, after the other thought that all is well.
  host.verdict = nullptr;
  guest.verdict = [](const PeerFacts&) { return Notice{Refusal::other_data, "not mine"}; };
  world.run_ms(2500);
  CHECK(host.refusals.back().by_peer);
  CHECK(host.refusals.back().proven);
  CHECK(host.refusals.back().notice.text == "not mine");
  CHECK(host.bus.peers().empty());
}

TEST_CASE("bus: the owner sees what a peer says of itself, and its clock", "[bus]") {
  World world;
  world.cluster(2);
  REQUIRE(world[1].asked.size() == 6);
  const PeerFacts& facts = world[1].asked[0];
  CHECK(facts.node.name == "node2");
  CHECK(facts.node.number == NodeNumber{2});
  CHECK(facts.node.client_address == Address{.host = "n2", .port = 7000});
  CHECK(facts.clock_offset_us == 0);
  CHECK(facts.version == 1);
}

// --- clients and strangers ------------------------------------------------------------------

TEST_CASE("bus: a client that went astray gets a civil answer", "[bus]") {
  World world;
  TestNode& node = world.add(1);
  Stranger client(world.network, "client", address_of(1));
  world.settle();
  const std::string error =
      "-ERR this is the cluster port, where only nodes talk; clients use the node's own port\r\n";
  const std::vector<std::pair<std::string, std::string>> exchanges{
      {"PING\r\n", "+PONG\r\n"},
      {"*1\r\n$4\r\nping\r\n", "+PONG\r\n"},
      {"*2\r\n$4\r\nPING\r\n$2\r\nhi\r\n", "$2\r\nhi\r\n"},
      {"*2\r\n$7\r\nCOMMAND\r\n$4\r\nDOCS\r\n", error},
      {"HELLO 3\r\n", error},
      {"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n", error},
      {"SET a \"b c\"\r\n", error},
      {"GET a\r\nPING\r\n", error + "+PONG\r\n"},
  };
  for (const auto& [request, reply] : exchanges) {
    client.heard.clear();
    client.say(request);
    world.settle();
    CHECK(client.heard == reply);
  }
  CHECK_FALSE(client.closed);
  CHECK(node.refusals.empty());
  client.leave();
  world.settle();
  CHECK(node.bus.strangers() == 0);
  CHECK(node.bus.stranger_counters().malformed == 0);
}

TEST_CASE("bus: what is no RESP ends a stranger's connection, with an error for people", "[bus]") {
  World world;
  TestNode& node = world.add(1);
  Stranger client(world.network, "client", address_of(1));
  client.say("*1\r\n$x\r\n");
  world.settle();
  CHECK(client.heard == "-ERR Protocol error: invalid bulk length\r\n");
  CHECK(client.closed);
  CHECK(node.bus.stranger_counters().malformed == 1);
  CHECK(node.bus.strangers() == 0);
}

TEST_CASE("bus: strangers have little time, however they pass it", "[bus]") {
  World world;
  TestNode& node = world.add(1);
  Stranger silent(world.network, "a", address_of(1));
  Stranger client(world.network, "b", address_of(1));
  Stranger loris(world.network, "c", address_of(1));
  Stranger peer(world.network, "d", address_of(1));
  const std::string hello =
      Handshake::begin(world.local(2), {}, std::string(kNonceBytes, 'n')).frame();
  peer.say(hello);
  for (size_t i = 0; i < 32; ++i) {
    client.say("PING\r\n");
    loris.say(hello.substr(i, 1));
    world.run_ms(100);
    if (i == 28) CHECK(node.bus.strangers() == 4);
  }
  CHECK(silent.closed);
  CHECK(client.closed);
  CHECK(loris.closed);
  CHECK(loris.heard.empty());
  CHECK(peer.closed);
  CHECK(node.bus.strangers() == 0);
}

TEST_CASE("bus: strangers may send little", "[bus]") {
  World world;
  TestNode& node = world.add(1);
  const std::vector<std::string> floods{
      std::string(100'000, 'x'),                                       // an endless line
      "*1000000\r\n" + std::string(6, '$') + "\r\n",                   // nonsense behind a count
      "*2\r\n$5\r\nHELLO\r\n$1048576\r\n" + std::string(50'000, 'x'),  // an element too long
      "*100000\r\n" +
          [] {
            std::string many;
            for (int i = 0; i < 20'000; ++i) many += "$1\r\nx\r\n";
            return many;
          }(),
  };
  for (const std::string& flood : floods) {
    Stranger stranger(world.network, "a", address_of(1));
    stranger.say(flood);
    world.run_ms(100);
    CHECK(stranger.closed);
    CHECK(node.bus.strangers() == 0);
  }
  CHECK(node.bus.stranger_counters().malformed == floods.size());
  CHECK(node.bus.troubles().malformed == floods.size());
  CHECK(node.refusals.empty());
}

TEST_CASE("bus: many strangers don't keep the nodes out", "[bus]") {
  World world;
  world.options.strangers_max = 8;
  TestNode& node = world.add(1);
  std::vector<std::unique_ptr<Stranger>> crowd;
  for (int i = 0; i < 50; ++i) {
    crowd.push_back(std::make_unique<Stranger>(world.network, "x", address_of(1)));
    world.settle();
    REQUIRE(node.bus.strangers() <= 8);
  }
  world.add(2).bus.set_seeds({address_of(1)});
  world.run_ms(5);
  CHECK(world[2].events == std::vector<std::string>{"up node1 control"});
}

// --- hostile frames of those who know the secret --------------------------------------------

namespace {

// A peer that has shaken hands and now may say anything.
struct Insider {
  explicit Insider(World& world, LinkKind link = LinkKind::control)
      : handshake(Handshake::begin(world.local(2), {.link = link}, std::string(kNonceBytes, 'n'))),
        stranger(world.network, "n2", address_of(1)) {
    stranger.say(handshake.frame());
    world.settle();
    answer();
    world.settle();
    answer();
    handshake.accept();
    stranger.heard.clear();
  }

  void answer() {
    const auto words = testing::words_of(std::exchange(stranger.heard, {}));
    const auto seen = testing::views(words);
    static_cast<void>(handshake.on_frame(seen));
    stranger.say(handshake.frame());
  }

  Handshake handshake;
  Stranger stranger;
};

}  // namespace

TEST_CASE("bus: a malformed message closes its link, is counted, and harms nothing else", "[bus]") {
  World world;
  TestNode& node = world.add(1);
  node.bus.set_members({member_of(1), member_of(2), member_of(3)});
  world.add(3).bus.set_members({member_of(1), member_of(3)});
  world.run_ms(100);
  const std::vector<std::string> frames{
      "*1\r\n$4\r\nNOTE\r\n",                                 // too few
      "*4\r\n$4\r\nNOTE\r\n$1\r\n1\r\n$0\r\n\r\n$0\r\n\r\n",  // too many
      "*1\r\n$7\r\nUNKNOWN\r\n",                              //
      "*3\r\n$6\r\nRECORD\r\n$1\r\n1\r\n$0\r\n\r\n",          // not on this link
      "*1\r\n$9\r\nHEARTBEAT\r\n",                            //
      "*2\r\n$9\r\nHEARTBEAT\r\n$2\r\n-1\r\n",                //
      "*3\r\n$13\r\nHEARTBEAT-ACK\r\n$1\r\n1\r\n$1\r\nx\r\n",
      "*1\r\n$7\r\nREFUSED\r\n",  //
      "*1\r\n$5\r\nHELLO\r\n",    //
      "*1\r\n:1\r\n",             //
      "PING\r\n",                 // no client any more
  };
  uint64_t malformed = 0;
  for (const std::string& frame : frames) {
    INFO(quote_for_display(frame));
    Insider insider(world);
    REQUIRE_FALSE(insider.stranger.closed);
    insider.stranger.say(frame);
    world.settle();
    CHECK(insider.stranger.closed);
    CHECK(node.counters(2, LinkKind::control).malformed == ++malformed);
    CHECK(node.bus.troubles().malformed == malformed);
  }
  CHECK(world[3].is_up(1));
  CHECK(node.is_up(3));
  CHECK(node.notes.empty());
  CHECK(node.sink.count("sent what is no message") == 1);  // once a minute
}

TEST_CASE("bus: who reads nothing gets no more answers to heartbeats than a little", "[bus]") {
  World world;
  TestNode& node = world.add(1);
  node.bus.set_members({member_of(1), member_of(2)});
  Insider insider(world);
  insider.stranger.deaf = true;
  std::string beats;
  for (int i = 0; i < 100; ++i) beats += "*2\r\n$9\r\nHEARTBEAT\r\n$1\r\n5\r\n";
  for (int round = 0; round < 100; ++round) {
    insider.stranger.say(beats);
    world.run_ms(10);
  }
  REQUIRE_FALSE(insider.stranger.closed);
  size_t waiting = 0;
  for (const LinkStatus& link : node.bus.links()) waiting += link.queued_bytes;
  CHECK(waiting > 0);
  CHECK(waiting < world.options.unanswered_bytes_max + 100'000);
}

TEST_CASE("bus: what a guest sent malformed stays counted once nobody knows the guest any more",
          "[bus]") {
  World world;
  TestNode& node = world.add(1);
  Insider guest(world);
  REQUIRE(node.bus.peers().size() == 1);
  guest.stranger.say("*1\r\n$7\r\nUNKNOWN\r\n");
  world.settle();
  CHECK(guest.stranger.closed);
  CHECK(node.bus.peers().empty());
  CHECK(node.bus.stranger_counters().malformed == 0);
  CHECK(node.bus.troubles().malformed == 1);
}

TEST_CASE("bus: frames up to a MiB pass, larger ones close the link", "[bus]") {
  World world;
  TestNode& node = world.add(1);
  node.bus.set_members({member_of(1), member_of(2)});
  {
    Insider insider(world, LinkKind::data);
    insider.stranger.say(huge_frame(kFrameBytesMax - 100));
    insider.stranger.say(huge_frame(10));
    world.settle();
    CHECK_FALSE(insider.stranger.closed);
    CHECK(node.records.size() == 2);
  }
  for (const size_t bytes : {kFrameBytesMax, kFrameBytesMax + 1, 20 * kFrameBytesMax}) {
    Insider insider(world, LinkKind::data);
    insider.stranger.say(huge_frame(bytes));
    world.settle();
    CHECK(insider.stranger.closed);
  }
  {
    // Many elements below the limit that together are above it.
    Insider insider(world, LinkKind::data);
    std::string frame = "*20\r\n";
    for (int i = 0; i < 20; ++i) {
      frame += "$1000000\r\n" + std::string(1'000'000, 'x') + "\r\n";
    }
    insider.stranger.say(frame);
    world.settle();
    CHECK(insider.stranger.closed);
  }
  CHECK(node.counters(2, LinkKind::data).malformed == 4);
  CHECK(node.records.size() == 2);
}

TEST_CASE("bus: a message of a newer version that is not known here is counted and passed over",
          "[bus]") {
  World world;
  LocalNode newer = world.local(2);
  newer.versions = {.min = 1, .max = 2};
  TestNode& node = world.add(1);
  node.bus.set_members({member_of(1), member_of(2)});
  Stranger stranger(world.network, "n2", address_of(1));
  Handshake handshake = Handshake::begin(newer, {}, std::string(kNonceBytes, 'n'));
  stranger.say(handshake.frame());
  for (int i = 0; i < 2; ++i) {
    world.settle();
    const auto words = testing::words_of(std::exchange(stranger.heard, {}));
    const auto seen = testing::views(words);
    static_cast<void>(handshake.on_frame(seen));
    stranger.say(handshake.frame());
  }
  stranger.say("*2\r\n$6\r\nNOVEL2\r\n$1\r\nx\r\n");
  stranger.say("*4\r\n$4\r\nNOTE\r\n$1\r\n1\r\n$2\r\nhi\r\n$5\r\nextra\r\n");
  world.settle();
  CHECK_FALSE(stranger.closed);
  CHECK(node.counters(2, LinkKind::control).unknown == 1);
  CHECK(node.notes == std::vector<std::string>{"hi"});
}

TEST_CASE("bus: random bytes on an open link never harm", "[bus]") {
  World world;
  TestNode& node = world.add(1);
  node.bus.set_members({member_of(1), member_of(2)});
  sim::SimRng rng(5);
  for (int round = 0; round < 300; ++round) {
    Insider insider(world, kLinkKinds[static_cast<size_t>(round) % 3]);
    std::string bytes;
    for (int frame = 0; frame < 4; ++frame) {
      testing::Everything message;
      testing::fill(message, rng);
      bytes += testing::frame_of<testing::SampleMessages>(message);
    }
    for (uint64_t flips = rng.below(6); flips > 0; --flips) {
      bytes[rng.below(bytes.size())] = static_cast<char>(rng.below(256));
    }
    insider.stranger.say(bytes);
    world.settle();
    insider.stranger.leave();
    world.settle();
  }
  CHECK(node.bus.strangers() == 0);
  CHECK(node.bus.faults().commands().empty());
}

// --- queues ---------------------------------------------------------------------------------

TEST_CASE("bus: a queue takes no more than its bytes, and what is not taken is counted", "[bus]") {
  const size_t queued = queue_behind_a_deaf_peer();
  CHECK(queued > 90'000);
  CHECK(queued <= 100'000);
}

TEST_CASE("bus: planted bug: a queue without a limit is seen by the test of its bytes",
          "[bus][planted]") {
  const Planted bug("bus: a queue has no limit");
  CHECK(queue_behind_a_deaf_peer() > 100'000);
}

TEST_CASE("bus: a full queue says so, counts, and tells when there is room again", "[bus]") {
  World world;
  world.options.queues[index_of(LinkKind::bulk)] = {.bytes = size_t{1} << 20, .messages = 10};
  world.cluster(2);
  world.network.cut("n1", "n2");
  const auto send = [&] {
    return world[1].channel.send(NodeNumber{2}, testing::Chunk{.bytes = std::string(1000, 'x')});
  };
  for (int i = 0; i < 10; ++i) REQUIRE(send() == SendResult::sent);
  REQUIRE(send() == SendResult::full);
  world[1].turn();
  REQUIRE(send() == SendResult::full);
  CHECK(world[1].counters(2, LinkKind::bulk).queue_full == 2);
  CHECK(world[1].note(2, "control has its own") == SendResult::sent);
  int refills = 0;
  world[1].when_room = [&] {
    for (int i = 0; i < 10 && refills < 30; ++i, ++refills) REQUIRE(send() == SendResult::sent);
    if (refills < 30) CHECK(send() == SendResult::full);
  };
  world.network.heal();
  world.settle();
  CHECK(refills == 30);
  CHECK(world[2].chunks == 40);
  CHECK(world[1].events.back() == "room node2 bulk");
  CHECK(world[1].bus.links()[4].queued_messages == 0);
}

TEST_CASE("bus: a message larger than a frame is not taken", "[bus]") {
  World world;
  world.cluster(2);
  CHECK(world[1].record(2, 1, kFrameBytesMax) == SendResult::too_large);
  CHECK(world[1].record(2, 2, kFrameBytesMax - 100) == SendResult::sent);
  world.settle();
  CHECK(world[2].records == std::vector<uint64_t>{2});
  CHECK(world[1].counters(2, LinkKind::data).too_large == 1);
  CHECK(world[1].sink.count("exceeds a frame") == 1);
}

}  // namespace quoris::bus
