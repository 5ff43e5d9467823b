#include "cluster/control/recover.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "cluster/control/kept_map.h"
#include "cluster/control/node_file.h"
#include "cluster/raft/configuration.h"
#include "cluster/raft/raft_files.h"
#include "cluster/topology/map_change.h"
#include "cluster/topology/map_check.h"
#include "cluster/topology/map_codec.h"
#include "persistence/data_directory.h"
#include "persistence/paths.h"

namespace quoris::control {

namespace {

using topology::ClusterMap;
using topology::Member;
using topology::MemberState;
using topology::Partition;
using LineSink = std::function<void(std::string_view)>;

LogIndex next(LogIndex index) { return LogIndex{raw(index) + 1}; }

// What of the data this node holds, by the map.
struct Holdings {
  size_t whole = 0;
  size_t incomplete = 0;  // on their way here
  size_t none = 0;
};

struct Kept {
  std::unique_ptr<persistence::DataDirectory> directory;  // locked
  NodeFile file;
  raft::StoredState raft;
  uint64_t torn_bytes = 0;
};

Error no_member(const std::string& directory) {
  return {Errc::not_found,
          fmt::format("{} holds no member of a cluster: there is nothing to recover", directory)};
}

// DataDirectory makes what is missing, here that would be to damage: so look first.
Status check_is_there(Disk& disk, const std::string& directory) {
  const Result<std::vector<std::string>> names = disk.list(directory);
  if (!names) return names.error();
  for (const std::string_view name : {std::string_view(kNodeFileName), persistence::kIdentityName,
                                      raft::kStateName, raft::kLogName}) {
    if (std::ranges::find(*names, name) == names->end()) return no_member(directory);
  }
  return ok();
}

Result<Kept> read_kept(Disk& disk, Rng& rng, const std::string& directory) {
  if (const Status is_there = check_is_there(disk, directory); !is_there) return is_there.error();
  Kept kept;
  auto opened = persistence::DataDirectory::open(disk, rng, directory);
  if (!opened) return opened.error();
  kept.directory = std::move(opened).value();
  Result<std::optional<NodeFile>> file = read_node_file(disk, directory);
  if (!file) return file.error();
  if (!*file || !(*file)->is_member()) return no_member(directory);
  kept.file = **std::move(file);
  auto state = raft::read_state(disk, directory, kept.torn_bytes, raft::ShortLog::accepted);
  if (!state) return state.error();
  if (!*state || ((*state)->snapshot == nullptr && (*state)->entries.empty())) {
    return no_member(directory);
  }
  kept.raft = **std::move(state);
  return kept;
}

// It has a majority by itself, and would start.
bool is_only_voter(const raft::StoredState& state, NodeNumber self) {
  if (state.hard_state.commit > last_index(state)) return false;
  raft::Configuration newest;
  if (state.snapshot != nullptr) newest = state.snapshot->configuration;
  for (const raft::LogEntry& entry : state.entries) {
    if (entry.kind != raft::EntryKind::configuration) continue;
    if (auto decoded = raft::decode_configuration(entry.payload)) newest = *std::move(decoded);
  }
  return newest.voters == std::vector{self};
}

// The cluster of one node. Everything that a change can do is done by one.
class Rebuilder {
 public:
  Rebuilder(ClusterMap& map, NodeNumber self) : map_(map), self_(self) {}

  void keep_self_in_service() {
    const Member self = *map_.find(self_);
    if (self.state != MemberState::up && self.state != MemberState::leaving) {
      set_state(self, MemberState::up);
    }
    if (self.departs) apply(topology::SetDeparting{.member = seen(self_), .departs = false});
  }

  void give_up_others() {
    std::vector<NodeNumber> others;
    for (const Member& member : map_.members) {
      if (member.number != self_) others.push_back(member.number);
    }
    for (const NodeNumber number : others) {
      const Member before = *map_.find(number);
      if (before.state != MemberState::down) set_state(before, MemberState::down);
      if (!before.departs) apply(topology::SetDeparting{.member = seen(number), .departs = true});
    }
  }

  // No change does this: a move needs the old owners.
  Holdings take_all_partitions() {
    topology::skip(map_, next(map_.version));
    Holdings holdings;
    map_.replication_in_force = 1;
    const BootNumber boot = map_.find(self_)->boot;
    for (Partition& partition : map_.partitions) {
      const bool has_it = topology::contains(partition.replicas, self_);
      const bool is_incoming = topology::contains(partition.future, self_);
      ++(has_it ? holdings.whole : is_incoming ? holdings.incomplete : holdings.none);
      partition.epoch = Epoch{raw(partition.epoch) + 1};
      const auto since = std::ranges::find(partition.since, self_, &topology::Since::node);
      const Epoch here_since = since == partition.since.end() ? partition.epoch : since->epoch;
      partition.since = {{.node = self_, .epoch = here_since}};
      partition.replicas = {self_};
      partition.future.clear();
      partition.primary = {.node = self_, .boot = boot};
    }
    return holdings;
  }

