#include "net/uv_transport.h"

#include <netinet/tcp.h>

#include <catch2/catch.hpp>
#include <string>

#include "tests/net/edge_fixture.h"

namespace quoris::net {
namespace {

using testing::chain_of;
using testing::Edge;
using testing::pump;
using testing::pump_until;
using testing::Session;

// Who calls, and keeps what it is told.
class Caller final : public ConnectHandler {
 public:
  void on_connected() override {
    ++connected;
    if (when_connected) when_connected();
  }

  void on_failed(const Error& error) override {
    failures.push_back(error);
    if (when_failed) when_failed();
  }

  std::span<char> read_buffer() override { return buffer_; }

  void on_read(size_t count) override { received.append(buffer_.data(), count); }

  void on_drained() override {}

  void on_closed() override { ++closed; }

  std::unique_ptr<Stream> stream;
  std::string received;
  std::vector<Error> failures;
  std::function<void()> when_connected;
  std::function<void()> when_failed;
  int connected = 0;
  int closed = 0;

 private:
  std::vector<char> buffer_ = std::vector<char>(16 * 1024);
};

// A port that nobody listens on: it was one, and is free again.
uint16_t dead_port() {
  Edge edge;
  return edge.listen();
}

void call(Edge& edge, Caller& caller, const HostPort& to, const ConnectOptions& options = {}) {
  UvTransport transport(*edge.loop, options);
  caller.stream = transport.connect(to, caller);
  CHECK(caller.connected == 0);
  CHECK(caller.failures.empty());
}

}  // namespace

TEST_CASE("transport: it connects to an address and to a name, and is a stream then", "[net]") {
  for (const std::string host : {"127.0.0.1", "localhost"}) {
    Edge edge;
    Caller caller;
    const uint16_t port = edge.listen();
    call(edge, caller, {host, port});
    caller.stream->write(chain_of("before, "));
    CHECK(caller.stream->unsent() == 8);
    CHECK(caller.stream->peer_address() == host + ":" + std::to_string(port));
    caller.when_connected = [&] { caller.stream->write(chain_of("after")); };
    Session& session = edge.wait_for_session(0);
    pump_until(*edge.loop, [&] { return session.received == "before, after"; });
    session.stream->write(chain_of("hello"));
    pump_until(*edge.loop, [&] { return caller.received == "hello"; });
    CHECK(caller.connected == 1);
    CHECK(caller.failures.empty());
    CHECK(caller.stream->peer_address() == "127.0.0.1:" + std::to_string(port));
    CHECK(caller.stream->is_local());
    CHECK(caller.stream->unsent() == 0);
    session.stream.reset();
    pump_until(*edge.loop, [&] { return caller.closed == 1; });
    caller.stream.reset();
  }
}

TEST_CASE("transport: connections have no delay and a bound on what is not acknowledged", "[net]") {
  Edge edge;
  Caller caller;
  TcpListenOptions listen_options;
  listen_options.user_timeout_ms = 7000;
  auto opened = Listener::open_tcp(edge.context(), listen_options);
  REQUIRE(opened);
  edge.listeners.push_back(std::move(opened).value());
  call(edge, caller, {"127.0.0.1", edge.listeners[0]->port()}, {.user_timeout_ms = 4321});
  Session& session = edge.wait_for_session(0);
  pump_until(*edge.loop, [&] { return caller.connected == 1; });
  const auto option = [](const Stream& stream, int name) {
    int value = -1;
    socklen_t length = sizeof value;
    getsockopt(stream.descriptor(), IPPROTO_TCP, name, &value, &length);
    return value;
  };
  CHECK(option(*caller.stream, TCP_NODELAY) == 1);
  CHECK(option(*caller.stream, TCP_USER_TIMEOUT) == 4321);
  CHECK(option(*session.stream, TCP_NODELAY) == 1);
  CHECK(option(*session.stream, TCP_USER_TIMEOUT) == 7000);
  caller.stream.reset();
}

TEST_CASE("transport: nobody there is said, after connect()", "[net]") {
  const uint16_t port = dead_port();
  for (const std::string host : {"127.0.0.1", "localhost"}) {
    Edge edge;
    Caller caller;
    call(edge, caller, {host, port});
    pump_until(*edge.loop, [&] { return caller.failures.size() == 1; });
    CHECK(caller.failures[0].message.find("Connection refused") != std::string::npos);
    pump(*edge.loop);
    CHECK(caller.failures.size() == 1);
    CHECK(caller.connected == 0);
    caller.stream.reset();
  }
}

TEST_CASE("transport: a name without an address is said", "[net]") {
  Edge edge;
  Caller caller;
  call(edge, caller, {"no-such-host.invalid", 1});
  pump_until(*edge.loop, [&] { return caller.failures.size() == 1; });
  CHECK(caller.failures[0].code == Errc::not_found);
  CHECK(caller.failures[0].message.starts_with("cannot look up no-such-host.invalid: "));
}

TEST_CASE("transport: who does not answer is given up in time", "[net]") {
  Edge edge;
  // A listener that accepts nothing, with its queue full: further SYNs are dropped.
  const FileDescriptor full(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  REQUIRE(::bind(full.get(), reinterpret_cast<sockaddr*>(&address), length) == 0);
  REQUIRE(::listen(full.get(), 0) == 0);
  REQUIRE(getsockname(full.get(), reinterpret_cast<sockaddr*>(&address), &length) == 0);
  const uint16_t port = ntohs(address.sin_port);
  std::vector<std::unique_ptr<Caller>> fillers;
  for (int i = 0; i < 4; ++i) {
    fillers.push_back(std::make_unique<Caller>());
    call(edge, *fillers.back(), {"127.0.0.1", port}, {.connect_ms = 60'000});
  }
  pump(*edge.loop);
  Caller caller;
  call(edge, caller, {"127.0.0.1", port}, {.connect_ms = 50});
  pump_until(*edge.loop, [&] { return caller.failures.size() == 1; });
  CHECK(caller.failures[0].message.find("timed out") != std::string::npos);
}

TEST_CASE("transport: a stream may be destroyed at any time, and nobody is called", "[net]") {
  Edge edge;
  const uint16_t port = edge.listen();
  const uint16_t dead = dead_port();
  for (const HostPort& to :
       {HostPort{"127.0.0.1", port}, HostPort{"localhost", port}, HostPort{"127.0.0.1", dead},
        HostPort{"localhost", dead}, HostPort{"no-such-host.invalid", 1}}) {
    for (int iterations = 0; iterations < 4; ++iterations) {
      Caller caller;
      call(edge, caller, to);
      pump(*edge.loop, iterations);
      const int connected = caller.connected;
      const size_t failed = caller.failures.size();
      caller.stream.reset();
      pump(*edge.loop, 5);
      CHECK(caller.connected == connected);
      CHECK(caller.failures.size() == failed);
      CHECK(caller.closed == 0);
    }
  }
  // In the calls themselves.
  Caller happy;
  happy.when_connected = [&] { happy.stream.reset(); };
  call(edge, happy, {"127.0.0.1", port});
  pump_until(*edge.loop, [&] { return happy.connected == 1; });
  CHECK(happy.stream == nullptr);
  Caller sad;
  sad.when_failed = [&] { sad.stream.reset(); };
  call(edge, sad, {"127.0.0.1", dead});
  pump_until(*edge.loop, [&] { return sad.failures.size() == 1; });
  CHECK(sad.stream == nullptr);
}

TEST_CASE("transport: what was asked for before the connection holds after it", "[net]") {
  Edge edge;
  Caller caller;
  call(edge, caller, {"127.0.0.1", edge.listen()});
  caller.stream->pause_reading();
  caller.stream->write(chain_of("last words"));
  caller.stream->close_after_write();
  Session& session = edge.wait_for_session(0);
  session.stream->write(chain_of("unheard"));
  pump_until(*edge.loop, [&] { return caller.closed == 1; });
  CHECK(caller.received.empty());
  pump_until(*edge.loop, [&] { return session.received == "last words"; });
  caller.stream.reset();
  pump_until(*edge.loop, [&] { return session.closed == 1; });
}

TEST_CASE("transport: a loop may end while a name is looked up", "[net]") {
  Edge edge;
  Caller caller;
  call(edge, caller, {"no-such-host.invalid", 1});
  caller.stream.reset();
}

}  // namespace quoris::net
