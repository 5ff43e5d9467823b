// Control: what this node is, by what its directory holds and what the start was told.
#include <fmt/format.h>

#include <algorithm>

#include "cluster/control/control.h"
#include "cluster/topology/map_check.h"
#include "cluster/topology/map_codec.h"

namespace quoris::control {

namespace {

constexpr const char* kDefaultClusterName = "quoris";

Error contradiction(std::string_view what, std::string_view kept, std::string_view wished) {
  return {Errc::invalid_argument,
          fmt::format("the data directory says {} {}, the start says {}", what, kept, wished)};
}

}  // namespace

Result<std::unique_ptr<Control>> Control::open(const Parts& parts, const Options& options,
                                               const Wish& wish) {
  std::unique_ptr<Control> self(new Control(parts, options));
  if (Status status = self->decide(wish); !status) return status.error();
  return self;
}

Status Control::decide(const Wish& wish) {
  Result<std::optional<NodeFile>> kept = read_node_file(parts_.env.disk, parts_.directory);
  if (!kept) return kept.error();
  if (*kept) {
    if (Status status = check_wish(**kept, wish); !status) return status;
    file_ = std::move(**kept);
  }
  take_wish(wish);

  auto opened = raft::RaftStorage::open(parts_.env.disk, *this, parts_.directory);
  if (!opened) return opened.error();
  storage_ = std::move(opened->storage);
  raft::StoredState state = std::move(opened->state);
  bus::BusOwner& owner = *this;
  bus_ = std::make_unique<bus::Bus>(bus::Bus::Environment{.clock = parts_.env.clock,
                                                          .rng = parts_.env.rng,
                                                          .timers = parts_.env.timers,
                                                          .transport = parts_.transport,
                                                          .log = parts_.log},
                                    options_.bus, bus::LocalNode{}, owner);
  channel_.emplace(*bus_);

  file_.boot = BootNumber{raw(file_.boot) + 1};
  if (state.snapshot == nullptr && file_.contacts.empty()) {
    Result<raft::StoredState> founded = found();
    if (!founded) return founded.error();
    state = std::move(founded).value();
  }
  if (state.snapshot != nullptr) {
    Result<topology::ClusterMap> map = topology::decode_map(state.snapshot->data);
    if (!map) {
      return Error{map.error().code, fmt::format("{}/{}: {}", parts_.directory,
                                                 "raft-snapshot.qsnp", map.error().message)};
    }
    map_ = std::move(map).value();
    if (map_.version < state.snapshot->index) topology::skip(map_, state.snapshot->index);
    // A founder whose power failed between the two files.
    if (const topology::Member* self = map_.find_identity(parts_.identity);
        self != nullptr && !file_.is_member()) {
      file_.number = self->number;
    }
    file_.cluster_id = map_.id;
    file_.cluster_name = map_.name;
  }
  // Before anybody hears of this life.
  if (Status written = write_node_file(parts_.env.disk, parts_.directory, file_); !written) {
    return written;
  }
  // Without Raft's files it has promised nothing yet, and is let in (again) to be told the map.
  const bool has_state = state.snapshot != nullptr || !state.entries.empty();
  if (file_.is_member() && has_state) {
    number_ = file_.number;
    ahead_ = map_;
    for (const raft::LogEntry& entry : state.entries) look_ahead(entry);
    if (Status status = check_map(wish); !status) return status;
    make_member(std::move(state));
  } else {
    stored_ = std::move(state);
  }
  return ok();
}

void Control::look_ahead(const raft::LogEntry& entry) {
  if (entry.index <= ahead_.version) return;
  std::optional<topology::MapChange> change;
  if (entry.kind == raft::EntryKind::command) change = topology::decode_change(entry.payload);
  if (change) {
    static_cast<void>(topology::apply(ahead_, entry.index, *change));
  } else {
    topology::skip(ahead_, entry.index);
  }
}

// Addresses and the secret may change, all else stays what it is.
Status Control::check_wish(const NodeFile& kept, const Wish& wish) const {
  const auto differs = [](const std::string& was, const std::string& is) {
    return !is.empty() && !was.empty() && was != is;
  };
  if (differs(kept.name, wish.name)) return contradiction("node-id", kept.name, wish.name);
  if (differs(kept.cluster_name, wish.cluster_name)) {
    return contradiction("cluster-name", kept.cluster_name, wish.cluster_name);
  }
  if (!kept.is_member()) return ok();
  if (!wish.rack.empty() && wish.rack != kept.rack) {
    return contradiction("rack", kept.rack.empty() ? "(none)" : kept.rack, wish.rack);
  }
  if (wish.weight != 0 && wish.weight != kept.weight) {
    return contradiction("weight", std::to_string(kept.weight), std::to_string(wish.weight));
  }
  return ok();
}

// What the founder said once.
Status Control::check_map(const Wish& wish) const {
  const topology::ClusterMap& map = known_map();
  if (wish.replication_factor != 0 && wish.replication_factor != map.replication_wanted) {
    return contradiction("replication-factor", std::to_string(map.replication_wanted),
                         std::to_string(wish.replication_factor));
  }
  if (wish.partitions != 0 && wish.partitions != map.partitions.size()) {
    return contradiction("partitions", std::to_string(map.partitions.size()),
                         std::to_string(wish.partitions));
  }
  return ok();
}

void Control::take_wish(const Wish& wish) {
  const auto take = [](std::string& into, const std::string& said) {
    if (!said.empty()) into = said;
  };
  take(file_.cluster_name, wish.cluster_name);
  if (file_.cluster_name.empty()) file_.cluster_name = kDefaultClusterName;
  take(file_.secret, wish.secret);
  take(file_.name, wish.name);
  // As long as a name may be, and nobody else's.
  if (file_.name.empty()) file_.name = "node-" + parts_.identity.substr(0, 8);
  take(file_.announce_host, wish.announce_host);
  take(file_.rack, wish.rack);
  if (wish.weight != 0) file_.weight = wish.weight;
  file_.client_port = wish.client_port;
  file_.cluster_port = wish.cluster_port;
  if (wish.replication_factor != 0) file_.replication_factor = wish.replication_factor;
  if (wish.partitions != 0) file_.partitions = wish.partitions;
  for (const HostPort& seed : wish.seeds) {
    if (std::ranges::find(file_.contacts, seed) == file_.contacts.end()) {
      file_.contacts.push_back(seed);
    }
  }
  host_ = !file_.announce_host.empty() ? file_.announce_host : wish.bind_host;
}

// The first entry of the log is the cluster itself: it is begun as a snapshot of it.
Result<raft::StoredState> Control::found() {
  if (host_.empty()) host_ = "127.0.0.1";
  topology::ClusterMap map;
  const topology::FoundCluster founding{
      .name = file_.cluster_name,
      .id = draw_cluster_id(parts_.env.rng),
      .hash_seed = parts_.env.rng.next(),
      .partitions = file_.partitions != 0 ? file_.partitions
                                          : static_cast<uint16_t>(topology::kPartitionsDefault),
      .replication_factor = file_.replication_factor != 0 ? file_.replication_factor
                                                          : topology::kReplicationFactorDefault,
      .founder = newcomer()};
  constexpr LogIndex kFirst{1};
  const auto applied = topology::apply(map, kFirst, founding);
  if (!applied) {
    return Error{Errc::invalid_argument,
                 "a cluster can't be founded so: " + applied.error().message +
                     " (node-id, cluster-name and rack are letters, digits, '.', '_' and '-')"};
  }
  file_.number = applied->number;
  file_.replication_factor = 0;
  file_.partitions = 0;
  parts_.log.write(LogLevel::notice, "cluster: founding {} with {} partitions, as node {}",
                   map.name, map.partitions.size(), raw(applied->number));
  raft::Snapshot snapshot{.index = kFirst,
                          .term = Term{1},
                          .configuration = {.voters = {applied->number}, .learners = {}},
                          .data = topology::encode_map(map)};
  return storage_->found(std::make_shared<const raft::Snapshot>(std::move(snapshot)));
}

// Raft and gossip begin.
void Control::make_member(raft::StoredState state) {
  raft::Options raft_options = options_.raft;
  raft_options.self = number_;
  raft_ = std::make_unique<raft::Raft>(raft_options, std::move(state), parts_.env.rng, now_us());
  gossip_ = std::make_unique<membership::Gossip>(
      membership::MemberSpec{.number = number_, .boot = file_.boot}, options_.gossip,
      parts_.env.rng, moment());
  proposals_.begin_life(file_.boot);
  phase_ = Phase::member;
}

}  // namespace quoris::control
