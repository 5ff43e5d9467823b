// The program: reads settings from flags, environment and config file, gives the node an Env over
// libuv, opens the listeners, and runs the loop until a signal or SHUTDOWN.
//
// Exit status: 0 after a clean stop, 1 when the start fails; then standard error says why, with a
// line for each setting that is refused. Relative paths in settings are relative to where the
// process was started.
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "command/docs_page.h"
#include "net/event_loop.h"
#include "net/files.h"
#include "net/listener.h"
#include "net/process.h"
#include "net/signals.h"
#include "net/spdlog_sink.h"
#include "net/uv_clock.h"
#include "net/uv_disk.h"
#include "net/uv_rng.h"
#include "net/uv_timers.h"
#include "persistence/check.h"
#include "persistence/data_directory.h"
#include "server/commands/rows.h"
#include "server/node.h"
#include "server/settings/command_line.h"
#include "server/settings/config_file.h"
#include "server/settings/settings_page.h"
#include "server/settings/settings_table.h"
#include "server/settings/special_settings.h"
#include "server/versions.h"
#include "sim/command.h"

namespace quoris {
namespace {

using server::CommandLine;
using server::SettingValues;

// Descriptors beside the clients': standard streams, log, loop, signals, the unix socket, files
// that are read or written in passing; and TCP listeners with a spare each, twice as many while
// they move to another port. For as many as `bind` takes, so that CONFIG SET bind never lacks any.
constexpr uint64_t kReservedDescriptors = 32 + uint64_t{2} * 2 * server::special::kBindAddressesMax;

using Listeners = std::vector<std::unique_ptr<net::Listener>>;

class Server final : public server::NodeEdge {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Server>> open(server::Settings& settings) {
    std::unique_ptr<Server> self(new Server(settings));
    if (Status status = self->start(); !status) {
      self->remove_made_directories();
      return status.error();
    }
    return self;
  }

  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  ~Server() override {
    signals_.reset();
    unix_listener_.reset();
    tcp_listeners_.clear();
    if (loop_) loop_->clear_turn_handler();
    node_.reset();
    if (owns_pid_file_) net::remove_own_pid_file(values().pidfile);
  }

  [[nodiscard]] int run() {
    loop_->run();
    log().write(LogLevel::notice, "stopped");
    return exit_status_;
  }

  // --- NodeEdge -------------------------------------------------------------------------------
  void stop(int exit_status) override {
    exit_status_ = exit_status;
    net::Signals::stop_has_begun();
    loop_->stop();
  }

  Status replace_file(const std::string& path, std::string_view content) override {
    return net::replace_file(path, content);
  }

  Result<std::string> read_file(const std::string& path) override { return net::read_file(path); }

  Status apply_setting(std::string_view name, const SettingValues& values) override {
    if (name == "port" || name == "bind") return move_tcp(values);
    if (name == "tcp-keepalive") return set_keepalive(values);
    if (name == "maxclients") return allow_clients(values);
    return ok();
  }

  void sleep_us(uint64_t microseconds) override {
    constexpr uint64_t kUsPerSecond = 1'000'000;
    sleep(static_cast<unsigned>(microseconds / kUsPerSecond));
    usleep(static_cast<useconds_t>(microseconds % kUsPerSecond));
  }

 private:
  explicit Server(server::Settings& settings) : settings_(settings) {}

  [[nodiscard]] const SettingValues& values() const { return settings_.values(); }

  [[nodiscard]] Log& log() { return node_->log(); }

  [[nodiscard]] Status start() {
    if (Status status = make_parts(); !status) return status;
    if (Status status = find_paths(); !status) return status;
    auto directory = persistence::DataDirectory::open(*disk_, rng_, values().data_dir);
    if (!directory) return directory.error();
    directory_ = std::move(directory).value();
    const int64_t maxclients = values().maxclients;
    if (Status status = fit_maxclients(); !status) return status;
    node_ = std::make_unique<server::Node>(server::Node::Parts{
        .env = {.clock = clock_, .rng = rng_, .timers = *timers_, .disk = *disk_},
        .host = process_,
        .log_sink = *sink_,
        .edge = *this,
        .settings = settings_,
        .directory = directory_.get()});
    loop_->set_turn_handler(*node_);
    if (Status status = listen(); !status) return status;
    auto signals = net::Signals::open(*loop_, [this](int signal) {
      log().write(LogLevel::notice, "{}: stopping", signal == SIGINT ? "SIGINT" : "SIGTERM");
      node_->shutdown({}, [] {});
    });
    if (!signals) return signals.error();
    signals_ = std::move(signals).value();
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
    return ok();
  }

