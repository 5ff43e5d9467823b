#include "program/cluster_edge.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "cluster/control/node_file.h"
#include "server/versions.h"

namespace quoris::program {

namespace {

using control::NodeFile;
using server::SettingValues;

// What a node that ran alone leaves behind. Its keys belong to no partition.
Status check_is_empty(Disk& disk, const std::string& directory) {
  const Result<std::vector<std::string>> names = disk.list(directory);
  if (!names) return names.error();
  const auto is_data = [](const std::string& name) {
    return name.starts_with("log-") || name.starts_with("snapshot-");
  };
  if (std::ranges::none_of(*names, is_data)) return ok();
  return Error{Errc::invalid_argument,
               fmt::format("the data directory {} holds the data of a node that ran alone; a "
                           "cluster begins with an empty one: give another --data-dir, or start "
                           "without cluster-port and seed",
                           directory)};
}

// What is said of a cluster where there is none would pass in silence.
void warn_of_no_cluster(const server::Settings& settings, LogSink& sink) {
  std::string said;
  for (const char* name : {"cluster-name", "cluster-secret", "announce-host", "rack", "weight",
                           "replication-factor", "partitions"}) {
    if (settings.is_given(name)) said += (said.empty() ? "" : ", ") + std::string(name);
  }
  if (said.empty()) return;
  Log log(sink);
  log.set_level(settings.values().loglevel);
  log.write(LogLevel::warning,
            "This node runs alone, without use for: {}. A cluster is founded with cluster-port, "
            "joined with seed",
            said);
}

struct Ports {
  uint16_t client = 0;
  uint16_t cluster = 0;
};

// Of the settings as far as they say them, else those of the last start.
Result<Ports> find_ports(const server::Settings& settings, const std::optional<NodeFile>& kept) {
  constexpr int64_t kOffset = 10'000;
  constexpr int64_t kPortMax = 65'535;
  const SettingValues& values = settings.values();
  const bool is_kept = kept && kept->client_port != 0 && !settings.is_given("port");
  const int64_t client = is_kept ? int64_t{kept->client_port} : values.port;
  int64_t cluster = values.cluster_port;
  if (cluster == 0 && kept) cluster = kept->cluster_port;
  if (cluster == 0) cluster = client + kOffset;
  if (client == 0) {
    return Error{Errc::invalid_argument, "port is 0: a cluster's node has to have one"};
  }
  if (cluster > kPortMax) {
    return Error{
        Errc::invalid_argument,
        fmt::format("cluster-port has to be given: {} (port and {}) is none", cluster, kOffset)};
  }
  if (cluster == client) {
    return Error{Errc::invalid_argument, fmt::format("port and cluster-port are both {}", client)};
  }
  return Ports{.client = static_cast<uint16_t>(client), .cluster = static_cast<uint16_t>(cluster)};
}

// The one address that others can reach it at; empty if there are several, or all.
std::string only_address(const std::vector<std::string>& bind) {
  if (bind.size() != 1) return {};
  std::string address = bind[0];
  if (address.starts_with('-')) address.erase(0, 1);
  const bool is_any = address == "*" || address == "::*" || address == "0.0.0.0" || address == "::";
  return is_any ? std::string() : address;
}

}  // namespace

ClusterEdge::ClusterEdge(const Context& context, OnFatal on_fatal)
    : context_(context), on_fatal_(std::move(on_fatal)), log_(context.sink) {
  settings_changed();
}

ClusterEdge::~ClusterEdge() {
  listeners_.clear();
  if (loop_) loop_->clear_turn_handler();
}

Result<std::unique_ptr<ClusterEdge>> ClusterEdge::open(const Context& context, OnFatal on_fatal) {
  const std::string& directory = context.directory.path();
  const Result<std::optional<NodeFile>> kept = control::read_node_file(context.disk, directory);
  if (!kept) return kept.error();
  const SettingValues& values = context.settings.values();
  const bool is_wanted = values.cluster_port != 0 || !values.seeds.empty();
  if (!*kept && !is_wanted) {
    warn_of_no_cluster(context.settings, context.sink);
    return std::unique_ptr<ClusterEdge>();
  }
  if (!*kept) {
    if (const Status empty = check_is_empty(context.disk, directory); !empty) return empty.error();
  }
  const Result<Ports> ports = find_ports(context.settings, *kept);
  if (!ports) return ports.error();
  context.settings.enter_cluster(ports->client, ports->cluster);
  std::unique_ptr<ClusterEdge> self(new ClusterEdge(context, std::move(on_fatal)));
  if (const Status made = self->make_parts(); !made) return made.error();
  if (const Status opened = self->open_control(); !opened) return opened.error();
  return self;
}

Status ClusterEdge::make_parts() {
  auto loop = net::EventLoop::open();
  if (!loop) return loop.error();
  loop_ = std::move(loop).value();
  nested_ = std::make_unique<net::NestedLoop>(context_.loop, *loop_);
  timers_ = std::make_unique<net::UvTimers>(*loop_);
  disk_ = std::make_unique<net::UvDisk>(*loop_);
  transport_ = std::make_unique<net::UvTransport>(*loop_);
  return ok();
}

control::Wish ClusterEdge::wish() const {
  const SettingValues& values = context_.settings.values();
  const bool is_secret_said = context_.settings.is_given("cluster-secret");
  return {.cluster_name = values.cluster_name,
          .secret = is_secret_said ? std::optional(values.cluster_secret) : std::nullopt,
          .name = values.node_id,
          .announce_host = values.announce_host,
          .bind_host = only_address(values.bind),
          .client_port = static_cast<uint16_t>(values.port),
          .cluster_port = static_cast<uint16_t>(values.cluster_port),
          .rack = values.rack,
          .weight = static_cast<uint8_t>(values.weight),
          .replication_factor = static_cast<uint8_t>(values.replication_factor),
          .partitions = static_cast<uint16_t>(values.partitions),
          .seeds = values.seeds};
}

Status ClusterEdge::open_control() {
  const control::Control::Parts parts = {
      .env = {.clock = context_.clock, .rng = context_.rng, .timers = *timers_, .disk = *disk_},
      .transport = *transport_,
      .log = log_,
      .owner = *this,
      .directory = context_.directory.path(),
      .identity = context_.directory.identity().node_id,
      .program = std::string(server::kQuorisVersion)};
  auto control = control::Control::open(parts, control::Options(), wish());
  if (!control) return control.error();
  control_ = std::move(control).value();
  loop_->set_turn_handler(*control_);
  return ok();
}

Status ClusterEdge::listen() {
  const SettingValues& values = context_.settings.values();
  auto listeners = net::Listener::open_all(
      {.loop = *loop_, .acceptor = control_->acceptor(), .log = log_}, values.bind,
      {.address = {},
       .port = static_cast<uint16_t>(values.cluster_port),
       .backlog = static_cast<int>(values.tcp_backlog),
       .keepalive_s = static_cast<int>(values.tcp_keepalive_s),
       .user_timeout_ms = net::ConnectOptions().user_timeout_ms});
  if (!listeners) return listeners.error();
  listeners_ = std::move(listeners).value();
  if (!listeners_.empty()) return ok();
  return Error{Errc::invalid_argument,
               "bind is empty: a cluster's node has to listen for the others"};
}

void ClusterEdge::start() { control_->start(); }

void ClusterEdge::breathe() {
  if (!nested_->is_breath_due()) return;
  control_->begin_breath();
  nested_->run_inner();
  control_->end_breath();
}

void ClusterEdge::settings_changed() {
  const SettingValues& values = context_.settings.values();
  log_.set_level(values.loglevel);
  log_.set_topics(values.log_topics);
}

void ClusterEdge::on_fatal(const std::string& why) { on_fatal_(why); }

}  // namespace quoris::program
