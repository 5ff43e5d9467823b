// What stands in a data directory and what is wrong with it, damage behind damage included.
//
// Used by: check, repair. Changes nothing.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "persistence/identity.h"
#include "persistence/log_reader.h"
#include "persistence/manifest.h"

namespace quoris::persistence {

// The log is damaged from fault.at on; the next good batch begins at `to`. Nothing: there is none.
struct DamagedRange {
  LogFault fault;
  std::optional<LogPosition> to;
};

struct SnapshotState {
  ManifestSnapshot snapshot;
  uint64_t mutations = 0;
  std::string problem;  // empty: good
};

struct Survey {
  Result<Identity> identity = Identity();
  bool has_ceiling = false;  // the file is there
  bool has_manifest = false;
  bool same_boot = false;  // is_same_boot(identity)
  Result<store::Version> ceiling = store::kNoVersion;
  Result<Manifest> manifest = Manifest();
  std::vector<SnapshotState> snapshots;  // of the manifest, or all that are there if it is damaged
  LogFiles files;
  LogPosition log_begin{0};  // needed from here on
  std::vector<DamagedRange> damages;
  LogEnd end;
  std::map<std::string, uint64_t> mutations;  // by segment's name

  // A start finds nothing to refuse. (A torn tail is nothing to refuse.)
  [[nodiscard]] bool is_sound() const;
};

// `consume` sees all good mutations of the log, frame by frame. Errors: those of the disk.
[[nodiscard]] Result<Survey> survey_directory(Disk& disk, const std::string& directory,
                                              const LogConsumer& consume);

}  // namespace quoris::persistence
