// Server: the process around a node: its Env over libuv, listeners, signals, files; and the place
// in a cluster, if it has one.
//
// The node tells it when to stop (NodeEdge); run() returns then. A start that fails leaves no
// directory behind that it has made.
// Used by: main. Errors: texts for people.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/event_loop.h"
#include "net/listener.h"
#include "net/process.h"
#include "net/signals.h"
#include "net/spdlog_sink.h"
#include "net/uv_clock.h"
#include "net/uv_disk.h"
#include "net/uv_rng.h"
#include "net/uv_timers.h"
#include "persistence/data_directory.h"
#include "program/cluster_edge.h"
#include "server/node.h"
#include "server/settings/settings_table.h"

namespace quoris::program {

class Server final : public server::NodeEdge {
 public:
  // `settings` outlive it.
  [[nodiscard]] static Result<std::unique_ptr<Server>> open(server::Settings& settings);

  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() override;

  // Until the node stops; its exit status.
  [[nodiscard]] int run();

  // --- NodeEdge -------------------------------------------------------------------------------
  void stop(int exit_status) override;
  Status replace_file(const std::string& path, std::string_view content) override;
  Result<std::string> read_file(const std::string& path) override;
  Status apply_setting(std::string_view name, const server::SettingValues& values) override;
  void sleep_us(uint64_t microseconds) override;

  void breathe() override {
    if (cluster_) cluster_->breathe();
  }

 private:
  using Listeners = std::vector<std::unique_ptr<net::Listener>>;

  explicit Server(server::Settings& settings) : settings_(settings) {}

  [[nodiscard]] const server::SettingValues& values() const { return settings_.values(); }

  [[nodiscard]] Log& log() { return node_->log(); }

  // --- the start, in this order
  [[nodiscard]] Status start();
  [[nodiscard]] Status make_parts();
  [[nodiscard]] Status find_paths();
  [[nodiscard]] Status open_directory();
  [[nodiscard]] Status fit_maxclients();
  void make_node();
  [[nodiscard]] Status listen();
  [[nodiscard]] Status watch_signals();
  void announce();
  void remove_made_directories();

  // --- settings that it acts on
  [[nodiscard]] uint64_t reserved_descriptors() const;
  [[nodiscard]] Status allow_clients(const server::SettingValues& wished);
  [[nodiscard]] net::Listener::Context listener_context();
  [[nodiscard]] Result<Listeners> listen_tcp(const std::vector<std::string>& addresses,
                                             int64_t port);
  [[nodiscard]] Status move_tcp(const server::SettingValues& wished);
  [[nodiscard]] Status set_keepalive(const server::SettingValues& wished);
  [[nodiscard]] std::string listening_on() const;

  void on_cluster_fatal(const std::string& why);

  // In the order in which they need each other; the destructor takes the node apart first.
  server::Settings& settings_;
  std::unique_ptr<net::EventLoop> loop_;
  std::unique_ptr<net::UvTimers> timers_;
  std::unique_ptr<net::UvDisk> disk_;
  net::UvClock clock_;
  net::UvRng rng_;
  net::Process process_;
  std::unique_ptr<net::SpdlogSink> sink_;
  std::unique_ptr<persistence::DataDirectory> directory_;
  std::unique_ptr<ClusterEdge> cluster_;  // null: the node runs alone
  std::unique_ptr<server::Node> node_;
  Listeners tcp_listeners_;
  std::unique_ptr<net::Listener> unix_listener_;
  std::unique_ptr<net::Signals> signals_;
  int64_t bound_port_ = 0;
  std::vector<std::string> bound_addresses_;
  bool owns_pid_file_ = false;
  std::vector<std::string> made_directories_;  // by this start, for the data
  int exit_status_ = EXIT_SUCCESS;
  bool has_failed_ = false;  // the cluster has no place for it any more
};

}  // namespace quoris::program
