// Who a data directory belongs to, and how the node that used it last ended.
//
// The version ceiling stands in a file of its own, because it is rewritten every half minute while
// the node runs: no version above it was ever issued, so a clock that begins at it never goes
// back, whatever the log lost.
// Used by: DataDirectory, check.
#pragma once

#include <algorithm>
#include <optional>
#include <string>

#include "base/disk.h"
#include "base/env.h"
#include "base/hash.h"
#include "persistence/log_position.h"
#include "store/version.h"

namespace quoris::persistence {

inline constexpr std::string_view kIdentityName = "quoris.identity";
inline constexpr std::string_view kCeilingName = "quoris.ceiling";

struct Identity {
  std::string node_id;  // 40 hexadecimal digits
  HashSecret secret;
  // Of the machine when the node last started; another one says that the machine did, too, and
  // that what was not fsynced is gone. Empty: unknown.
  std::string boot_id;
  // The node was shut down when all was durable, and the log ended here.
  std::optional<LogPosition> clean_end;
  // The log was durable up to here when the node last started.
  LogPosition durable_end{0};

  // What it knows of how far the log is durable.
  [[nodiscard]] LogPosition synced() const {
    return std::max(clean_end.value_or(LogPosition{0}), durable_end);
  }
};

[[nodiscard]] Identity make_identity(Rng& rng);

// Errors: not_found, corrupt, unsupported, of the disk.
[[nodiscard]] Result<Identity> read_identity(Disk& disk, const std::string& directory);
// The machine has not started anew since a node last wrote it. False if the system doesn't tell.
[[nodiscard]] bool is_same_boot(const Identity& identity, Disk& disk);

[[nodiscard]] Status write_identity(Disk& disk, const std::string& directory,
                                    const Identity& identity);

// kNoVersion if there is no file.
[[nodiscard]] Result<store::Version> read_ceiling(Disk& disk, const std::string& directory);
[[nodiscard]] Status write_ceiling(Disk& disk, const std::string& directory,
                                   store::Version ceiling);

}  // namespace quoris::persistence
