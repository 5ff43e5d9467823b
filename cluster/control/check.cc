#include "cluster/control/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "base/text.h"
#include "cluster/control/kept_map.h"
#include "cluster/control/node_file.h"
#include "cluster/raft/raft_files.h"
#include "cluster/topology/map_change.h"
#include "cluster/topology/map_check.h"
#include "cluster/topology/map_codec.h"
#include "persistence/identity.h"
#include "persistence/paths.h"

namespace quoris::control {

namespace {

using persistence::join;

constexpr const char* kAdvice =
    "the cluster's files, which --repair leaves as they are: a voter must not guess what it has "
    "promised. Start this node with --seed and an empty data directory; it takes its id over once "
    "the others have it down (docs/cluster.md)";

class Checker {
 public:
  Checker(Disk& disk, const std::string& directory, const persistence::LineSink& out)
      : disk_(disk), directory_(directory), out_(out) {}

  Result<std::string> run() {
    Result<std::vector<std::string>> names = disk_.list(directory_);
    if (!names) return names.error();
    names_ = std::move(names).value();
    const bool is_any = has(kNodeFileName) || has(raft::kStateName) || has(raft::kSnapshotName) ||
                        has(raft::kLogName);
    if (!is_any) return std::string();
    for (Status (Checker::*step)() :
         {&Checker::check_node_file, &Checker::check_state, &Checker::check_snapshot,
          &Checker::check_log, &Checker::check_together}) {
      if (Status done = (this->*step)(); !done) return done.error();
    }
    return is_damaged_ ? std::string(kAdvice) : std::string();
  }

 private:
  [[nodiscard]] bool has(std::string_view name) const {
    return std::ranges::find(names_, name) != names_.end();
  }

  [[nodiscard]] std::string path(std::string_view name) const { return join(directory_, name); }

  void say(std::string_view name, std::string_view text) {
    out_(fmt::format("{}: {}", name, text));
  }

  // What is no damage can't be told.
  Status note(std::string_view name, const Error& error) {
    if (error.code != Errc::corrupt) return error;
    is_damaged_ = true;
    say(name, "DAMAGED: " + error.message);
    return ok();
  }

  Status check_node_file() {
    const Result<std::optional<NodeFile>> read = read_node_file(disk_, directory_);
    if (!read) return note(kNodeFileName, read.error());
    if (!*read) {
      say(kNodeFileName, "not there");
      return ok();
    }
    const NodeFile& file = **read;
    is_member_ = file.is_member();
    file_ = file;
    say(kNodeFileName, is_member_ ? fmt::format("good; {}, node {} of the cluster {}, {}",
                                                file.name, raw(file.number), file.cluster_name,
                                                counted(raw(file.boot), "start"))
                                  : fmt::format("good; {}, not let into a cluster yet", file.name));
    return ok();
  }

  Status check_state() {
    if (!has(raft::kStateName)) return ok();
    const Result<raft::HardState> state = raft::read_hard_state(disk_, directory_);
    if (!state) return note(raft::kStateName, state.error());
    const std::string vote = state->vote == raft::kNobody
                                 ? "no vote in it"
                                 : fmt::format("its vote is for node {}", raw(state->vote));
    say(raft::kStateName, fmt::format("good; term {}, {}; committed at least up to entry {}",
                                      raw(state->term), vote, raw(state->commit)));
    return ok();
  }

  Status check_snapshot() {
    if (!has(raft::kSnapshotName)) return ok();
    const std::string file = path(raft::kSnapshotName);
    const Result<std::string> bytes = raft::read_file(disk_, file);
    if (!bytes) return bytes.error();
    const Result<raft::SnapshotPtr> snapshot = raft::decode_snapshot(*bytes, file);
    if (!snapshot) return note(raft::kSnapshotName, snapshot.error());
    Result<topology::ClusterMap> map = topology::decode_map((*snapshot)->data);
    if (!map) return note(raft::kSnapshotName, in_file(file, map.error()));
    if (Status sound = topology::check(*map); !sound) {
      return note(raft::kSnapshotName, in_file(file, sound.error()));
    }
    cluster_id_ = map->id;
    say(raft::kSnapshotName,
        fmt::format("good; the map of entry {}, {}, {}", raw((*snapshot)->index),
                    counted(map->members.size(), "member"),
                    counted(map->partitions.size(), "partition")));
    return ok();
  }

  static Error in_file(const std::string& file, const Error& error) {
    return {error.code, fmt::format("{}: the map in it: {}", file, error.message)};
  }

  Status check_log() {
    if (!has(raft::kLogName)) return ok();
    const std::string file = path(raft::kLogName);
    const Result<std::string> bytes = raft::read_file(disk_, file);
    if (!bytes) return bytes.error();
    const Result<raft::LogContent> content = raft::decode_log(*bytes, file);
    if (!content) return note(raft::kLogName, content.error());
    for (const raft::LogEntry& entry : content->entries) {
      if (entry.kind != raft::EntryKind::command || topology::decode_change(entry.payload)) {
        continue;
      }
      return Error{Errc::unsupported,
                   fmt::format("{}: entry {} changes the cluster map in a way that this version "
                               "does not know",
                               file, raw(entry.index))};
    }
    const uint64_t base = raw(content->base.index);
    std::string text = content->entries.empty() ? fmt::format("good; no entries behind {}", base)
                                                : fmt::format("good; entries {} to {}", base + 1,
                                                              base + content->entries.size());
    if (content->torn_bytes > 0) {
      text += fmt::format(
          "; a torn tail: {} bytes were being written when the machine or the node "
          "stopped, and go at the next start",
          content->torn_bytes);
    }
    say(raft::kLogName, text);
    return ok();
  }

  // Each is good: do they go together?
  Status check_together() {
    if (is_damaged_) return ok();
    uint64_t torn_bytes = 0;
    const auto state = raft::read_state(disk_, directory_, torn_bytes);
    if (!state) return note("the cluster's files", state.error());
    if (!is_member_) return ok();
    if (!*state) {
      return note(raft::kStateName,
                  {Errc::corrupt, "it is missing: the node may have voted, and would not know"});
    }
    if (cluster_id_.empty()) return ok();
    if (file_.cluster_id != cluster_id_) {
      return note("the cluster's files",
                  {Errc::corrupt, "a recovery was not ended: run `quoris recover --new-cluster`"});
    }
    return check_identity(**state);
  }

  // One that is damaged itself is told of with the data's files.
  Status check_identity(const raft::StoredState& state) {
    const Result<topology::ClusterMap> map = newest_map(state);
    if (!map) return note("the cluster's files", map.error());
    const topology::Member* self = map->find(file_.number);
    const Result<persistence::Identity> identity = persistence::read_identity(disk_, directory_);
    if (self == nullptr || (!identity && identity.error().code != Errc::not_found)) return ok();
    if (identity && identity->node_id == self->identity) return ok();
    return note(persistence::kIdentityName,
                {Errc::corrupt, fmt::format("it is missing or another one's: the map knows node {} "
                                            "as {}",
                                            raw(file_.number), self->identity)});
  }

  Disk& disk_;
  const std::string& directory_;
  const persistence::LineSink& out_;
  std::vector<std::string> names_;
  NodeFile file_;
  std::string cluster_id_;  // by the snapshot; empty: there is none
  bool is_member_ = false;
  bool is_damaged_ = false;
};

}  // namespace

Result<std::string> check_cluster_files(Disk& disk, const std::string& directory,
                                        const persistence::LineSink& out) {
  return Checker(disk, directory, out).run();
}

}  // namespace quoris::control
