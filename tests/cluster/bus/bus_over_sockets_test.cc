// Two buses over the real edge: libuv, loopback sockets, the system's clock.
#include <catch2/catch.hpp>

#include "net/uv_clock.h"
#include "net/uv_rng.h"
#include "net/uv_timers.h"
#include "net/uv_transport.h"
#include "tests/cluster/bus/bus_world.h"
#include "tests/net/edge_fixture.h"

namespace quoris::bus {

namespace {

using testing::Chunk;
using testing::identity_of;
using testing::Note;
using testing::SampleMessages;

// A node whose port is known once it listens.
class RealNode final : public BusOwner {
 public:
  RealNode(net::EventLoop& loop, net::UvTimers& timers, uint16_t number)
      : transport(loop),
        log(sink),
        bus({.clock = clock, .rng = rng, .timers = timers, .transport = transport, .log = log}, {},
            local(number), *this),
        channel(bus) {
    auto opened = net::Listener::open_tcp({.loop = loop, .acceptor = bus, .log = log}, {});
    REQUIRE(opened);
    listener = std::move(opened).value();
    member = {.number = NodeNumber{number},
              .identity = identity_of(number),
              .address = {"127.0.0.1", listener->port()}};
    bus.start();
  }

  static LocalNode local(uint16_t number) {
    LocalNode local;
    local.cluster = "orchard";
    local.secret = "sesame";
    local.facts.identity = identity_of(number);
    local.facts.number = NodeNumber{number};
    return local;
  }

  std::optional<Notice> admit(const PeerFacts&) override { return std::nullopt; }

  void on_link_up(PeerId, LinkKind) override { ++up; }

  void on_link_down(PeerId, LinkKind, EndReason) override { --up; }

  Status on_message(const Sender& from, Words words) override {
    auto message = bus::Channel<SampleMessages>::decode(from, words);
    if (!message) return message.error();
    if (const auto* note = std::get_if<Note>(&*message)) notes.push_back(note->text);
    if (const auto* chunk = std::get_if<Chunk>(&*message)) bytes += chunk->bytes.size();
    return ok();
  }

  void on_refused(const RefusalReport&) override {}

  void on_room(PeerId, LinkKind) override {
    if (refill) refill();
  }

  net::UvClock clock;
  net::UvRng rng;
  net::UvTransport transport;
  testing::KeptLog sink;
  Log log;
  Bus bus;
  bus::Channel<SampleMessages> channel;
  std::unique_ptr<net::Listener> listener;
  Member member;
  std::function<void()> refill;
  int up = 0;
  std::vector<std::string> notes;
  size_t bytes = 0;
};

class RealPair final : public TurnHandler {
 public:
  RealPair() {
    auto opened = net::EventLoop::open();
    REQUIRE(opened);
    loop = std::move(opened).value();
    loop->set_turn_handler(*this);
    timers = std::make_unique<net::UvTimers>(*loop);
    for (const uint16_t number : std::initializer_list<uint16_t>{1, 2}) {
      nodes.push_back(std::make_unique<RealNode>(*loop, *timers, number));
    }
    for (auto& node : nodes) node->bus.set_members({nodes[0]->member, nodes[1]->member});
    net::testing::pump_until(*loop, [&] { return nodes[0]->up == 3 && nodes[1]->up == 3; });
  }

  ~RealPair() override {
    nodes.clear();
    timers.reset();
    loop.reset();
  }

  void run_turn() override {
    for (auto& node : nodes) {
      node->bus.receive();
      node->bus.flush();
    }
  }

  [[nodiscard]] bool wants_turn() const override {
    return std::ranges::any_of(nodes, [](const auto& node) { return node->bus.wants_turn(); });
  }

  std::unique_ptr<net::EventLoop> loop;
  std::unique_ptr<net::UvTimers> timers;
  std::vector<std::unique_ptr<RealNode>> nodes;
};

}  // namespace

TEST_CASE("bus over sockets: links open, messages pass, a node that ends is noticed", "[bus]") {
  RealPair pair;
  RealNode& one = *pair.nodes[0];
  RealNode& two = *pair.nodes[1];
  REQUIRE(one.channel.send(NodeNumber{2}, Note{.text = "hello"}) == SendResult::sent);
  pair.loop->request_turn();
  net::testing::pump_until(*pair.loop, [&] { return two.notes.size() == 1; });
  pair.nodes.pop_back();
  net::testing::pump_until(*pair.loop, [&] { return one.up == 0; });
  CHECK(one.channel.send(NodeNumber{2}, Note{}) == SendResult::not_open);
}

TEST_CASE("bus over sockets: a bulk transfer goes as fast as the peer takes it", "[bus]") {
  RealPair pair;
  RealNode& one = *pair.nodes[0];
  RealNode& two = *pair.nodes[1];
  constexpr size_t kTotal = size_t{100} << 20;
  const Chunk chunk{.bytes = std::string(256 * 1024, 'x')};
  size_t sent = 0;
  one.refill = [&] {
    while (sent < kTotal && one.channel.send(NodeNumber{2}, chunk) == SendResult::sent) {
      sent += chunk.bytes.size();
    }
  };
  one.refill();
  CHECK(sent < kTotal);
  pair.loop->request_turn();
  size_t most = 0;
  net::testing::pump_until(*pair.loop, [&] {
    for (const LinkStatus& link : one.bus.links()) most = std::max(most, link.queued_bytes);
    return two.bytes == kTotal;
  });
  CHECK(most <= BusOptions{}.queues[index_of(LinkKind::bulk)].bytes);
  CHECK(one.up == 3);
}

}  // namespace quoris::bus
