#include "net/listener.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "net/files.h"
#include "tests/net/edge_fixture.h"

namespace quoris::net {
namespace {

using testing::chain_of;
using testing::Client;
using testing::Edge;
using testing::pump;
using testing::pump_until;
using testing::Session;

std::string socket_path() { return "/tmp/quoris-net-test-" + std::to_string(getpid()) + ".sock"; }

// Lowers the limit on open files for a test.
class FileLimit {
 public:
  explicit FileLimit(rlim_t limit) {
    getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit lowered{.rlim_cur = limit, .rlim_max = before_.rlim_max};
    setrlimit(RLIMIT_NOFILE, &lowered);
  }

  FileLimit(const FileLimit&) = delete;
  FileLimit& operator=(const FileLimit&) = delete;

  ~FileLimit() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST_CASE("listener: a burst of thousands of connections is accepted, some per turn", "[net]") {
  Edge edge;
  auto listener = Listener::open_tcp(edge.context(), {.backlog = 4096});
  REQUIRE(listener);
  edge.listeners.push_back(std::move(listener).value());
  const uint16_t port = edge.listeners[0]->port();
  std::vector<std::unique_ptr<Client>> clients;
  size_t most = 0;
  for (int burst = 0; burst < 3; ++burst) {
    for (int i = 0; i < 1000; ++i) clients.push_back(std::make_unique<Client>(port));
    while (edge.sessions.size() < clients.size()) {
      const size_t before = edge.sessions.size();
      edge.loop->run_once();
      most = std::max(most, edge.sessions.size() - before);
    }
  }
  CHECK(most == static_cast<size_t>(kAcceptsPerTurn));
  for (const auto& client : clients) client->send_all("x");
  pump_until(*edge.loop, [&] {
    return std::ranges::all_of(edge.sessions, [](const auto& s) { return s->received == "x"; });
  });
  clients.clear();
  pump_until(*edge.loop, [&] {
    return std::ranges::all_of(edge.sessions, [](const auto& s) { return s->closed == 1; });
  });
}

TEST_CASE("listener: a port in use is a clear error", "[net]") {
  Edge edge;
  const uint16_t port = edge.listen();
  const auto second = Listener::open_tcp(edge.context(), {.port = port});
  REQUIRE_FALSE(second);
  CHECK(second.error().code == Errc::already_exists);
  CHECK(second.error().message ==
        "address 127.0.0.1:" + std::to_string(port) + " is already in use");
}

TEST_CASE("listener: a port can be taken again right after a server with clients", "[net]") {
  Edge edge;
  const uint16_t port = edge.listen();
  Client client(port);
  edge.wait_for_session(0);
  edge.sessions.clear();  // our side closes first: the connection lingers in the system
  edge.listeners.clear();
  pump(*edge.loop);
  CHECK(Listener::open_tcp(edge.context(), {.port = port}));
}

TEST_CASE("listener: nonsense is refused with the address in the text", "[net]") {
  Edge edge;
  const auto name = Listener::open_tcp(edge.context(), {.address = "no.such.host.invalid"});
  REQUIRE_FALSE(name);
  CHECK(name.error().message.starts_with("cannot listen on no.such.host.invalid:0: "));
  const auto foreign = Listener::open_tcp(edge.context(), {.address = "192.0.2.1"});
  REQUIRE_FALSE(foreign);
  CHECK(foreign.error().code == Errc::not_found);
}

TEST_CASE("listener: bind takes several addresses, and optional ones may be missing", "[net]") {
  Edge edge;
  const std::vector<std::string> addresses{"127.0.0.1", "-192.0.2.1", "127.0.0.2"};
  auto listeners = Listener::open_all(edge.context(), addresses, {});
  REQUIRE(listeners);
  REQUIRE(listeners->size() == 2);
  const uint16_t port = (*listeners)[0]->port();
  CHECK((*listeners)[1]->address() == "127.0.0.2:" + std::to_string(port));
  edge.listeners = std::move(listeners).value();
  Client first(port, "127.0.0.1");
  Client second(port, "127.0.0.2");
  edge.wait_for_session(1);

  const std::vector<std::string> missing{"127.0.0.1", "192.0.2.1"};
  CHECK_FALSE(Listener::open_all(edge.context(), missing, {}));
  const auto none = Listener::open_all(edge.context(), {}, {});
  REQUIRE(none);
  CHECK(none->empty());
}

TEST_CASE("listener: a star is every interface, IPv6 beside IPv4 on the same port", "[net]") {
  Edge edge;
  const std::vector<std::string> addresses{"*", "-::*"};
  auto listeners = Listener::open_all(edge.context(), addresses, {});
  REQUIRE(listeners);
  REQUIRE_FALSE(listeners->empty());
  edge.listeners = std::move(listeners).value();
  CHECK(edge.listeners[0]->address() == "0.0.0.0:" + std::to_string(edge.listeners[0]->port()));
  Client client(edge.listeners[0]->port());
  edge.wait_for_session(0);
}

// As a server that was killed leaves it: bound, with nobody behind it.
void leave_stale_socket(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  REQUIRE(bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  close(socket);
}

TEST_CASE("listener: unix socket, its permissions, its stale file, its end", "[net]") {
  const std::string path = socket_path();
  Edge edge;
  leave_stale_socket(path);
  auto listener = Listener::open_unix(edge.context(), {.path = path, .permissions = 0700});
  REQUIRE(listener);

  struct stat state {};

  REQUIRE(stat(path.c_str(), &state) == 0);
  CHECK((state.st_mode & 0777) == 0700);
  edge.listeners.push_back(std::move(listener).value());
  const auto second = Listener::open_unix(edge.context(), {.path = path});
  REQUIRE_FALSE(second);
  CHECK_THAT(second.error().message, Catch::Contains("another server is listening there"));
  Client client(path);
  Session& session = edge.wait_for_session(1);  // the first was the second listener's question
  CHECK(session.stream->is_unix());
  CHECK(session.stream->is_local());
  CHECK(session.stream->peer_address() == path + ":0");
  CHECK(session.stream->local_address() == path + ":0");
  client.send_all("PING");
  pump_until(*edge.loop, [&] { return session.received == "PING"; });
  session.stream->write(chain_of("+PONG\r\n"));
  CHECK(client.receive() == "+PONG\r\n");
  edge.listeners.clear();
  CHECK(access(path.c_str(), F_OK) != 0);
}

TEST_CASE("listener: a file that is no socket is not removed for a unix socket", "[net]") {
  const std::string path = socket_path();
  REQUIRE(replace_file(path, "precious"));
  Edge edge;
  const auto listener = Listener::open_unix(edge.context(), {.path = path});
  REQUIRE_FALSE(listener);
  CHECK(listener.error().code == Errc::already_exists);
  CHECK(*read_file(path) == "precious");
  REQUIRE(remove_file(path));
  CHECK_FALSE(Listener::open_unix(edge.context(), {.path = std::string(200, 'x')}));
}

TEST_CASE("listener: out of descriptors it closes who waits, says so once, and goes on", "[net]") {
  Edge edge;
  const uint16_t port = edge.listen();
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 40; ++i) clients.push_back(std::make_unique<Client>(port));
  {
    // Below what is open already: not one more.
    const FileLimit limit(20);
    pump(*edge.loop, 50);
    CHECK(edge.sessions.empty());
    CHECK(edge.unserved == 40);
  }
  REQUIRE(edge.sink.lines.size() == 1);
  CHECK(edge.sink.lines[0].find("Too many open files") != std::string::npos);
  for (const auto& client : clients) {
    client->receive();
    CHECK(client->ended());
  }
  Client late(port);
  edge.wait_for_session(0);
}

TEST_CASE("listener: a keepalive of zero is off for the connections that come", "[net]") {
  Edge edge;
  const uint16_t port = edge.listen();
  REQUIRE(edge.listeners[0]->set_keepalive(0));
  Client client(port);
  const Session& session = edge.wait_for_session(0);
  int value = -1;
  socklen_t length = sizeof value;
  getsockopt(session.stream->descriptor(), SOL_SOCKET, SO_KEEPALIVE, &value, &length);
  CHECK(value == 0);
}

}  // namespace
}  // namespace quoris::net
