// Paths of files in the data directory. Used by: this room, cluster/raft.
#pragma once

#include <string>
#include <string_view>

namespace quoris::persistence {

[[nodiscard]] inline std::string join(std::string_view directory, std::string_view name) {
  std::string path(directory);
  path += '/';
  path += name;
  return path;
}

}  // namespace quoris::persistence
