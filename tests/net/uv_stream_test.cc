#include "net/uv_stream.h"

#include <netinet/tcp.h>

#include <catch2/catch.hpp>
#include <numeric>
#include <string>
#include <vector>

#include "tests/net/edge_fixture.h"

namespace quoris::net {
namespace {

using testing::chain_of;
using testing::Client;
using testing::Edge;
using testing::Pair;
using testing::pump;
using testing::pump_until;
using testing::Session;

// Bytes whose order and completeness can be checked.
std::string pattern(size_t size) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>('a' + (i * 7 + i / 1000) % 26);
  return bytes;
}

// A large reply as a server has it: many chunks, no single block.
ByteChain chunked(std::string_view bytes) {
  ByteChain chain;
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, 8 * 1024);
    chain.append(piece);
    bytes.remove_prefix(piece.size());
  }
  return chain;
}

TEST_CASE("stream: what a client sends is echoed", "[net]") {
  Pair pair;
  pair.session->when_read = [&] {
    pair.stream().write(chain_of(std::exchange(pair.session->received, {})));
  };
  std::string echoed;
  for (const std::string_view word : {"one", "two", "three"}) {
    pair.client.send_all(word);
    pump_until(pair.loop(), [&] {
      echoed += pair.client.receive();
      return echoed.ends_with(word);
    });
  }
  CHECK(echoed == "onetwothree");
  CHECK(pair.session->drained == 0);
  CHECK(pair.stream().pending() == 0);
}

TEST_CASE("stream: addresses are those of the socket", "[net]") {
  Pair pair;
  const std::string local = "127.0.0.1:" + std::to_string(pair.edge.listeners[0]->port());
  CHECK(pair.stream().local_address() == local);
  CHECK(pair.stream().peer_address().starts_with("127.0.0.1:"));
  CHECK(pair.stream().peer_address() != local);
  CHECK(pair.stream().is_local());
  CHECK_FALSE(pair.stream().is_unix());
  CHECK(pair.stream().descriptor() > 2);
}

TEST_CASE("stream: an accepted connection has no delay and the listener's keepalive", "[net]") {
  Pair pair;
  const auto option = [&](int level, int name) {
    int value = -1;
    socklen_t length = sizeof value;
    getsockopt(pair.stream().descriptor(), level, name, &value, &length);
    return value;
  };
  CHECK(option(IPPROTO_TCP, TCP_NODELAY) == 1);
  CHECK(option(SOL_SOCKET, SO_KEEPALIVE) == 1);
  CHECK(option(IPPROTO_TCP, TCP_KEEPIDLE) == 300);
  CHECK(option(IPPROTO_TCP, TCP_KEEPINTVL) == 100);
  CHECK(option(IPPROTO_TCP, TCP_KEEPCNT) == 3);
}

TEST_CASE("stream: a large reply reaches a slow reader whole, and its memory goes on the way",
          "[net]") {
  Pair pair;
  const std::string reply = pattern(40 << 20);
  pair.stream().write(chunked(reply));
  const size_t at_first = pair.stream().pending();
  REQUIRE(at_first > (20U << 20));
  std::string got;
  size_t before = at_first;
  while (got.size() < reply.size()) {
    for (int i = 0; i < 16; ++i) got += pair.client.receive(64 * 1024);
    pair.loop().run_once();
    const size_t waits = pair.stream().pending();
    REQUIRE(waits <= before);
    // Chunk headers come on top, and one slice is freed when it is through.
    REQUIRE(waits <= (reply.size() - got.size()) * 65 / 64 + 2 * kSliceBytes);
    before = waits;
  }
  CHECK(got == reply);
  pump_until(pair.loop(), [&] { return pair.session->drained == 1; });
  CHECK(pair.stream().pending() == 0);
  CHECK(pair.session->closed == 0);
}

TEST_CASE("stream: one block larger than a slice is sent whole", "[net]") {
  Pair pair;
  const std::string reply = pattern(9'999'999);
  pair.stream().write(chain_of(reply));
  std::string got;
  pump_until(pair.loop(), [&] {
    got += pair.client.receive();
    return got.size() >= reply.size();
  });
  CHECK(got == reply);
}

TEST_CASE("stream: writes keep their order while the socket is full", "[net]") {
  Pair pair;
  std::string expected = pattern(12 << 20);
  pair.stream().write(chunked(expected));
  REQUIRE(pair.stream().pending() > 0);
  std::string got;
  for (int i = 0; i < 500; ++i) {
    const std::string more = pattern(static_cast<size_t>(i) * 37 + 1);
    expected += more;
    pair.stream().write(chain_of(more));
    pair.loop().run_once();
    got += pair.client.receive(32 * 1024);
  }
  pump_until(pair.loop(), [&] {
    got += pair.client.receive();
    return got.size() >= expected.size();
  });
  CHECK(got == expected);
}

