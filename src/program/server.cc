#include "program/server.h"

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <utility>

#include "net/files.h"
#include "server/settings/special_settings.h"
#include "server/versions.h"

namespace quoris::program {

namespace {

using server::SettingValues;

// Descriptors beside the clients': standard streams, log, loop, signals, the unix socket, files
// that are read or written in passing; and TCP listeners with a spare each, twice as many while
// they move to another port. For as many as `bind` takes, so that CONFIG SET bind never lacks any.
constexpr uint64_t kReservedDescriptors = 32 + uint64_t{2} * 2 * server::special::kBindAddressesMax;

}  // namespace

Result<std::unique_ptr<Server>> Server::open(server::Settings& settings) {
  std::unique_ptr<Server> self(new Server(settings));
  if (Status status = self->start(); !status) {
    self->remove_made_directories();
    return status.error();
  }
  return self;
}

Server::~Server() {
  signals_.reset();
  unix_listener_.reset();
  tcp_listeners_.clear();
  if (loop_) loop_->clear_turn_handler();
  node_.reset();
  cluster_.reset();
  if (owns_pid_file_) net::remove_own_pid_file(values().pidfile);
}

int Server::run() {
  loop_->run();
  log().write(LogLevel::notice, "stopped");
  return exit_status_;
}

// --- NodeEdge -----------------------------------------------------------------------------------

void Server::stop(int exit_status) {
  exit_status_ = has_failed_ ? EXIT_FAILURE : exit_status;
  net::Signals::stop_has_begun();
  loop_->stop();
}

Status Server::replace_file(const std::string& path, std::string_view content) {
  return net::replace_file(path, content);
}

Result<std::string> Server::read_file(const std::string& path) { return net::read_file(path); }

Status Server::apply_setting(std::string_view name, const SettingValues& wished) {
  if (name == "port" || name == "bind") return move_tcp(wished);
  if (name == "tcp-keepalive") return set_keepalive(wished);
  if (name == "maxclients") return allow_clients(wished);
  if (cluster_) cluster_->settings_changed();
  return ok();
}

void Server::sleep_us(uint64_t microseconds) {
  constexpr uint64_t kUsPerSecond = 1'000'000;
  sleep(static_cast<unsigned>(microseconds / kUsPerSecond));
  usleep(static_cast<useconds_t>(microseconds % kUsPerSecond));
}

// --- the start ----------------------------------------------------------------------------------

Status Server::start() {
  if (Status status = make_parts(); !status) return status;
  if (Status status = find_paths(); !status) return status;
  if (Status status = open_directory(); !status) return status;
  const int64_t maxclients = values().maxclients;
  if (Status status = fit_maxclients(); !status) return status;
  make_node();
  if (Status status = listen(); !status) return status;
  if (Status status = watch_signals(); !status) return status;
  if (!values().pidfile.empty()) {
    if (Status status = net::write_pid_file(values().pidfile); !status) return status;
    owns_pid_file_ = true;
  }
  announce();
  if (values().maxclients < maxclients) {
    log().write(LogLevel::warning,
                "maxclients is lowered from {} to {}: the system allows this process no more "
                "open files (ulimit -n)",
                maxclients, values().maxclients);
  }
  node_->start();
  if (cluster_) cluster_->start();
  return ok();
}

Status Server::make_parts() {
  auto loop = net::EventLoop::open();
  if (!loop) return loop.error();
  loop_ = std::move(loop).value();
  timers_ = std::make_unique<net::UvTimers>(*loop_);
  disk_ = std::make_unique<net::UvDisk>(*loop_);
  auto sink = net::SpdlogSink::open(values().logfile);
  if (!sink) return sink.error();
  sink_ = std::move(sink).value();
  return ok();
}

Status Server::find_paths() {
  auto made = net::make_directories(values().data_dir);
  if (!made) return made.error();
  made_directories_ = std::move(made).value();
  Result<std::string> data_dir = net::real_path(values().data_dir);
  if (!data_dir) return data_dir.error();
  server::Settings::Paths paths = {.data_dir = std::move(data_dir).value(),
                                   .logfile = values().logfile,
                                   .pidfile = values().pidfile};
  for (std::string* path : {&paths.logfile, &paths.pidfile}) {
    if (path->empty()) continue;
    Result<std::string> absolute = net::absolute_path(*path);
    if (!absolute) return absolute.error();
    *path = std::move(absolute).value();
  }
  settings_.resolve_paths(std::move(paths));
  return ok();
}

// And finds out whether the node is a cluster's.
Status Server::open_directory() {
  auto directory = persistence::DataDirectory::open(*disk_, rng_, values().data_dir);
  if (!directory) return directory.error();
  directory_ = std::move(directory).value();
  auto cluster = ClusterEdge::open({.loop = *loop_,
                                    .disk = *disk_,
                                    .clock = clock_,
                                    .rng = rng_,
                                    .sink = *sink_,
                                    .settings = settings_,
                                    .directory = *directory_},
                                   [this](const std::string& why) { on_cluster_fatal(why); });
  if (!cluster) return cluster.error();
  cluster_ = std::move(cluster).value();
  return ok();
}

void Server::make_node() {
  node_ = std::make_unique<server::Node>(
      server::Node::Parts{.env = {.clock = clock_, .rng = rng_, .timers = *timers_, .disk = *disk_},
                          .host = process_,
                          .log_sink = *sink_,
                          .edge = *this,
                          .settings = settings_,
                          .directory = directory_.get(),
                          .cluster = cluster_ ? &cluster_->control() : nullptr});
  loop_->set_turn_handler(*node_);
}

Status Server::watch_signals() {
  auto signals = net::Signals::open(*loop_, [this](int signal) {
    log().write(LogLevel::notice, "{}: stopping", signal == SIGINT ? "SIGINT" : "SIGTERM");
    node_->shutdown({}, [] {});
  });
  if (!signals) return signals.error();
  signals_ = std::move(signals).value();
  return ok();
}

// A start that fails leaves none behind. Nothing was loaded or written yet but the small files of
// an empty directory, which is ours as long as we have its lock.
void Server::remove_made_directories() {
  if (made_directories_.empty()) return;
  const std::string& path = values().data_dir;
  if (directory_) {
    const Result<std::vector<std::string>> names = disk_->list(path);
    if (!names) return;
    for (const std::string& name : *names) {
      if (!net::remove_file(fmt::format("{}/{}", path, name))) return;
    }
  }
  net::remove_directories(made_directories_);
}

// The system may allow fewer clients than the settings ask for: then the settings give way.
Status Server::fit_maxclients() {
  const uint64_t wanted = static_cast<uint64_t>(values().maxclients) + reserved_descriptors();
  const uint64_t allowed = process_.raise_open_files(wanted);
  if (allowed >= wanted) return ok();
  if (allowed <= reserved_descriptors()) {
    return Error{Errc::limit_exceeded,
                 fmt::format("the system allows this process {} open files (ulimit -n); it needs "
                             "more than {}",
                             allowed, reserved_descriptors())};
  }
  settings_.lower_maxclients(static_cast<int64_t>(allowed - reserved_descriptors()));
  return ok();
}

uint64_t Server::reserved_descriptors() const {
  return kReservedDescriptors + (cluster_ ? ClusterEdge::kDescriptors : 0);
}

// CONFIG SET maxclients: refused where the system doesn't allow as many.
Status Server::allow_clients(const SettingValues& wished) {
  const uint64_t wanted = static_cast<uint64_t>(wished.maxclients) + reserved_descriptors();
  const uint64_t allowed = process_.raise_open_files(wanted);
  if (allowed >= wanted) return ok();
  return Error{
      Errc::limit_exceeded,
      fmt::format("The operating system is not able to handle the specified number of "
                  "clients, try with {}",
                  static_cast<int64_t>(allowed) - static_cast<int64_t>(reserved_descriptors()))};
}

// --- listeners ----------------------------------------------------------------------------------

net::Listener::Context Server::listener_context() {
  return {.loop = *loop_, .acceptor = *node_, .log = log()};
}

Result<Server::Listeners> Server::listen_tcp(const std::vector<std::string>& addresses,
                                             int64_t port) {
  if (port == 0) return Listeners();
  return net::Listener::open_all(listener_context(), addresses,
                                 {.address = {},
                                  .port = static_cast<uint16_t>(port),
                                  .backlog = static_cast<int>(values().tcp_backlog),
                                  .keepalive_s = static_cast<int>(values().tcp_keepalive_s)});
}

Status Server::listen() {
  Result<Listeners> listeners = listen_tcp(values().bind, values().port);
  if (!listeners) return listeners.error();
  tcp_listeners_ = std::move(listeners).value();
  bound_port_ = values().port;
  bound_addresses_ = values().bind;
  if (!values().unixsocket.empty()) {
    auto listener = net::Listener::open_unix(
        listener_context(), {.path = values().unixsocket,
                             .permissions = static_cast<unsigned>(values().unixsocketperm),
                             .backlog = static_cast<int>(values().tcp_backlog)});
    if (!listener) return listener.error();
    unix_listener_ = std::move(listener).value();
  }
  if (cluster_) return cluster_->listen();
  if (tcp_listeners_.empty() && !unix_listener_) {
    return Error{Errc::invalid_argument,
                 "there is nothing to listen on: port is 0 or bind is empty, and there is no "
                 "unixsocket"};
  }
  return ok();
}

// New listeners stand before the old ones go, if the ports differ; on the same port they would
// be in each other's way, so there the old ones go first and come back if the new ones fail.
Status Server::move_tcp(const SettingValues& wished) {
  if (wished.port == bound_port_ && wished.bind == bound_addresses_) return ok();
  if (cluster_ && wished.port != bound_port_) {
    return Error{Errc::invalid_argument,
                 "the cluster knows this node by its port; start it with another one"};
  }
  const bool same_port = wished.port == bound_port_;
  if (same_port) tcp_listeners_.clear();
  Result<Listeners> listeners = listen_tcp(wished.bind, wished.port);
  if (!listeners) {
    log().write(LogLevel::warning, "{}; listening as before", listeners.error().message);
    if (same_port) {
      Result<Listeners> before = listen_tcp(bound_addresses_, bound_port_);
      if (before) {
        tcp_listeners_ = std::move(before).value();
      } else {
        log().write(LogLevel::warning, "{}; new TCP clients can't connect", before.error().message);
      }
    }
    return Error{Errc::io, wished.bind == bound_addresses_
                               ? "Unable to listen on this port. Check server logs."
                               : "Failed to bind to specified addresses."};
  }
  tcp_listeners_ = std::move(listeners).value();
  bound_port_ = wished.port;
  bound_addresses_ = wished.bind;
  log().write(LogLevel::notice, "listening on {}", listening_on());
  return ok();
}

Status Server::set_keepalive(const SettingValues& wished) {
  for (const auto& listener : tcp_listeners_) {
    Status status = listener->set_keepalive(static_cast<int>(wished.tcp_keepalive_s));
    if (!status) return status;
  }
  return ok();
}

std::string Server::listening_on() const {
  std::vector<std::string> addresses;
  for (const auto& listener : tcp_listeners_) addresses.push_back(listener->address());
  if (unix_listener_) addresses.push_back(unix_listener_->address());
  return addresses.empty() ? "nothing" : fmt::format("{}", fmt::join(addresses, ", "));
}

void Server::announce() {
  const std::string mode = cluster_ ? fmt::format("cluster, node id {}, cluster port {}",
                                                  cluster_->control().name(), values().cluster_port)
                                    : "standalone";
  log().write(LogLevel::notice, "quoris {}, port {}, mode {}, pid {}", server::kQuorisVersion,
              values().port, mode, process_.facts().pid);
  log().write(LogLevel::notice, "listening on {}", listening_on());
  log().write(LogLevel::notice, "data directory {}; {}", values().data_dir,
              values().appendonly ? "every write goes to the log there"
                                  : "without a log (appendonly no): what no snapshot holds is "
                                    "gone when the server stops");
}

// --- the cluster --------------------------------------------------------------------------------

void Server::on_cluster_fatal(const std::string& why) {
  log().write(LogLevel::warning, "this node leaves the cluster and stops: {}", why);
  has_failed_ = true;
  node_->shutdown({.save = false, .force = true}, [] {});
}

}  // namespace quoris::program
