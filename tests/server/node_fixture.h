// A whole node without an edge: simulated time, streams in memory, a host that makes figures up.
//
// TestClient sends bytes or requests and takes what the node answered. Nothing runs but in
// TestNode::turn() and advance().
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/node.h"
#include "sim/env/sim_env.h"
#include "sim/env/sim_host.h"

namespace quoris::server {

class MemoryStream final : public Stream {
 public:
  // Outlives the stream: what became of it.
  struct Record {
    std::string received;
    size_t stuck = 0;            // bytes that "the socket" has not taken
    bool takes_nothing = false;  // a slow reader
    bool reading = true;
    bool closed_after_write = false;
    bool destroyed = false;
    bool local = true;
  };

  explicit MemoryStream(std::shared_ptr<Record> record) : record_(std::move(record)) {}

  ~MemoryStream() override { record_->destroyed = true; }

  void write(ByteChain&& bytes) override {
    if (record_->takes_nothing) {
      record_->stuck += bytes.memory();
      bytes.clear();
      return;
    }
    std::vector<std::string_view> pieces;
    bytes.pieces(pieces, SIZE_MAX);
    for (const std::string_view piece : pieces) record_->received += piece;
    bytes.clear();
  }

  [[nodiscard]] size_t pending() const override { return record_->stuck; }

  [[nodiscard]] size_t unsent() const override { return record_->stuck; }

  void pause_reading() override { record_->reading = false; }

  void resume_reading() override { record_->reading = true; }

  void close_after_write() override { record_->closed_after_write = true; }

  [[nodiscard]] std::string peer_address() const override { return "127.0.0.1:50000"; }

  [[nodiscard]] std::string local_address() const override { return "127.0.0.1:6379"; }

  [[nodiscard]] int descriptor() const override { return 8; }

  [[nodiscard]] bool is_local() const override { return record_->local; }

  [[nodiscard]] bool is_unix() const override { return false; }

 private:
  std::shared_ptr<Record> record_;
};

using TestHost = sim::SimHost;

class TestEdge final : public NodeEdge {
 public:
  explicit TestEdge(sim::SimEnv& env) : env_(env) {}

  void stop(int exit_status) override { stopped_with = exit_status; }

  Status replace_file(const std::string& path, std::string_view content) override {
    files[path] = content;
    return ok();
  }

  Result<std::string> read_file(const std::string& path) override {
    const auto found = files.find(path);
    if (found == files.end()) return Error{Errc::not_found, "no such file"};
    return found->second;
  }

  Status apply_setting(std::string_view name, const SettingValues& /*values*/) override {
    if (name == refused_setting) return Error{Errc::io, "refused by the test"};
    return ok();
  }

  void sleep_us(uint64_t microseconds) override {
    env_.clock().advance_to(env_.clock().now_us() + microseconds);
  }

  void breathe() override { ++breaths; }

  std::map<std::string, std::string> files;
  std::string refused_setting;
  int breaths = 0;
  int stopped_with = -1;

 private:
  sim::SimEnv& env_;
};

class CollectingSink final : public LogSink {
 public:
  void write(LogLevel /*level*/, std::string_view line) override { lines.emplace_back(line); }

  std::vector<std::string> lines;
};

class TestNode;

class TestClient {
 public:
  TestClient(TestNode& node, StreamHandler* handler, std::shared_ptr<MemoryStream::Record> record)
      : node_(node), handler_(handler), record_(std::move(record)) {}

  // Hands bytes to the session, in pieces as it has room; how many it took.
  size_t send_some(std::string_view bytes) {
    size_t taken = 0;
    while (taken < bytes.size() && !record_->destroyed) {
      const std::span<char> room = handler_->read_buffer();
      if (room.empty()) break;
      const size_t count = std::min(room.size(), bytes.size() - taken);
      std::copy_n(bytes.data() + taken, count, room.data());
      handler_->on_read(count);
      taken += count;
    }
    return taken;
  }

  // True if it took all.
  bool send(std::string_view bytes) { return send_some(bytes) == bytes.size(); }

  // As much as it takes, with a turn after each share.
  void send_all(std::string_view bytes);

  static std::string request_of(std::initializer_list<std::string_view> words) {
    std::string request = fmt::format("*{}\r\n", words.size());
    for (const std::string_view word : words)
      request += fmt::format("${}\r\n{}\r\n", word.size(), word);
    return request;
  }

  void send_request(std::initializer_list<std::string_view> words) { send(request_of(words)); }

  // What has come since the last call. (Inlined, it makes gcc 12 warn of reads past a string's end
  // that don't happen.)
  [[gnu::noinline]] std::string received() { return std::exchange(record_->received, {}); }

  // One request, its turn, its reply.
  std::string ask(std::initializer_list<std::string_view> words);

  void hang_up() { handler_->on_closed(); }

  [[nodiscard]] MemoryStream::Record& stream() { return *record_; }

  [[nodiscard]] Session& session() { return static_cast<Session&>(*handler_); }

  [[nodiscard]] bool refused() const { return handler_ == nullptr; }

 private:
  TestNode& node_;
  StreamHandler* handler_;
  std::shared_ptr<MemoryStream::Record> record_;
};

class TestNode {
 public:
  explicit TestNode(uint64_t seed = 1, std::span<const command::CommandSpec> more_commands = {},
                    control::Control* cluster = nullptr)
      : env_(seed),
        edge_(env_),
        node_({.env = env_.env(),
               .host = host_,
               .log_sink = sink_,
               .edge = edge_,
               .settings = settings_,
               .cluster = cluster,
               .more_commands = more_commands}) {}

  TestClient connect(bool local = true) {
    auto record = std::make_shared<MemoryStream::Record>();
    record->local = local;
    StreamHandler* handler = node_.accept(std::make_unique<MemoryStream>(record));
    return {*this, handler, std::move(record)};
  }

  // As the loop does it: until nothing is left to do.
  void turn() {
    do {
      node_.run_turn();
    } while (node_.wants_turn());
  }

  void advance_ms(uint64_t ms) {
    env_.timers().advance(ms * 1000);
    turn();
  }

  // As CONFIG SET does it; false if it was refused.
  bool set(std::string_view name, std::string_view value) {
    const Settings::Change change{.name = name, .value = value};
    const Status done = settings_.change({&change, 1}, [](const SettingRow&) { return ok(); });
    node_.settings_changed();
    return done.has_value();
  }

  [[nodiscard]] Node& node() { return node_; }

  [[nodiscard]] sim::SimClock& clock() { return env_.clock(); }

  [[nodiscard]] TestHost& host() { return host_; }

  [[nodiscard]] TestEdge& edge() { return edge_; }

  [[nodiscard]] Settings& settings() { return settings_; }

  [[nodiscard]] CollectingSink& log() { return sink_; }

 private:
  sim::SimEnv env_;
  TestHost host_;
  TestEdge edge_;
  CollectingSink sink_;
  Settings settings_;
  Node node_;
};

inline void TestClient::send_all(std::string_view bytes) {
  size_t taken = 1;
  while (!bytes.empty() && taken > 0) {
    taken = send_some(bytes);
    bytes.remove_prefix(taken);
    node_.turn();
  }
}

[[gnu::noinline]] inline std::string TestClient::ask(
    std::initializer_list<std::string_view> words) {
  send_all(request_of(words));
  return received();
}

}  // namespace quoris::server
