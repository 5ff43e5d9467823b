// Control: what this node is, by what its directory holds and what the start was told.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "cluster/control/control.h"
#include "cluster/raft/raft_files.h"
#include "cluster/topology/map_check.h"
#include "cluster/topology/map_codec.h"
#include "persistence/identity.h"

namespace quoris::control {

namespace {

constexpr const char* kDefaultClusterName = "quoris";

Error contradiction(std::string_view what, std::string_view kept, std::string_view wished) {
  return {Errc::invalid_argument,
          fmt::format("the data directory says {} {}, the start says {}", what, kept, wished)};
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Addresses aside, which may change at any time.
bool says_who_it_is(const Wish& wish) {
  return !wish.cluster_name.empty() || wish.secret || !wish.name.empty() || !wish.rack.empty() ||
         wish.weight != 0 || wish.replication_factor != 0 || wish.partitions != 0 ||
         !wish.seeds.empty();
}

}  // namespace

Result<std::unique_ptr<Control>> Control::open(const Parts& parts, const Options& options,
                                               const Wish& wish) {
  std::unique_ptr<Control> self(new Control(parts, options));
  if (Status status = self->decide(wish); !status) return status.error();
  return self;
}

// All that can be refused is looked at before anything is written.
//
// A power cut between two of the writes: the node file stands before Raft's files do, without a
// number; they are durable, empty or not, before it has one. So a number without Raft's files, and
// Raft's files without the node file, are losses of another kind.
Status Control::decide(const Wish& wish) {
  Result<std::optional<raft::StoredState>> kept = read_kept();
  if (!kept) return kept.error();
  // Without state it has promised nothing yet, and is let in (again) to be told the map.
  const bool has_state = *kept && ((*kept)->snapshot != nullptr || !(*kept)->entries.empty());
  const bool is_member = file_.is_member() && has_state;
  if (is_member) {
    number_ = file_.number;
    ahead_ = map_;
    for (const raft::LogEntry& entry : (*kept)->entries) look_ahead(entry);
    if (Status status = check_identity(); !status) return status;
  }
  if (Status status = check_wish(wish); !status) return status;
  if (is_member) {
    if (Status status = check_map(wish); !status) return status;
  }
  const std::string kept_secret = file_.secret;
  take_wish(wish);
  if (is_member) asked_seeds_ = wish.seeds;
  file_.boot = BootNumber{raw(file_.boot) + 1};

  bus::BusOwner& owner = *this;
  bus_ = std::make_unique<bus::Bus>(bus::Bus::Environment{.clock = parts_.env.clock,
                                                          .rng = parts_.env.rng,
                                                          .timers = parts_.env.timers,
                                                          .transport = parts_.transport,
                                                          .log = parts_.log},
                                    options_.bus, bus::LocalNode{}, owner);
  channel_.emplace(*bus_);
  raft::SnapshotPtr founded;
  if (!has_state && !file_.is_member() && file_.contacts.empty()) {
    Result<raft::SnapshotPtr> made = found();
    if (!made) return made.error();
    founded = std::move(made).value();
  }
  // Before anybody hears of this life.
  NodeFile next_file = file_;
  if (!is_secret_kept_) next_file.secret = kept_secret;
  if (Status written = write_node_file(parts_.env.disk, parts_.directory, next_file); !written) {
    return written;
  }
  Result<raft::StoredState> state = begin_raft(founded);
  if (!state) return state.error();
  if (founded != nullptr) {
    parts_.log.write(LogLevel::notice, "cluster: founded {} with {}, as node {}", map_.name,
                     counted(map_.partitions.size(), "partition"), raw(number_));
  }
  if (is_member || founded != nullptr) {
    make_member(std::move(state).value());
  } else {
    stored_ = std::move(state).value();
  }
  return ok();
}

// What the directory says, into file_ and map_; Raft's own state, if it ever began here.
Result<std::optional<raft::StoredState>> Control::read_kept() {
  Result<std::optional<NodeFile>> file = read_node_file(parts_.env.disk, parts_.directory);
  if (!file) return file.error();
  uint64_t torn_bytes = 0;
  auto state = raft::read_state(parts_.env.disk, parts_.directory, torn_bytes);
  if (!state) return state.error();
  if (*file) file_ = std::move(**file);
  if (file_.is_member() && !*state) {
    return Error{Errc::corrupt,
                 fmt::format("{} is the directory of node {} ({}), but {} is missing: it may have "
                             "voted, and would not know. Start it with --seed and an empty data "
                             "directory; it takes the id over once the others have it down",
                             parts_.directory, raw(file_.number), file_.name, raft::kStateName)};
  }
  if (!*state || (*state)->snapshot == nullptr) return state;
  Result<topology::ClusterMap> map = topology::decode_map((*state)->snapshot->data);
  if (!map) {
    return Error{map.error().code, fmt::format("{}/{}: {}", parts_.directory, raft::kSnapshotName,
                                               map.error().message)};
  }
  map_ = std::move(map).value();
  if (map_.version < (*state)->snapshot->index) topology::skip(map_, (*state)->snapshot->index);
  if (!file_.cluster_id.empty() && file_.cluster_id != map_.id) {
    return Error{Errc::corrupt,
                 fmt::format("{} was being recovered as a cluster of its own, and that was not "
                             "ended: run `quoris recover --new-cluster` again",
                             parts_.directory)};
  }
  // A founder whose power failed between the two files.
  if (const topology::Member* self = map_.find_identity(parts_.identity);
      self != nullptr && !file_.is_member()) {
    file_.number = self->number;
  }
  file_.cluster_id = map_.id;
  file_.cluster_name = map_.name;
  return state;
}

// Founding: the number counts once the snapshot does.
Result<raft::StoredState> Control::begin_raft(const raft::SnapshotPtr& founded) {
  auto opened = raft::RaftStorage::open(parts_.env.disk, *this, parts_.directory);
  if (!opened) return opened.error();
  storage_ = std::move(opened->storage);
  if (founded == nullptr) return std::move(opened->state);
  Result<raft::StoredState> state = storage_->found(founded);
  if (!state) return state;
  file_.number = number_ = founded->configuration.voters.front();
  file_.cluster_id = map_.id;
  file_.replication_factor = 0;
  file_.partitions = 0;
  ahead_ = map_;
  if (Status written = write_node_file(parts_.env.disk, parts_.directory, file_); !written) {
    return written.error();
  }
  return state;
}

void Control::look_ahead(const raft::LogEntry& entry) {
  if (entry.index <= ahead_.version) return;
  ahead_term_ = entry.term;
  std::optional<topology::MapChange> change;
  if (entry.kind == raft::EntryKind::command) change = topology::decode_change(entry.payload);
  if (change) {
    static_cast<void>(topology::apply(ahead_, entry.index, *change));
  } else {
    topology::skip(ahead_, entry.index);
  }
}

// The number is given to a data directory, and this is not the one.
Status Control::check_identity() const {
  const topology::Member* self = known_map().find(number_);
  if (self == nullptr || self->identity == parts_.identity) return ok();
  return Error{
      Errc::corrupt,
      fmt::format("{} is the directory of node {} ({}), but its {} is another one's, or was lost "
                  "and made anew: put the right one back ({}), or start with --seed and an empty "
                  "data directory; it takes the id over once the others have it down",
                  parts_.directory, raw(number_), file_.name, persistence::kIdentityName,
                  self->identity)};
}

// Addresses may change, and the secret if the others take it; all else stays what it is, once it
// was let in.
Status Control::check_wish(const Wish& wish) const {
  const NodeFile& kept = file_;
  const auto differs = [](const std::string& was, const std::string& is) {
    return !is.empty() && !was.empty() && was != is;
  };
  if (!kept.is_member()) {
    if (wish.name.empty() || !std::ranges::all_of(wish.name, is_digit)) return ok();
    return Error{
        Errc::invalid_argument,
        fmt::format("node-id {} is digits only, which commands take for a node's number: it "
                    "has to have a letter",
                    wish.name)};
  }
  if (differs(kept.name, wish.name)) return contradiction("node-id", kept.name, wish.name);
  if (differs(kept.cluster_name, wish.cluster_name)) {
    return contradiction("cluster-name", kept.cluster_name, wish.cluster_name);
  }
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
  // Nobody has let it in as what the last start said: this one may say all anew.
  if (!file_.is_member() && says_who_it_is(wish)) {
    NodeFile anew;
    anew.boot = file_.boot;
    if (wish.seeds.empty()) anew.contacts = std::move(file_.contacts);
    file_ = std::move(anew);
  }
  const auto take = [](std::string& into, const std::string& said) {
    if (!said.empty()) into = said;
  };
  take(file_.cluster_name, wish.cluster_name);
  if (file_.cluster_name.empty()) file_.cluster_name = kDefaultClusterName;
  take_secret(wish);
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

// The others' may be another one: it is kept when one of them has taken it.
void Control::take_secret(const Wish& wish) {
  if (!wish.secret || *wish.secret == file_.secret) return;
  file_.secret = *wish.secret;
  const bool is_alone = map_.is_founded() && known_map().members.size() <= 1;
  if (!file_.is_member() || is_alone) return;
  is_secret_kept_ = false;
  parts_.log.write(LogLevel::notice,
                   "cluster: cluster-secret is another one than the data directory says; it is "
                   "kept when another member has taken it");
}

// The first entry of the log is the cluster itself: it is begun as a snapshot of it.
Result<raft::SnapshotPtr> Control::found() {
  if (host_.empty()) host_ = "127.0.0.1";
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
  const auto applied = topology::apply(map_, kFirst, founding);
  if (!applied) {
    return Error{Errc::invalid_argument,
                 "a cluster can't be founded so: " + applied.error().message +
                     " (node-id, cluster-name and rack are letters, digits, '.', '_' and '-')"};
  }
  raft::Snapshot snapshot{.index = kFirst,
                          .term = Term{1},
                          .configuration = {.voters = {applied->number}, .learners = {}},
                          .data = topology::encode_map(map_)};
  return std::make_shared<const raft::Snapshot>(std::move(snapshot));
}

// Raft and gossip begin.
void Control::make_member(raft::StoredState state) {
  raft::Options raft_options = options_.raft;
  raft_options.self = number_;
  raft_options.bytes_kept = std::min(raft_options.bytes_kept, options_.log_bytes_min / 2);
  raft_ = std::make_unique<raft::Raft>(raft_options, std::move(state), parts_.env.rng, now_us());
  gossip_ = std::make_unique<membership::Gossip>(
      membership::MemberSpec{.number = number_, .boot = file_.boot}, options_.gossip,
      parts_.env.rng, moment());
  proposals_.begin_life(file_.boot);
  phase_ = Phase::member;
}

}  // namespace quoris::control
