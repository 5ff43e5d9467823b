// quoris.cluster: what a data directory knows of the cluster that it belongs to, so that a restart
// needs no flags.
//
// Written when the node is let in or founds, at each start (the boot number counts its lives), and
// when an address changes. The map itself stands with Raft's files: this one is there before them,
// and has a number only after them.
// Used by: Control, main (the ports, before anything listens). Errors: corrupt, of the disk.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/disk.h"
#include "base/env.h"
#include "base/ids.h"
#include "base/transport.h"

namespace quoris::control {

inline constexpr const char* kNodeFileName = "quoris.cluster";

struct NodeFile {
  std::string cluster_name;
  std::string cluster_id;  // empty: not let in yet
  NodeNumber number{0};    // 0: not let in yet
  BootNumber boot{0};      // of the life that wrote it
  std::string name;        // --node-id
  std::string secret;
  std::string announce_host;  // empty: found out
  std::string rack;
  uint8_t weight = 1;
  uint16_t client_port = 0;
  uint16_t cluster_port = 0;
  uint8_t replication_factor = 0;  // wished for; 0: not said
  uint16_t partitions = 0;         // the same
  std::vector<HostPort> contacts;  // seeds, and members when it was written

  [[nodiscard]] bool is_member() const { return number != NodeNumber{0}; }
};

// Nothing if there is none: the directory belongs to no cluster. Errors: corrupt also if there is
// none beside Raft's files.
[[nodiscard]] Result<std::optional<NodeFile>> read_node_file(Disk& disk,
                                                             const std::string& directory);
// Durable when it returns.
[[nodiscard]] Status write_node_file(Disk& disk, const std::string& directory,
                                     const NodeFile& file);

// 40 hexadecimal digits that no other cluster has.
[[nodiscard]] std::string draw_cluster_id(Rng& rng);

// "host:port", "[v6]:port".
[[nodiscard]] Result<HostPort> parse_host_port(std::string_view text);
[[nodiscard]] std::string format_host_port(const HostPort& address);

}  // namespace quoris::control