TEST_CASE("stream: a handler may refill the stream when it has drained", "[net]") {
  Pair pair;
  const std::string part = pattern(8 << 20);
  pair.session->when_drained = [&] {
    if (pair.session->drained < 3) pair.stream().write(chunked(part));
  };
  pair.stream().write(chunked(part));
  std::string got;
  pump_until(pair.loop(), [&] {
    got += pair.client.receive();
    return got.size() == 3 * part.size();
  });
  pump_until(pair.loop(), [&] { return pair.session->drained == 3; });
  CHECK(got == part + part + part);
}

TEST_CASE("stream: requests that came with the end of input run before on_closed", "[net]") {
  for (const bool over_unix : {false, true}) {
    Edge edge;
    std::string path;
    std::unique_ptr<Client> client;
    if (over_unix) {
      path = "/tmp/quoris-net-test-" + std::to_string(getpid()) + ".sock";
      auto listener = Listener::open_unix(edge.context(), {.path = path});
      REQUIRE(listener);
      edge.listeners.push_back(std::move(listener).value());
      client = std::make_unique<Client>(path);
    } else {
      client = std::make_unique<Client>(edge.listen());
    }
    std::string executed;
    bool closed_before = false;
    edge.when_accepted = [&](Session& session) {
      session.when_closed = [&] { closed_before = executed.empty(); };
    };
    edge.turn = [&] {
      if (!edge.sessions.empty()) executed += std::exchange(edge.sessions[0]->received, {});
    };
    client->send_all("SET a 1");
    client->close();
    Session& session = edge.wait_for_session(0);
    pump_until(*edge.loop, [&] { return session.closed == 1; });
    CHECK(executed == "SET a 1");
    CHECK_FALSE(closed_before);
  }
}

TEST_CASE("stream: a peer that only shut its sending side gets its whole reply", "[net]") {
  Pair pair;
  const std::string reply = pattern(20 << 20);
  bool answered = false;
  pair.edge.turn = [&] {
    if (!pair.session->received.empty() && !std::exchange(answered, true)) {
      pair.stream().write(chunked(reply));
    }
  };
  pair.client.send_all("GET big");
  pair.client.shut_sending();
  std::string got;
  pump_until(pair.loop(), [&] {
    got += pair.client.receive();
    return pair.session->closed == 1;
  });
  while (got.size() < reply.size()) {
    const std::string more = pair.client.receive();
    REQUIRE_FALSE(more.empty());
    got += more;
  }
  CHECK(got == reply);
}

TEST_CASE("stream: an end without anything pending closes at once", "[net]") {
  Pair pair;
  pair.client.close();
  pump_until(pair.loop(), [&] { return pair.session->closed == 1; });
  pair.stream().write(chain_of("into the void"));
  CHECK(pair.stream().pending() == 0);
  pump(pair.loop());
  CHECK(pair.session->closed == 1);
}

TEST_CASE("stream: it may be destroyed inside on_read", "[net]") {
  Pair pair;
  pair.session->when_read = [&] { pair.session->stream.reset(); };
  pair.client.send_all("bye");
  pump_until(pair.loop(), [&] {
    pair.client.receive();
    return pair.client.ended();
  });
  CHECK(pair.session->received == "bye");
  CHECK(pair.session->closed == 0);
}

TEST_CASE("stream: it may be destroyed inside on_closed", "[net]") {
  Pair pair;
  pair.session->when_closed = [&] { pair.session->stream.reset(); };
  pair.client.close();
  pump_until(pair.loop(), [&] { return pair.session->closed == 1; });
  CHECK(pair.session->stream == nullptr);
}

TEST_CASE("stream: it may be destroyed inside on_drained", "[net]") {
  Pair pair;
  pair.session->when_drained = [&] { pair.session->stream.reset(); };
  const std::string reply = pattern(8 << 20);
  pair.stream().write(chunked(reply));
  std::string got;
  pump_until(pair.loop(), [&] {
    got += pair.client.receive();
    return pair.client.ended();
  });
  CHECK(got == reply);
}

TEST_CASE("stream: destroyed with output pending, nobody is called and nothing leaks", "[net]") {
  Pair pair;
  pair.stream().write(chunked(pattern(32 << 20)));
  REQUIRE(pair.stream().pending() > 0);
  pair.session->stream.reset();
  pump(pair.loop());
  CHECK(pair.session->drained == 0);
  CHECK(pair.session->closed == 0);
}

TEST_CASE("stream: a loop may end right after a stream with pending output", "[net]") {
  Pair pair;
  pair.stream().write(chunked(pattern(32 << 20)));
  REQUIRE(pair.stream().pending() > 0);
}

TEST_CASE("stream: a reset while output waits ends in one on_closed", "[net]") {
  Pair pair;
  pair.session->refuse_input = true;
  pump(pair.loop());
  pair.stream().write(chunked(pattern(32 << 20)));
  REQUIRE(pair.stream().pending() > 0);
  pair.client.abort();
  pump_until(pair.loop(), [&] { return pair.session->closed == 1; });
  CHECK(pair.stream().pending() == 0);
  CHECK(pair.session->drained == 0);
  pump(pair.loop());
  CHECK(pair.session->closed == 1);
}