 private:
  [[nodiscard]] topology::SeenMember seen(NodeNumber number) const {
    return {.number = number, .boot = map_.find(number)->boot, .version = map_.version};
  }

  void set_state(const Member& member, MemberState to) {
    apply(topology::ChangeState{.member = seen(member.number),
                                .from = member.state,
                                .to = to,
                                .incarnation = member.incarnation});
  }

  void apply(const topology::MapChange& change) {
    // Refused is only what need not be: a name that has passed to another node keeps its holder
    // departing.
    static_cast<void>(topology::apply(map_, next(map_.version), change));
  }

  ClusterMap& map_;
  const NodeNumber self_;
};

void tell_losses(const ClusterMap& before, const Kept& kept, const Holdings& holdings,
                 const LineSink& print) {
  const Member& self = *before.find(kept.file.number);
  print(fmt::format("{} (node {}) becomes a cluster of its own.", self.name, raw(self.number)));
  print(fmt::format("The map that it goes on from is of entry {}, term {}, as this node knows it.",
                    raw(before.version), raw(kept.raft.hard_state.term)));
  if (is_only_voter(kept.raft, self.number)) {
    print(
        "IT WAS THE ONLY VOTER ALREADY and could decide alone: if it starts, there was nothing to");
    print("recover. Members that learn from it are given up now, and its cluster gets another id.");
  }
  print("WHAT MAY BE LOST OF THE MAP: changes of members, settings and partitions that were made");
  print("without this node. Those that it has heard of count as made, whether they were or not.");
  if (kept.torn_bytes > 0) {
    print(fmt::format("The end of the log was torn: {} bytes of it are dropped.", kept.torn_bytes));
  }
  if (const LogIndex end = last_index(kept.raft); kept.raft.hard_state.commit > end) {
    print(
        fmt::format("Changes of the cluster up to {} were made, but the log ends at {}: some are "
                    "lost.",
                    raw(kept.raft.hard_state.commit), raw(end)));
  }
  print("WHAT MAY BE LOST OF THE DATA: writes that other nodes confirmed without this one.");
  print(
      fmt::format("Of {} partitions this node holds {}, {} are incomplete, and of {} it has NO "
                  "COPY: they begin EMPTY.",
                  before.partitions.size(), holdings.whole, holdings.incomplete, holdings.none));
  for (const Member& member : before.members) {
    if (member.number == self.number) continue;
    print(fmt::format(
        "Given up: {} (node {}) at {}:{}. It can't come back with its data directory; "
        "with an empty one it can.",
        member.name, raw(member.number), member.addresses.host, member.addresses.cluster_port));
  }
}

// See the header for the order.
Status write_all(Disk& disk, const std::string& directory, const NodeFile& file,
                 const raft::Snapshot& snapshot) {
  if (Status written = write_node_file(disk, directory, file); !written) return written;
  if (Status written = raft::write_hard_state(disk, directory, {.term = snapshot.term}); !written)
    return written;
  const auto kept =
      raft::replace_file(disk, directory, raft::kSnapshotName, raft::encode_snapshot(snapshot));
  if (!kept) return kept.error();
  const raft::LogBase base{.index = snapshot.index, .term = snapshot.term};
  const auto log = raft::replace_file(disk, directory, raft::kLogName, raft::encode_log(base, {}));
  return log ? ok() : Status(log.error());
}

}  // namespace

Status recover_as_new_cluster(Disk& disk, Rng& rng, const std::string& directory,
                              const std::function<void(std::string_view)>& print) {
  Result<Kept> kept = read_kept(disk, rng, directory);
  if (!kept) return kept.error();
  const NodeNumber self = kept->file.number;
  Result<ClusterMap> map = newest_map(kept->raft);
  if (!map) return map.error();
  const Member* member = map->find(self);
  if (member == nullptr || member->identity != kept->directory->identity().node_id) {
    return Error{Errc::not_found,
                 fmt::format("by the map that it has, the node of {} is no member of the cluster "
                             "(any more): recover another one",
                             directory)};
  }

  const ClusterMap before = *map;
  Rebuilder rebuilder(*map, self);
  rebuilder.keep_self_in_service();
  rebuilder.give_up_others();
  const Holdings holdings = rebuilder.take_all_partitions();
  map->id = draw_cluster_id(rng);
  if (Status sound = topology::check(*map); !sound) return sound;

  const raft::Snapshot snapshot{.index = map->version,
                                .term = raft::next(kept->raft.hard_state.term),
                                .configuration = {.voters = {self}, .learners = {}},
                                .data = topology::encode_map(*map)};
  NodeFile file = kept->file;
  file.cluster_id = map->id;
  file.contacts.clear();
  tell_losses(before, *kept, holdings, print);
  if (Status written = write_all(disk, directory, file, snapshot); !written) return written;
  print(fmt::format("Done: the cluster {} has a new id, {}. Nodes of the old one are refused.",
                    map->name, map->id));
  print("Recover ONE node only: two of them would be two clusters. Start it as usual, then the");
  print("others with empty data directories and --seed.");
  return ok();
}

}  // namespace quoris::control
