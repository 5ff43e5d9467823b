#include "net/event_loop.h"

#include <catch2/catch.hpp>
#include <memory>

#include "net/uv_timers.h"
#include "tests/net/edge_fixture.h"

namespace quoris::net {
namespace {

using testing::Client;
using testing::Edge;
using testing::Session;

TEST_CASE("event loop: a turn runs once per iteration, after all sockets were read", "[net]") {
  Edge edge;
  const uint16_t port = edge.listen();
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 10; ++i) clients.push_back(std::make_unique<Client>(port));
  edge.wait_for_session(9);
  for (const auto& client : clients) client->send_all("x");
  size_t read_at_turn = 0;
  edge.turn = [&] {
    for (const auto& session : edge.sessions) read_at_turn += session->received.size();
  };
  const int before = edge.turns;
  edge.loop->run_once();
  CHECK(edge.turns == before + 1);
  CHECK(read_at_turn == 10);
}

TEST_CASE("event loop: it does not sleep while the turn handler wants more", "[net]") {
  Edge edge;
  edge.listen();  // would let it sleep forever
  edge.hungry = true;
  edge.turn = [&] {
    if (edge.turns == 100) edge.hungry = false;
    if (edge.turns >= 100) edge.loop->stop();
  };
  edge.loop->request_turn();
  edge.loop->run();
  CHECK(edge.turns == 100);
}

TEST_CASE("event loop: work made by a timer gets its turn without a sleep", "[net]") {
  Edge edge;
  edge.listen();
  {
    UvTimers timers(*edge.loop);
    bool fired = false;
    static_cast<void>(timers.schedule(1000, [&] { fired = true; }));
    edge.turn = [&] {
      if (fired) edge.loop->stop();
    };
    edge.loop->run();
    CHECK(fired);
  }
}

TEST_CASE("event loop: with nothing alive it returns by itself", "[net]") {
  Edge edge;
  edge.loop->run();
  CHECK(edge.sessions.empty());
}

TEST_CASE("event loop: what is deferred runs once, behind the turn", "[net]") {
  class Note final : public Deferred {
   public:
    explicit Note(std::function<void()> action) : action_(std::move(action)) {}

    void run_deferred() override { action_(); }

   private:
    std::function<void()> action_;
  };

  Edge edge;
  std::string order;
  edge.turn = [&] { order += 't'; };
  std::unique_ptr<Note> third;
  Note first([&] {
    order += '1';
    third.reset();  // destroyed while it waits in the same batch
  });
  Note second([&] {
    order += '2';
    if (order.size() < 6) edge.loop->defer(second);  // waits for the next turn
  });
  third = std::make_unique<Note>([&] { order += '3'; });
  edge.loop->defer(first);
  edge.loop->defer(second);
  edge.loop->defer(*third);
  edge.loop->defer(first);
  testing::pump(*edge.loop, 3);
  CHECK(order == "t12t2t2");
}

}  // namespace
}  // namespace quoris::net
