#include "cluster/control/node_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "cluster/raft/raft_files.h"
#include "cluster/topology/cluster_map.h"
#include "persistence/record_file.h"

namespace quoris::control {

namespace {

constexpr std::string_view kKind = "cluster";

// Numbers of the file; false: out of range.
template <class T>
[[nodiscard]] bool take(const persistence::Record& record, std::string_view name, T& out) {
  uint64_t value = 0;
  if (!record.get(name, value)) return false;
  out = static_cast<T>(value);
  return static_cast<uint64_t>(out) == value;
}

void take(const persistence::Record& record, std::string_view name, std::string& out) {
  if (const std::string* value = record.find(name)) out = *value;
}

// Raft's files begin after the node file.
Status check_is_no_cluster(Disk& disk, const std::string& directory) {
  const Result<std::vector<std::string>> names = disk.list(directory);
  if (!names) return names.error();
  for (const std::string_view name : {raft::kStateName, raft::kLogName, raft::kSnapshotName}) {
    if (std::ranges::find(*names, name) == names->end()) continue;
    return Error{Errc::corrupt,
                 fmt::format("{}/{} is missing, but not {}: this is the directory of a cluster's "
                             "node, which can't go on without that file. Start it with --seed and "
                             "an empty data directory; it takes the id over once the others have "
                             "it down",
                             directory, kNodeFileName, name)};
  }
  return ok();
}

}  // namespace

Result<std::optional<NodeFile>> read_node_file(Disk& disk, const std::string& directory) {
  const std::string path = directory + "/" + kNodeFileName;
  const Result<persistence::Record> record = persistence::read_record(disk, path, kKind);
  if (!record) {
    if (record.error().code != Errc::not_found) return record.error();
    if (Status alone = check_is_no_cluster(disk, directory); !alone) return alone.error();
    return std::optional<NodeFile>();
  }
  NodeFile file;
  take(*record, "cluster-name", file.cluster_name);
  take(*record, "cluster-id", file.cluster_id);
  take(*record, "node-id", file.name);
  take(*record, "secret", file.secret);
  take(*record, "announce-host", file.announce_host);
  take(*record, "rack", file.rack);
  uint16_t number = 0;
  uint64_t boot = 0;
  const bool good = take(*record, "number", number) && take(*record, "boot", boot) &&
                    take(*record, "weight", file.weight) &&
                    take(*record, "port", file.client_port) &&
                    take(*record, "cluster-port", file.cluster_port) &&
                    take(*record, "replication-factor", file.replication_factor) &&
                    take(*record, "partitions", file.partitions);
  if (!good) return Error{Errc::corrupt, path + ": a number is missing or out of range"};
  file.number = NodeNumber{number};
  file.boot = BootNumber{boot};
  for (const auto& [name, value] : record->fields) {
    if (name != "contact") continue;
    Result<HostPort> contact = parse_host_port(value);
    if (!contact) return Error{Errc::corrupt, path + ": " + contact.error().message};
    file.contacts.push_back(std::move(contact).value());
  }
  return std::optional(std::move(file));
}

Status write_node_file(Disk& disk, const std::string& directory, const NodeFile& file) {
  persistence::Record record;
  const auto add = [&record](std::string_view name, const std::string& value) {
    if (!value.empty()) record.add(name, value);
  };
  add("cluster-name", file.cluster_name);
  add("cluster-id", file.cluster_id);
  add("node-id", file.name);
  add("secret", file.secret);
  add("announce-host", file.announce_host);
  add("rack", file.rack);
  record.add("number", uint64_t{raw(file.number)});
  record.add("boot", raw(file.boot));
  record.add("weight", uint64_t{file.weight});
  record.add("port", uint64_t{file.client_port});
  record.add("cluster-port", uint64_t{file.cluster_port});
  record.add("replication-factor", uint64_t{file.replication_factor});
  record.add("partitions", uint64_t{file.partitions});
  for (const HostPort& contact : file.contacts) record.add("contact", format_host_port(contact));
  return persistence::replace_record(disk, directory, kNodeFileName, kKind, record);
}

std::string draw_cluster_id(Rng& rng) {
  std::array<std::byte, topology::kIdSize / 2> bytes{};
  rng.secret_bytes(bytes);
  std::string id;
  for (const std::byte byte : bytes) id += fmt::format("{:02x}", static_cast<unsigned>(byte));
  return id;
}

Result<HostPort> parse_host_port(std::string_view text) {
  const auto wrong = [text](std::string_view why) {
    return Error{Errc::invalid_argument, fmt::format("'{}' {}", text, why)};
  };
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return wrong("is not host:port");
  std::string_view host = text.substr(0, colon);
  if (host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return wrong("is not host:port; an IPv6 address stands in brackets");
  }
  const std::optional<int64_t> port = parse_int64(text.substr(colon + 1));
  if (host.empty() || !port || *port < 1 || *port > UINT16_MAX) return wrong("is not host:port");
  return HostPort{.host = std::string(host), .port = static_cast<uint16_t>(*port)};
}

std::string format_host_port(const HostPort& address) {
  const bool is_v6 = address.host.find(':') != std::string::npos;
  return is_v6 ? fmt::format("[{}]:{}", address.host, address.port)
               : fmt::format("{}:{}", address.host, address.port);
}

}  // namespace quoris::control
