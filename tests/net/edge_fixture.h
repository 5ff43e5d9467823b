// What the tests of src/net share: a loop with a listener, sessions that record what they are
// told, and plain non-blocking sockets as clients, all on one thread.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/byte_chain.h"
#include "base/log.h"
#include "base/stream.h"
#include "net/event_loop.h"
#include "net/file_descriptor.h"
#include "net/listener.h"

namespace quoris::net::testing {

class MemorySink final : public LogSink {
 public:
  void write(LogLevel, std::string_view line) override { lines.emplace_back(line); }

  std::vector<std::string> lines;
};

// Iterates until `done` or a wall time no healthy run comes near; then the test fails.
inline void pump_until(EventLoop& loop, const std::function<bool()>& done) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!done()) {
    loop.run_once();
    if (std::chrono::steady_clock::now() > deadline) FAIL("the loop made no progress");
  }
}

inline void pump(EventLoop& loop, int iterations = 20) {
  for (int i = 0; i < iterations; ++i) loop.run_once();
}

class Client {
 public:
  explicit Client(uint16_t port, const char* host = "127.0.0.1") {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    inet_pton(AF_INET, host, &address.sin_addr);
    open(AF_INET, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }

  explicit Client(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(static_cast<void*>(address.sun_path), path.data(), path.size());
    open(AF_UNIX, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }

  // Bytes taken by the system; it may take less than all.
  size_t send_some(std::string_view bytes) {
    const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return sent < 0 ? 0 : static_cast<size_t>(sent);
  }

  void send_all(std::string_view bytes) { REQUIRE(send_some(bytes) == bytes.size()); }

  // What has arrived, at most `limit` bytes; notes an end or a reset.
  std::string receive(size_t limit = 1 << 20) {
    std::string bytes(limit, '\0');
    const ssize_t count = ::recv(socket_.get(), bytes.data(), limit, 0);
    if (count == 0) ended_ = true;
    if (count < 0 && errno != EAGAIN) reset_ = true;
    bytes.resize(count > 0 ? static_cast<size_t>(count) : 0);
    return bytes;
  }

  [[nodiscard]] bool ended() const { return ended_; }

  [[nodiscard]] bool was_reset() const { return reset_; }

  void shut_sending() { ::shutdown(socket_.get(), SHUT_WR); }

  void close() { socket_.reset(); }

  // Closes with a reset instead of an orderly end.
  void abort() {
    const linger now{.l_onoff = 1, .l_linger = 0};
    setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    socket_.reset();
  }

 private:
  void open(int family, const sockaddr* address, socklen_t length) {
    socket_ = FileDescriptor(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::connect(socket_.get(), address, length) == 0);
    REQUIRE(fcntl(socket_.get(), F_SETFL, O_NONBLOCK) == 0);
  }

  FileDescriptor socket_;
  bool ended_ = false;
  bool reset_ = false;
};

inline ByteChain chain_of(std::string_view bytes) {
  ByteChain chain;
  chain.append(bytes);
  return chain;
}

// A session that keeps what it read; a test hooks in where it wants something else.
class Session final : public StreamHandler {
 public:
  explicit Session(std::unique_ptr<Stream> taken) : stream(std::move(taken)), buffer_(16 * 1024) {}

  [[nodiscard]] std::span<char> read_buffer() override {
    if (refuse_input) return {};
    return buffer_;
  }

  void on_read(size_t count) override {
    received.append(buffer_.data(), count);
    if (when_read) when_read();
  }

  void on_drained() override {
    ++drained;
    if (when_drained) when_drained();
  }

  void on_closed() override {
    ++closed;
    if (when_closed) when_closed();
  }

  std::unique_ptr<Stream> stream;
  std::string received;
  std::function<void()> when_read;
  std::function<void()> when_drained;
  std::function<void()> when_closed;
  int drained = 0;
  int closed = 0;
  bool refuse_input = false;

 private:
  std::vector<char> buffer_;
};

// Loop, sessions in the order of their coming, and a turn that a test can fill.
class Edge : public StreamAcceptor, public TurnHandler {
 public:
  Edge() : log(sink) {
    auto opened = EventLoop::open();
    REQUIRE(opened);
    loop = std::move(opened).value();
    loop->set_turn_handler(*this);
  }

  ~Edge() override {
    sessions.clear();
    listeners.clear();
    loop.reset();
  }

  StreamHandler* accept(std::unique_ptr<Stream> stream) override {
    if (refuse) return nullptr;
    sessions.push_back(std::make_unique<Session>(std::move(stream)));
    if (when_accepted) when_accepted(*sessions.back());
    return sessions.back().get();
  }

  void on_unserved() override { ++unserved; }

  void run_turn() override {
    ++turns;
    if (turn) turn();
  }

  [[nodiscard]] bool wants_turn() const override { return hungry; }

  Listener::Context context() { return {.loop = *loop, .acceptor = *this, .log = log}; }

  // Port of a new listener on 127.0.0.1.
  uint16_t listen() {
    auto opened = Listener::open_tcp(context(), {});
    REQUIRE(opened);
    listeners.push_back(std::move(opened).value());
    return listeners.back()->port();
  }

  Session& wait_for_session(size_t index) {
    pump_until(*loop, [&] { return sessions.size() > index; });
    return *sessions[index];
  }

  MemorySink sink;
  Log log;
  std::unique_ptr<EventLoop> loop;
  std::vector<std::unique_ptr<Listener>> listeners;
  std::vector<std::unique_ptr<Session>> sessions;
  std::function<void(Session&)> when_accepted;
  std::function<void()> turn;
  int turns = 0;
  int unserved = 0;
  bool hungry = false;
  bool refuse = false;
};

// One connection over TCP.
struct Pair {
  Pair() : client(edge.listen()), session(&edge.wait_for_session(0)) {}

  EventLoop& loop() { return *edge.loop; }

  Stream& stream() { return *session->stream; }

  Edge edge;
  Client client;
  Session* session;
};

}  // namespace quoris::net::testing