  [[nodiscard]] Status make_parts() {
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

  [[nodiscard]] Status find_paths() {
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

  // A start that fails leaves none behind. Nothing was loaded or written yet but the small files of
  // an empty directory, which is ours as long as we have its lock.
  void remove_made_directories() {
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
  [[nodiscard]] Status fit_maxclients() {
    const uint64_t wanted = static_cast<uint64_t>(values().maxclients) + kReservedDescriptors;
    const uint64_t allowed = process_.raise_open_files(wanted);
    if (allowed >= wanted) return ok();
    if (allowed <= kReservedDescriptors) {
      return Error{Errc::limit_exceeded,
                   fmt::format("the system allows this process {} open files (ulimit -n); it needs "
                               "more than {}",
                               allowed, kReservedDescriptors)};
    }
    settings_.lower_maxclients(static_cast<int64_t>(allowed - kReservedDescriptors));
    return ok();
  }

  // CONFIG SET maxclients: refused where the system doesn't allow as many.
  [[nodiscard]] Status allow_clients(const SettingValues& wished) {
    const uint64_t wanted = static_cast<uint64_t>(wished.maxclients) + kReservedDescriptors;
    const uint64_t allowed = process_.raise_open_files(wanted);
    if (allowed >= wanted) return ok();
    return Error{
        Errc::limit_exceeded,
        fmt::format("The operating system is not able to handle the specified number of "
                    "clients, try with {}",
                    static_cast<int64_t>(allowed) - static_cast<int64_t>(kReservedDescriptors))};
  }

  // --- listeners --------------------------------------------------------------------------------
  [[nodiscard]] net::Listener::Context listener_context() {
    return {.loop = *loop_, .acceptor = *node_, .log = log()};
  }

  [[nodiscard]] Result<Listeners> listen_tcp(const std::vector<std::string>& addresses,
                                             int64_t port) {
    if (port == 0) return Listeners();
    return net::Listener::open_all(listener_context(), addresses,
                                   {.address = {},
                                    .port = static_cast<uint16_t>(port),
                                    .backlog = static_cast<int>(values().tcp_backlog),
                                    .keepalive_s = static_cast<int>(values().tcp_keepalive_s)});
  }

  [[nodiscard]] Status listen() {
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
    if (tcp_listeners_.empty() && !unix_listener_) {
      return Error{Errc::invalid_argument,
                   "there is nothing to listen on: port is 0 or bind is empty, and there is no "
                   "unixsocket"};
    }
    return ok();
  }

  // New listeners stand before the old ones go, if the ports differ; on the same port they would
  // be in each other's way, so there the old ones go first and come back if the new ones fail.
  [[nodiscard]] Status move_tcp(const SettingValues& wished) {
    if (wished.port == bound_port_ && wished.bind == bound_addresses_) return ok();
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
          log().write(LogLevel::warning, "{}; new TCP clients can't connect",
                      before.error().message);
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

  [[nodiscard]] Status set_keepalive(const SettingValues& wished) {
    for (const auto& listener : tcp_listeners_) {
      Status status = listener->set_keepalive(static_cast<int>(wished.tcp_keepalive_s));
      if (!status) return status;
    }
    return ok();
  }

  [[nodiscard]] std::string listening_on() const {
    std::vector<std::string> addresses;
    for (const auto& listener : tcp_listeners_) addresses.push_back(listener->address());
    if (unix_listener_) addresses.push_back(unix_listener_->address());
    return addresses.empty() ? "nothing" : fmt::format("{}", fmt::join(addresses, ", "));
  }

  void announce() {
    log().write(LogLevel::notice, "quoris {}, port {}, mode standalone, pid {}",
                server::kQuorisVersion, values().port, process_.facts().pid);
    log().write(LogLevel::notice, "listening on {}", listening_on());
    log().write(LogLevel::notice, "data directory {}; {}", values().data_dir,
                values().appendonly ? "every write goes to the log there"
                                    : "without a log (appendonly no): what no snapshot holds is "
                                      "gone when the server stops");
  }

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
  std::unique_ptr<server::Node> node_;
  Listeners tcp_listeners_;
  std::unique_ptr<net::Listener> unix_listener_;
  std::unique_ptr<net::Signals> signals_;
  int64_t bound_port_ = 0;
  std::vector<std::string> bound_addresses_;
  bool owns_pid_file_ = false;
  std::vector<std::string> made_directories_;  // by this start, for the data
  int exit_status_ = EXIT_SUCCESS;
};

using Assignments = std::vector<server::Assignment>;

// Of the config file, if there is one; its name goes to the settings.
Result<Assignments> read_config(const CommandLine& line, server::Settings& settings) {
  if (line.config_from_stdin) {
    const Result<std::string> text = net::read_file("/dev/stdin");
    if (!text) return text.error();
    return server::parse_config(*text, "standard input", &net::read_file);
  }
  const std::string& path = line.config_file;
  if (path.empty()) return Assignments();
  const Result<std::string> text = net::read_file(path);
  if (!text) {
    const bool is_number = path.find_first_not_of("0123456789") == std::string::npos;
    return Error{text.error().code,
                 fmt::format("config file {}: {}{}", server::shown_word(path), text.error().message,
                             is_number ? "; a port is given as --port " + path : "")};
  }
  Result<std::string> absolute = net::absolute_path(path);
  if (!absolute) return absolute.error();
  settings.set_config_file(std::move(absolute).value());
  return server::parse_config(*text, path, &net::read_file);
}

// The file first, then the environment, then flags: who comes later wins.
Status load_settings(const CommandLine& line, server::Settings& settings) {
  Result<Assignments> found = read_config(line, settings);
  if (!found) return found.error();
  Assignments all = std::move(found).value();
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) environment.emplace_back(*entry);
  for (server::Assignment& each : server::parse_environment(environment)) {
    all.push_back(std::move(each));
  }
  all.insert(all.end(), line.assignments.begin(), line.assignments.end());
  return settings.apply_all(all);
}

// The lines of the error, each with the program's name.
int fail(const Error& error, int status = EXIT_FAILURE) {
  std::string text = "quoris: " + error.message + "\n";
  for (size_t at = text.find('\n'); at + 1 < text.size(); at = text.find('\n', at + 1)) {
    text.insert(at + 1, "quoris: ");
  }
  std::fwrite(text.data(), 1, text.size(), stderr);
  return status;
}

int print(const std::string& text) {
  const bool whole = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  return whole && std::fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int run(const CommandLine& line) {
  server::Settings settings;
  if (const Status status = load_settings(line, settings); !status) return fail(status.error());
  const Result<std::unique_ptr<Server>> server = Server::open(settings);
  if (!server) return fail(server.error());
  return (*server)->run();
}

// The exit status of `quoris check`: 0 sound, 1 damaged, 2 it could not be found out.
constexpr int kNotChecked = 2;

int run_check(const CommandLine& line) {
  const auto loop = net::EventLoop::open();
  if (!loop) return fail(loop.error(), kNotChecked);
  net::UvDisk disk(**loop);
  const auto print_line = [](std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fputc('\n', stdout);
  };
  auto* check = &persistence::check_directory;
  if (line.action == CommandLine::Action::check_dump) check = &persistence::dump_directory;
  if (line.action == CommandLine::Action::check_repair) check = &persistence::repair_directory;
  const Result<bool> is_sound = check(disk, line.data_dir, print_line);
  if (!is_sound) return fail(is_sound.error(), kNotChecked);
  return *is_sound ? EXIT_SUCCESS : EXIT_FAILURE;
}

int run_sim(const CommandLine& line) {
  net::UvClock clock;
  const auto print_to = [](std::FILE* file) {
    return [file](std::string_view text) {
      std::fwrite(text.data(), 1, text.size(), file);
      std::fputc('\n', file);
      std::fflush(file);
    };
  };
  return sim::run_command(
      line.rest, {.clock = clock, .print = print_to(stdout), .complain = print_to(stderr)});
}

int run_program(const std::vector<std::string>& arguments) {
  const Result<CommandLine> line = server::parse_command_line(arguments);
  if (!line) {
    return fail(line.error(), server::asks_for_check(arguments) ? kNotChecked : EXIT_FAILURE);
  }
  switch (line->action) {
    case CommandLine::Action::help:
      return print(server::help_text());
    case CommandLine::Action::version:
      return print(server::version_text());
    case CommandLine::Action::docs_settings:
      return print(server::settings_page());
    case CommandLine::Action::docs_commands:
      return print(command::commands_markdown(command::CommandTable(server::command_families())));
    case CommandLine::Action::check:
    case CommandLine::Action::check_dump:
    case CommandLine::Action::check_repair:
      return run_check(*line);
    case CommandLine::Action::simulate:
      return run_sim(*line);
    case CommandLine::Action::run:
      return run(*line);
  }
  return EXIT_FAILURE;
}

}  // namespace
}  // namespace quoris

int main(int argc, char** argv) {
  try {
    return quoris::run_program(std::vector<std::string>(argv + std::min(argc, 1), argv + argc));
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "quoris: %s\n", failure.what());
    return EXIT_FAILURE;
  }
}