TEST_CASE("stream: a write to a connection that was reset fails behind the turn", "[net]") {
  Pair pair;
  pair.stream().pause_reading();
  pair.client.abort();
  pump(pair.loop());
  REQUIRE(pair.session->closed == 0);
  bool in_write = true;
  pair.session->when_closed = [&] { CHECK_FALSE(in_write); };
  pair.stream().write(chain_of("one"));
  pair.stream().write(chain_of("two"));
  in_write = false;
  CHECK(pair.session->closed == 0);
  pump_until(pair.loop(), [&] { return pair.session->closed == 1; });
}

TEST_CASE("stream: close_after_write delivers everything, then ends", "[net]") {
  Pair pair;
  const std::string reply = pattern(16 << 20);
  pair.stream().write(chunked(reply));
  pair.stream().close_after_write();
  CHECK(pair.session->closed == 0);
  pair.session->when_closed = [&] { pair.session->stream.reset(); };
  std::string got;
  pump_until(pair.loop(), [&] {
    got += pair.client.receive();
    return pair.client.ended();
  });
  CHECK(got == reply);
  CHECK(pair.session->closed == 1);
}

TEST_CASE("stream: close_after_write with nothing pending closes behind the turn", "[net]") {
  Pair pair;
  pair.stream().close_after_write();
  CHECK(pair.session->closed == 0);
  pump_until(pair.loop(), [&] { return pair.session->closed == 1; });
}

TEST_CASE("stream: last words reach a client whose input was never read", "[net]") {
  Pair pair;
  pair.session->refuse_input = true;
  pump(pair.loop());
  pair.client.send_all(pattern(100'000));
  pair.stream().write(chain_of("-ERR Protocol error\r\n"));
  pair.stream().close_after_write();
  pair.session->when_closed = [&] { pair.session->stream.reset(); };
  std::string got;
  pump_until(pair.loop(), [&] {
    got += pair.client.receive();
    return pair.client.ended() || pair.client.was_reset();
  });
  CHECK(got == "-ERR Protocol error\r\n");
  CHECK_FALSE(pair.client.was_reset());
}

TEST_CASE("stream: an acceptor may say why it refuses", "[net]") {
  class Refuser final : public StreamAcceptor {
   public:
    StreamHandler* accept(std::unique_ptr<Stream> stream) override {
      stream->write(chain_of("-ERR max number of clients reached\r\n"));
      return nullptr;
    }

    void on_unserved() override {}
  };

  Edge edge;
  Refuser refuser;
  auto listener =
      Listener::open_tcp({.loop = *edge.loop, .acceptor = refuser, .log = edge.log}, {});
  REQUIRE(listener);
  {
    const auto owned = std::move(listener).value();
    Client client(owned->port());
    client.send_all("PING\r\n");
    std::string got;
    pump_until(*edge.loop, [&] {
      got += client.receive();
      return client.ended() || client.was_reset();
    });
    CHECK(got == "-ERR max number of clients reached\r\n");
    CHECK_FALSE(client.was_reset());
  }
}

TEST_CASE("stream: a paused stream reads nothing until it is resumed", "[net]") {
  Pair pair;
  pair.stream().pause_reading();
  pair.client.send_all("hello");
  pump(pair.loop());
  CHECK(pair.session->received.empty());
  pair.stream().resume_reading();
  pump_until(pair.loop(), [&] { return pair.session->received == "hello"; });
}

TEST_CASE("stream: an empty read buffer stops the reading until it is resumed", "[net]") {
  Pair pair;
  pair.session->refuse_input = true;
  pair.client.send_all("hello");
  pump(pair.loop());
  CHECK(pair.session->received.empty());
  pair.session->refuse_input = false;
  pump(pair.loop());
  CHECK(pair.session->received.empty());
  pair.stream().resume_reading();
  pump_until(pair.loop(), [&] { return pair.session->received == "hello"; });
}

TEST_CASE("stream: a flooding client is read up to its quota per turn, a quiet one every turn",
          "[net]") {
  Edge edge;
  const uint16_t port = edge.listen();
  Client flood(port);
  Client quiet(port);
  edge.wait_for_session(1);
  // Room for more than a quota, where the system lets us have it.
  const int room = 8 << 20;
  setsockopt(edge.sessions[0]->stream->descriptor(), SOL_SOCKET, SO_RCVBUFFORCE, &room,
             sizeof room);
  const std::string load = pattern(64 * 1024);
  size_t flood_seen = 0;
  size_t most = 0;
  for (int round = 0; round < 200; ++round) {
    size_t sent = 0;
    while (const size_t taken = flood.send_some(load)) sent += taken;
    quiet.send_all("x");
    edge.loop->run_once();
    const size_t seen = edge.sessions[0]->received.size();
    most = std::max(most, seen - flood_seen);
    flood_seen = seen;
    REQUIRE(edge.sessions[1]->received.size() == static_cast<size_t>(round) + 1);
  }
  CHECK(most > 0);
  CHECK(most <= kReadPerTurnBytes);
  // The rest follows without a word from the client.
  const size_t before = edge.sessions[0]->received.size();
  pump(*edge.loop, 2);
  CHECK(edge.sessions[0]->received.size() > before);
}

}  // namespace
}  // namespace quoris::net
