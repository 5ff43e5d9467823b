// The manifest: which snapshots are good, and which part of the log counts.
//
// It is replaced when a snapshot is complete (all of it durable, and the log up to its end), and
// before segments or an older snapshot are removed. What it doesn't name is a leftover. An empty
// one is written when a directory is first used (DataDirectory), so snapshots without one tell of a
// loss. Used by: snapshot, recovery, check.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/disk.h"
#include "persistence/log_position.h"

namespace quoris::persistence {

inline constexpr std::string_view kManifestName = "quoris.manifest";

// The log from `begin` to `end` belongs to it.
struct ManifestSnapshot {
  std::string name;  // of the file
  LogPosition begin{0};
  LogPosition end{0};

  bool operator==(const ManifestSnapshot&) const = default;
};

struct Manifest {
  LogPosition log_begin{0};                 // no position before it is needed
  std::vector<ManifestSnapshot> snapshots;  // newest first
  // The log counts up to here, and is durable up to here. Changes that were not logged followed:
  // what stands behind doesn't continue it. Nothing: to its end.
  std::optional<LogPosition> log_end = std::nullopt;
  // Changes that were not logged stand before log_begin: without a snapshot the log is not all,
  // even if it begins at 0.
  bool needs_snapshot = false;

  bool operator==(const Manifest&) const = default;
};

// An empty one if there is no file. Errors: corrupt, also if there is none and snapshots or the log
// say that there was; unsupported; of the disk.
[[nodiscard]] Result<Manifest> read_manifest(Disk& disk, const std::string& directory);

// Durable when it returns. Blocks: in a job while the node serves.
[[nodiscard]] Status write_manifest(Disk& disk, const std::string& directory,
                                    const Manifest& manifest);

}  // namespace quoris::persistence
