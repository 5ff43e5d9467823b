// The floor for benchmarks: a server that answers +OK to every command and does nothing else.
//
// It uses the edge as the node does (listener, streams, one turn per iteration of the loop, one
// write per client and turn) but only counts commands, with a scanner that trusts its input. What
// it reaches is what no server over src/net can exceed. `quoris_null_server [port]`.
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstdlib>
#include <memory>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/byte_chain.h"
#include "base/log.h"
#include "base/stream.h"
#include "net/event_loop.h"
#include "net/listener.h"
#include "net/signals.h"
#include "net/spdlog_sink.h"

namespace {

using quoris::ByteChain;
using quoris::Stream;

constexpr uint16_t kDefaultPort = 6390;

// Counts the commands of a well-formed pipeline, however it is cut into pieces.
class CommandScanner {
 public:
  [[nodiscard]] size_t count(std::string_view bytes) {
    size_t commands = 0;
    while (!bytes.empty()) {
      if (skip_ > 0) {
        const size_t step = std::min(skip_, bytes.size());
        skip_ -= step;
        bytes.remove_prefix(step);
      } else {
        const char c = bytes.front();
        bytes.remove_prefix(1);
        if (c == '\n') {
          end_line();
        } else {
          take(c);
        }
      }
      if (!in_line_ && skip_ == 0 && arguments_left_ == 0 && std::exchange(busy_, false)) {
        ++commands;
      }
    }
    return commands;
  }

 private:
  void take(char c) {
    if (!in_line_) {
      in_line_ = true;
      kind_ = c;
      number_ = 0;
      busy_ = true;
    } else if (c >= '0' && c <= '9') {
      number_ = number_ * 10 + static_cast<size_t>(c - '0');
    }
  }

  void end_line() {
    in_line_ = false;
    if (kind_ == '*') {
      arguments_left_ = number_;
    } else if (kind_ == '$') {
      skip_ = number_ + 2;
      --arguments_left_;
    }
  }

  size_t number_ = 0;
  size_t skip_ = 0;
  size_t arguments_left_ = 0;
  char kind_ = 0;
  bool in_line_ = false;
  bool busy_ = false;
};

class NullServer;

class NullSession final : public quoris::StreamHandler {
 public:
  NullSession(NullServer& server, std::unique_ptr<Stream> stream)
      : server_(server), stream_(std::move(stream)) {}

  [[nodiscard]] std::span<char> read_buffer() override;
  void on_read(size_t count) override;

  void on_drained() override {}

  void on_closed() override;

  // Replies to what was counted since the last turn.
  void answer() {
    ByteChain replies;
    for (; commands_ > 0; --commands_) replies.append("+OK\r\n");
    stream_->write(std::move(replies));
    queued_ = false;
  }

 private:
  NullServer& server_;
  std::unique_ptr<Stream> stream_;
  CommandScanner scanner_;
  size_t commands_ = 0;
  bool queued_ = false;
};

class NullServer final : public quoris::StreamAcceptor, public quoris::TurnHandler {
 public:
  quoris::StreamHandler* accept(std::unique_ptr<Stream> stream) override {
    auto session = std::make_unique<NullSession>(*this, std::move(stream));
    NullSession* handler = session.get();
    sessions_.emplace(handler, std::move(session));
    return handler;
  }

  void on_unserved() override {}

  void run_turn() override {
    for (NullSession* session : ready_) session->answer();
    ready_.clear();
  }

  [[nodiscard]] bool wants_turn() const override { return false; }

  // One buffer for all: a session never keeps bytes from one read to the next.
  [[nodiscard]] std::span<char> buffer() { return buffer_; }

  void ready(NullSession& session) { ready_.push_back(&session); }

  void drop(NullSession& session) {
    std::erase(ready_, &session);
    sessions_.erase(&session);
  }

 private:
  std::array<char, 64UL * 1024> buffer_{};
  std::unordered_map<NullSession*, std::unique_ptr<NullSession>> sessions_;
  std::vector<NullSession*> ready_;
};

std::span<char> NullSession::read_buffer() { return server_.buffer(); }

void NullSession::on_read(size_t count) {
  commands_ += scanner_.count({server_.buffer().data(), count});
  if (commands_ == 0 || std::exchange(queued_, true)) return;
  server_.ready(*this);
}

void NullSession::on_closed() { server_.drop(*this); }

int run(uint16_t port) {
  auto sink = quoris::net::SpdlogSink::open("");
  auto loop = quoris::net::EventLoop::open();
  if (!sink || !loop) return EXIT_FAILURE;
  quoris::Log log(**sink);
  quoris::net::EventLoop& events = **loop;
  auto signals = quoris::net::Signals::open(events, [&](int) { events.stop(); });
  NullServer server;
  events.set_turn_handler(server);
  auto listener = quoris::net::Listener::open_tcp({.loop = events, .acceptor = server, .log = log},
                                                  {.address = "127.0.0.1", .port = port});
  if (!listener) {
    log.write(quoris::LogLevel::warning, "{}", listener.error().message);
    return EXIT_FAILURE;
  }
  log.write(quoris::LogLevel::notice, "null server on {}", listener.value()->address());
  events.run();
  events.clear_turn_handler();
  return EXIT_SUCCESS;
}

}  // namespace

int main(int count, char** words) {
  uint16_t port = kDefaultPort;
  if (count > 1) {
    const std::string_view text = words[1];
    std::from_chars(text.data(), text.data() + text.size(), port);
  }
  return run(port);
}
